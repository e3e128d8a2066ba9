//! Claims and reports through the store, beside bare multi-row inserts of the same rows in the same run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carillon_core::claim::{BootId, CLAIM_BATCH_MAX, ClaimAnswer, ClaimRequest, Claimant};
use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::{JobDraft, JobSpec, ScheduleText};
use carillon_core::placement::Labels;
use carillon_core::run::{Conclusion, News, Outcome, Report, Trigger};
use carillon_core::schedule::DstRule;
use carillon_core::tick::Tick;
use carillon_core::token::TokenMint;
use carillon_store::{Editor, Imported, ImportedJob, Registration, Store};
use jiff::{SignedDuration, Timestamp};

use crate::spread::Spread;
use crate::table::{Table, ms, ratio, show};

/// What disturbs a machine only ever adds: the best of so many rounds counts.
const ROUNDS: usize = 3;
const SINGLE_CLAIMS: usize = 200;

/// Measures so many ticks in batches on this empty store, claimed by one node and by so many at once.
///
/// # Errors
/// When the store refuses something.
pub async fn measure(name: &str, url: &str, (ticks, nodes): (usize, usize)) -> Result<Table> {
    let mut table = Table::new(
        format!("{ticks} ticks in batches of {CLAIM_BATCH_MAX}, {name}"),
        &["", "ms", "a second", "× bare insert"],
    );
    let mut hall = Hall::open(url, ticks).await?;
    let bare = best(async || bare_inserts(url, ticks).await).await?;
    let mut add = |what: &str, took: Duration| {
        let took = took.as_secs_f64();
        let a_second = format!("{:.0}", ticks as f64 / took);
        let bare = bare.as_secs_f64();
        table.add([what.to_owned(), ms(took * 1e3), a_second, ratio(took, bare)]);
    };
    add("bare insert of the rows of the claims", bare);
    let (mut claims, mut starts, mut ends) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let requests = hall.requests().await?;
        claims = claims.min(hall.claim_all(&requests).await?);
        starts = starts.min(hall.report_all(&requests, started).await?);
        ends = ends.min(hall.report_all(&requests, ended).await?);
    }
    add("claims of one node, one batch after the other", claims);
    add("reports of starts", starts);
    add("reports of ends", ends);
    let crowd = hall.claim_by_crowd(url, nodes).await?;
    add(
        &format!("all claimed by each of {nodes} nodes at once"),
        crowd,
    );
    let single = Spread::of(hall.claim_singly().await?)?;
    let alone = |what: &str, took: f64| {
        let rest = ["–", "–"].map(str::to_owned);
        let mut row = vec![format!("one claim alone, {what}"), ms(took)];
        row.extend(rest);
        row
    };
    table.add(alone("p50", single.p50));
    table.add(alone("p99", single.p99));
    show(&table);
    Ok(table)
}

async fn best(round: impl AsyncFn() -> Result<Duration>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(round().await?);
    }
    Ok(best)
}

/// A store with jobs and one node.
struct Hall {
    store: Store,
    mint: TokenMint,
    jobs: Vec<JobId>,
    claimant: Claimant,
}

impl Hall {
    async fn open(url: &str, jobs: usize) -> Result<Self> {
        let store = Store::new(url.parse()?);
        store.migrate().await?;
        let mut mint = TokenMint::new(1);
        let claimant = register(&store, "node 0", &mut mint).await?;
        let lines: Vec<_> = (0..jobs).map(imported).collect::<Result<_>>()?;
        let mut ids = Vec::with_capacity(jobs);
        for page in lines.chunks(1000) {
            let made = store
                .import_jobs("bench", page, &Editor::program("bench"))
                .await?;
            ids.extend(
                made.into_iter()
                    .map(|(Imported::Created(id) | Imported::Known(id))| id),
            );
        }
        Ok(Hall {
            store,
            mint,
            jobs: ids,
            claimant,
        })
    }

    /// A claim for every job at one and the same instant that no round has used.
    async fn requests(&mut self) -> Result<Vec<ClaimRequest>> {
        let fire_time = self.store.now().await?;
        let mint = &mut self.mint;
        let request = |&job| ClaimRequest {
            tick: Tick::scheduled(job, fire_time, 0),
            trigger: Trigger::Schedule,
            version: 1,
            token: mint.mint(),
            start_until: fire_time + SignedDuration::from_secs(600),
        };
        Ok(self.jobs.iter().map(request).collect())
    }

    async fn claim_all(&self, requests: &[ClaimRequest]) -> Result<Duration> {
        let begun = Instant::now();
        let won = claim_batches(&self.store, self.claimant, requests).await?;
        let took = begun.elapsed();
        ensure!(won == requests.len(), "{won} of {} won", requests.len());
        Ok(took)
    }

    async fn report_all(
        &self,
        requests: &[ClaimRequest],
        news: impl Fn(&ClaimRequest) -> News,
    ) -> Result<Duration> {
        let report = |request: &ClaimRequest| Report {
            tick: request.tick,
            token: request.token,
            news: news(request),
        };
        let reports: Vec<_> = requests.iter().map(report).collect();
        let begun = Instant::now();
        self.store.report(&reports).await?;
        Ok(begun.elapsed())
    }

    async fn claim_by_crowd(&mut self, url: &str, nodes: usize) -> Result<Duration> {
        let requests = self.requests().await?;
        let mut claims = Vec::new();
        for number in 1..=nodes {
            let store = Store::new(url.parse()?);
            let claimant = register(&store, &format!("node {number}"), &mut self.mint).await?;
            let mut own = requests.clone();
            own.iter_mut()
                .for_each(|request| request.token = self.mint.mint());
            claims.push(async move { claim_batches(&store, claimant, &own).await });
        }
        let begun = Instant::now();
        let tasks: Vec<_> = claims.into_iter().map(tokio::spawn).collect();
        let mut won = 0;
        for task in tasks {
            won += task.await??;
        }
        let took = begun.elapsed();
        ensure!(won == requests.len(), "{won} of {} won", requests.len());
        Ok(took)
    }

    /// In milliseconds each.
    async fn claim_singly(&mut self) -> Result<Vec<f64>> {
        let mut took = Vec::with_capacity(SINGLE_CLAIMS);
        // What the crowd has claimed still lives, so these are skipped: the same statements, and one row each.
        let requests = self.requests().await?;
        for request in requests.iter().take(SINGLE_CLAIMS) {
            let begun = Instant::now();
            self.store.claim(self.claimant, &[*request]).await?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(took)
    }
}

async fn claim_batches(
    store: &Store,
    claimant: Claimant,
    requests: &[ClaimRequest],
) -> Result<usize> {
    let mut won = 0;
    for batch in requests.chunks(CLAIM_BATCH_MAX) {
        let claimed = loop {
            match store.claim(claimant, batch).await {
                Ok(claimed) => break claimed,
                Err(error) if error.is_unknown() => {}
                Err(error) => return Err(error.into()),
            }
        };
        won += claimed
            .answers
            .iter()
            .filter(|&&answer| answer == ClaimAnswer::Won)
            .count();
    }
    Ok(won)
}

async fn register(store: &Store, name: &str, mint: &mut TokenMint) -> Result<Claimant> {
    let boot = BootId(mint.mint());
    let agent = Registration {
        name: name.to_owned(),
        boot,
        replaces: None,
        host_boot: "bench".to_owned(),
        host_booted_at: Timestamp::UNIX_EPOCH,
        labels: Labels::new(),
        running_max: 8,
        version: "bench".to_owned(),
        tzdb_version: "bench".to_owned(),
    };
    let node = store.register_node(&agent).await?.node;
    Ok(Claimant { node, boot })
}

fn imported(number: usize) -> Result<ImportedJob> {
    Ok(ImportedJob {
        key: format!("bench:{number}"),
        draft: JobDraft {
            name: format!("job {number}").parse()?,
            group: GroupId(1),
            description: String::new(),
            enabled: true,
            schedule: ScheduleText {
                expression: "* * * * *".to_owned(),
                zone: "UTC".to_owned(),
                dst: DstRule::Cron,
            },
            spec: JobSpec::default(),
        },
    })
}

fn started(request: &ClaimRequest) -> News {
    News::Started {
        at: request.tick.fire_time,
    }
}

fn ended(request: &ClaimRequest) -> News {
    News::Ended {
        started_at: Some(request.tick.fire_time),
        at: request.tick.fire_time + SignedDuration::from_secs(1),
        ending: Conclusion {
            outcome: Outcome::Succeeded,
            exit_code: Some(0),
            signal: None,
            reason: None,
            detail: None,
        },
    }
}

/// The least that has to be written: the rows of the claims, in as many transactions, on one connection.
async fn bare_inserts(url: &str, ticks: usize) -> Result<Duration> {
    let now = Store::new(url.parse()?).now().await?.as_microsecond();
    let batch = ticks.min(CLAIM_BATCH_MAX);
    let row = "(?, ?, 1, ?, 'claimed', 'schedule', 1, x'00112233445566778899aabbccddeeff', 1, \
               x'00112233445566778899aabbccddeeff', 0, 0, 0, ?)";
    let rows = vec![row; batch].join(", ");
    let sql = format!(
        "insert into runs (fire_time, job_id, kind, slot, state, run_trigger, job_version, token, node_id, \
         boot_id, not_before, start_until, claimed_at, open_job) values {rows}"
    );
    // Far from every job and every time that is measured; slot and open job tell the rounds apart.
    let far = 1_000_000_000;
    let keys = (0..ticks).map(|job| [now / 2, far + job as i64, 0, far + job as i64]);
    let keys: Vec<_> = keys.collect();
    let took = match url.strip_prefix("sqlite:") {
        Some(path) => insert_sqlite(path, &sql, keys.chunks_exact(batch)).await?,
        None => insert_mysql(url, &sql, keys.chunks_exact(batch)).await?,
    };
    Ok(took)
}

async fn insert_sqlite<'k>(
    path: &str,
    sql: &str,
    batches: impl Iterator<Item = &'k [[i64; 4]]>,
) -> Result<Duration> {
    use sqlx::ConnectOptions;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
    let options = SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.context("opening the file")?;
    let begun = Instant::now();
    for batch in batches {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for value in batch.iter().flatten() {
            query = query.bind(*value);
        }
        query.execute(&mut connection).await?;
    }
    let took = begun.elapsed();
    sqlx::query("delete from runs where kind = 1")
        .execute(&mut connection)
        .await?;
    Ok(took)
}

async fn insert_mysql<'k>(
    url: &str,
    sql: &str,
    batches: impl Iterator<Item = &'k [[i64; 4]]>,
) -> Result<Duration> {
    use sqlx::ConnectOptions;
    let options: sqlx::mysql::MySqlConnectOptions = url.parse()?;
    let mut connection = options.connect().await.context("connecting")?;
    let begun = Instant::now();
    for batch in batches {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for value in batch.iter().flatten() {
            query = query.bind(*value);
        }
        query.execute(&mut connection).await?;
    }
    let took = begun.elapsed();
    sqlx::query("delete from runs where kind = 1")
        .execute(&mut connection)
        .await?;
    Ok(took)
}

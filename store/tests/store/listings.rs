//! Lists read pages, not tables: over many rows, on a server that counts what each question reads.

use carillon_core::identity::{JobId, NodeId};
use carillon_core::node::Limits;
use carillon_core::run::{Outcome, Phase, Trigger};
use carillon_store::{AuditFilter, IncidentFilter, JobCursor, RunFilter, StoreError};
use carillon_testbed::{MariaDb, MariaDbOptions};
use jiff::{SignedDuration, Timestamp};

use crate::world::World;

/// Rows in each big table.
const MANY: u64 = 60_000;
/// What a question for a page of fifty may read of a table: itself, and the thousand that it looks at first.
const PAGE_READS_MAX: u64 = 1_200;
/// What a question for something rare may read, which ends before it has found a page of it.
const LOOK_READS_MAX: u64 = 45_000;

/// A server that counts rows, and a database in it.
struct Counted {
    server: MariaDb,
    world: World,
}

impl Counted {
    async fn start() -> Self {
        let options = MariaDbOptions {
            extra: vec!["--userstat=1".to_owned()],
            ..MariaDbOptions::default()
        };
        let server = MariaDb::start_with(options).unwrap();
        let database = server.create_database().unwrap();
        let world = World::on(&database.url).await;
        let fill = format!("use `{}`; {}", database.name, filling());
        server.query(&fill).unwrap();
        Counted { server, world }
    }

    /// The rows of every table that the question reads; that of the most.
    async fn reads<T>(&self, question: impl Future<Output = Result<T, StoreError>>) -> u64 {
        self.server.query("flush table_statistics").unwrap();
        question.await.unwrap();
        let most = "select coalesce(max(rows_read), 0) from information_schema.table_statistics \
                    where table_schema like 't%'";
        self.server.query(most).unwrap().trim().parse().unwrap()
    }
}

/// Runs of 300 jobs on two nodes, a thousandth of them on the second, one in fifty failed; what else grows, likewise.
fn filling() -> String {
    format!(
        "insert into jobs (group_id, name, live_name, description, enabled, schedule, zone, dst, spec, overlap, version, \
            revision, valid_from, created_at, updated_at) \
        select 1, concat('job ', seq), concat('job ', seq), '', 1, '* * * * *', 'UTC', 'cron', '{{}}', 'skip', 1, seq, 0, 0, 0 \
        from seq_1_to_300; \
        insert into runs (fire_time, job_id, kind, slot, state, outcome, run_trigger, job_version, node_id, not_before, \
            start_until, trouble_time) \
        select seq * 1000000, seq % 300 + 1, 0, 0, 'done', if(seq % 50, 'succeeded', 'failed'), 'schedule', 1, \
            if(seq % 1000, 1, 2), 0, 0, if(seq % 50, null, seq * 1000000) \
        from seq_1_to_{MANY}; \
        insert into audit_log (made_at, actor, verb, object) \
        select seq, if(seq % 10000, 'a', 'b'), 'edit job', concat('job ', seq % 300 + 1) from seq_1_to_{MANY}; \
        insert into run_totals select seq * 60000000, 1, if(seq % 100, 'succeeded', 'missed'), 1, 0, 0 from seq_1_to_{MANY}; \
        insert into incidents (rule, subject_kind, subject_id, subject_name, since_at, opened_at, last_trouble_at, \
            trouble_count, openings, resolved_at, evidence) \
        select 'job_failed', 'job', seq % 300 + 1, 'x', seq, seq, seq, 1, 1, seq, '{{\"of\":\"none\"}}' from seq_1_to_{MANY}; \
        analyze table runs, jobs, audit_log, run_totals, incidents"
    )
}

fn common() -> Vec<(&'static str, RunFilter)> {
    let all = RunFilter::default;
    let middle = Timestamp::from_second(30_000).ok();
    vec![
        ("all", all()),
        (
            "before a time",
            RunFilter {
                before: middle,
                ..all()
            },
        ),
        (
            "of a job",
            RunFilter {
                job: Some(JobId(7)),
                ..all()
            },
        ),
        (
            "of a node",
            RunFilter {
                node: Some(NodeId(1)),
                ..all()
            },
        ),
        (
            "of a quiet node",
            RunFilter {
                node: Some(NodeId(2)),
                ..all()
            },
        ),
        (
            "failed",
            RunFilter {
                outcomes: vec![Outcome::Failed],
                ..all()
            },
        ),
        (
            "open",
            RunFilter {
                states: vec![Phase::Running, Phase::Offered],
                ..all()
            },
        ),
    ]
}

fn rare() -> Vec<(&'static str, RunFilter)> {
    let all = RunFilter::default;
    vec![
        (
            "manual",
            RunFilter {
                trigger: Some(Trigger::Manual),
                ..all()
            },
        ),
        (
            "never so",
            RunFilter {
                outcomes: vec![Outcome::Lost, Outcome::Succeeded],
                trigger: Some(Trigger::Manual),
                ..all()
            },
        ),
        (
            "lost of a node",
            RunFilter {
                node: Some(NodeId(1)),
                outcomes: vec![Outcome::Lost],
                ..all()
            },
        ),
        (
            "of no group that has runs",
            RunFilter {
                groups: Some(vec![carillon_core::identity::GroupId(1)]),
                trigger: Some(Trigger::Manual),
                ..all()
            },
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_list_reads_a_big_table_through() {
    let counted = Counted::start().await;
    let store = &counted.world.store;
    // Statements are prepared at their first use, and the connection asks for its own settings.
    store.nodes(Limits::default()).await.unwrap();
    for (name, filter) in common() {
        let reads = counted.reads(store.run_page(&filter, 50)).await;
        assert!(
            reads <= PAGE_READS_MAX,
            "runs {name}: {reads} rows were read"
        );
    }
    for (name, filter) in rare() {
        let reads = counted.reads(store.run_page(&filter, 50)).await;
        assert!(
            reads <= LOOK_READS_MAX,
            "runs {name}: {reads} rows were read"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_list_reads_a_big_table_through() {
    let counted = Counted::start().await;
    let store = &counted.world.store;
    store.nodes(Limits::default()).await.unwrap();
    let audit = |object: Option<&str>, actor: Option<&str>| AuditFilter {
        object: object.map(str::to_owned),
        actor: actor.map(str::to_owned),
        before: None,
    };
    for filter in [
        audit(None, None),
        audit(Some("job 7"), None),
        audit(None, Some("b")),
        audit(None, Some("nobody")),
    ] {
        let reads = counted.reads(store.audit_entries(&filter, 50)).await;
        assert!(
            reads <= PAGE_READS_MAX,
            "{filter:?}: {reads} rows were read"
        );
    }
    let late = Timestamp::from_second(60 * 59_000).unwrap();
    let hour = late + SignedDuration::from_hours(1);
    let filter = IncidentFilter::default();
    let ids: Vec<JobId> = (1..=15).map(JobId).collect();
    let runs = store.recent_runs(&ids, Timestamp::MIN, 30);
    let ran = store.jobs_ran_since(Timestamp::UNIX_EPOCH, None, 40);
    let others = [
        ("totals", counted.reads(store.run_totals(late, hour)).await),
        (
            "ends",
            counted
                .reads(store.ended_since(Outcome::Missed, late))
                .await,
        ),
        (
            "incidents",
            counted.reads(store.incidents(&filter, 50)).await,
        ),
        (
            "open incidents",
            counted.reads(store.open_incidents()).await,
        ),
        ("recent runs", counted.reads(runs).await),
        ("jobs that ran", counted.reads(ran).await),
        (
            "deleted jobs",
            counted.reads(store.deleted_jobs(None, None, 50)).await,
        ),
        (
            "changes of jobs",
            counted
                .reads(store.jobs_changed_since(JobCursor::default(), 50))
                .await,
        ),
    ];
    for (name, reads) in others {
        assert!(reads <= PAGE_READS_MAX, "{name}: {reads} rows were read");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rare_run_is_found_page_by_page() {
    let counted = Counted::start().await;
    let store = &counted.world.store;
    let rare = RunFilter {
        groups: Some(vec![carillon_core::identity::GroupId(1)]),
        outcomes: vec![Outcome::Succeeded],
        trigger: Some(Trigger::Manual),
        ..RunFilter::default()
    };
    // By hand among all others: the first that each look of the first page does not see any more, and the very oldest.
    let name = counted
        .server
        .query("select table_schema from information_schema.tables where table_name = 'runs'");
    let name = name.unwrap();
    let by_hand = format!(
        "update `{}`.runs set run_trigger = 'manual', outcome = 'succeeded' where fire_time in (1000000, 31001000000, 58000000000, 59000000000, 59999000000)",
        name.trim()
    );
    counted.server.query(&by_hand).unwrap();

    let (mut filter, mut found, mut pages) = (rare.clone(), Vec::new(), 0);
    loop {
        let page = store.run_page(&filter, 2).await.unwrap();
        found.extend(
            page.runs
                .iter()
                .map(|run| run.run.tick.fire_time.as_second()),
        );
        pages += 1;
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }

    assert_eq!(found, [59_999, 59_000, 58_000, 31_001, 1]);
    // Two thousand are looked at for each.
    assert!((30..=32).contains(&pages), "{pages} pages");
    let all: Vec<_> = store.runs(&rare, 9).await.unwrap();
    assert_eq!(all.len(), 5);
}

/// Lists that more than one look goes through, and which runs are theirs.
fn long_lists() -> [(RunFilter, &'static str); 7] {
    let all = RunFilter::default;
    let group = || Some(vec![carillon_core::identity::GroupId(1)]);
    let with = |outcome| RunFilter {
        outcomes: vec![outcome],
        ..all()
    };
    // Nothing but the end of a look ends a page of these.
    let rare = || RunFilter {
        trigger: Some(Trigger::Manual),
        ..with(Outcome::Succeeded)
    };
    [
        (with(Outcome::Failed), "outcome = 'failed'"),
        (
            RunFilter {
                node: Some(NodeId(1)),
                ..with(Outcome::Lost)
            },
            "outcome = 'lost' and node_id = 1",
        ),
        (
            RunFilter {
                job: Some(JobId(51)),
                ..with(Outcome::Failed)
            },
            "outcome = 'failed' and job_id = 51",
        ),
        (
            RunFilter {
                groups: group(),
                from: Timestamp::from_second(59_000).ok(),
                ..all()
            },
            "fire_time >= 59000000000",
        ),
        (rare(), "run_trigger = 'manual'"),
        (
            RunFilter {
                node: Some(NodeId(1)),
                ..rare()
            },
            "run_trigger = 'manual' and node_id = 1",
        ),
        (
            RunFilter {
                groups: group(),
                ..rare()
            },
            "run_trigger = 'manual'",
        ),
    ]
}

/// Eleven thousand runs of one instant, 37 of each job, so that looks end among those of one job; and the rare ones: on
/// both sides of every thousand, where looks end.
fn crowd() -> &'static str {
    "insert into runs (fire_time, job_id, kind, slot, state, outcome, run_trigger, job_version, node_id, \
        not_before, start_until, trouble_time) \
    select 70000000000, seq % 300 + 1, if(seq > 5400, 1, 0), floor((seq - 1) / 300), 'done', \
        if(seq > 1000, 'failed', 'lost'), 'schedule', 1, 1, 0, 0, 70000000000 \
    from seq_1_to_11100; \
    update runs r \
    join ( \
        select fire_time, job_id, kind, slot, \
            row_number() over (order by fire_time desc, job_id desc, kind desc, slot desc) as place \
        from runs) as placed using (fire_time, job_id, kind, slot) \
    set r.run_trigger = 'manual', r.outcome = 'succeeded', r.trouble_time = null \
    where placed.place % 1000 in (0, 1)"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_left_out_where_a_page_ends_or_a_look() {
    let counted = Counted::start().await;
    let store = &counted.world.store;
    let name = counted
        .server
        .query("select table_schema from information_schema.tables where table_name = 'runs'");
    let name = name.unwrap();
    let ask = |sql: &str| {
        let asked = counted
            .server
            .query(&format!("use `{}`; {sql}", name.trim()));
        asked.unwrap().trim().to_owned()
    };
    ask(crowd());
    for (mut filter, theirs) in long_lists() {
        let mut ticks = Vec::new();
        loop {
            let page = store.run_page(&filter, 47).await.unwrap();
            ticks.extend(page.runs.iter().map(|run| run.run.tick));
            match page.next {
                Some(next) => filter.after = Some(next),
                None => break,
            }
        }

        let expected = ask(&format!("select count(*) from runs where {theirs}"));
        assert!(ticks.is_sorted_by(|one, next| one > next), "{theirs}");
        assert_eq!(ticks.len().to_string(), expected, "{theirs}");
    }
}

//! Many people who look at one living run and at the overview, asking as the script of the pages does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use carillon_core::launch::Stream;
use carillon_core::tick::Tick;
use carillon_store::{OutputChunk, Store};
use jiff::Timestamp;

use crate::process::cpu_us;
use crate::spread::Spread;
use crate::table::{Table, ms};
use crate::visitor::{Proof, Visitor};

/// How often the script asks for a page again.
const REFRESH: Duration = Duration::from_secs(3);
/// How often the run writes a line.
const LINE_INTERVAL: Duration = Duration::from_millis(100);

/// The server that is asked, and by whom.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its port.
    pub port: u16,
    /// Its process.
    pub pid: u32,
    /// Who asks.
    pub proof: Proof,
    /// The pages that each viewer has open.
    pub pages: Vec<String>,
}

/// A run that writes, as far as it has come.
#[derive(Debug)]
struct Talker {
    tick: Tick,
    lines: i64,
    bytes: i64,
}

/// What it was like.
#[derive(Debug)]
struct Watched {
    /// From asking for a page to its last byte.
    answers: Spread,
    /// From a line's being in the store to its being seen; none where nobody follows the output.
    seen: Option<Spread>,
    /// Processor time of the server, in hundredths of one processor.
    cpu_percent: f64,
    /// Pages answered a second.
    answers_per_s: f64,
}

/// When each line was in the store.
type Written = Arc<Mutex<HashMap<i64, Instant>>>;

impl Talker {
    fn new(tick: Tick) -> Self {
        Talker {
            tick,
            lines: 0,
            bytes: 0,
        }
    }

    /// Writes a line every 100 ms as long as that.
    async fn talk(&mut self, store: &Store, lasts: Duration, written: &Written) -> Result<()> {
        let until = Instant::now() + lasts;
        let mut beat = tokio::time::interval(LINE_INTERVAL);
        while Instant::now() < until {
            beat.tick().await;
            let content = format!(
                "line {} of what a command has to say while it works\n",
                self.lines
            );
            let chunk = OutputChunk {
                tick: self.tick,
                attempt: 1,
                number: self.lines,
                stream: Stream::Stdout,
                offset: self.bytes,
                written_at: Timestamp::UNIX_EPOCH,
                content: content.into_bytes(),
            };
            let size = i64::try_from(chunk.content.len())?;
            store.append_output(&[chunk]).await?;
            let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
            written.insert(self.lines, Instant::now());
            (self.lines, self.bytes) = (self.lines + 1, self.bytes + size);
        }
        Ok(())
    }
}

/// One viewer, many, and as many who ask for a file of the same server instead; the first of `asked` are the pages, the
/// second the file.
///
/// # Errors
/// When an answer is not as it should be, or the store refuses the output.
pub async fn compare(
    store: &Store,
    tick: Tick,
    [pages, file]: [&Asked; 2],
    (viewers, lasts): (usize, Duration),
) -> Result<Table> {
    let mut talker = Talker::new(tick);
    let head = [
        "",
        "answers/s",
        "p50 ms",
        "p99 ms",
        "max ms",
        "line seen p50 ms",
        "p99 ms",
        "max ms",
        "CPU %",
    ];
    let mut table = Table::new("Viewers of a living run and of the overview", &head);
    let one = watch(pages, store, Some(&mut talker), (1, lasts)).await?;
    table.add(told("1 viewer", &one));
    let many = watch(pages, store, Some(&mut talker), (viewers, lasts)).await?;
    table.add(told(&format!("{viewers} viewers"), &many));
    let bare = watch(file, store, None, (viewers, lasts)).await?;
    table.add(told(&format!("{viewers} who ask for a file"), &bare));
    Ok(table)
}

fn told(name: &str, watched: &Watched) -> [String; 9] {
    let Watched { answers, seen, .. } = watched;
    let seen = |pick: fn(&Spread) -> f64| {
        seen.as_ref()
            .map_or_else(String::new, |seen| ms(pick(seen)))
    };
    [
        name.to_owned(),
        format!("{:.0}", watched.answers_per_s),
        ms(answers.p50),
        ms(answers.p99),
        ms(answers.max),
        seen(|seen| seen.p50),
        seen(|seen| seen.p99),
        seen(|seen| seen.max),
        format!("{:.0}", watched.cpu_percent),
    ]
}

/// So many viewers for so long; they follow the run's output, too, where one is given.
async fn watch(
    asked: &Asked,
    store: &Store,
    talker: Option<&mut Talker>,
    (viewers, lasts): (usize, Duration),
) -> Result<Watched> {
    let written = Written::default();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut followers = Vec::new();
    if let Some(talker) = &talker {
        let path = format!(
            "/runs/{}/events?attempt=1&after={}",
            talker.tick,
            talker.lines - 1
        );
        for _ in 0..viewers {
            let (asked, path) = (asked.clone(), path.clone());
            let (written, is_over) = (Arc::clone(&written), Arc::clone(&is_over));
            followers.push(std::thread::spawn(move || {
                follow(&asked, &path, &written, &is_over)
            }));
        }
    }
    let cpu_before = cpu_us(asked.pid)?;
    let begun = Instant::now();
    let askers: Vec<_> = (0..viewers)
        .map(|number| {
            let (asked, is_over) = (asked.clone(), Arc::clone(&is_over));
            let first = REFRESH.mul_f64(number as f64 / viewers as f64);
            std::thread::spawn(move || ask_again(&asked, begun + first, &is_over))
        })
        .collect();
    let talked = match talker {
        Some(talker) => talker.talk(store, lasts, &written).await,
        None => {
            tokio::time::sleep(lasts).await;
            Ok(())
        }
    };
    let cpu = cpu_us(asked.pid)? - cpu_before;
    let took = begun.elapsed();
    is_over.store(true, Ordering::Relaxed);
    talked?;
    let answers = joined(askers)?;
    let seen = joined(followers)?;
    Ok(Watched {
        cpu_percent: cpu as f64 / took.as_micros() as f64 * 100.0,
        answers_per_s: answers.len() as f64 / took.as_secs_f64(),
        answers: Spread::of(answers)?,
        seen: (!seen.is_empty()).then(|| Spread::of(seen)).transpose()?,
    })
}

fn joined(threads: Vec<std::thread::JoinHandle<Result<Vec<f64>>>>) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for thread in threads {
        all.extend(
            thread
                .join()
                .map_err(|_| anyhow!("a viewer has panicked"))??,
        );
    }
    Ok(all)
}

/// Asks for each page again every three seconds, as a tab that is looked at does, and says how long each took.
fn ask_again(asked: &Asked, first: Instant, is_over: &AtomicBool) -> Result<Vec<f64>> {
    let mut visitor = Visitor::connect(asked.port, asked.proof.clone())?;
    let (mut next, mut took) = (first, Vec::new());
    loop {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        for page in &asked.pages {
            if is_over.load(Ordering::Relaxed) {
                return Ok(took);
            }
            let answer = visitor.get_live(page)?;
            ensure!(
                answer.status == 200,
                "{page} was answered with {}",
                answer.status
            );
            took.push(answer.took.as_secs_f64() * 1000.0);
        }
        next += REFRESH;
    }
}

/// Follows the output, and says how long after it was in the store each line came.
fn follow(asked: &Asked, path: &str, written: &Written, is_over: &AtomicBool) -> Result<Vec<f64>> {
    let visitor = Visitor::connect(asked.port, asked.proof.clone())?;
    let mut seen = Vec::new();
    visitor.follow(path, |event| {
        let now = Instant::now();
        let lines = event.split("line ").skip(1);
        for number in lines.filter_map(|rest| rest.split(' ').next()?.parse().ok()) {
            let written = written.lock().unwrap_or_else(PoisonError::into_inner);
            // Who sees it before the writer knows that it is there has waited for nothing.
            let waited = written
                .get(&number)
                .map_or(Duration::ZERO, |at| now.saturating_duration_since(*at));
            seen.push(waited.as_secs_f64() * 1000.0);
        }
        !is_over.load(Ordering::Relaxed)
    })?;
    Ok(seen)
}

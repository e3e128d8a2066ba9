//! apalis with apalis-cron: a worker for each line.

use std::str::FromStr;

use anyhow::Result;
use apalis::prelude::*;
use apalis_cron::{CronScheduler, Tick};
use carillon_bench_peers::{Work, run};
use cron::Schedule;

#[tokio::main]
async fn main() -> Result<()> {
    let work = Work::from_args()?;
    let schedule = Schedule::from_str(&work.expression)?;
    let mut workers = Vec::new();
    for job in 0..work.jobs {
        let line = work.line(job);
        let worker = WorkerBuilder::new(format!("job-{job}"))
            .backend(CronScheduler::new(schedule.clone()))
            .build(move |_: Tick| run(line.clone()));
        workers.push(tokio::spawn(worker.run()));
    }
    for worker in workers {
        worker.await??;
    }
    Ok(())
}

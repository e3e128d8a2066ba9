//! tokio-cron-scheduler: an asynchronous job for each line, its channels as large as there are jobs.

use anyhow::Result;
use carillon_bench_peers::{Work, run};
use tokio_cron_scheduler::{Job, JobScheduler};

#[tokio::main]
async fn main() -> Result<()> {
    let work = Work::from_args()?;
    let scheduler = JobScheduler::new_with_channel_size(work.jobs.max(1000)).await?;
    for job in 0..work.jobs {
        let line = work.line(job);
        let job = Job::new_async(work.expression.as_str(), move |_, _| Box::pin(run(line.clone())))?;
        scheduler.add(job).await?;
    }
    scheduler.start().await?;
    std::future::pending().await
}

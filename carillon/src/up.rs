//! `carillon up`: agent, runner, pages and monitor on one machine, with nothing to install.

use std::path::PathBuf;

use anyhow::{Context, bail};
use carillon_admin::{Admin, AdminOptions};
use carillon_agent::agent::{AgentOptions, run_agent};
use carillon_agent::cli::{RunnerArguments, collector, labels, retention};
use carillon_agent::host::host_name;
use carillon_agent::node_folder::NodeFolder;
use carillon_agent::pump::Ended;
use carillon_agent::reexec::own_program;
use carillon_lifecycle::config::Config;
use carillon_lifecycle::logging;
use carillon_lifecycle::private_folder::make_private_folder;
use carillon_lifecycle::shutdown::{Shutdown, watch_signals};
use carillon_monitor::MonitorOptions;
use carillon_store::{FeedItem, JobCursor, Store, StoreUrl};
use clap::Args;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tracing::error;

use crate::crontab_import::CrontabImport;
use crate::failure::Failure;
use crate::run_feed::show_runs;

/// Runs everything on this machine: agent, runner, pages and monitor, on a database file of its own.
///
/// The crontabs named are imported; a line imported before edits its job if it was edited. Ctrl-C lets running commands end,
/// Ctrl-C twice ends them.
#[derive(Args)]
pub(crate) struct Up {
    /// Where the database, the journal and the sockets are kept.
    #[arg(long, value_name = "DIR", default_value = "carillon-data")]
    data: PathBuf,
    /// Where the pages are served.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7878")]
    listen: String,
    /// The configuration file, for mail and the node's name and labels. One that is not named here or in CARILLON_CONFIG
    /// is not read.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Imports jobs disabled: cron may still have the same lines. Enable them on the pages.
    #[arg(long)]
    paused: bool,
    /// Crontabs to import, in the form of a user's crontab; with or without a field for seconds.
    #[arg(value_name = "CRONTAB")]
    crontabs: Vec<PathBuf>,
}

impl Up {
    pub(crate) fn run(self) -> Result<(), Failure> {
        logging::init(None);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = runtime
            .context("starting the runtime")
            .map_err(Failure::Work)?;
        runtime.block_on(self.live()).map_err(Failure::Work)
    }

    async fn live(self) -> anyhow::Result<()> {
        let mut config = Config::load_named(self.config.as_deref())?;
        let data = self.data.display();
        make_private_folder(&self.data)
            .with_context(|| format!("making the data directory {data}; name one with --data"))?;
        config.node.data_dir = std::path::absolute(&self.data)?;
        // Before anything is said, imported or listened on; the agent takes it for good when it comes up.
        drop(NodeFolder::open(&config.node.data_dir)?);
        let store = open_store(&config).await?;
        say(&format!(
            "carillon {}, data in {data}",
            env!("CARGO_PKG_VERSION")
        ));
        let arriving = CrontabImport {
            data: &self.data,
            enabled: !self.paused,
        };
        for crontab in &self.crontabs {
            say(&arriving.import(&store, crontab).await?);
        }
        let pages = Admin::bind(AdminOptions {
            store: store.clone(),
            listen: self.listen.clone(),
            public_url: config.admin.public_url.clone(),
            redis_url: config.redis.url.as_ref().map(|url| url.reveal().to_owned()),
            proof_lasts: carillon_admin::PROOF_LASTS,
            setup_code: None,
        })
        .await?;
        welcome(&store, &pages).await?;
        let (handle, shutdown) = Shutdown::new();
        let signals = tokio::spawn(watch_signals(handle.clone()));
        let feed = tokio::spawn(show_runs(store.clone(), shutdown.clone()));
        let beside = Beside::start(&config, &store, pages, &shutdown)?;
        let ended = keep_agent(&config, &store, &shutdown).await;
        // The agent goes first: what it still says is seen on the pages and by the monitor.
        handle.drain();
        beside.end().await;
        feed.abort();
        signals.abort();
        store.close().await;
        ended
    }
}

/// The roles that run beside the agent.
struct Beside {
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Beside {
    fn start(
        config: &Config,
        store: &Store,
        pages: Admin,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let mut tasks = JoinSet::new();
        let name = config.node.name.clone().unwrap_or_else(host_name);
        let mut monitor = MonitorOptions::from_config(config, store.clone(), name)?;
        monitor.public_url = Some(pages.url()?);
        let (pages_shutdown, monitor_shutdown) = (shutdown.clone(), shutdown.clone());
        tasks.spawn(async move { pages.serve(pages_shutdown).await.context("the pages") });
        tasks.spawn(async move {
            carillon_monitor::serve(monitor, monitor_shutdown)
                .await
                .context("the monitor")
        });
        Ok(Beside { tasks })
    }

    async fn end(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => error!("{error:#}"),
                Err(panic) => error!("a part ended badly: {panic}"),
            }
        }
    }
}

/// Where the pages are, what opens them, and what fires next.
async fn welcome(store: &Store, pages: &Admin) -> anyhow::Result<()> {
    say(&format!("pages at {}", pages.url()?));
    if let Some(code) = pages.setup_code().await? {
        say(&format!(
            "no account yet: open {}/setup and enter the set-up code {code}",
            pages.url()?
        ));
    }
    match next_fire(store).await? {
        Some((at, name)) => say(&format!("next: {name} at {at}")),
        None => say(
            "no job is due; enable or make one on the pages, or name a crontab after `carillon up`",
        ),
    }
    say("Ctrl-C lets running commands end, twice ends them");
    Ok(())
}

/// The first fire time from now on, and the job it is of.
async fn next_fire(store: &Store) -> anyhow::Result<Option<(Timestamp, String)>> {
    let now = store.now().await?;
    let mut soonest: Option<(Timestamp, String)> = None;
    let mut cursor = JobCursor::default();
    loop {
        let page = store.jobs_changed_since(cursor, 1000).await?;
        for item in &page.items {
            let FeedItem::Current(job) = item else {
                continue;
            };
            let schedule = job.draft.due(job.id).ok().filter(|_| job.draft.enabled);
            let Some(at) = schedule.and_then(|schedule| schedule.next_after(now)) else {
                continue;
            };
            if soonest.as_ref().is_none_or(|(soonest, _)| at < *soonest) {
                soonest = Some((at, job.draft.name.to_string()));
            }
        }
        if page.is_last {
            return Ok(soonest);
        }
        cursor = page.next;
    }
}

/// The database: the file in the data directory, or the server that the configuration names.
async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let url = match &config.database.url {
        Some(url) => url.reveal().parse()?,
        None => StoreUrl::file(config.node.data_dir.join("carillon.db")),
    };
    let store = Store::new(url);
    store
        .migrate()
        .await
        .with_context(|| format!("preparing the database {}", store.url()))?;
    Ok(store)
}

/// Runs the agent until it has drained; a restart is another life of it in this process.
async fn keep_agent(config: &Config, store: &Store, shutdown: &Shutdown) -> anyhow::Result<()> {
    let options = AgentOptions {
        store: store.clone(),
        redis_url: config.redis.url.as_ref().map(|url| url.reveal().to_owned()),
        node_name: config.node.name.clone(),
        labels: labels(&config.node.labels)?,
        running_max: config.node.max_running,
        retention: retention(config),
        data_dir: config.node.data_dir.clone(),
        runner: RunnerArguments::command(own_program()?, config),
        collector: collector(config)?,
    };
    loop {
        match run_agent(options.clone(), shutdown.clone()).await? {
            Ended::Drained => return Ok(()),
            Ended::Restarting => {}
            Ended::Replaced => bail!("another agent has registered under this node's name"),
        }
    }
}

/// Tells the person at the terminal.
#[expect(
    clippy::print_stdout,
    reason = "the start-up lines are what the person waits for"
)]
fn say(words: &str) {
    println!("{words}");
}

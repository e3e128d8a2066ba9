//! The only SQL of Carillon: one [`Store`] on MySQL, MariaDB or SQLite, whose functions are the domain's verbs.
//!
//! One public function is one transaction. Every call ends in bounded time, and an error says whether the change is
//! known not to have happened or whether nobody knows ([`StoreError::is_unknown`]); then the same call may be made
//! again, since every change carries a token, a version or a key that makes its repetition harmless.
//!
//! Locks are taken in one order everywhere: jobs, calendars, concurrency keys, runs, what hangs on runs, nodes, the cluster row; rows of one
//! table in the order of their keys. Nothing here knows schedules, nodes' clocks, pages or mail.

mod address;
mod api_tokens;
mod archive;
mod attempts;
mod audit_chain;
mod audit_log;
mod audit_verb;
mod backend;
mod backup;
mod beats;
mod calendar_hand_on;
mod calendar_uses;
mod calendars;
mod claim_rules;
mod claims;
mod clock;
mod command_channels;
mod deliveries;
mod delivery_claims;
mod delivery_limit;
mod error;
mod grants;
mod group_limits;
mod group_mail;
mod groups;
mod incidents;
mod job_feed;
mod job_import;
mod job_list;
mod job_names;
mod job_row;
mod jobs;
mod kills;
mod lanes;
mod last_runs;
mod link;
mod looks;
mod mark_of_use;
mod monitors;
mod mutes;
mod node_commands;
mod nodes;
mod notices;
mod offers;
mod outputs;
mod past_runs;
mod pings;
mod preflight;
mod ran_lately;
mod reaper;
mod recent_runs;
mod reports;
mod restore;
mod retention;
mod row;
mod run;
mod run_changes;
mod run_list;
mod run_requests;
mod run_row;
mod run_search;
mod run_way;
mod saved_views;
mod schema;
mod seats;
mod second_step;
mod sessions;
mod statement;
mod stuck;
mod successes;
mod surplus;
mod totals;
mod trial;
mod troubles;
mod users;
mod watermark;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use address::{StoreUrl, StoreUrlError};
pub use api_tokens::{ApiToken, NewToken, TokenEntry};
pub use attempts::Attempt;
pub use audit_chain::{BrokenSeal, ChainVerdict, Seal};
pub use audit_log::{AuditEntry, AuditFilter, Editor};
pub use audit_verb::AuditVerb;
use backend::Backend;
pub use backup::{BackupError, BackupProgress, BackupScope};
pub use beats::{Beat, BeatAnswer, Bulletin};
pub use calendar_hand_on::{HAND_ON_BATCH_MAX, HandedOn};
pub use calendar_uses::{CalendarJob, CalendarUses};
pub use calendars::{Calendar, CalendarDraft};
pub use claims::Claimed;
pub use command_channels::{Authority, CommandChannel};
pub use deliveries::{Channel, DeliveryRecord, DeliveryState, Destination, Errand, HeldDeliveries};
pub use delivery_claims::{ClaimedDelivery, DeliveryEnd};
pub use delivery_limit::DeliveryLimit;
pub use error::{CorruptRow, StoreError, Unavailable};
pub use group_limits::{GroupLimits, KEEP_DAYS_MAX, KEEP_RUNS_MAX};
pub use group_mail::GroupMail;
pub use groups::JobGroup;
pub use incidents::{IncidentFilter, IncidentSteps, Owing, Stepped};
pub use job_feed::{FeedItem, FeedPage, JobCursor, JobVersion};
pub use job_import::{IMPORT_BATCH_MAX, Imported, ImportedJob};
pub use job_list::{JobFilter, ListedJob};
pub use jobs::JobChange;
pub use kills::KillAnswer;
pub use last_runs::LastRun;
pub use monitors::{MONITOR_BEAT_INTERVAL, MONITOR_SILENT_AFTER, MonitorBeat, Pulse, Watchman};
pub use mutes::MuteDraft;
pub use node_commands::{CommandVerb, NodeCommand};
pub use nodes::{ALIVE_WITHIN, Node, Registered, Registration};
pub use notices::Notice;
pub use outputs::OutputChunk;
pub use pings::{ClaimedPing, LastPing, PING_AGE_MAX, PingEnd};
pub use preflight::{Finding, Weight};
pub use recent_runs::RecentRun;
pub use reports::ReportAnswer;
pub use restore::{RestoreError, RestoreOptions, Restored};
pub use retention::{Dropped, Kept, Retention};
pub use run::Run;
pub use run_list::{ListedRun, RunFilter};
pub use run_requests::RunRequest;
pub use run_search::RunPage;
pub use saved_views::SavedView;
pub use schema::{SchemaError, SchemaFit};
pub use sessions::{NewSession, Session, SessionEntry};
use statement::{Dialect, Statement};
pub use stuck::{AskedKill, LingeringRun, LivingRun};
pub use successes::PastSuccess;
pub use surplus::{LimitedJob, SurplusRound};
pub use totals::RunTotal;
pub use trial::{TRIAL_PREFIX, Trial};
pub use troubles::{JobHealth, OpenRun, Trouble, TroublePage, WaitingRuns};
pub use users::{SignIn, User};
pub use watermark::{Found, Settled};

/// The database. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    url: StoreUrl,
    backend: Backend,
}

impl Store {
    /// No call but a claim takes longer than this.
    pub const TIMEOUT: Duration = Duration::from_secs(5);

    /// A claim answers within this time or not at all: its ticks are due.
    pub const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);

    /// The store at `url`. Nothing is asked of it yet; call [`Store::check_schema`] first.
    pub fn new(url: StoreUrl) -> Self {
        let backend = Backend::open(&url.0);
        Store {
            shared: Arc::new(Shared { url, backend }),
        }
    }

    /// Where it is, without secrets.
    pub fn url(&self) -> &StoreUrl {
        &self.shared.url
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.shared.backend
    }

    /// The store's clock, by which everything is judged that more than one machine sees.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        static NOW: Statement = Statement::new("select {now}");
        if self.dialect() == Dialect::Sqlite {
            return Ok(clock::host_now());
        }
        self.read(Store::TIMEOUT, |mut link| async move {
            link.only_row(&NOW, Vec::new()).await?.cells().time()
        })
        .await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self.backend() {
            Backend::MySql(pool) => pool.close().await,
            Backend::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.url())
    }
}

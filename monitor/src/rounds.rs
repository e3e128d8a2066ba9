//! One round after the other: ask, judge, write, tell.

use std::time::Instant;

use carillon_core::evidence::Evidence;
use carillon_core::incident::{Incident, Sighting};
use carillon_core::node::Limits;
use carillon_core::rule::{Rule, Subject, SubjectKind};
use carillon_core::silence::View;
use carillon_core::token::Token;
use carillon_store::{
    IncidentSteps, MONITOR_SILENT_AFTER, MonitorBeat, Pulse, Stepped, Store, StoreError, Watchman,
};
use jiff::Timestamp;
use tracing::{error, info, warn};

use crate::alarm::Alarm;
use crate::certificate_rounds::CertificateRounds;
use crate::clock::host_now;
use crate::job_rounds::{look_for_recovery, take_troubles};
use crate::ledger::Ledger;
use crate::limit_rounds::LimitRounds;
use crate::mailer::Mailer;
use crate::node_rounds::NodeRounds;
use crate::options::{Channels, MonitorOptions};
use crate::outage::StoreMemory;
use crate::pulse_outside::Pinger;
use crate::random::random_token;
use crate::stuck_rounds::StuckRounds;
use crate::telling::tell;
use crate::token_rounds::look_at_tokens;

/// What is to be handed over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Due {
    pub(crate) deliveries: bool,
    pub(crate) pings: bool,
}

/// What a monitor remembers from round to round.
pub(crate) struct Rounds {
    options: MonitorOptions,
    channels: Channels,
    boot: Token,
    count: u64,
    view: Option<View>,
    memory: StoreMemory,
    alarm: Option<Alarm>,
    /// Outages that are over and not yet recorded.
    unrecorded: Vec<Incident>,
    nodes: NodeRounds,
    limits: LimitRounds,
    stuck: StuckRounds,
    certificates: CertificateRounds,
    cluster_made_at: Option<Timestamp>,
    pinger: Option<Pinger>,
}

impl Rounds {
    pub(crate) fn new(options: MonitorOptions) -> Self {
        Rounds {
            channels: Channels::of(&options),
            boot: random_token(),
            count: 0,
            view: None,
            memory: StoreMemory::new(host_now()),
            alarm: None,
            unrecorded: Vec::new(),
            nodes: NodeRounds::default(),
            limits: LimitRounds::default(),
            stuck: StuckRounds::default(),
            certificates: CertificateRounds::default(),
            cluster_made_at: None,
            pinger: options.ping.clone().map(Pinger::new),
            options,
        }
    }

    /// One round.
    pub(crate) async fn go(&mut self) -> Due {
        let is_slow = self.count.is_multiple_of(self.options.pace.thorough_every);
        self.count += 1;
        match self.look(is_slow).await {
            Ok(pulse) => {
                if let Some(pinger) = &mut self.pinger {
                    pinger.ping();
                }
                let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= pulse.now);
                Due {
                    deliveries: is_due(pulse.try_at) || pulse.owed_at.is_some(),
                    pings: is_due(pulse.ping_at) || pulse.has_pings,
                }
            }
            Err(error) if error.is_unknown() => {
                self.miss_store(&error).await;
                Due::default()
            }
            Err(error) => {
                error!("this round saw less than it should: {error}");
                Due::default()
            }
        }
    }

    /// The mailer and the cluster's name, once the store has said which cluster this is.
    pub(crate) fn equipment(&self) -> Option<(Option<Mailer>, String)> {
        self.cluster_made_at
            .map(|_| (self.new_mailer(), self.cluster()))
    }

    /// Ends in order.
    pub(crate) async fn leave(self) {
        if let Err(error) = self.options.store.leave_monitor(self.boot).await {
            warn!("the store does not know that this monitor has left: {error}");
        }
    }

    async fn look(&mut self, is_slow: bool) -> Result<Pulse, StoreError> {
        let store = self.options.store.clone();
        if is_slow {
            // A store that answers and takes no writes is as good as away.
            store.beat_monitor(&self.beat()).await?;
        }
        let asked_at = Instant::now();
        let pulse = store.monitor_pulse().await?;
        self.hear_store(&pulse, asked_at);
        if pulse.has_pings {
            store.owe_starts().await?;
        }
        self.record_outages(&store).await?;
        let silent_after = self.options.patience.silent_after;
        let view = match self.view {
            Some(view) => view.extend(pulse.now, silent_after),
            None => View::begin(pulse.now),
        };
        self.view = Some(view);
        let open = match pulse.open_incidents {
            0 => Vec::new(),
            _ => store.open_incidents().await?,
        };
        let mut ledger = Ledger::new(open, self.options.patience, pulse.now);
        let nodes = store.nodes(Limits::default()).await?;
        let thresholds = &self.options.thresholds;
        self.nodes
            .look(&nodes, view, silent_after, thresholds, &mut ledger);
        if pulse.has_notices {
            take_troubles(&store, &mut ledger).await?;
        }
        if is_slow {
            look_for_recovery(&store, &mut ledger).await?;
            self.limits
                .look(&store, pulse.jobs_revision, &mut ledger)
                .await?;
            self.look_at_stuck_runs(&store, view, &mut ledger).await?;
            self.look_at_monitors(&store, view, &mut ledger).await?;
            self.look_at_expiries(&store, &mut ledger).await?;
        }
        ledger.remind();
        if ledger.settle(&store).await? == Stepped::Done && is_slow {
            self.certificates.settle();
        }
        if pulse.owed_at.is_some() {
            let quiet = &self.options.quiet;
            tell(&store, &self.channels, quiet, nodes.len(), pulse.now).await?;
        }
        Ok(pulse)
    }

    fn hear_store(&mut self, pulse: &Pulse, asked_at: Instant) {
        self.cluster_made_at = Some(pulse.cluster_made_at);
        self.alarm = None;
        if let Some(ended) = self.memory.answer(pulse.now, asked_at) {
            info!("the store answers again");
            self.unrecorded.push(ended.incident);
        }
    }

    /// Writes down the outages that people were told of, so that they are told of the end.
    async fn record_outages(&mut self, store: &Store) -> Result<(), StoreError> {
        while let Some(incident) = self.unrecorded.last() {
            let since = incident.since_at;
            let subject = &incident.subject;
            // Another monitor may have told, and recorded, the same outage.
            let recorded = store.count_openings(incident.rule, subject, since).await?;
            if recorded == 0 {
                let settlement = IncidentSteps {
                    steps: vec![incident.clone()],
                    notices: Vec::new(),
                };
                store.step_incidents(&settlement).await?;
            }
            self.unrecorded.pop();
        }
        Ok(())
    }

    /// After an outage of the store its runs are given the time to move on.
    async fn look_at_stuck_runs(
        &mut self,
        store: &Store,
        view: View,
        ledger: &mut Ledger,
    ) -> Result<(), StoreError> {
        let stuck_after = self.options.thresholds.stuck_after;
        if ledger.now.duration_since(view.began_at()) < stuck_after {
            return Ok(());
        }
        self.stuck.look(store, stuck_after, ledger).await
    }

    async fn look_at_expiries(
        &mut self,
        store: &Store,
        ledger: &mut Ledger,
    ) -> Result<(), StoreError> {
        let ahead = self.options.thresholds.expiry_ahead;
        let look_every = self.options.pace.certificates_every;
        self.certificates
            .look(&self.options.certificates, look_every, ahead, ledger)
            .await;
        look_at_tokens(store, ahead, ledger).await
    }

    async fn look_at_monitors(
        &mut self,
        store: &Store,
        view: View,
        ledger: &mut Ledger,
    ) -> Result<(), StoreError> {
        let monitors = store.monitors().await?;
        let subject = Subject::cluster();
        let recorded = store
            .count_openings(Rule::StoreUnreachable, &subject, Timestamp::UNIX_EPOCH)
            .await?;
        let now = ledger.now;
        let is_alive =
            |monitor: &&Watchman| now.duration_since(monitor.last_beat_at) < MONITOR_SILENT_AFTER;
        let speaker = monitors.iter().filter(is_alive).map(|m| m.id).min();
        let own = monitors.iter().find(|monitor| monitor.boot == self.boot);
        let is_speaker = own.is_some_and(|own| speaker == Some(own.id));
        self.memory.learn(is_speaker, recorded);
        if now.duration_since(view.began_at()) >= MONITOR_SILENT_AFTER {
            enter_monitors(&monitors, ledger);
        }
        Ok(())
    }

    async fn miss_store(&mut self, error: &StoreError) {
        self.view = None;
        let silent_after = self.options.patience.silent_after;
        if self.alarm.is_none() {
            let told = self.memory.miss(&error.to_string(), silent_after);
            self.alarm = told.map(|announcement| {
                error!("the store does not answer: {error}");
                Alarm::new(announcement, self.memory.identity(), &self.options.mail_to)
            });
        }
        let mailer = self.new_mailer();
        if let Some(alarm) = &mut self.alarm
            && alarm.ring(mailer.as_ref(), &self.options).await
        {
            self.memory.tell();
            self.alarm = None;
        }
    }

    fn new_mailer(&self) -> Option<Mailer> {
        // Tried when the monitor started; what was an address then still is.
        self.options
            .mail
            .as_ref()
            .and_then(|mail| Mailer::new(mail, self.cluster()).ok())
    }

    fn cluster(&self) -> String {
        self.cluster_made_at
            .map_or_else(|| "new".to_owned(), |at| at.as_microsecond().to_string())
    }

    fn beat(&self) -> MonitorBeat {
        MonitorBeat {
            name: self.options.name.clone(),
            boot: self.boot,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            problem: self.options.problem(),
        }
    }
}

fn enter_monitors(monitors: &[Watchman], ledger: &mut Ledger) {
    for monitor in monitors {
        let subject = Subject::monitor(monitor.id, &monitor.name);
        if ledger.now.duration_since(monitor.last_beat_at) < MONITOR_SILENT_AFTER {
            ledger.see_well(Rule::MonitorSilent, &subject);
            continue;
        }
        ledger.see_trouble(Sighting {
            rule: Rule::MonitorSilent,
            subject,
            since_at: monitor.last_beat_at,
            count: 1,
            evidence: Evidence::Monitor {
                last_beat_at: monitor.last_beat_at,
            },
        });
    }
    for incident in ledger.open_about(SubjectKind::Monitor) {
        // Its place was taken by a new life of it, or it has left in order.
        if !monitors
            .iter()
            .any(|monitor| monitor.id == incident.subject.id)
        {
            ledger.see_well(incident.rule, &incident.subject);
        }
    }
}

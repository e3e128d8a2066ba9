//! The audit of ticks: every fire time gets its outcome, also when nobody was there.
//!
//! Every few seconds one node (any node; the order of preference only saves work) compares the fire times that the
//! schedules ask for with the runs there are. What is absent is offered to all nodes while it is wanted, and recorded
//! as skipped or missed when it is not. The watermark is closed to claims before anything is recorded, so no claim can
//! slip in behind. The same round ends offers that nobody took, and declares runs of silent nodes lost.

use std::time::Duration;

use carillon_core::claim::Claimant;
use carillon_core::conclusion::{self, AttemptEnd};
use carillon_core::identity::JobId;
use carillon_core::node::{Duty, Limits, Liveness};
use carillon_core::placement::rank;
use carillon_core::run::{Conclusion, Outcome, Reason, Report};
use carillon_core::scheduler::Plan;
use carillon_core::settlement::{
    Audit, Findings, Knowledge, Member, Obstacle, Settlement, Tenure, WINDOW_RUNS_MAX, window_end,
};
use carillon_store::{Bulletin, Found, JobVersion, Node, Run, Settled, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

use crate::clock::Clock;
use crate::loaded_job::plan_version;
use crate::message::{KnownJobs, Message, WantedPlans};
use crate::outages::Outages;
use crate::owning::grant_of;
use crate::starting::fetch_story;

/// Rounds are this far apart.
const ROUND_EVERY: Duration = Duration::from_secs(5);

/// A tick is absent when nobody has decided it so long after its fire time.
const CLOSE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// Each node further down the order of preference waits this much longer before it audits in another's place.
const RANK_PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// A node that does not understand every job leaves the audit to those that do, for so much longer.
const BLIND_PATIENCE: SignedDuration = SignedDuration::from_secs(20);

/// Runs of silent nodes, offers and records that one round or call takes on.
const BATCH_MAX: u32 = 500;

/// A watermark this far behind when the first agent comes up means that no agent was up.
const ABSENCE_MIN: SignedDuration = SignedDuration::from_secs(60);

/// What the auditor needs.
pub(crate) struct Auditor {
    /// The truth.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// This node.
    pub claimant: Claimant,
    /// When its agent came up.
    pub booted_at: Timestamp,
    /// When the store did not answer.
    pub outages: Outages,
    /// The way to the pump, which knows the jobs.
    pub messages: mpsc::Sender<Message>,
}

/// Audits until the pump has ended.
pub(crate) async fn audit_ticks(mut auditor: Auditor) {
    let mut absence = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROUND_EVERY) => {}
            () = auditor.messages.closed() => return,
        }
        if let Err(error) = auditor.audit_once(&mut absence).await {
            debug!("this round of the audit of ticks is not finished: {error}");
        }
    }
}

impl Auditor {
    async fn audit_once(&mut self, absence: &mut Option<Obstacle>) -> Result<(), StoreError> {
        let bulletin = self.store.bulletin().await?;
        let nodes = self.store.nodes(Limits::default()).await?;
        if absence.is_none() {
            *absence = Some(self.absence_before_boot(&bulletin));
        }
        let closed = bulletin.now - CLOSE_AFTER;
        let lag = bulletin.now.duration_since(bulletin.audited_until);
        let patience = self.patience(&bulletin, &nodes);
        if lag <= patience {
            return Ok(());
        }
        let mut obstacles = self.outages.ended();
        obstacles.extend(*absence);
        let scene = Scene {
            members: members(&nodes),
            obstacles,
            jobs_revision: bulletin.jobs_revision,
            lag,
            patience,
        };
        self.reap(&scene, &bulletin).await?;
        let mut from = bulletin.audited_until;
        while from < closed {
            let Some(to) = self.audit_window(&scene, from, closed).await? else {
                break;
            };
            from = to;
        }
        Ok(())
    }

    /// Ticks between the watermark and the first agent's start were due while no agent was up.
    fn absence_before_boot(&self, bulletin: &Bulletin) -> Obstacle {
        let is_long = self.booted_at.duration_since(bulletin.audited_until) > ABSENCE_MIN;
        let from = if is_long {
            bulletin.audited_until
        } else {
            self.booted_at
        };
        Obstacle {
            from,
            until: self.booted_at,
            reason: Reason::NoAgent,
        }
    }

    /// The first living node in an order that changes with the watermark audits; the others only when it does not.
    fn patience(&self, bulletin: &Bulletin, nodes: &[Node]) -> SignedDuration {
        let turn = (JobId(0), bulletin.audited_until.as_microsecond());
        let living = nodes
            .iter()
            .filter(|node| node.peer.liveness == Liveness::Fresh);
        let rank = rank(
            turn,
            (self.claimant.node, 1),
            living.map(|node| (node.peer.id, 1)),
        );
        CLOSE_AFTER + RANK_PATIENCE * i32::try_from(rank).unwrap_or(i32::MAX)
    }

    /// Settles one window and returns its end; none when it must be looked at again: this agent has not heard of
    /// every job yet, or somebody else has decided a tick in the meantime.
    async fn audit_window(
        &self,
        scene: &Scene,
        from: Timestamp,
        closed: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        // Closed first: what is read before may be incomplete when it is judged.
        let end = window_end(from, closed);
        self.store.close_until(end).await?;
        let (to, found) = self.find_runs(from, end).await?;
        let due = WantedPlans::DueBetween(from, to);
        let Some(known) = self.known_jobs(scene, due).await else {
            return Ok(None);
        };
        // What this agent does not understand it would forget.
        if !known.unreadable.is_empty() && scene.lag <= scene.patience + BLIND_PATIENCE {
            return Ok(None);
        }
        let mut tenures: Vec<_> = known.plans.into_iter().map(in_force).collect();
        let ended = self.store.job_versions_ended_since(from, to).await?;
        let ended: Vec<_> = ended.into_iter().filter_map(ended_tenure).collect();
        // An edit in the last moment would have the old version judged twice.
        tenures.retain(|loaded| !ended.iter().any(|ended| is_same_version(loaded, ended)));
        tenures.extend(ended);
        let now = self.clock.now();
        let scene = scene.clone();
        let settled = tokio::task::spawn_blocking(move || {
            let Scene {
                members, obstacles, ..
            } = &scene;
            let audit = Audit {
                from,
                to,
                now,
                found: &found,
                members,
                obstacles,
            };
            tenures
                .iter()
                .flat_map(|tenure| audit.settle(tenure))
                .collect::<Vec<_>>()
        });
        let settled = settled
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let is_complete = self.record(&settled).await?;
        let is_raised = is_complete && self.store.advance_watermark(from, to).await?;
        Ok(is_raised.then_some(to))
    }

    /// What is decided in the window, and its end: with more runs than fit it ends before the first second that may be
    /// incomplete.
    async fn find_runs(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(Timestamp, Findings), StoreError> {
        let limit = u32::try_from(WINDOW_RUNS_MAX).unwrap_or(u32::MAX);
        let mut found: Vec<Found> = Vec::new();
        let to = loop {
            let after = found.last().map(|found| found.tick);
            let page = self.store.found_ticks(from, to, after, limit).await?;
            let is_last = page.len() < WINDOW_RUNS_MAX;
            found.extend(page);
            match (found.first(), found.last()) {
                _ if is_last => break to,
                // One second alone may have more runs than fit.
                (Some(first), Some(last)) if first.tick.fire_time < last.tick.fire_time => {
                    break last.tick.fire_time - SignedDuration::from_micros(1);
                }
                _ => {}
            }
        };
        let found = found.into_iter().map(|found| (found.tick, found.until));
        Ok((to, found.collect()))
    }

    /// Whether everything is recorded, by this audit or another one.
    async fn record(&self, settled: &[Settlement]) -> Result<bool, StoreError> {
        if !settled.is_empty() {
            let ticks: u64 = settled.iter().map(|one| one.tick_count).sum();
            info!(
                ticks,
                records = settled.len(),
                "ticks that nobody decided are settled"
            );
        }
        let mut is_complete = true;
        for batch in settled.chunks(BATCH_MAX as usize) {
            let answers = self.store.settle(batch).await?;
            is_complete &= !answers.contains(&Settled::Contested);
        }
        Ok(is_complete)
    }

    /// Jobs as this agent knows them; none while it has not loaded every edit that the round knows of.
    async fn known_jobs(&self, scene: &Scene, which: WantedPlans) -> Option<KnownJobs> {
        let (reply, known) = oneshot::channel();
        let wanted = Message::PlansWanted {
            which,
            jobs_revision: scene.jobs_revision,
            reply,
        };
        self.messages.send(wanted).await.ok()?;
        known.await.ok()?
    }

    /// Ends offers that nobody took, and declares runs of silent nodes lost.
    async fn reap(&self, scene: &Scene, bulletin: &Bulletin) -> Result<(), StoreError> {
        let offers = self.store.offers_to_judge(BATCH_MAX).await?;
        let jobs = WantedPlans::Of(offers.iter().map(|offer| offer.tick.job).collect());
        // A job that this agent has not heard of yet is not gone.
        if !offers.is_empty()
            && let Some(known) = self.known_jobs(scene, jobs).await
        {
            let know = |job| match known.plans.iter().find(|plan| plan.job == job) {
                Some(plan) => Knowledge::InForce(plan),
                None if known.unreadable.contains(&job) => Knowledge::Unreadable,
                None => Knowledge::Deleted,
            };
            let Scene {
                members, obstacles, ..
            } = scene;
            let (from, found) = (bulletin.audited_until, &Findings::default());
            let audit = Audit {
                from,
                to: from,
                now: bulletin.now,
                found,
                members,
                obstacles,
            };
            let closed = audit.coalesce_offers(&offers, know);
            if !closed.is_empty() {
                info!(
                    offers = closed.len(),
                    "offered runs that nobody may take any more are closed"
                );
                self.store.close_offers(&closed).await?;
            }
        }
        let silent_after = Limits::default().silent_after;
        for run in self.store.stranded_runs(silent_after, BATCH_MAX).await? {
            self.declare_lost(&run, bulletin.now).await?;
        }
        Ok(())
    }

    /// In `at_most_once` this changes the record alone; the owner corrects it if it comes back with the truth.
    async fn declare_lost(&self, run: &Run, now: Timestamp) -> Result<(), StoreError> {
        let (Some(grant), Some(node)) = (grant_of(run), run.node) else {
            return Ok(());
        };
        let Some(story) = fetch_story(&self.store, &grant).await else {
            return Ok(());
        };
        warn!(run.id = %run.tick, node.id = %node, "its node is silent, the run is lost");
        let ending = Conclusion::without_process(Outcome::Lost, Reason::NodeSilent);
        let end = AttemptEnd {
            attempt: run.attempt,
            node,
            started_at: run.started_at,
            ended_at: now,
            start_until: run.start_until,
            chance: 0.5,
        };
        let news = conclusion::report(&story.spec, end, ending);
        self.store
            .report(&[Report {
                tick: run.tick,
                token: grant.token,
                news,
            }])
            .await?;
        Ok(())
    }
}

/// What a round sees of the cluster.
#[derive(Debug, Clone)]
struct Scene {
    members: Vec<Member>,
    obstacles: Vec<Obstacle>,
    /// The edits there were when the round began.
    jobs_revision: i64,
    /// How far the watermark is behind.
    lag: SignedDuration,
    /// How far it may be behind before it is this node's turn.
    patience: SignedDuration,
}

fn in_force(plan: Plan) -> Tenure {
    Tenure {
        plan,
        valid_until: None,
    }
}

fn members(nodes: &[Node]) -> Vec<Member> {
    let there = nodes.iter().filter(|node| node.peer.duty == Duty::Active);
    let member = |node: &Node| Member {
        id: node.peer.id,
        name: node.peer.name.clone(),
        labels: node.peer.labels.clone(),
        from: node.created_at,
        until: node.left_at,
    };
    there.map(member).collect()
}

fn is_same_version(one: &Tenure, other: &Tenure) -> bool {
    (one.plan.job, one.plan.version) == (other.plan.job, other.plan.version)
}

fn ended_tenure(version: JobVersion) -> Option<Tenure> {
    let plan = plan_version(&version);
    let plan = plan.map_err(|error| debug!("{error}")).ok()?;
    Some(Tenure {
        plan,
        valid_until: version.valid_until,
    })
}

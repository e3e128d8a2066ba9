//! The laws, judged from what truly happened: a witness at every start and end, and at last every row of the store.

mod records;

use std::collections::{BTreeMap, BTreeSet};

use carillon_core::identity::NodeId;
use carillon_core::placement::Placement;
use carillon_core::run::{Outcome, Phase, Trigger};
use carillon_core::tick::{Tick, TickKind};
use carillon_core::token::Token;
use jiff::Timestamp;

use self::records::Records;
use crate::crontab::{Version, node_name};
use crate::ledger::{Ledger, Row};
use crate::story::Story;
use crate::time::{DAWN, MILLISECOND, Micros, SECOND, stamp, told};

/// A start comes no earlier than this before its fire time: what the claim allows by the store's clock.
const EARLY_MAX: Micros = 250 * MILLISECOND;

/// In a calm world a start comes no later than this after its fire time.
const CALM_LATE_MAX: Micros = 500 * MILLISECOND;

/// Nodes of a calm world have met each other by then.
const CALM_FROM: Micros = 10 * SECOND;

/// One start of a command, as it truly happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) tick: Tick,
    pub(crate) attempt: u32,
    pub(crate) token: Token,
    /// Its host and its clock stood still for long until then: what was claimed before may have been called lost, and
    /// nothing on the host can tell before the next beat.
    pub(crate) blind_until: Option<Timestamp>,
}

impl Start {
    fn is_blind(&self, ledger: &Ledger) -> bool {
        let claimed_at = ledger.row(&self.tick).and_then(|row| row.claimed_at);
        self.blind_until
            .is_some_and(|until| claimed_at < Some(until))
    }
}

/// Sees every start and every end.
#[derive(Debug)]
pub(crate) struct Witness {
    story: Story,
    /// By tick and attempt: when, by the store's clock.
    starts: BTreeMap<(Tick, u32), Micros>,
    /// Which nodes have started which seats.
    seats: BTreeSet<(Tick, NodeId)>,
    alive: BTreeMap<Token, Start>,
    ended: BTreeMap<(Tick, u32), ()>,
    /// The store's clock has shown as much.
    highest: Micros,
    /// Some node had as much to do as it may at once: others waited for a place, in the calmest weather.
    was_full: bool,
    /// How far the store's clock went back, all in all: what was claimed before lies ahead of what came after.
    stepped_back: Micros,
}

impl Witness {
    pub(crate) fn new(story: Story) -> Self {
        Witness {
            story,
            starts: BTreeMap::new(),
            seats: BTreeSet::new(),
            alive: BTreeMap::new(),
            ended: BTreeMap::new(),
            highest: 0,
            was_full: false,
            stepped_back: 0,
        }
    }

    pub(crate) fn see_clock(&mut self, store_now: Micros) {
        self.highest = self.highest.max(store_now);
    }

    /// A node holds as many runs as it may, or asks for them.
    pub(crate) fn see_full(&mut self) {
        self.was_full = true;
    }

    pub(crate) fn see_step(&mut self, by: Micros) {
        self.stepped_back += (-by).max(0);
    }

    pub(crate) fn start(&mut self, start: Start, store_now: Micros, ledger: &Ledger) {
        let Start { tick, attempt, .. } = start;
        self.see_clock(store_now);
        if self.starts.insert((tick, attempt), store_now).is_some() {
            self.story.break_law(
                "at most once",
                format!("{tick} attempt {attempt} starts again"),
            );
        }
        if self.alive.values().any(|other| other.tick == tick) {
            let how = format!("{tick} attempt {attempt} starts while another attempt lives");
            self.story.break_law("one attempt at a time", how);
        }
        if self.highest < tick.fire_time.as_microsecond() - EARLY_MAX {
            let now = told(stamp(self.highest));
            self.story
                .break_law("never early", format!("{tick} starts at {now}"));
        }
        match ledger.row(&tick) {
            Some(row) if row.belongs_to(start.token) => {
                self.judge_claim(row, ledger);
                if !start.is_blind(ledger) {
                    self.judge_overlap(row, ledger);
                }
                self.judge_seat(row, ledger);
            }
            _ => {
                let how = format!("{tick} attempt {attempt} starts and the store says otherwise");
                self.story.break_law("no start without claim", how);
            }
        }
        self.alive.insert(start.token, start);
    }

    fn judge_claim(&self, row: &Row, ledger: &Ledger) {
        let of = |tenure: &&Version| (tenure.job, tenure.version) == (row.tick.job, row.version);
        let Some(tenure) = ledger.tenures().iter().find(of) else {
            return;
        };
        let is_first = row.attempt == 1 && row.tick.kind == TickKind::Scheduled;
        let claimed_at = row.claimed_at.map_or(0, Timestamp::as_microsecond);
        if is_first && tenure.ended_by.is_some_and(|end| row.made_by >= end) {
            let (tick, version) = (row.tick, row.version);
            let how =
                format!("{tick} starts by version {version}, which was gone when it was claimed");
            self.story.break_law("no start of an old version", how);
        }
        let fire = row.tick.fire_time.as_microsecond();
        if is_first && claimed_at < fire - EARLY_MAX {
            let how = format!("{} is claimed at {}", row.tick, told(stamp(claimed_at)));
            self.story.break_law("no claim ahead of its time", how);
        }
    }

    fn judge_overlap(&self, row: &Row, ledger: &Ledger) {
        let of = |tenure: &&Version| (tenure.job, tenure.version) == (row.tick.job, row.version);
        let Some(tenure) = ledger.tenures().iter().find(of) else {
            return;
        };
        if tenure.placement == Placement::One && self.is_crowded(row, tenure, ledger) {
            let (tick, overlap) = (row.tick, tenure.overlap);
            let how = format!("{tick} starts beyond overlap {overlap}");
            self.story.break_law("overlap", how);
        }
    }

    /// Whether more live than the most generous policy of those that live allows: each was judged by its own when it was
    /// claimed, and one that was claimed before may start after.
    fn is_crowded(&self, row: &Row, tenure: &Version, ledger: &Ledger) -> bool {
        let mut live_max = tenure.overlap.live_max();
        if let Some(current) = ledger.job(row.tick.job) {
            live_max = live_max.max(current.overlap.live_max());
        }
        let mut others = 0;
        let lives = |tick: &Tick| ledger.row(tick).is_some_and(|row| row.phase != Phase::Done);
        for other in self.alive.values() {
            if other.tick == row.tick || !lives(&other.tick) || other.is_blind(ledger) {
                continue;
            }
            let is_own = other.tick.job == row.tick.job;
            let tenures = ledger.tenures().iter();
            // Seats of one fire time do not stand in each other's way, so they may be more than any policy allows.
            let theirs = tenures.filter(|theirs| {
                theirs.job == other.tick.job && theirs.placement == Placement::One
            });
            let sharing = theirs.filter(|theirs| theirs.key.is_some() && theirs.key == tenure.key);
            let most = sharing.map(|theirs| theirs.overlap.live_max()).max();
            if is_own {
                others += 1;
            } else if let Some(most) = most {
                others += 1;
                live_max = live_max.max(most);
            }
        }
        others >= live_max
    }

    /// A seat whose next attempt has gone elsewhere is free again.
    fn judge_seat(&mut self, row: &Row, ledger: &Ledger) {
        let Some(owner) = row.owner else { return };
        let holds = |seat: &Tick| {
            // A next attempt that nobody had leaves the run with the node of the last; meanwhile the seat was free.
            let row = ledger.row(seat);
            let row = row.filter(|row| !row.has_fallen_back);
            let holder = row.and_then(|row| row.owner);
            holder.is_some_and(|holder| holder.node == owner.node)
        };
        let is_other = |(seat, node): &(Tick, NodeId)| {
            *node == owner.node && seat.is_other_seat(row.tick) && holds(seat)
        };
        if self.seats.iter().any(is_other) {
            let how = format!("{} starts on a node that has another", row.tick);
            self.story.break_law("seats are for different nodes", how);
        }
        self.seats.insert((row.tick, owner.node));
    }

    pub(crate) fn end(&mut self, token: Token) {
        if let Some(start) = self.alive.remove(&token) {
            self.ended.insert((start.tick, start.attempt), ());
        }
    }

    /// The command ended unseen: its host went down.
    pub(crate) fn vanish(&mut self, token: Token) {
        self.alive.remove(&token);
    }

    pub(crate) fn has_started(&self, tick: Tick) -> bool {
        self.starts
            .range((tick, 0)..=(tick, u32::MAX))
            .next()
            .is_some()
    }

    /// Every law about the whole, when everything has come to rest.
    pub(crate) fn judge(&self, ledger: &Ledger, until: Micros, is_calm: bool) {
        self.judge_rest(ledger, until);
        if self.story.is_broken() {
            return;
        }
        for row in ledger.rows() {
            self.judge_row(row, ledger, is_calm);
        }
        self.judge_expected(ledger, until);
    }

    fn judge_rest(&self, ledger: &Ledger, until: Micros) {
        for row in ledger.rows().filter(|row| row.phase != Phase::Done) {
            let (tick, phase) = (row.tick, row.phase);
            self.story
                .break_law("everything ends", format!("{tick} is {phase} for ever"));
        }
        if ledger.audited_until() < stamp(until) {
            let at = told(ledger.audited_until());
            self.story
                .break_law("everything ends", format!("the watermark stays at {at}"));
        }
    }

    fn judge_row(&self, row: &Row, ledger: &Ledger, is_calm: bool) {
        let Some(outcome) = row.outcome else { return };
        let tick = row.tick;
        let is_started = self.starts.contains_key(&(tick, row.attempt));
        let never = matches!(outcome, Outcome::Skipped | Outcome::Missed);
        if never && self.has_started(tick) {
            self.story.break_law(
                "what started is not called missed",
                format!("{tick} is {outcome}"),
            );
        }
        let surely = [Outcome::Succeeded, Outcome::Failed, Outcome::Killed];
        // An offer for a further attempt that nobody took leaves the outcome of the one before.
        let is_started = is_started || (row.attempt > 1 && self.has_started(tick));
        if surely.contains(&outcome) && !is_started {
            self.story
                .break_law("what ended has started", format!("{tick} is {outcome}"));
        }
        let is_known = self.ended.contains_key(&(tick, row.attempt));
        let owner_is_there = row.owner.is_some_and(|o| ledger.is_alive(o.node));
        if outcome == Outcome::Lost && is_known && owner_is_there {
            let how = format!("{tick} ended, its node lives, and it is called lost");
            self.story.break_law("no result is lost", how);
        }
        if is_calm {
            self.judge_calm(row, outcome, ledger);
        }
    }

    fn judge_calm(&self, row: &Row, outcome: Outcome, ledger: &Ledger) {
        let tick = row.tick;
        let fire = tick.fire_time.as_microsecond();
        if fire < DAWN + CALM_FROM || row.trigger != Trigger::Schedule {
            return;
        }
        let of = |tenure: &&Version| (tenure.job, tenure.version) == (tick.job, row.version);
        let tenure = ledger.tenures().iter().find(of);
        // Seats may be more than nodes, and a queue is there to wait in.
        let is_prompt = tenure.is_some_and(|tenure| {
            tenure.placement == Placement::One
                && tenure.overlap.waiting_max() == 0
                && tenure.target.is_open()
        });
        let trouble = [Outcome::Missed, Outcome::Lost, Outcome::Interrupted];
        let is_free = is_prompt && !self.was_full;
        if is_free && trouble.contains(&outcome) {
            let how = format!("{tick} is {outcome} though nothing went wrong");
            self.story.break_law("all is well in calm weather", how);
        }
        let first = self.starts.get(&(tick, 1)).filter(|_| is_free);
        if first.is_some_and(|at| at - fire > CALM_LATE_MAX) && row.reason.is_none() {
            let how = format!("{tick} starts late though nothing went wrong");
            self.story.break_law("all is well in calm weather", how);
        }
    }

    /// Counts second by second what should have happened, and compares.
    fn judge_expected(&self, ledger: &Ledger, until: Micros) {
        let mut records = Records::of(ledger);
        for second in DAWN / SECOND..=until / SECOND {
            let at = second * SECOND;
            for tenure in ledger.tenures() {
                let is_its = tenure.enabled
                    && tenure.valid_from < at
                    && tenure.valid_until.is_none_or(|until| at <= until);
                if is_its && tenure.is_due(second) {
                    self.judge_tick(tenure, at, ledger, &mut records);
                }
            }
        }
        records.judge_rest(ledger, &self.story, EARLY_MAX + self.stepped_back);
    }

    fn judge_tick(&self, tenure: &Version, at: Micros, ledger: &Ledger, records: &mut Records) {
        let slots: Vec<i64> = match tenure.placement {
            Placement::One => vec![0],
            Placement::Some(nodes) => (0..i64::from(nodes)).collect(),
            Placement::EveryNode => {
                let nodes = ledger.nodes().iter();
                let was_there = nodes.filter(|(id, node)| {
                    tenure.target.allows(&node_name(**id), &Default::default())
                        && node.created_at <= stamp(at)
                });
                was_there.map(|(id, _)| id.0).collect()
            }
        };
        for slot in slots {
            let tick = Tick::scheduled(tenure.job, stamp(at), slot);
            let count = records.take(tick);
            // Drained nodes are not asked, and a record cannot tell when a node was.
            let is_sure = tenure.placement != Placement::EveryNode
                || ledger.nodes().values().all(|node| !node.was_drained);
            if count > 1 || (count == 0 && is_sure) {
                let fire = told(tick.fire_time);
                let how = format!("{tick} [{fire}] of version {} has {count}", tenure.version);
                self.story.break_law("exactly one outcome", how);
            }
        }
    }
}

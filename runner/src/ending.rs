//! Ending a whole tree: TERM, grace, KILL, until nothing of it is left, each step an event. Also what a command leaves behind when it ends by itself.

use carillon_core::launch::Leftovers;
use carillon_core::token::Token;
use rustix::process::{Signal, pidfd_send_signal};

use crate::attempt::{Attempt, Kill, Stage, State, Step, Sweep};
use crate::clock::{MS, boottime_ns, moment};
use crate::process_table::{Found, find_process, read_mark};
use crate::protocol::{KillStep, Report};
use crate::reap::reap_orphans;
use crate::runner::Runner;
use crate::tree::{list_orphans, signal_all};

/// How long what a command leaves behind may hold its output or go on after TERM.
const AFTERMATH_NS: i64 = 2_000 * MS;
/// How often a tree that was asked to end is looked at: soon at first, since most end at once, then ever less often.
const TERM_LOOK_MIN_NS: i64 = 5 * MS;
const TERM_LOOK_MAX_NS: i64 = 100 * MS;
/// How often a killed tree is looked at and killed again.
const KILL_LOOK_NS: i64 = 20 * MS;
/// After which time a killed tree counts as stuck.
const KILL_NS: i64 = 5_000 * MS;
/// How often a stuck tree is looked at.
const STUCK_LOOK_NS: i64 = 1_000 * MS;
/// Steps kept for an agent that is away.
const STEPS_MAX: usize = 16;

impl Runner {
    /// Begins to end a tree, or shortens the grace of an ending that has begun.
    pub(crate) fn end_tree(&mut self, number: u64, wish: Kill) {
        let now = boottime_ns();
        let grace_ns = i64::try_from(wish.grace_ms)
            .unwrap_or(i64::MAX)
            .saturating_mul(MS);
        let Some(running) = self
            .attempts
            .get_mut(&number)
            .and_then(|attempt| attempt.running())
        else {
            return;
        };
        if running.exit.is_none() {
            running.cause.get_or_insert(wish.cause);
        }
        match running.sweep {
            Some(Sweep {
                stage: Stage::Term,
                until_ns,
                ..
            }) => {
                let until_ns = until_ns.min(now.saturating_add(grace_ns));
                self.begin_sweep(number, Stage::Term, until_ns);
            }
            Some(Sweep {
                stage: Stage::Kill | Stage::Stuck,
                ..
            }) => return,
            Some(Sweep {
                stage: Stage::Drain,
                ..
            })
            | None => {
                self.signal_tree(number, KillStep::Term);
                let until_ns = boottime_ns().saturating_add(grace_ns);
                self.begin_sweep(number, Stage::Term, until_ns);
            }
        }
        self.continue_sweep(number, now);
    }

    /// What follows when the main process has ended by itself: descendants are ended, or left alone but not waited for long.
    pub(crate) fn begin_aftermath(&mut self, number: u64) {
        let seen = self.living_tree(number).len() as u32;
        let lives_on = seen > 0 || self.is_populated(number);
        let until_ns = boottime_ns() + AFTERMATH_NS;
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        let policy = attempt.facts.leftovers;
        let Some(running) = attempt.running() else {
            return;
        };
        running.leftovers = seen.max(u32::from(lives_on));
        let is_over = !lives_on && running.is_quiet();
        if is_over || running.sweep.is_some() {
            return;
        }
        match policy {
            Leftovers::Kill if lives_on => {
                self.begin_sweep(number, Stage::Term, until_ns);
                self.signal_tree(number, KillStep::Term);
            }
            Leftovers::Kill | Leftovers::Leave => self.begin_sweep(number, Stage::Drain, until_ns),
        }
        self.timers.add(boottime_ns() + TERM_LOOK_MIN_NS, number);
    }

    /// Settles the attempt if its main process has ended and nothing is left to wait for.
    pub(crate) fn settle_if_over(&mut self, number: u64) {
        let Some(running) = self
            .attempts
            .get_mut(&number)
            .and_then(|attempt| attempt.running())
        else {
            return;
        };
        if running.exit.is_none() {
            return;
        }
        let is_quiet = running.is_quiet();
        let is_over = match running.sweep.map(|sweep| sweep.stage) {
            None | Some(Stage::Drain) => is_quiet,
            Some(Stage::Term) if is_quiet => !self.lives_on(number),
            Some(Stage::Term) => return self.drain_if_empty(number),
            Some(Stage::Kill | Stage::Stuck) => !self.lives_on(number),
        };
        if is_over {
            self.settle_end(number);
        }
    }

    /// When only strangers still hold the output of a tree that has gone, they are not waited for long.
    fn drain_if_empty(&mut self, number: u64) {
        if !self.lives_on(number) {
            let until_ns = boottime_ns() + AFTERMATH_NS;
            self.begin_sweep(number, Stage::Drain, until_ns);
        }
    }

    /// Goes on with an ending at this instant.
    pub(crate) fn continue_sweep(&mut self, number: u64, now: i64) {
        self.settle_if_over(number);
        let Some(running) = self
            .attempts
            .get_mut(&number)
            .and_then(|attempt| attempt.running())
        else {
            return;
        };
        let Some(sweep) = running.sweep else { return };
        let has_exited = running.exit.is_some();
        let look_ns = match (sweep.stage, sweep.until_ns <= now) {
            (Stage::Drain, true) => return self.settle_end(number),
            (Stage::Drain | Stage::Term, false) => {
                let age = now - sweep.since_ns;
                age.clamp(TERM_LOOK_MIN_NS, TERM_LOOK_MAX_NS)
                    .min(sweep.until_ns - now)
            }
            (Stage::Term, true) => {
                self.begin_sweep(number, Stage::Kill, now + KILL_NS);
                self.signal_tree(number, KillStep::Kill);
                KILL_LOOK_NS
            }
            (Stage::Kill, false) => {
                // Processes may have been born since the last look.
                let tree = self.living_tree(number);
                signal_all(&tree, Signal::KILL);
                self.kill_group(number);
                KILL_LOOK_NS
            }
            (Stage::Kill, true) => {
                self.begin_sweep(number, Stage::Stuck, i64::MAX);
                let left = self.living_tree(number).len() as u32;
                self.note_step(number, KillStep::Stuck, left);
                STUCK_LOOK_NS
            }
            (Stage::Stuck, _) if has_exited => return self.settle_end(number),
            // The main process hangs in the kernel: its seat stays taken until it has gone.
            (Stage::Stuck, _) => STUCK_LOOK_NS,
        };
        self.timers.add(now + look_ns, number);
    }

    fn begin_sweep(&mut self, number: u64, stage: Stage, until_ns: i64) {
        if let Some(running) = self
            .attempts
            .get_mut(&number)
            .and_then(|attempt| attempt.running())
        {
            let since_ns = boottime_ns();
            running.sweep = Some(Sweep {
                stage,
                since_ns,
                until_ns,
            });
        }
    }

    fn signal_tree(&mut self, number: u64, step: KillStep) {
        let tree = self.whole_tree(number);
        let signal = match step {
            KillStep::Term => Signal::TERM,
            KillStep::Kill | KillStep::Stuck => Signal::KILL,
        };
        let mut reached = signal_all(&tree, signal);
        if signal == Signal::KILL {
            self.kill_group(number);
        }
        if self.signal_unlisted_main(number, &tree, signal) {
            reached += 1;
        }
        if step == KillStep::Term {
            // A stopped process would otherwise not learn that it is to end.
            signal_all(&tree, Signal::CONT);
        }
        self.note_step(number, step, reached);
    }

    /// What is born between a look at all processes and a signal to each cannot escape the group.
    fn kill_group(&self, number: u64) {
        if let Some(attempt) = self.attempts.get(&number) {
            self.groups.kill(attempt.token);
        }
    }

    /// The main process is held by descriptor, so it is reached also when `/proc` cannot be read for want of descriptors.
    fn signal_unlisted_main(&mut self, number: u64, tree: &[Found], signal: Signal) -> bool {
        let Some(running) = self.attempts.get_mut(&number).and_then(Attempt::running) else {
            return false;
        };
        let is_listed = tree.iter().any(|found| found.pid == running.process.pid);
        match &running.pidfd {
            Some(pidfd) if !is_listed => pidfd_send_signal(pidfd, signal).is_ok(),
            Some(_) | None => false,
        }
    }

    fn note_step(&mut self, number: u64, step: KillStep, reached: u32) {
        let at = moment();
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        if attempt.steps.len() >= STEPS_MAX {
            return;
        }
        attempt.steps.push(Step { step, reached, at });
        self.tell_steps(number);
    }

    /// Tells the steps that the agent does not know.
    pub(crate) fn tell_steps(&mut self, number: u64) {
        let Some(agent) = &mut self.agent else { return };
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        for Step { step, reached, at } in attempt.steps.iter().skip(attempt.steps_told).copied() {
            agent.report(&Report::KillStep {
                token: attempt.token,
                step,
                reached,
                at,
            });
        }
        attempt.steps_told = attempt.steps.len();
    }

    /// Whether anything of an attempt lives. What forks faster than it can be looked at is seen by its group alone.
    fn lives_on(&mut self, number: u64) -> bool {
        self.is_populated(number) || !self.living_tree(number).is_empty()
    }

    fn is_populated(&self, number: u64) -> bool {
        let attempt = self.attempts.get(&number);
        attempt.is_some_and(|attempt| self.groups.is_populated(attempt.token))
    }

    /// Every living process of an attempt.
    fn whole_tree(&mut self, number: u64) -> Vec<Found> {
        let Some(Attempt {
            token,
            state: State::Running(running),
            ..
        }) = self.attempts.get(&number)
        else {
            return Vec::new();
        };
        let (token, main) = (*token, running.process);
        let is_main_gone = running.exit.is_some();
        let mut tree = self.processes().tree(token, Some(main.pid));
        let members = self.groups.members(token).into_iter();
        let is_unlisted = |pid: &u32| tree.iter().all(|found| found.pid != *pid);
        let unlisted: Vec<Found> = members
            .filter(is_unlisted)
            .filter_map(find_process)
            .collect();
        tree.extend(unlisted);
        // When the main process has gone its number may be another's, which then leads no session of ours.
        tree.retain(|found| !(is_main_gone && found.pid == main.pid));
        tree
    }

    /// The same, without looking at every process of the host where the kernel can say at once that none is left.
    fn living_tree(&mut self, number: u64) -> Vec<Found> {
        let Some(Attempt {
            token,
            state: State::Running(running),
            ..
        }) = self.attempts.get(&number)
        else {
            return Vec::new();
        };
        // A descendant whose parents have ended is an orphan of the runner's, or below one.
        let is_own = running.exit.is_some() && !running.adopted;
        let may_be_orphan = !is_own || (reap_orphans() && has_marked_orphan(*token));
        if !may_be_orphan && !self.groups.is_populated(*token) {
            return Vec::new();
        }
        self.whole_tree(number)
    }
}

/// Whether an orphan may belong to the attempt; one whose mark cannot be seen may.
fn has_marked_orphan(token: Token) -> bool {
    let Some(orphans) = list_orphans() else {
        return true;
    };
    orphans
        .into_iter()
        .any(|pid| read_mark(pid).is_none_or(|mark| mark == token))
}

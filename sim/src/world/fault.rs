//! What befalls a world.

use carillon_core::identity::NodeId;
use carillon_core::node::Duty;
use carillon_core::run::{Preference, Trigger};
use carillon_core::tick::{Tick, TickKind};

use super::World;
use crate::happening::{Fault, Happening};
use crate::ledger::Row;
use crate::time::{MILLISECOND, SECOND, span, stamp};

impl World {
    pub(super) fn strike(&mut self, fault: Fault) {
        self.story.tell(|| format!("fault: {fault:?}"));
        match fault {
            Fault::AgentCrash(node) => self.crash_agent(node, "killed"),
            Fault::RunnerCrash(node) => self.crash_runner(node),
            Fault::HostCrash(node) => {
                self.crash_host(node);
                let back = self.now + self.dice.between(3 * SECOND, 50 * SECOND);
                self.at(back, Happening::HostUp(node));
            }
            Fault::AgentPause(node, length) => {
                if let Some(host) = self.hosts.get_mut(&node) {
                    host.agent_paused_until = self.now + length;
                }
            }
            Fault::Freeze(node, length) => {
                if let Some(host) = self.hosts.get_mut(&node)
                    && host.frozen_until <= self.now
                {
                    host.frozen_until = self.now + length;
                    host.frozen_for = length;
                    // Its clock stands still; nobody on it can read it before it goes on.
                    host.clock.step(-length);
                }
            }
            Fault::ClockStep(node, by) => {
                if let Some(host) = self.hosts.get_mut(&node) {
                    host.clock.step(by);
                }
            }
            Fault::StoreDown(length) => self.store_down_until = self.now + length,
            Fault::StoreClockStep(by) => {
                self.store_shift += by;
                self.witness.see_step(by);
            }
            Fault::Partition(node, length) => {
                if let Some(host) = self.hosts.get_mut(&node) {
                    host.cut_until = self.now + length;
                }
            }
            Fault::LocksDown(length) => self.locks.down_until = self.now + length,
            Fault::LocksWipe => self.locks.wipe(),
            Fault::LocksDeny(length) => self.locks.deny_until = self.now + length,
            Fault::LocksGrant(length) => self.locks.grant_until = self.now + length,
            Fault::Join(node) => self.add_host(node),
            Fault::Leave(node) => self.leave(node),
            Fault::Drain(node, length) => {
                self.set_duty(node, Duty::Drained);
                self.at(self.now + length, Happening::Fault(Fault::Undrain(node)));
            }
            Fault::Undrain(node) => self.set_duty(node, Duty::Active),
            Fault::Edit | Fault::Delete => self.edit_some_job(fault),
            Fault::RunNow => self.run_now(),
        }
    }

    fn crash_host(&mut self, node: NodeId) {
        let Some(host) = self.hosts.get_mut(&node) else {
            return;
        };
        host.is_up = false;
        host.agent = None;
        host.frozen_until = self.now;
        host.end_runner();
        for token in std::mem::take(&mut host.processes).into_keys() {
            self.witness.vanish(token);
        }
    }

    /// A machine goes away for good, unless it is the last one.
    fn leave(&mut self, node: NodeId) {
        let others = self
            .hosts
            .values()
            .filter(|host| host.node != node && !host.is_gone);
        if others.count() == 0 {
            return;
        }
        self.crash_host(node);
        if let Some(host) = self.hosts.get_mut(&node) {
            host.is_gone = true;
        }
        self.ledger.bury(node);
    }

    /// Somebody asks for a run, of a node perhaps.
    fn run_now(&mut self) {
        let jobs = self.ledger.job_ids();
        if jobs.is_empty() {
            return;
        }
        let job = *self.dice.pick(&jobs);
        let now = stamp(self.store_now());
        let version = self.ledger.job(job).map_or(1, |job| job.version);
        let nodes: Vec<NodeId> = self.hosts.keys().copied().collect();
        let preference = match self.dice.chance(300) {
            true => Preference::Only(*self.dice.pick(&nodes)),
            false => Preference::Any,
        };
        let tick = Tick {
            fire_time: now,
            job,
            kind: TickKind::Manual,
            slot: 0,
        };
        let mut row = Row::fresh(tick, version, now + span(30 * SECOND + MILLISECOND));
        (row.trigger, row.preference) = (Trigger::Manual, preference);
        self.ledger.run_now(row);
    }
}

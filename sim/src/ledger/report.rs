//! What owners say about their runs. The token decides whether it is believed, so it may be said twice, or late.

use carillon_core::claim::Claimant;
use carillon_core::identity::NodeId;
use carillon_core::run::{News, Outcome, Phase, Preference, Reason, Report};
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::Timestamp;

use super::{Ledger, Row};
use crate::bug::Bug;

impl Ledger {
    pub(crate) fn report(&mut self, reports: &[Report]) {
        for report in reports {
            self.report_one(report);
        }
    }

    fn report_one(&mut self, report: &Report) {
        let Some(row) = self.rows.get(&report.tick) else {
            return;
        };
        if row.token != Some(report.token) && !self.has_bug(Bug::TokenUnchecked) {
            return;
        }
        let is_lost = row.outcome == Some(Outcome::Lost);
        let is_running = row.phase == Phase::Running;
        let is_void = match report.news {
            News::Started { .. } | News::HandedBack { .. } => is_running,
            News::Ended { .. } | News::Retrying { .. } => false,
        };
        if is_void || !(row.lives() || is_lost) {
            return;
        }
        let mut row = row.clone();
        let why = match &report.news {
            News::Started { .. } => {
                (row.phase, row.outcome, row.reason) = (Phase::Running, None, None);
                "started"
            }
            News::Ended { ending, .. } => {
                row.end(ending.outcome, ending.reason);
                "ended"
            }
            News::Retrying {
                ending,
                not_before,
                until,
                node,
                ..
            } => {
                row.last = Some((row.attempt, row.token, row.owner, ending.outcome));
                offer(&mut row, Reason::Retrying, *until);
                (row.attempt, row.not_before) = (row.attempt + 1, *not_before);
                row.preference = *node;
                "waits for its next attempt"
            }
            News::HandedBack { until, reason } => {
                offer(&mut row, *reason, *until);
                if let (Preference::Any, Some(owner)) = (row.preference, row.owner) {
                    row.preference = Preference::RatherNot(owner.node);
                }
                "handed back"
            }
        };
        self.put(row, why);
    }

    /// Runs of a node that its new agent watches.
    pub(crate) fn adopt(&mut self, who: Claimant, runs: &[(Tick, Token)]) {
        for (tick, token) in runs {
            let row = self.rows.get(tick);
            let is_its = |row: &&Row| row.token == Some(*token) && row.lives();
            let node = |row: &Row| row.owner.map(|owner| owner.node);
            if let Some(row) = row.filter(is_its)
                && node(row) == Some(who.node)
            {
                let mut row = row.clone();
                row.owner = Some(who);
                self.put(row, "adopted");
            }
        }
    }

    /// Runs that the store believes this node has.
    pub(crate) fn open_runs(&self, node: NodeId) -> Vec<Row> {
        let rows = self.open.iter().filter_map(|tick| self.rows.get(tick));
        rows.filter(|row| row.lives() && row.owner.is_some_and(|owner| owner.node == node))
            .cloned()
            .collect()
    }

    /// The planted bug: a run that was started on the word of the tick lock is written down afterwards.
    pub(crate) fn write_down(&mut self, who: Claimant, row: Row, now: Timestamp) {
        if self.rows.contains_key(&row.tick) {
            return;
        }
        let row = Row {
            owner: Some(who),
            claimed_at: Some(now),
            ..row
        };
        self.put(row, "written down");
    }
}

/// The token and the owner stay, so that a repeated report is recognised.
fn offer(row: &mut Row, reason: Reason, until: Timestamp) {
    (row.phase, row.outcome, row.reason) = (Phase::Offered, None, Some(reason));
    row.start_until = until;
    row.claimed_at = None;
}

//! What agents and monitors leave in a database: a node and an incident, for pages and programs to find.

use carillon_core::claim::BootId;
use carillon_core::evidence::Evidence;
use carillon_core::identity::{JobId, NodeId};
use carillon_core::incident::{Incident, Sighting};
use carillon_core::placement::Labels;
use carillon_core::rule::{Rule, Subject};
use carillon_core::token::Token;
use carillon_store::{IncidentSteps, Registration, Stepped};
use jiff::Timestamp;

use crate::support::Site;

impl Site {
    /// A node whose agent has just come up.
    pub(crate) fn node(&self, name: &str) -> NodeId {
        let agent = Registration {
            name: name.to_owned(),
            boot: BootId(Token::from_bytes([7; 16])),
            replaces: None,
            host_boot: "one".to_owned(),
            host_booted_at: Timestamp::UNIX_EPOCH,
            labels: Labels::new(),
            running_max: 4,
            version: "1.0.0".to_owned(),
            tzdb_version: "2026a".to_owned(),
        };
        self.block(self.store.register_node(&agent)).unwrap().node
    }

    /// An incident about that job, which goes on.
    pub(crate) fn incident(&self, job: i64) -> i64 {
        let now = self.block(self.store.now()).unwrap();
        let sighting = Sighting {
            rule: Rule::JobFailed,
            subject: Subject::job(JobId(job), "job"),
            since_at: now,
            count: 1,
            evidence: Evidence::None,
        };
        let steps = IncidentSteps {
            steps: vec![Incident::open(sighting, 0, now)],
            notices: Vec::new(),
        };
        let stepped = self.block(self.store.step_incidents(&steps)).unwrap();
        assert_eq!(stepped, Stepped::Done);
        self.block(self.store.open_incidents()).unwrap()[0].id
    }
}

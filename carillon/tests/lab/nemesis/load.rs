//! The jobs of a schedule: what each does, and how its runs end when nothing goes wrong.

use carillon_core::job::JobSpec;
use carillon_core::launch::LaunchSpec;
use carillon_core::overlap::Overlap;
use carillon_core::placement::Placement;
use carillon_testbed::Witness;

use super::history::Role;
use crate::rig::JobOfTheLab;

/// No policy is in the way of what is only slow.
const ROOMY: Overlap = Overlap::Allow(60);

/// The role of a job by its number: of a hundred, 71 are plain.
fn role_of(number: usize) -> Role {
    // 37 has no common divisor with 100: roles are mixed among numbers, and their shares exact.
    match number * 37 % 100 {
        0..10 => Role::Slow,
        10..15 => Role::Failing,
        15..20 => Role::Alone,
        20..25 => Role::Everywhere,
        25..27 => Role::Loud,
        27 => Role::Deaf,
        28 => Role::Parent,
        _ => Role::Plain,
    }
}

/// So many jobs of every second, with their roles.
pub(crate) fn load(jobs: usize, witness: &Witness) -> Vec<(Role, JobOfTheLab)> {
    let job = |number| {
        let role = role_of(number);
        let job = JobOfTheLab {
            name: format!("{role} {number}"),
            spec: spec_of(role, number, &witness.command()),
        };
        (role, job)
    };
    (0..jobs).map(job).collect()
}

fn spec_of(role: Role, number: usize, witness: &str) -> JobSpec {
    let command = match role {
        Role::Plain | Role::Everywhere => witness.to_owned(),
        Role::Slow => format!("{witness} --sleep {}", 0.5 * (1 + number % 6) as f64),
        Role::Failing => format!("{witness} --exit 3"),
        Role::Alone => format!("{witness} --sleep 1.4"),
        // One of the two writes more than is kept of it.
        Role::Loud if number.is_multiple_of(2) => format!("{witness} --output 300000"),
        Role::Loud => format!("{witness} --output 20000"),
        Role::Deaf => format!("{witness} --deaf --sleep 60"),
        // What it leaves behind has the witness's file in its command line, so that it is found if it stays.
        Role::Parent => format!("(sleep 60; : {witness}) & {witness}"),
    };
    let mut launch = LaunchSpec {
        command,
        ..LaunchSpec::default()
    };
    if role == Role::Deaf {
        (launch.timeout_ms, launch.kill_grace_ms) = (Some(1_000), 500);
    }
    JobSpec {
        launch,
        overlap: if role == Role::Alone {
            Overlap::Skip
        } else {
            ROOMY
        },
        placement: match role {
            Role::Everywhere => Placement::EveryNode,
            _ => Placement::One,
        },
        ..JobSpec::default()
    }
}

//! A page asked for many times, one after the other.

use anyhow::{Result, ensure};

use crate::visitor::{Proof, Visitor};

/// Asked for before anything counts, so that statements are prepared and caches are as they stay.
const WARM_UP: usize = 3;

/// Something to ask for.
#[derive(Debug, Clone)]
pub struct Visit {
    /// What tables call it.
    pub name: String,
    /// Its address.
    pub path: String,
}

impl Visit {
    /// A page with a name of its own.
    pub fn of(name: &str, path: &str) -> Self {
        Visit {
            name: name.to_owned(),
            path: path.to_owned(),
        }
    }
}

/// How it was.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The first answer took so long, in milliseconds: nothing of the page was at hand then.
    pub first: f64,
    /// Half of the answers took no longer, in milliseconds.
    pub p50: f64,
    /// All but a hundredth took no longer.
    pub p99: f64,
    /// None took longer.
    pub max: f64,
    /// Bytes of the page.
    pub bytes: usize,
    /// Bytes sent of it, compressed as browsers ask for.
    pub sent: usize,
}

/// The place, among so many sorted values, of the smallest one that this share of them does not exceed.
fn rank(count: usize, share: f64) -> usize {
    ((count as f64 * share).ceil() as usize).clamp(1, count.max(1)) - 1
}

/// How often to ask, and where.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// The server's port.
    pub port: u16,
    /// How often.
    pub times: usize,
}

impl Round {
    /// Asks.
    ///
    /// # Errors
    /// When the page is not answered with success every time.
    pub fn visit(&self, proof: &Proof, visit: &Visit) -> Result<Seen> {
        let mut visitor = Visitor::connect(self.port, proof.clone())?;
        let plain = visitor.get_plain(&visit.path)?;
        let is_fine = plain.status == 200 || plain.status == 303;
        ensure!(
            is_fine,
            "{} was answered with {} after {:.0?}",
            visit.path,
            plain.status,
            plain.took
        );
        let mut took = Vec::with_capacity(self.times);
        let mut sent = 0;
        for number in 0..WARM_UP + self.times.max(1) {
            let answer = visitor.get(&visit.path)?;
            ensure!(
                answer.status == plain.status,
                "{} was answered with {}",
                visit.path,
                answer.status
            );
            sent = answer.body.len();
            if number >= WARM_UP {
                took.push(answer.took.as_secs_f64() * 1e3);
            }
        }
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[rank(took.len(), share)];
        Ok(Seen {
            first: plain.took.as_secs_f64() * 1e3,
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
            bytes: plain.body.len(),
            sent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_hundred_may_exceed_the_ninety_ninth_percentile() {
        assert_eq!([rank(100, 0.99), rank(100, 1.0)], [98, 99]);
        assert_eq!([rank(100, 0.5), rank(1, 0.5), rank(1, 1.0)], [49, 0, 0]);
        assert_eq!(rank(101, 0.99), 99);
    }
}

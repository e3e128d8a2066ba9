//! How a crowd of durations is spread.

use anyhow::{Result, ensure};

/// Quantiles in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// How many there were.
    pub count: usize,
    /// Half were no longer.
    pub p50: f64,
    /// All but one in a hundred were no longer.
    pub p99: f64,
    /// All but one in a thousand were no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Spread {
    /// The spread of these, in milliseconds.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(mut durations_ms: Vec<f64>) -> Result<Self> {
        ensure!(!durations_ms.is_empty(), "nothing was measured");
        durations_ms.sort_unstable_by(f64::total_cmp);
        let last = durations_ms.len() - 1;
        let pick = |share: f64| durations_ms[(last as f64 * share).ceil() as usize];
        Ok(Spread {
            count: durations_ms.len(),
            p50: pick(0.5),
            p99: pick(0.99),
            p999: pick(0.999),
            max: durations_ms[last],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_never_flatter() {
        let spread = Spread::of((0..=100).map(f64::from).collect()).unwrap();

        assert_eq!(
            (spread.p50, spread.p99, spread.p999, spread.max),
            (50.0, 99.0, 100.0, 100.0)
        );
    }
}

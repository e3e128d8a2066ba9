//! A bar on the terminal while long work goes on; nothing where nobody watches.

use std::io::{IsTerminal as _, Write as _};

use carillon_store::BackupProgress;

/// The bar's width in characters.
const WIDTH: u64 = 30;

/// Shows how far work has come, on standard error.
pub(super) struct Bar {
    is_watched: bool,
}

impl Bar {
    pub(super) fn new() -> Self {
        Bar {
            is_watched: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn show(&mut self, progress: BackupProgress) {
        if self.is_watched {
            // Nothing is lost when a terminal has gone.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(progress));
        }
    }

    /// Leaves an empty line for the answer.
    pub(super) fn end(self) {
        if self.is_watched {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(progress: BackupProgress) -> String {
    let BackupProgress { table, done, rows } = progress;
    let filled = (done * WIDTH).checked_div(rows).unwrap_or(WIDTH);
    let filled = usize::try_from(filled.min(WIDTH)).unwrap_or(0);
    let width = usize::try_from(WIDTH).unwrap_or(0);
    format!(
        "[{:<width$}] {table}: {done} of {rows} rows",
        "#".repeat(filled)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_fills_from_left_to_right() {
        let of = |done, rows| {
            line(BackupProgress {
                table: "runs",
                done,
                rows,
            })
        };

        assert_eq!(
            of(0, 4),
            "[                              ] runs: 0 of 4 rows"
        );
        assert_eq!(
            of(2, 4),
            "[###############               ] runs: 2 of 4 rows"
        );
        assert_eq!(
            of(0, 0),
            "[##############################] runs: 0 of 0 rows"
        );
    }
}

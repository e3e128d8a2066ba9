//! Tables in Markdown that can also be read on a terminal.

use std::fmt;

/// A heading, what the columns mean, and rows of text.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What was measured.
    pub title: String,
    /// The names of the columns.
    pub head: Vec<String>,
    /// As many cells as there are columns, in each row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, head: &[&str]) -> Self {
        Table {
            title: title.into(),
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain([&self.head]);
        cells
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        let rule: Vec<String> = (0..self.head.len())
            .map(|column| match column {
                0 => "-".repeat(self.width(0)),
                _ => format!("{}:", "-".repeat(self.width(column).saturating_sub(1))),
            })
            .collect();
        for row in [&self.head, &rule].into_iter().chain(&self.rows) {
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Milliseconds as they are shown.
pub fn ms(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Memory as it is shown.
pub fn mib(kib: u64) -> String {
    format!("{:.1}", kib as f64 / 1024.0)
}

/// How many times `bare` this is.
pub fn ratio(value: f64, bare: f64) -> String {
    format!("{:.2}", value / bare)
}

/// Prints a table as soon as it is there.
#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
pub fn show(table: &Table) {
    println!("{table}");
}

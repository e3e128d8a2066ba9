//! Whether the database keeps the promises that the protocol builds on, asked once at the start.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::SignedDuration;

use crate::Store;
use crate::clock::host_now;
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::statement::{Dialect, Statement};

/// How much a finding weakens the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Claims are not safe: do not start.
    Unsafe,
    /// A rare failure can lose or double a run: start and say so.
    Weaker,
}

/// A guarantee that this database does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub weight: Weight,
    /// What the protocol needs.
    pub guarantee: &'static str,
    /// What was found.
    pub found: String,
    /// What to do.
    pub cure: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "needed: {}; found: {}; {}",
            self.guarantee, self.found, self.cure
        )
    }
}

/// Beyond this difference of clocks operators are told.
const CLOCK_DRIFT_MAX: SignedDuration = SignedDuration::from_secs(2);

impl Store {
    /// What this database does not guarantee. Empty is good.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn preflight(&self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        if self.dialect() == Dialect::MySql {
            let server = self.read(Store::TIMEOUT, read_server).await?;
            judge_server(&server, &mut findings);
            let drift = host_now().duration_since(self.now().await?);
            if drift.abs() > CLOCK_DRIFT_MAX {
                findings.push(Finding {
                    weight: Weight::Weaker,
                    guarantee: "this machine's clock agrees with the database's",
                    found: format!("they differ by {} ms", drift.as_millis()),
                    cure: "synchronise both by NTP; ticks follow the database's clock",
                });
            }
        } else {
            let pragmas = self.read(Store::TIMEOUT, read_pragmas).await?;
            judge_pragmas(&pragmas, &mut findings);
            findings.extend(judge_file(self.file().as_deref()));
        }
        if !self.key_is_unique().await? {
            findings.push(Finding {
                weight: Weight::Unsafe,
                guarantee: "the key of runs is unique",
                found: "the same tick could be recorded twice".to_owned(),
                cure: "restore the primary key of the table runs",
            });
        }
        Ok(findings)
    }

    /// Writes one tick twice in a transaction that is taken back, and says whether the second write was refused.
    async fn key_is_unique(&self) -> Result<bool, StoreError> {
        static PROBE: Statement = Statement::new(
            "insert into runs
                (fire_time, job_id, kind, slot, state, outcome, run_trigger, job_version, not_before, start_until)
            values (0, 0, 0, ?, 'done', 'skipped', 'schedule', 0, 0, 0)",
        );
        let slot: i64 = i64::from(std::process::id());
        // Not repeated like other writes: the refusal is the answer.
        let mut change = self.begin().await?;
        change.execute(&PROBE, args![slot]).await?;
        let second = change.execute(&PROBE, args![slot]).await;
        change.roll_back().await?;
        match second {
            Ok(_) => Ok(false),
            Err(error) if error.is_contended() => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// What a MySQL or MariaDB server says of itself.
struct Server {
    version: String,
    flush_log: i64,
    sync_binlog: i64,
    log_bin: bool,
    binlog_format: String,
    is_read_only: bool,
    isolation: String,
    sql_mode: String,
    charset: String,
    wsrep_on: String,
    other_engines: i64,
}

async fn read_server(mut link: Link) -> Result<Server, StoreError> {
    // Variables by name, since servers do not all have all of them.
    static VARIABLES: Statement = Statement::new(
        "show variables where variable_name in
            ('version', 'innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin', 'binlog_format', 'read_only',
            'tx_isolation', 'transaction_isolation', 'sql_mode', 'character_set_database', 'wsrep_on')",
    );
    static ENGINES: Statement = Statement::new(
        "select count(*) from information_schema.tables
        where table_schema = database() and table_type = 'BASE TABLE' and engine <> 'InnoDB'",
    );
    let mut variables = std::collections::HashMap::new();
    for row in &link.rows(&VARIABLES, Vec::new()).await? {
        let mut cells = row.cells();
        variables.insert(cells.text()?, cells.text()?);
    }
    let mut text = |name: &str| variables.remove(name).unwrap_or_default();
    let is_on = |text: String| matches!(text.as_str(), "ON" | "1" | "YES");
    let isolation = [text("transaction_isolation"), text("tx_isolation")].concat();
    let server = Server {
        version: text("version"),
        flush_log: text("innodb_flush_log_at_trx_commit").parse().unwrap_or(-1),
        sync_binlog: text("sync_binlog").parse().unwrap_or(-1),
        log_bin: is_on(text("log_bin")),
        binlog_format: text("binlog_format"),
        is_read_only: is_on(text("read_only")),
        isolation,
        sql_mode: text("sql_mode"),
        charset: text("character_set_database"),
        wsrep_on: text("wsrep_on"),
        other_engines: link.only_row(&ENGINES, Vec::new()).await?.cells().int()?,
    };
    Ok(server)
}

fn judge_server(server: &Server, findings: &mut Vec<Finding>) {
    let judged = [
        judge_safety(server).to_vec(),
        judge_durability(server).to_vec(),
    ];
    let bad = judged.into_iter().flatten().filter(|(is_bad, _)| *is_bad);
    findings.extend(bad.map(|(_, finding)| finding));
}

/// Without these a tick can be decided twice, or not at all: each with whether it is broken.
fn judge_safety(server: &Server) -> [(bool, Finding); 6] {
    let finding = |is_bad, guarantee, found: String, cure| {
        let weight = Weight::Unsafe;
        let finding = Finding {
            weight,
            guarantee,
            found,
            cure,
        };
        (is_bad, finding)
    };
    let Server {
        version,
        isolation,
        sql_mode,
        ..
    } = server;
    [
        finding(
            !is_new_enough(version),
            "MySQL from 8.0 or MariaDB from 10.6",
            format!("the server is {version}"),
            "upgrade the server",
        ),
        finding(
            server.other_engines > 0,
            "every table is InnoDB",
            format!("{} tables are not", server.other_engines),
            "run alter table … engine = InnoDB",
        ),
        finding(
            server.is_read_only,
            "the server takes writes",
            "it is read-only".to_owned(),
            "connect to the primary",
        ),
        finding(
            !isolation.contains("READ-COMMITTED"),
            "sessions read what is committed",
            format!("the isolation is {isolation}"),
            "let the user set session variables",
        ),
        finding(
            !sql_mode.contains("STRICT_ALL_TABLES"),
            "wrong values are errors",
            format!("sql_mode is {sql_mode:?}"),
            "let the user set session variables",
        ),
        finding(
            server.log_bin && server.binlog_format == "STATEMENT",
            "the binary log keeps rows",
            "binlog_format = STATEMENT".to_owned(),
            "set it to ROW or MIXED",
        ),
    ]
}

/// Without these a rare failure of the server can lose what it has acknowledged.
fn judge_durability(server: &Server) -> [(bool, Finding); 4] {
    let finding = |is_bad, guarantee, found: String, cure| {
        let weight = Weight::Weaker;
        let finding = Finding {
            weight,
            guarantee,
            found,
            cure,
        };
        (is_bad, finding)
    };
    [
        finding(
            server.flush_log != 1,
            "an acknowledged commit survives a crash",
            format!("innodb_flush_log_at_trx_commit = {}", server.flush_log),
            "set it to 1",
        ),
        finding(
            server.log_bin && server.sync_binlog != 1,
            "an acknowledged commit is in the binary log",
            format!("sync_binlog = {}", server.sync_binlog),
            "set it to 1",
        ),
        finding(
            matches!(server.wsrep_on.as_str(), "ON" | "1"),
            "one server decides",
            "Galera is on: writes to different servers meet at the commit only".to_owned(),
            "point every program at one and the same server",
        ),
        finding(
            server.charset != "utf8mb4",
            "names of any script can be stored",
            format!("the character set of the database is {}", server.charset),
            "run alter database … character set utf8mb4",
        ),
    ]
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    match version.contains("MariaDB") {
        true => (major, minor) >= (10, 6),
        false => major >= 8,
    }
}

struct Pragmas {
    journal_mode: String,
    synchronous: i64,
}

async fn read_pragmas(mut link: Link) -> Result<Pragmas, StoreError> {
    static JOURNAL: Statement = Statement::new("pragma journal_mode");
    static SYNCHRONOUS: Statement = Statement::new("pragma synchronous");
    Ok(Pragmas {
        journal_mode: link.only_row(&JOURNAL, Vec::new()).await?.cells().text()?,
        synchronous: link
            .only_row(&SYNCHRONOUS, Vec::new())
            .await?
            .cells()
            .int()?,
    })
}

fn judge_pragmas(pragmas: &Pragmas, findings: &mut Vec<Finding>) {
    if pragmas.journal_mode != "wal" {
        findings.push(Finding {
            weight: Weight::Weaker,
            guarantee: "readers and the writer do not block each other",
            found: format!("the journal mode is {}", pragmas.journal_mode),
            cure: "put the file on a local disk",
        });
    }
    if pragmas.synchronous < 2 {
        findings.push(Finding {
            weight: Weight::Weaker,
            guarantee: "an acknowledged commit survives a crash",
            found: format!("synchronous = {}", pragmas.synchronous),
            cure: "leave it at FULL",
        });
    }
}

/// Others of this machine must not read hashes of passwords and environments of jobs.
fn judge_file(file: Option<&Path>) -> Option<Finding> {
    const OTHERS: u32 = 0o007;
    let mode_of = |path: &Path| Some(path.metadata().ok()?.permissions().mode());
    let (file, folder) = (file?, file?.parent()?);
    let mode = mode_of(file)?;
    let is_open = mode & OTHERS != 0 && mode_of(folder)? & OTHERS != 0;
    is_open.then(|| Finding {
        weight: Weight::Weaker,
        guarantee: "only its owner reads the database",
        found: format!("{} has mode {:03o}", file.display(), mode & 0o777),
        cure: "run chmod o= on the file or its folder",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_others_may_read_is_found_unless_its_folder_keeps_them_out() {
        let folder = std::env::temp_dir().join(format!("carillon-modes-{}", std::process::id()));
        let file = folder.join("carillon.db");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&file, "").unwrap();
        let found = |folder_mode, file_mode| {
            for (path, mode) in [(&folder, folder_mode), (&file, file_mode)] {
                std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
            }
            judge_file(Some(&file)).map(|finding| finding.found)
        };

        assert!(
            found(0o755, 0o644).is_some_and(|found| found.ends_with("carillon.db has mode 644"))
        );
        assert_eq!(found(0o750, 0o644), None);
        assert_eq!(found(0o755, 0o640), None);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn servers_are_told_by_their_version() {
        for version in [
            "10.6.1-MariaDB",
            "10.11.19-MariaDB-0+deb12u1",
            "11.4.2-MariaDB",
            "8.0.36",
            "9.7.4",
        ] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["10.5.9-MariaDB", "5.7.44-log", ""] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}

//! How large the programs are, and how soon they are of use.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carillon_testbed::{Folder, Process, free_port, leashed, program, wait_until};

use crate::cluster::{Cluster, Stores};
use crate::table::{Table, mib, ms, show};
use crate::visitor::{Proof, Visitor};

/// Whoever has not answered by then will not.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures each program that serves somebody.
///
/// # Errors
/// When one does not come up.
pub async fn measure() -> Result<Table> {
    let mut table = Table::new(
        "programs",
        &["", "MiB installed", "of use when", "after ms"],
    );
    let mut add = |name: &str, path: &Path, when: &str, after_s: f64| -> Result<()> {
        let kib = installed_kib(path)?;
        table.add([
            name.to_owned(),
            mib(kib),
            when.to_owned(),
            ms(after_s * 1e3),
        ]);
        Ok(())
    };
    for stores in [Stores::Sqlite, Stores::MariaDbAndRedis] {
        let mut cluster = Cluster::found(stores).await?;
        let took = cluster.start_agents(1)?[0];
        let name = format!("agent, {}", stores.name());
        add(&name, &program("agent")?, "it claims ticks", took)?;
    }
    let cluster = Cluster::found(Stores::MariaDbAndRedis).await?;
    let took = answers_after("admin", |command, port| {
        command
            .arg("start")
            .env("CARILLON_DATABASE__URL", cluster.url())
            .env("CARILLON_ADMIN__LISTEN", format!("127.0.0.1:{port}"));
    })?;
    add("admin", &program("admin")?, "it answers", took)?;
    let folder = Folder::create()?;
    let took = answers_after("carillon", |command, port| {
        command
            .args(["up", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(folder.path());
    })?;
    add(
        "carillon up, nothing there yet",
        &program("carillon")?,
        "it answers",
        took,
    )?;
    show(&table);
    Ok(table)
}

/// How large the file is without what only a debugger reads, as packages have it.
fn installed_kib(path: &Path) -> Result<u64> {
    let folder = Folder::create()?;
    let copy = folder.join("stripped");
    let mut strip = Command::new("strip");
    let status = strip.arg("-o").arg(&copy).arg(path).status();
    let status = status.context("starting strip, which Debian has in binutils")?;
    ensure!(status.success(), "strip refused {}", path.display());
    Ok(copy.metadata()?.len() / 1024)
}

/// Starts a program and returns how many seconds later it answers.
fn answers_after(name: &str, arrange: impl FnOnce(&mut Command, u16)) -> Result<f64> {
    let folder = Folder::create()?;
    let port = free_port()?;
    let mut command = leashed(program(name)?);
    arrange(&mut command, port);
    let since = Instant::now();
    let process = Process::start(name, command, &folder.join("log"))?;
    wait_until(name, PATIENCE, || {
        let answer = Visitor::connect(port, Proof::None)
            .ok()?
            .get("/healthz")
            .ok()?;
        (answer.status == 200).then_some(())
    });
    let took = since.elapsed().as_secs_f64();
    drop(process);
    Ok(took)
}

//! One MariaDB server for all tests of a run that only need a database in it.
//!
//! The test runner starts a process per test. The first that asks starts the server; it belongs to
//! the *run* and is stopped by a watcher when the runner's process has gone, however it went.
//! Without such a runner (plain `cargo test`) the server belongs to the test process.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result};

use crate::database::Database;
use crate::flavour::Flavour;
use crate::folder::{Folder, root_folder};
use crate::place::Place;
use crate::port::{free_port, lock_port};
use crate::process::{Process, leash};

/// A new empty database on the MariaDB server shared by this test run.
///
/// Tests that kill, pause or reconfigure the server start their own, a [`crate::MariaDb`].
///
/// # Errors
/// When MariaDB is not installed or does not come up.
pub fn mariadb_database() -> Result<Database> {
    Database::create(&shared_place(Flavour::MariaDb)?)
}

/// The same on a real MySQL 9, where there is one: `scripts/fetch-mysql` unpacks it and
/// `CARILLON_MYSQL9_DIR` names its folder. Otherwise says so and returns nothing; the test passes.
///
/// # Errors
/// When the variable is set and the server does not come up.
pub fn mysql9_database() -> Result<Option<Database>> {
    let Some(flavour) = Flavour::mysql9() else {
        eprintln!("skipped on MySQL 9: CARILLON_MYSQL9_DIR is not set, see scripts/fetch-mysql");
        return Ok(None);
    };
    Database::create(&shared_place(flavour)?).map(Some)
}

fn shared_place(flavour: Flavour) -> Result<Place> {
    match std::env::var("NEXTEST_RUN_ID") {
        Ok(run) => server_of_run(&run, flavour),
        Err(_) => server_of_process(flavour),
    }
}

/// Servers of this process, by kind; killed by their leash when it ends.
type Servers = Mutex<Vec<(Place, Process, Folder)>>;

fn server_of_process(flavour: Flavour) -> Result<Place> {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    let servers = SERVERS.get_or_init(Servers::default);
    let mut servers = servers
        .lock()
        .expect("starting a server returns its errors");
    let running = servers
        .iter()
        .find(|(place, ..)| place.flavour.name() == flavour.name());
    if let Some((place, ..)) = running {
        return Ok(place.clone());
    }
    let folder = Folder::create()?;
    let port = free_port()?;
    let place = Place {
        flavour,
        folder: folder.path().to_owned(),
        port,
        extra: Vec::new(),
    };
    place.lay_out()?;
    let process = place.start(leash())?;
    servers.push((place.clone(), process, folder));
    Ok(place)
}

/// Finds the server of this run or starts it; a lock makes the others wait for the first.
fn server_of_run(run: &str, flavour: Flavour) -> Result<Place> {
    let folder = root_folder()?.join(format!("run-{run}-{}", flavour.name()));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let address = folder.join("port");
    if let Ok(port) = fs::read_to_string(&address) {
        let port = port
            .trim()
            .parse()
            .context("reading the port of the shared server")?;
        return Ok(Place {
            flavour,
            folder,
            port,
            extra: Vec::new(),
        });
    }
    sweep_old_runs();
    let (port, port_lock) = lock_port()?;
    let place = Place {
        flavour,
        folder,
        port,
        extra: Vec::new(),
    };
    place.lay_out()?;
    start_for_run(&place, port_lock)?;
    fs::write(&address, port.to_string())?;
    Ok(place)
}

/// Starts the server and its watcher outside this test's process group and leash. The watcher
/// inherits the lock of the port as its standard input and so keeps the port ours.
fn start_for_run(place: &Place, port_lock: File) -> Result<()> {
    let runner = std::os::unix::process::parent_id();
    let server = place.start(Command::new("setsid"))?;
    let script = format!(
        "tail --pid={runner} -f /dev/null; kill -9 {}; rm -rf \"$0\"",
        server.pid()
    );
    Command::new("setsid")
        .args(["sh", "-c", &script])
        .arg(&place.folder)
        .stdin(port_lock)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the watcher of the shared server")?;
    // The server outlives this process on purpose: its end is the watcher's duty.
    std::mem::forget(server);
    Ok(())
}

/// Folders of runs whose watcher was killed too (a reboot, a container that ended).
fn sweep_old_runs() {
    let Ok(root) = root_folder() else { return };
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries.flatten() {
        let is_run = entry.file_name().to_string_lossy().starts_with("run-");
        if is_run && server_is_gone(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A run that is just starting has no pid file yet and must not be swept: only a pid that is
/// written down and dead counts.
fn server_is_gone(folder: &Path) -> bool {
    let Ok(pid) = fs::read_to_string(folder.join("pid")) else {
        return false;
    };
    !Path::new("/proc").join(pid.trim()).exists()
}

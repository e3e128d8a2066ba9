//! Finds the workspace's own programs for tests of other crates.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The path of the workspace program `name`, up to date with its sources.
///
/// Cargo only promises a test the binaries of its own package. This looks beside the test's own
/// executable and asks cargo to build what is absent or older than one of its sources.
///
/// # Errors
/// When the workspace has no such program or it does not compile.
pub fn program(name: &str) -> Result<PathBuf> {
    for variable in [
        format!("CARGO_BIN_EXE_{name}"),
        format!("NEXTEST_BIN_EXE_{name}"),
    ] {
        if let Some(path) = std::env::var_os(variable) {
            return Ok(path.into());
        }
    }
    let folder = profile_folder()?;
    let path = folder.join(name);
    if !is_current(&path) {
        build(name, &folder)?;
    }
    if !path.exists() {
        bail!("cargo built {name}, but {} does not exist", path.display());
    }
    Ok(path)
}

/// `target/<profile>`: two folders above a test (`deps/test-…`), one above a program.
fn profile_folder() -> Result<PathBuf> {
    let test = std::env::current_exe().context("asking for the test's own path")?;
    test.ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps") && folder.join("deps").is_dir())
        .map(Path::to_owned)
        .with_context(|| format!("{} is not inside a cargo target folder", test.display()))
}

/// Cargo writes the list of sources of each program beside it, as one line of a make file.
fn is_current(program: &Path) -> bool {
    let modified = |path: &Path| {
        path.metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    let Some(built) = modified(program) else {
        return false;
    };
    let Ok(rule) = std::fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    let Some((_, sources)) = rule.split_once(": ") else {
        return false;
    };
    sources
        .split_whitespace()
        .all(|source| modified(Path::new(source)).is_some_and(|at| at <= built))
}

/// Builds in the same target folder and profile as the running test.
fn build(name: &str, folder: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the workspace has a root")?;
    let output = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--bin",
            name,
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(
            folder
                .parent()
                .context("a profile folder is inside a target folder")?,
        )
        .current_dir(root)
        .output()
        .context("starting cargo")?;
    if !output.status.success() {
        bail!(
            "building {name} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

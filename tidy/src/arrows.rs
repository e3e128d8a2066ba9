//! Who may use whom, read from `cargo metadata`, so that the picture cannot go stale.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each package may depend on of the others. Tests may also use the testbed.
const ARROWS: &[(&str, &[&str])] = &[
    ("carillon-core", &[]),
    ("carillon-lifecycle", &[]),
    ("carillon-redis", &[]),
    ("carillon-testbed", &[]),
    ("carillon-tidy", &[]),
    ("carillon-store", &["carillon-core"]),
    ("carillon-runner", &["carillon-core", "carillon-lifecycle"]),
    ("carillon-sim", &["carillon-core"]),
    (
        "carillon-agent",
        &[
            "carillon-core",
            "carillon-store",
            "carillon-runner",
            "carillon-lifecycle",
            "carillon-redis",
        ],
    ),
    (
        "carillon-admin",
        &[
            "carillon-core",
            "carillon-store",
            "carillon-lifecycle",
            "carillon-redis",
        ],
    ),
    (
        "carillon-monitor",
        &["carillon-core", "carillon-store", "carillon-lifecycle"],
    ),
    (
        "carillon",
        &[
            "carillon-core",
            "carillon-store",
            "carillon-runner",
            "carillon-lifecycle",
            "carillon-agent",
            "carillon-admin",
            "carillon-monitor",
        ],
    ),
    (
        "carillon-bench",
        &[
            "carillon-agent",
            "carillon-core",
            "carillon-store",
            "carillon-runner",
            "carillon-lifecycle",
            "carillon-testbed",
        ],
    ),
];

/// Libraries that only some packages may know. Benchmarks measure them bare, side by side.
const RESERVED: &[(&str, &[&str])] = &[
    ("sqlx", &["carillon-store", "carillon-bench"]),
    (
        "redis",
        &["carillon-redis", "carillon-agent", "carillon-bench"],
    ),
    ("axum", &["carillon-admin"]),
    ("axum-extra", &["carillon-admin"]),
    ("argon2", &["carillon-admin"]),
    ("lettre", &["carillon-monitor"]),
];

/// Packages that do no I/O: the runtime, clocks and sockets stay out of them.
const PURE: [&str; 2] = ["carillon-core", "carillon-sim"];
const IMPURE_LIBRARIES: [&str; 8] = [
    "tokio",
    "rustix",
    "libc",
    "sqlx",
    "redis",
    "reqwest",
    "getrandom",
    "tracing",
];

/// One package as cargo describes it.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What it needs to be built.
    pub uses: Vec<String>,
    /// What its tests need besides.
    pub tests_use: Vec<String>,
}

/// Asks cargo for the packages of the workspace.
///
/// # Panics
/// When cargo cannot be asked.
#[must_use]
pub fn packages() -> Vec<Package> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tidy is in a workspace");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .expect("cargo runs this test, so it can be started");
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let packages = metadata["packages"]
        .as_array()
        .expect("metadata has packages");
    packages.iter().map(read_package).collect()
}

/// Complaints about dependencies that the picture does not have.
#[must_use]
pub fn forbidden_arrows(packages: &[Package]) -> Vec<String> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut complaints = Vec::new();
    for package in packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            complaints.push(format!(
                "{} is missing in tidy's table of arrows",
                package.name
            ));
            continue;
        };
        for used in package.uses.iter().filter(|used| ours(used)) {
            if !allowed.contains(&used.as_str()) {
                complaints.push(format!("{} must not use {used}", package.name));
            }
        }
        for used in package.tests_use.iter().filter(|used| ours(used)) {
            if !allowed.contains(&used.as_str()) && used != "carillon-testbed" {
                complaints.push(format!("tests of {} must not use {used}", package.name));
            }
        }
    }
    complaints
}

/// Complaints about libraries in packages that must not know them.
#[must_use]
pub fn forbidden_libraries(packages: &[Package]) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in packages {
        for (library, allowed) in RESERVED {
            let uses = package.uses.iter().any(|used| used == library);
            if uses && !allowed.contains(&package.name.as_str()) {
                complaints.push(format!("{} must not know {library}", package.name));
            }
        }
        for library in IMPURE_LIBRARIES {
            let uses = package.uses.iter().any(|used| used == library);
            if uses && PURE.contains(&package.name.as_str()) {
                complaints.push(format!(
                    "{} is pure and must not know {library}",
                    package.name
                ));
            }
        }
    }
    complaints
}

fn read_package(package: &Value) -> Package {
    let names = |of_tests: bool| {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        dependencies
            .filter(|dependency| (dependency["kind"] == "dev") == of_tests)
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect()
    };
    let name = package["name"]
        .as_str()
        .expect("a package has a name")
        .to_owned();
    Package {
        name,
        uses: names(false),
        tests_use: names(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[&str], tests_use: &[&str]) -> Package {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Package {
            name: name.to_owned(),
            uses: owned(uses),
            tests_use: owned(tests_use),
        }
    }

    #[test]
    fn sideways_and_upward_arrows_are_seen() {
        let packages = [
            package("carillon-core", &["carillon-store"], &[]),
            package("carillon-store", &["carillon-core"], &["carillon-testbed"]),
            package("carillon-agent", &["carillon-core"], &["carillon-admin"]),
            package("carillon-admin", &["carillon-agent", "axum"], &[]),
            package("carillon-testbed", &[], &[]),
            package("carillon-stray", &[], &[]),
        ];

        assert_eq!(
            forbidden_arrows(&packages),
            [
                "carillon-core must not use carillon-store",
                "tests of carillon-agent must not use carillon-admin",
                "carillon-admin must not use carillon-agent",
                "carillon-stray is missing in tidy's table of arrows",
            ]
        );
    }

    #[test]
    fn libraries_in_the_wrong_place_are_seen() {
        let packages = [
            package("carillon-admin", &["axum", "sqlx"], &["redis"]),
            package("carillon-core", &["jiff", "tokio"], &[]),
        ];

        assert_eq!(
            forbidden_libraries(&packages),
            [
                "carillon-admin must not know sqlx",
                "carillon-core is pure and must not know tokio",
            ]
        );
    }
}

//! Variables whose values come from files of the node: who gets them, who does not, and where they never appear.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use carillon_core::launch::{LaunchSpec, StartFailure};
use carillon_runner::protocol::NotStarted;

use crate::rig::{Rig, spec};

/// What nobody but the command may see.
const VALUE: &str = "correct-horse-battery-staple";

struct Secrets(tempfile::TempDir);

impl Secrets {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn rig(&self, allowed: &[&str]) -> Rig {
        let mut arguments = vec!["--secrets", self.0.path().to_str().unwrap()];
        allowed
            .iter()
            .for_each(|user| arguments.extend(["--allow-user", user]));
        Rig::with(&arguments).await
    }

    fn write(&self, name: &str, owner: Option<u32>) {
        let path = self.0.path().join(name);
        std::fs::write(&path, format!("{VALUE}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        if owner.is_some() {
            chown(&path, owner, owner).unwrap();
        }
    }
}

fn job(command: &str, name: &str) -> LaunchSpec {
    LaunchSpec {
        secrets: vec![("DB_PASSWORD".to_owned(), name.parse().unwrap())],
        ..spec(command)
    }
}

/// Whether any file below the folder holds the value.
fn holds_value(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
        is_file && {
            let bytes = std::fs::read(&path).unwrap();
            bytes
                .windows(VALUE.len())
                .any(|window| window == VALUE.as_bytes())
        }
    })
}

#[tokio::test]
async fn command_gets_the_value_and_the_runner_keeps_it_nowhere() {
    let secrets = Secrets::new();
    secrets.write("db", None);
    let mut rig = secrets.rig(&[]).await;

    let token = rig
        .start(job(
            r#"printf %s "$DB_PASSWORD" | wc -c; env | grep -c DB_PASSWORD; sleep 30"#,
            "db",
        ))
        .await;
    let seen = rig.until_said(token, "1\n").await;

    assert_eq!(seen.stdout(), format!("{}\n1\n", VALUE.len()));
    assert!(rig.path().join("runner.journal").exists());
    assert!(!holds_value(rig.path()), "the value is on the disk");
    rig.kill(token).await;
    rig.ended(token).await;
    assert!(!holds_value(rig.path()), "the value is on the disk");
}

#[tokio::test]
async fn missing_secret_is_told_by_variable_and_path_and_nothing_runs() {
    let secrets = Secrets::new();
    let mut rig = secrets.rig(&[]).await;
    let mark = rig.path().join("ran");

    let refused = rig
        .refuse(job(&format!("touch {}", mark.display()), "db"))
        .await;

    let NotStarted::Failed { why } = refused else {
        panic!("{refused:?}")
    };
    let said = why.to_string();
    let path = secrets.0.path().join("db");
    assert!(
        said.contains("DB_PASSWORD") && said.contains(path.to_str().unwrap()),
        "{said}"
    );
    assert!(!why.is_of_node(), "another node is no cure for the job");
    assert!(!mark.exists());
}

#[tokio::test]
async fn dangerous_variables_are_refused_as_secrets_too() {
    let secrets = Secrets::new();
    secrets.write("db", None);
    let mut rig = secrets.rig(&[]).await;

    for variable in ["LD_PRELOAD", "CARILLON_TOKEN", "BASH_ENV"] {
        let refused = rig
            .refuse(LaunchSpec {
                secrets: vec![(variable.to_owned(), "db".parse().unwrap())],
                ..spec("true")
            })
            .await;
        assert!(
            matches!(&refused, NotStarted::Failed { why: StartFailure::Environment { name, .. } } if name == variable),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn runner_that_is_root_gives_each_user_only_what_is_its_own() {
    let secrets = Secrets::new();
    let mut rig = secrets.rig(&["daemon", "bin"]).await;
    if !rig.hello.may_switch_users {
        eprintln!("skipped: only root can become other users");
        return;
    }
    secrets.write("of-root", None);
    secrets.write("of-daemon", Some(1));
    let as_user = |user: Option<&str>, name: &str| LaunchSpec {
        run_as: user.map(str::to_owned),
        ..job(r#"printf %s "$DB_PASSWORD""#, name)
    };

    assert_eq!(
        rig.run(as_user(Some("daemon"), "of-daemon")).await.stdout(),
        VALUE
    );
    assert_eq!(rig.run(as_user(None, "of-root")).await.stdout(), VALUE);
    for (user, name) in [
        (Some("daemon"), "of-root"),
        (Some("bin"), "of-daemon"),
        (None, "of-daemon"),
    ] {
        let refused = rig.refuse(as_user(user, name)).await;
        let NotStarted::Failed {
            why: StartFailure::Secret { reason, .. },
        } = refused
        else {
            panic!("{user:?} {name}: {refused:?}")
        };
        assert!(reason.contains("belongs to user"), "{reason}");
    }
}

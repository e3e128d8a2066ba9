//! How often a job's limits would have been news, asked by the command.

use carillon_core::job::JobSpec;
use carillon_core::run::Outcome;
use carillon_testbed::{leashed, program};

use crate::history::succeed;
use crate::on_both;
use crate::scene::Scene;

fn back_test(scene: &Scene, arguments: &[&str]) -> (bool, String) {
    let output = leashed(program("monitor").unwrap())
        .arg("back-test")
        .args(arguments)
        .env("CARILLON_DATABASE__URL", &scene.url)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

on_both! {
    async fn past_runs_are_held_against_limits_and_nothing_is_touched(scene) {
        let node = scene.node("web-1").await;
        let job = scene.job("nightly backup", JobSpec::default()).await;
        succeed(&mut scene, &job, &node, &[60, 60, 60, 60, 60, 121, 60]).await;
        scene.run(&job, &node, Outcome::Failed).await;
        let notices_before = scene.store.notices(0, 10).await.unwrap();

        let (is_done, asked) = back_test(&scene, &["nightly backup", "--slower-times", "2"]);
        let (_, patient) = back_test(&scene, &["nightly backup", "--slower-times", "3", "--failures", "2"]);
        let (is_absent, absent) = back_test(&scene, &["nothing"]);

        assert!(is_done, "{asked}");
        assert!(asked.starts_with("job nightly backup: all 8 runs of the last 30 days"), "{asked}");
        for line in ["job_slower           1\n", "job_failed           1\n", "job_late             no limit\n"] {
            assert!(asked.contains(line), "{line} in {asked}");
        }
        for line in ["job_slower           0\n", "job_failed           0\n"] {
            assert!(patient.contains(line), "{line} in {patient}");
        }
        assert!(!is_absent && absent.contains("there is no job"), "{absent}");
        assert_eq!(notices_before.len(), 1);
        assert_eq!(scene.store.notices(0, 10).await.unwrap(), notices_before);
        assert!(scene.store.open_incidents().await.unwrap().is_empty());
    }
}

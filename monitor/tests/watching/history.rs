//! Runs against their job's own history, and what a node and the API tokens run out of.

use carillon_core::job::{Job, JobSpec};
use carillon_core::run::{Conclusion, News, Outcome};
use carillon_core::watch::Watch;
use carillon_store::NewToken;
use carillon_testbed::wait_until_async;
use jiff::SignedDuration;

use crate::on_both;
use crate::scene::{Node, SOON, Scene, editor};

fn spec(watch: Watch) -> JobSpec {
    JobSpec {
        watch,
        ..JobSpec::default()
    }
}

/// Runs that succeeded after so many seconds each, as their reports tell it.
pub(crate) async fn succeed(scene: &mut Scene, job: &Job, node: &Node, seconds: &[i64]) {
    for seconds in seconds {
        let request = scene.claim(job, node).await;
        let at = request.tick.fire_time;
        let news = News::Ended {
            started_at: Some(at - SignedDuration::from_secs(*seconds)),
            at,
            ending: Conclusion {
                outcome: Outcome::Succeeded,
                exit_code: Some(0),
                signal: None,
                reason: None,
                detail: None,
            },
        };
        scene.report(&request, news).await;
    }
}

on_both! {
    async fn a_run_that_takes_longer_than_usual_is_told_with_the_figures(scene) {
        let node = scene.node("web-1").await;
        let watch = Watch { slower_times: Some(2), ..Watch::default() };
        let slower = scene.job("slower", spec(watch)).await;
        let new = scene.job("new", spec(watch)).await;
        let plain = scene.job("plain", JobSpec::default()).await;
        succeed(&mut scene, &slower, &node, &[60, 61, 3600, 60, 59]).await;
        // Four successes are too few to know what is usual.
        succeed(&mut scene, &new, &node, &[60; 4]).await;
        succeed(&mut scene, &plain, &node, &[60; 5]).await;
        for job in [&new, &plain, &slower] {
            let request = scene.claim(job, &node).await;
            let at = request.tick.fire_time - SignedDuration::from_secs(121);
            scene.report(&request, News::Started { at }).await;
        }

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job slower takes longer than usual"]);
        // The mail's lines are folded.
        let text = scene.mail.mails()[0].text().replace("=\r\n", "").replace("=\n", "");
        for part in ["usually it takes 1 min", "the median of its last 5 successes", "more than 2 min is news"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(scene.store.open_incidents().await.unwrap().len(), 1);
    }

    async fn a_success_that_comes_sooner_than_usual_is_told_until_the_next_usual_one(scene) {
        let node = scene.node("web-1").await;
        let watch = Watch { faster_times: Some(3), ..Watch::default() };
        let empty = scene.job("empty", spec(watch)).await;
        let short = scene.job("short", spec(watch)).await;
        succeed(&mut scene, &empty, &node, &[60, 60, 60, 60, 60, 19]).await;
        // What usually takes less than ten seconds varies.
        succeed(&mut scene, &short, &node, &[9, 9, 9, 9, 9, 0]).await;

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        succeed(&mut scene, &empty, &node, &[58]).await;
        let all = scene.subjects(2);
        scene.stop_monitors().await;

        assert_eq!(subjects, ["[Carillon] job empty was done sooner than usual"]);
        assert!(all[1].starts_with("[Carillon] job empty is well again after "), "{all:?}");
        assert_eq!(scene.mail.mails().len(), 2);
    }

    async fn a_token_that_ends_soon_is_told_until_it_is_revoked(scene) {
        scene.options.thresholds.expiry_ahead = SignedDuration::from_secs(20);
        let user = scene.store.create_user("ann", "", &[], &editor()).await.unwrap();
        let mut soon = 0;
        // The second was made to end, the third ends long after.
        for (place, name, seconds) in [(1, "deploy", 41), (2, "short", 39), (3, "later", 3600)] {
            let token = NewToken {
                secret_hash: [place; 32],
                user,
                name: name.to_owned(),
                scope: None,
                lasts: Some(SignedDuration::from_secs(seconds)),
            };
            let id = scene.store.create_token(&token, &editor()).await.unwrap();
            soon = if place == 1 { id } else { soon };
        }

        scene.start_monitor("mon");
        let subjects = scene.subjects(1);
        let told_of = scene.store.open_incidents().await.unwrap();
        scene.store.revoke_token(soon, &editor()).await.unwrap();
        let store = scene.store.clone();
        wait_until_async("the incident to end", SOON, async || {
            store.open_incidents().await.unwrap().is_empty().then_some(())
        })
        .await;
        scene.stop_monitors().await;

        assert!(subjects[0].starts_with("[Carillon] the API token deploy (ann) works until "), "{subjects:?}");
        assert_eq!(told_of.len(), 1);
        assert_eq!(scene.mail.mails().len(), 1);
    }
}

//! Reports are recorded once, however often they come.

use carillon_core::overlap::Overlap;
use carillon_core::run::{News, Preference, Report};
use carillon_core::run::{Outcome, Reason};
use carillon_store::ReportAnswer::{AlreadyApplied, Applied, NotYours};
use jiff::SignedDuration;

use crate::on_both;
use crate::world::{ended, retrying, started};

on_both! {
    async fn a_report_is_recorded_once(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let request = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[request]).await.unwrap();
        let reports = [started(&request), ended(&request, Outcome::Failed)];

        let first = world.store.report(&reports).await.unwrap();
        let again = world.store.report(&reports).await.unwrap();

        assert_eq!(first, [Applied, Applied]);
        assert_eq!(again, [AlreadyApplied, AlreadyApplied]);
        assert_eq!(world.store.notices(0, 10).await.unwrap().len(), 1);
        let totals = world.store.run_totals(request.tick.fire_time - SignedDuration::from_mins(2), request.tick.fire_time + SignedDuration::from_mins(2)).await.unwrap();
        assert_eq!((totals.len(), totals[0].runs, totals[0].outcome), (1, 1, Outcome::Failed));
    }

    async fn a_strangers_report_changes_nothing(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let request = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[request]).await.unwrap();
        let mut forged = ended(&request, Outcome::Succeeded);
        forged.token = world.mint.mint();

        assert_eq!(world.store.report(&[forged]).await.unwrap(), [NotYours]);
        assert_eq!(world.store.report(&[ended(&request, Outcome::Succeeded)]).await.unwrap(), [Applied]);
    }

    async fn a_retry_keeps_the_attempt_and_offers_the_next(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let request = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[request]).await.unwrap();
        let retrying = retrying(&request, Preference::RatherNot(claimant.node));
        let before = world.store.bulletin().await.unwrap();

        assert_eq!(world.store.report(std::slice::from_ref(&retrying)).await.unwrap(), [Applied]);
        assert_eq!(world.store.report(&[retrying]).await.unwrap(), [AlreadyApplied]);

        let after = world.store.bulletin().await.unwrap();
        assert!(after.offers_revision > before.offers_revision);
        let offers = world.store.offers(10).await.unwrap();
        assert_eq!((offers.len(), offers[0].attempt), (1, 2));
        let attempts = world.store.attempts(request.tick).await.unwrap();
        assert_eq!((attempts.len(), attempts[0].ending.outcome), (1, Outcome::Failed));
    }

    async fn what_was_handed_back_is_offered_to_others(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let request = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[request]).await.unwrap();
        let back = Report {
            tick: request.tick,
            token: request.token,
            news: News::HandedBack { until: request.start_until, reason: Reason::SpawnRefused },
        };

        assert_eq!(world.store.report(&[back]).await.unwrap(), [Applied]);

        let offers = world.store.offers(10).await.unwrap();
        assert_eq!((offers.len(), offers[0].preference), (1, Preference::RatherNot(claimant.node)));
    }
}

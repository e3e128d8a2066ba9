//! An offered run is taken once, by whoever may, when its turn has come.

use carillon_core::claim::ClaimAnswer::{Lost, Refused, Settled, Won};
use carillon_core::overlap::Overlap;
use carillon_core::run::{Outcome, Preference};
use carillon_store::JobChange;
use jiff::SignedDuration;

use crate::on_both;
use crate::world::{editor, ended, handed_back, retrying, started};

on_both! {
    async fn a_queued_tick_goes_on_when_the_run_before_it_has_ended(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Queue(2)).await, world.node("a").await);
        let fire_time = world.soon().await;
        let first = world.request(&job, fire_time);
        let second = world.request(&job, fire_time + SignedDuration::from_micros(1));
        let third = world.request(&job, fire_time + SignedDuration::from_micros(2));
        world.store.claim(claimant, &[first, second, third]).await.unwrap();
        let offers = world.store.offers(10).await.unwrap();
        let asked: Vec<_> = offers.iter().map(|&offer| (offer, world.mint.mint())).collect();

        assert_eq!(world.store.take_offers(claimant, &asked).await.unwrap(), [Refused, Refused]);
        let before = world.store.bulletin().await.unwrap();
        world.store.report(&[ended(&first, Outcome::Succeeded)]).await.unwrap();
        let after = world.store.bulletin().await.unwrap();

        assert!(after.offers_revision > before.offers_revision);
        assert_eq!(world.store.take_offers(claimant, &asked).await.unwrap(), [Won, Refused]);
        assert_eq!(world.store.take_offers(claimant, &asked).await.unwrap(), [Won, Refused]);
    }

    async fn an_offer_is_taken_by_one_of_two(mut world) {
        let (job, a) = (world.job("a", Overlap::Queue(1)).await, world.node("a").await);
        let b = world.node("b").await;
        let fire_time = world.soon().await;
        let first = world.request(&job, fire_time);
        let second = world.request(&job, fire_time + SignedDuration::from_micros(1));
        world.store.claim(a, &[first, second]).await.unwrap();
        world.store.report(&[ended(&first, Outcome::Succeeded)]).await.unwrap();
        let offer = world.store.offers(10).await.unwrap()[0];

        let mine = world.store.take_offers(a, &[(offer, world.mint.mint())]).await.unwrap();
        let theirs = world.store.take_offers(b, &[(offer, world.mint.mint())]).await.unwrap();

        assert_eq!((mine[0], theirs[0]), (Won, Lost));
    }

    async fn an_edit_takes_back_what_was_offered(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Queue(1)).await, world.node("a").await);
        let fire_time = world.soon().await;
        let first = world.request(&job, fire_time);
        let second = world.request(&job, fire_time + SignedDuration::from_micros(1));
        world.store.claim(claimant, &[first, second]).await.unwrap();
        let offer = world.store.offers(10).await.unwrap()[0];
        world.store.change_job(job.id, job.version, &JobChange::Disable, &editor()).await.unwrap();

        let taken = world.store.take_offers(claimant, &[(offer, world.mint.mint())]).await.unwrap();

        assert_eq!(taken, [Settled]);
        assert!(world.store.offers(10).await.unwrap().is_empty());
    }

    async fn a_lost_run_that_comes_back_waits_while_its_place_is_taken(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let fire_time = world.soon().await;
        let first = world.request(&job, fire_time);
        let second = world.request(&job, fire_time + SignedDuration::from_micros(1));
        world.store.claim(claimant, &[first]).await.unwrap();
        world.store.report(&[started(&first), ended(&first, Outcome::Lost)]).await.unwrap();
        assert_eq!(world.store.claim(claimant, &[second]).await.unwrap().answers, [Won]);
        // Its node comes back: it had failed, and has one more attempt.
        world.store.report(&[retrying(&first, Preference::Any)]).await.unwrap();
        let offer = world.store.offers(10).await.unwrap()[0];
        let asked = [(offer, world.mint.mint())];

        let at_once = world.store.take_offers(claimant, &asked).await.unwrap();
        world.store.report(&[ended(&second, Outcome::Succeeded)]).await.unwrap();
        let afterwards = world.store.take_offers(claimant, &asked).await.unwrap();

        assert_eq!((offer.attempt, at_once[0], afterwards[0]), (2, Refused, Won));
    }

    async fn a_node_gets_no_second_seat_of_a_tick(mut world) {
        let job = world.job("a", Overlap::Allow(9)).await;
        let (a, b) = (world.node("a").await, world.node("b").await);
        let first = world.request(&job, world.soon().await);
        let mut second = world.request(&job, first.tick.fire_time);
        second.tick.slot = 1;
        world.store.claim(a, &[first]).await.unwrap();
        world.store.claim(b, &[second]).await.unwrap();
        world.store.report(&[ended(&first, Outcome::Succeeded), handed_back(&second)]).await.unwrap();
        let offer = world.store.offers(10).await.unwrap()[0];

        let by_a = world.store.take_offers(a, &[(offer, world.mint.mint())]).await.unwrap();
        let by_b = world.store.take_offers(b, &[(offer, world.mint.mint())]).await.unwrap();

        assert_eq!((by_a[0], by_b[0]), (Refused, Won));
    }
}

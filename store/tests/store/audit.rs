//! Every tick of the past gets its one outcome; runs whose owner is gone are lost until he says otherwise.

use carillon_core::claim::ClaimAnswer::{Refused, Won};
use carillon_core::overlap::Overlap;
use carillon_core::run::{Outcome, Phase, Reason, Trigger};
use carillon_core::settlement::{Settlement, Verdict};
use carillon_core::tick::Tick;
use carillon_store::ReportAnswer::{AlreadyApplied, Applied};
use carillon_store::{RunFilter, Settled};
use jiff::SignedDuration;

use crate::on_both;
use crate::world::{ended, started};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

on_both! {
    async fn a_closed_span_is_claimed_by_nobody(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let fire_time = world.soon().await;
        let (inside, after) = (world.request(&job, fire_time), world.request(&job, fire_time + SignedDuration::from_micros(1)));

        assert_eq!(world.store.close_until(fire_time).await.unwrap(), fire_time);
        assert_eq!(world.store.close_until(fire_time - SECOND).await.unwrap(), fire_time);

        assert_eq!(world.store.claim(claimant, &[inside, after]).await.unwrap().answers, [Refused, Won]);
    }

    async fn what_is_absent_is_settled_once(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let fire_time = world.soon().await;
        let ran = world.request(&job, fire_time);
        world.store.claim(claimant, &[ran]).await.unwrap();
        let at = |seconds| Tick::scheduled(job.id, fire_time + SECOND * seconds, 0);
        let settle = |tick: Tick, verdict| Settlement { tick, version: 1, verdict, until_time: tick.fire_time, tick_count: 1 };
        let settlements = [
            settle(at(0), Verdict::Miss(Reason::NoAgent)),
            settle(at(1), Verdict::Miss(Reason::NoAgent)),
            settle(at(2), Verdict::Skip(Reason::Coalesced)),
            settle(at(3), Verdict::Offer { trigger: Trigger::CatchUp, until: fire_time + SECOND * 60 }),
        ];

        let first = world.store.settle(&settlements).await.unwrap();
        let again = world.store.settle(&settlements).await.unwrap();

        use Settled::{AlreadyDecided, Made};
        assert_eq!(first, [AlreadyDecided, Made, Made, Made]);
        assert_eq!(again, [AlreadyDecided; 4]);
        let found = world.store.found_ticks(fire_time - SECOND, fire_time + SECOND * 9, None, 100).await.unwrap();
        assert_eq!(found.iter().map(|found| found.tick).collect::<Vec<_>>(), [at(0), at(1), at(2), at(3)]);
        let rest = world.store.found_ticks(fire_time - SECOND, fire_time + SECOND * 9, Some(at(1)), 1).await.unwrap();
        assert_eq!(rest.iter().map(|found| found.tick).collect::<Vec<_>>(), [at(2)]);
        assert_eq!(world.store.offers(10).await.unwrap().len(), 1);
        assert_eq!(world.store.notices(0, 10).await.unwrap().len(), 1);
    }

    async fn a_long_outage_is_one_record_unless_something_ran_in_it(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let fire_time = world.soon().await;
        let ran = world.request(&job, fire_time);
        world.store.claim(claimant, &[ran]).await.unwrap();
        let many = |from, until, count| Settlement {
            tick: Tick::scheduled(job.id, from, 0),
            version: 1,
            verdict: Verdict::Miss(Reason::NoAgent), until_time: until, tick_count: count,
        };

        let over = many(fire_time - SECOND * 11, fire_time + SECOND * 10, 21);
        let before = many(fire_time - SECOND * 10, fire_time - SECOND, 10);
        let settled = world.store.settle(&[over, before]).await.unwrap();

        assert_eq!(settled, [Settled::Contested, Settled::Made]);
        let missed = RunFilter { outcomes: vec![Outcome::Missed], ..RunFilter::default() };
        let listed = world.store.runs(&missed, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].run.tick_count, listed[0].run.until), (1, 10, Some(fire_time - SECOND)));
    }

    async fn the_watermark_moves_once_and_only_behind_the_closed_span(world) {
        let from = world.store.bulletin().await.unwrap().audited_until;
        let to = from + SECOND;

        assert!(!world.store.advance_watermark(from, to).await.unwrap());
        world.store.close_until(to).await.unwrap();
        assert!(world.store.advance_watermark(from, to).await.unwrap());
        assert!(world.store.advance_watermark(from, to).await.unwrap());
        assert!(!world.store.advance_watermark(from, to + SECOND).await.unwrap());
    }

    async fn a_lost_run_is_corrected_once_by_its_owners_late_report(mut world) {
        let (job, claimant) = (world.job("a", Overlap::Skip).await, world.node("a").await);
        let request = world.request(&job, world.soon().await);
        world.store.claim(claimant, &[request]).await.unwrap();
        world.store.report(&[started(&request)]).await.unwrap();
        assert!(world.store.stranded_runs(SECOND * 30, 10).await.unwrap().is_empty());
        let now = world.store.now().await.unwrap().as_microsecond();
        world.sql(&format!("update nodes set last_beat_at = {}", now - 60_000_000)).await;

        let stranded = world.store.stranded_runs(SECOND * 30, 10).await.unwrap();
        assert_eq!(stranded.iter().map(|run| run.token).collect::<Vec<_>>(), [Some(request.token)]);
        let lost = [ended(&request, Outcome::Lost)];
        assert_eq!(world.store.report(&lost).await.unwrap(), [Applied]);
        assert_eq!(world.store.report(&lost).await.unwrap(), [AlreadyApplied]);
        assert_eq!(world.store.run(request.tick).await.unwrap().run.outcome, Some(Outcome::Lost));

        assert_eq!(world.store.report(&[ended(&request, Outcome::Succeeded)]).await.unwrap(), [Applied]);

        let run = world.store.run(request.tick).await.unwrap().run;
        assert_eq!((run.state, run.outcome, run.reason), (Phase::Done, Some(Outcome::Succeeded), None));
        let totals = world.store.run_totals(request.tick.fire_time - SECOND * 120, request.tick.fire_time + SECOND * 120).await.unwrap();
        let count = |outcome| totals.iter().filter(|total| total.outcome == outcome).map(|total| total.runs).sum::<i64>();
        assert_eq!((count(Outcome::Lost), count(Outcome::Succeeded)), (0, 1));
    }

    async fn an_offer_that_nobody_took_is_missed(mut world) {
        let job = world.job("a", Overlap::Skip).await;
        let fire_time = world.soon().await;
        let tick = Tick::scheduled(job.id, fire_time, 0);
        let verdict = Verdict::Offer { trigger: Trigger::Schedule, until: fire_time - SECOND };
        world.store.settle(&[Settlement { tick, version: 1, verdict, until_time: fire_time, tick_count: 1 }]).await.unwrap();

        let offers = world.store.offers_to_judge(10).await.unwrap();
        assert_eq!(offers.len(), 1);
        let judged = [(offers[0], Verdict::Miss(Reason::NoEligibleNode))];
        assert_eq!(world.store.close_offers(&judged).await.unwrap(), 1);
        assert_eq!(world.store.close_offers(&judged).await.unwrap(), 0);

        let run = world.store.run(tick).await.unwrap().run;
        assert_eq!((run.outcome, run.reason), (Some(Outcome::Missed), Some(Reason::NoEligibleNode)));
    }

    async fn two_audits_of_one_outage_do_not_hide_ticks_from_each_other(mut world) {
        let job = world.job("a", Overlap::Skip).await;
        let fire_time = world.soon().await;
        let many = |from, until, count| Settlement {
            tick: Tick::scheduled(job.id, from, 0),
            version: 1,
            verdict: Verdict::Miss(Reason::NoAgent),
            until_time: until,
            tick_count: count,
        };
        let short = many(fire_time, fire_time + SECOND * 10, 11);
        let long = many(fire_time, fire_time + SECOND * 20, 21);
        let within = many(fire_time + SECOND * 5, fire_time + SECOND * 5, 1);
        let rest = many(fire_time + SECOND * 11, fire_time + SECOND * 20, 10);

        assert_eq!(world.store.settle(&[short]).await.unwrap(), [Settled::Made]);
        assert_eq!(world.store.settle(&[short]).await.unwrap(), [Settled::AlreadyDecided]);
        let settled = world.store.settle(&[long, within, rest]).await.unwrap();

        assert_eq!(settled, [Settled::Contested, Settled::Contested, Settled::Made]);
    }
}

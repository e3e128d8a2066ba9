//! Claims on a real database agree with a few lines of plain code, on random cases.

use std::collections::BTreeMap;

use carillon_core::claim::ClaimAnswer::{self, Lost, Refused, Settled, Won};
use carillon_core::claim::ClaimRequest;
use carillon_core::job::Job;
use carillon_core::overlap::Overlap;
use carillon_core::run::Outcome;
use carillon_core::tick::Tick;
use carillon_core::token::Token;
use jiff::SignedDuration;

use crate::on_both;
use crate::world::{World, ended};

const STEPS: usize = 250;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Lives,
    Waits,
    Skipped,
    Ended,
}

/// What a tick came to, by whose token.
type Book = BTreeMap<Tick, (Token, State)>;

fn judge(book: &mut Book, jobs: &[Job], request: &ClaimRequest) -> ClaimAnswer {
    let job = job_of(jobs, request.tick);
    let key = |job: &Job| job.draft.spec.concurrency_key.clone();
    let shares = |tick: &Tick| {
        tick.job == job.id || (key(job).is_some() && key(job_of(jobs, *tick)) == key(job))
    };
    let is_another = |tick: &Tick| (tick.job, tick.fire_time) != (job.id, request.tick.fire_time);
    if let Some(&(token, state)) = book.get(&request.tick) {
        return match state {
            _ if token != request.token => Lost,
            State::Lives => Won,
            State::Waits | State::Skipped => Settled,
            State::Ended => Lost,
        };
    }
    if request.version != job.version {
        return Refused;
    }
    let others = |book: &Book, state| -> Vec<Tick> {
        book.iter()
            .filter(|(tick, entry)| shares(tick) && is_another(tick) && entry.1 == state)
            .map(|(tick, _)| *tick)
            .collect()
    };
    let (lives, waits) = (others(book, State::Lives), others(book, State::Waits));
    let state = match job.draft.spec.overlap {
        Overlap::Skip if lives.is_empty() => State::Lives,
        Overlap::Allow(most) if lives.len() < usize::from(most) => State::Lives,
        Overlap::Skip | Overlap::Allow(_) => State::Skipped,
        _ if lives.is_empty() && waits.is_empty() => State::Lives,
        Overlap::Queue(most) if waits.len() < usize::from(most) => State::Waits,
        Overlap::Queue(_) => State::Skipped,
        Overlap::Replace => {
            for tick in waits {
                if let Some(entry) = book.get_mut(&tick) {
                    entry.1 = State::Skipped;
                }
            }
            State::Waits
        }
    };
    book.insert(request.tick, (request.token, state));
    match state {
        State::Lives => Won,
        _ => Settled,
    }
}

fn job_of(jobs: &[Job], tick: Tick) -> &Job {
    jobs.iter().find(|job| job.id == tick.job).unwrap()
}

/// A stream of numbers below a bound, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound).unwrap()
    }
}

async fn random_batch(
    world: &mut World,
    jobs: &[Job],
    dice: &mut Dice,
    base: jiff::Timestamp,
) -> Vec<ClaimRequest> {
    let mut batch: Vec<ClaimRequest> = Vec::new();
    // The seats of a tick are for different nodes: each of two asks for its own.
    let slot = dice.below(2) as i64;
    for _ in 0..=dice.below(6) {
        let job = &jobs[dice.below(jobs.len() as u64)];
        let later = SignedDuration::from_micros(dice.below(40) as i64);
        let mut request = world.request(job, base + later);
        request.tick.slot = slot;
        request.version += i64::from(dice.below(10) == 0);
        if batch.iter().all(|other| other.tick != request.tick) {
            batch.push(request);
        }
    }
    batch
}

on_both! {
    async fn claims_agree_with_the_model(mut world) {
        let mut jobs = Vec::new();
        for (name, overlap) in [("s", Overlap::Skip), ("a", Overlap::Allow(2)), ("q", Overlap::Queue(2)), ("r", Overlap::Replace)] {
            jobs.push(world.job(name, overlap).await);
        }
        for (name, overlap) in [("ks", Overlap::Skip), ("ka", Overlap::Allow(2)), ("kq", Overlap::Queue(3)), ("kr", Overlap::Replace)] {
            jobs.push(world.job_with_key(name, overlap, "shared").await);
        }
        let claimants = [world.node("a").await, world.node("b").await];
        let base = world.soon().await;
        let (mut book, mut asked, mut dice) = (Book::new(), Vec::new(), Dice(0xca11));
        for step in 0..STEPS {
            if dice.below(4) == 0 {
                let living: Vec<_> = asked.iter().filter(|request: &&ClaimRequest| book.get(&request.tick) == Some(&(request.token, State::Lives))).copied().collect();
                if let Some(request) = living.get(dice.below(9)) {
                    world.store.report(&[ended(request, Outcome::Succeeded)]).await.unwrap();
                    book.insert(request.tick, (request.token, State::Ended));
                }
                continue;
            }
            let is_repeat = dice.below(4) == 0 && !asked.is_empty();
            let batch = match is_repeat {
                true => vec![asked[dice.below(asked.len() as u64)]],
                false => random_batch(&mut world, &jobs, &mut dice, base).await,
            };
            let mut order: Vec<_> = (0..batch.len()).collect();
            order.sort_by_key(|&place| batch[place].tick);
            let mut expected = vec![Refused; batch.len()];
            for place in order {
                expected[place] = judge(&mut book, &jobs, &batch[place]);
            }

            let claimant = claimants[usize::try_from(batch[0].tick.slot).unwrap()];
            let claimed = world.store.claim(claimant, &batch).await.unwrap();

            assert_eq!(claimed.answers, expected, "step {step}: {batch:#?}");
            asked.extend(batch);
        }
        assert!(book.values().any(|entry| entry.1 == State::Waits) && book.len() > 50, "{}", book.len());
    }
}

//! What a round sees of the jobs: runs that ended badly, jobs that are well again.

use carillon_core::evidence::{Evidence, RunEvidence, last_lines};
use carillon_core::identity::JobId;
use carillon_core::incident::{Incident, Sighting};
use carillon_core::rule::{Rule, Subject, SubjectKind};
use carillon_store::{JobHealth, Store, StoreError, Trouble};
use jiff::Timestamp;
use tracing::warn;

use crate::ledger::Ledger;

/// Reads the news of bad ends and enters what people want to be told.
pub(crate) async fn take_troubles(store: &Store, ledger: &mut Ledger) -> Result<(), StoreError> {
    let page = store.troubles().await?;
    for (notice, error) in page.corrupt {
        warn!("news about a run cannot be told: {error}");
        ledger.take_notice(notice);
    }
    for trouble in page.troubles {
        ledger.take_notice(trouble.notice);
        if let Some(sighting) = judge(store, trouble, ledger.now).await? {
            ledger.see_trouble(sighting);
        }
    }
    Ok(())
}

/// What is to be told about a bad end; nothing when nobody wants to know, or the job is gone.
async fn judge(
    store: &Store,
    trouble: Trouble,
    now: Timestamp,
) -> Result<Option<Sighting>, StoreError> {
    let tick = trouble.tick;
    let (Some(rule), Some(name)) = (Rule::broken_by(trouble.outcome), &trouble.job_name) else {
        return Ok(None);
    };
    let look_back = trouble.watch.look_back();
    if look_back > 1 {
        let outcomes = store
            .last_outcomes(tick.job, tick.fire_time, look_back)
            .await?;
        if !trouble.watch.is_enough(&outcomes) {
            return Ok(None);
        }
    }
    let schedule = trouble.schedule.as_ref();
    let next_time = schedule
        .and_then(|schedule| {
            let calendar = trouble.calendar.as_ref();
            schedule.keeping_to(calendar, tick.job).ok()
        })
        .and_then(|schedule| schedule.next_after(now));
    let output = match trouble.evidence.started_at {
        Some(_) => last_lines(&store.output_tail(tick, trouble.evidence.attempt).await?),
        None => Vec::new(),
    };
    let evidence = RunEvidence {
        next_time,
        output,
        ..trouble.evidence
    };
    Ok(Some(Sighting {
        rule,
        subject: Subject::job(tick.job, name),
        since_at: evidence.ended_at.unwrap_or(tick.fire_time),
        count: evidence.tick_count.max(1),
        evidence: Evidence::Run(Box::new(evidence)),
    }))
}

/// Enters the jobs that are well again, and those that nobody wants to hear of.
pub(crate) async fn look_for_recovery(
    store: &Store,
    ledger: &mut Ledger,
) -> Result<(), StoreError> {
    let in_trouble: Vec<(Incident, Timestamp)> = ledger
        .open_about(SubjectKind::Job)
        .into_iter()
        // A run that does not end lasts, whatever becomes of its job.
        .filter(|incident| incident.rule != Rule::JobStuck)
        .map(|incident| {
            let fire_time = match &incident.evidence {
                Evidence::Run(run) => run.fire_time,
                _ => incident.since_at,
            };
            (incident, fire_time)
        })
        .collect();
    let asked: Vec<(JobId, Timestamp)> = in_trouble
        .iter()
        .map(|(incident, fire_time)| (JobId(incident.subject.id), *fire_time))
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let healths = store.job_healths(&asked).await?;
    for ((incident, _), health) in in_trouble.iter().zip(healths) {
        match health {
            JobHealth::Withdrawn => ledger.hush(incident),
            JobHealth::Succeeded if incident.rule.is_by_run() => {
                ledger.see_well(incident.rule, &incident.subject);
            }
            JobHealth::Succeeded | JobHealth::Unchanged => {}
        }
    }
    Ok(())
}

//! Handing an edited calendar on to the jobs that keep to it, in bounded batches.
//!
//! Each job that follows is edited as by hand: a version more, the old one kept, an entry in the audit log. A job that
//! has followed says so in the columns beside its spec, so a walk that died half way is taken up where it ended, by
//! anybody, and two walks at once do no harm.

use carillon_core::identity::{CalendarId, GroupId, JobId};
use serde_json::{Value as Json, json};

use crate::Store;
use crate::audit_log::Editor;
use crate::audit_verb::AuditVerb;
use crate::calendar_uses::count_uses;
use crate::calendars::{Calendar, fill, select_calendar};
use crate::error::StoreError;
use crate::job_row::{JobRow, job_columns, spec_text};
use crate::jobs::raise_jobs_revision;
use crate::link::Change;
use crate::row::args;
use crate::statement::Statement;

/// Jobs of one transaction: it holds the lock on the cluster's row for as long as they take.
pub const HAND_ON_BATCH_MAX: u32 = 250;

/// What one batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedOn {
    /// Jobs that follow now.
    pub followed: u64,
    /// Jobs that still hold older rules.
    pub behind: u64,
}

/// A job on its way.
struct Follower {
    id: JobId,
    group: Option<GroupId>,
    /// Its new spec; none for a row that is not understood, which is left as it is.
    spec: Option<String>,
    held_version: i64,
}

impl Store {
    /// Gives the next batch of jobs that hold older rules those that the calendar has now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer: repeat it.
    pub async fn hand_on_calendar(
        &self,
        id: CalendarId,
        editor: &Editor,
    ) -> Result<HandedOn, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let calendar = select_calendar(&mut change, id).await?;
            let followers = lock_followers(&mut change, &calendar).await?;
            if !followers.is_empty() {
                save_followers(&mut change, &calendar, &followers, editor).await?;
            }
            let behind = count_uses(&mut change, id).await?.behind;
            change.commit().await?;
            Ok(HandedOn {
                followed: followers.len() as u64,
                behind,
            })
        })
        .await
    }

    /// The calendars that some job has not followed yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn calendars_to_hand_on(&self) -> Result<Vec<Calendar>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select c.id
            from calendars c
            where exists (
                select 1 from jobs j where j.calendar_id = c.id and j.calendar_version < c.rules_version)
            order by c.id",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let mut calendars = Vec::new();
            for row in &link.rows(&SELECT, Vec::new()).await? {
                let id = CalendarId(row.cells().int()?);
                calendars.push(select_calendar(&mut link, id).await?);
            }
            Ok(calendars)
        })
        .await
    }
}

async fn lock_followers(
    change: &mut Change,
    calendar: &Calendar,
) -> Result<Vec<Follower>, StoreError> {
    static SELECT: Statement = Statement::new(concat!(
        "select j.calendar_version, ",
        job_columns!(),
        " from jobs j
        where j.calendar_id = ? and j.calendar_version < ?
        order by j.calendar_version, j.id
        limit ?
        {for update}"
    ));
    let values = args![calendar.id, calendar.rules_version, HAND_ON_BATCH_MAX];
    let rows = change.rows(&SELECT, values).await?;
    rows.iter()
        .map(|row| {
            let mut cells = row.cells();
            let held_version = cells.int()?;
            let row = JobRow::read(&mut cells)?;
            let mut follower = Follower {
                id: row.id,
                group: None,
                spec: None,
                held_version,
            };
            if let Ok(job) = row.job {
                let mut draft = job.draft;
                if let Some(kept) = &mut draft.spec.calendar {
                    fill(kept, &calendar.draft);
                }
                follower.group = Some(draft.group);
                follower.spec = Some(spec_text(&draft)?);
            }
            Ok(follower)
        })
        .collect()
}

async fn save_followers(
    change: &mut Change,
    calendar: &Calendar,
    followers: &[Follower],
    editor: &Editor,
) -> Result<(), StoreError> {
    static STAMP: Statement = Statement::of(
        "update {batch(id, held)}
        {then} jobs j on j.id = batch.id
        set j.calendar_version = batch.held",
        "update jobs
        set calendar_version = batch.held
        from {batch(id, held)}
        where jobs.id = batch.id",
    );
    let held = |f: &Follower| json!([f.id.0, calendar.rules_version]);
    let held: Vec<Json> = followers.iter().map(held).collect();
    change.execute(&STAMP, args![Json::Array(held)]).await?;
    let sound: Vec<&Follower> = followers.iter().filter(|f| f.spec.is_some()).collect();
    if sound.is_empty() {
        return Ok(());
    }
    let specs: Vec<Json> = sound.iter().map(|f| json!([f.id.0, f.spec])).collect();
    edit_jobs(change, Json::Array(specs), editor, &sound).await?;
    log_followers(change, calendar, &sound, editor).await
}

/// The steps of an edit by hand (`jobs::finish_edit`), for many jobs at once.
async fn edit_jobs(
    change: &mut Change,
    specs: Json,
    editor: &Editor,
    followers: &[&Follower],
) -> Result<(), StoreError> {
    static UPDATE: Statement = Statement::of(
        "update {batch(id, spec text)}
        {then} jobs j on j.id = batch.id
        set j.spec = batch.spec, j.version = j.version + 1,
            j.valid_from = {greatest}(j.valid_from + 1, {now}), j.updated_at = {now}",
        "update jobs
        set spec = batch.spec, version = version + 1,
            valid_from = {greatest}(valid_from + 1, {now}), updated_at = {now}
        from {batch(id, spec text)}
        where jobs.id = batch.id",
    );
    // By their keys, so that neither the open versions of all jobs are read nor their rows locked: the plus keeps SQLite
    // from the index of ends, in which all open versions are one value.
    static CLOSE: Statement = Statement::of(
        "update {batch(id)}
        {then} jobs j on j.id = batch.id
        {then} job_versions v on v.job_id = j.id and v.version = j.version - 1
        set v.valid_until = j.valid_from
        where v.valid_until is null",
        "update job_versions
        set valid_until = j.valid_from
        from {batch(id)}
        {then} jobs j on j.id = batch.id
        where job_versions.job_id = j.id and job_versions.version = j.version - 1
            and +job_versions.valid_until is null",
    );
    static KEEP: Statement = Statement::new(
        "insert into job_versions
            (job_id, version, name, group_id, description, enabled, schedule, zone, dst, spec, valid_from, edited_by)
        select j.id, j.version, j.name, j.group_id, j.description, j.enabled, j.schedule, j.zone, j.dst, j.spec,
            j.valid_from, ?
        from {batch(id)}
        {then} jobs j on j.id = batch.id",
    );
    static STAMP: Statement = Statement::of(
        "update {batch(id)}
        {then} jobs j on j.id = batch.id
        set j.revision = (select c.jobs_revision from cluster c where c.id = 1)",
        "update jobs
        set revision = (select c.jobs_revision from cluster c where c.id = 1)
        from {batch(id)}
        where jobs.id = batch.id",
    );
    let all = || ids(followers.iter().copied());
    change.execute(&UPDATE, args![specs]).await?;
    change.execute(&CLOSE, args![all()]).await?;
    change.execute(&KEEP, args![&editor.name, all()]).await?;
    raise_jobs_revision(change).await?;
    change.execute(&STAMP, args![all()]).await?;
    Ok(())
}

async fn log_followers(
    change: &mut Change,
    calendar: &Calendar,
    followers: &[&Follower],
    editor: &Editor,
) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into audit_log
            (made_at, actor, address, verb, object, group_id, before_text, after_text)
        select {now}, ?, ?, ?, object, group_id, before_text, after_text
        from {batch(object text, group_id, before_text text, after_text text)}",
    );
    let told = |version: i64| {
        json!({ "calendar": calendar.draft.name, "calendar_version": version }).to_string()
    };
    let after = told(calendar.rules_version);
    let entries: Vec<Json> = followers
        .iter()
        .map(|f| {
            let object = format!("job {}", f.id);
            let group = f.group.map(|group| group.0);
            json!([object, group, told(f.held_version), after])
        })
        .collect();
    let values = args![
        &editor.name,
        editor.address.clone(),
        AuditVerb::FollowCalendar.word(),
        Json::Array(entries),
    ];
    change.execute(&INSERT, values).await?;
    Ok(())
}

fn ids<'f>(followers: impl Iterator<Item = &'f Follower>) -> Json {
    Json::Array(followers.map(|f| json!([f.id.0])).collect())
}

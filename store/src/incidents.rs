//! Incidents: read, stepped by whoever sees the facts first, acknowledged.

use carillon_core::identity::GroupId;
use carillon_core::incident::Incident;
use carillon_core::job::JobSpec;
use carillon_core::rule::{Rule, Subject, SubjectKind};
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::group_mail::{GroupMail, read_mail};
use crate::job_list::list_of;
use crate::link::{Change, Link};
use crate::row::{Cells, Origin, args};
use crate::statement::Statement;

macro_rules! incident_columns {
    () => {
        "i.id, i.revision, i.rule, i.subject_kind, i.subject_id, i.subject_name, i.since_at, i.opened_at, \
         i.last_trouble_at, i.trouble_count, i.openings, i.well_since, i.resolved_at, i.told_at, i.told_count, \
         i.owed, i.owed_at, i.acknowledged_at, i.acknowledged_by, i.evidence"
    };
}

/// Steps that are taken together or not at all.
#[derive(Debug, Clone, Default)]
pub struct IncidentSteps {
    /// Incidents as they are to be; the number 0 opens one.
    pub steps: Vec<Incident>,
    /// The notices that these steps answer; they are taken with them.
    pub notices: Vec<i64>,
}

/// Whether steps were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stepped {
    /// They were.
    Done,
    /// Somebody else was first; nothing was changed. Look again.
    Stale,
}

/// An incident that owes a word, and what its subject says about who is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Owing {
    /// The incident.
    pub incident: Incident,
    /// What the job says.
    pub job_mail_to: Option<String>,
    /// What its group says.
    pub group_mail: GroupMail,
}

/// Which incidents to show.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// Only open ones.
    pub is_open: Option<bool>,
    /// Only of this kind of subject.
    pub subject_kind: Option<SubjectKind>,
    /// Only of this subject.
    pub subject_id: Option<i64>,
    /// Only about jobs of these groups, and whatever is about no job; none is all.
    pub groups: Option<Vec<GroupId>>,
    /// Only older than this incident.
    pub before: Option<i64>,
}

/// The most open incidents that are looked at.
const OPEN_MAX: i64 = 10_000;
/// The most incidents that are announced in one round.
const OWING_MAX: i64 = 2_000;

impl Store {
    /// Every open incident, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn open_incidents(&self) -> Result<Vec<Incident>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            incident_columns!(),
            " from incidents as i where i.open_key is not null order by i.id limit ?"
        ));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            read_all(&mut link, &SELECT, args![OPEN_MAX]).await
        })
        .await
    }

    /// The incidents that `filter` admits, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn incidents(
        &self,
        filter: &IncidentFilter,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            incident_columns!(),
            " from incidents as i
            where i.id < ?
                and (? is null or (i.open_key is not null) = ?)
                and i.subject_kind = coalesce(?, i.subject_kind)
                and i.subject_id = coalesce(?, i.subject_id)
                and (? is null or i.subject_kind <> 'job' or exists (
                    select 1 from jobs as j
                    where j.id = i.subject_id and instr(?, concat(',', j.group_id, ',')) > 0))
            order by i.id desc
            limit ?"
        ));
        let is_open = filter.is_open.map(i64::from);
        let kind = filter.subject_kind.map(SubjectKind::word);
        let (subject, before) = (filter.subject_id, filter.before.unwrap_or(i64::MAX));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let groups = filter.groups.as_deref().map(list_of);
            let values = args![
                before,
                is_open,
                is_open,
                kind,
                subject,
                groups.clone(),
                groups,
                limit
            ];
            read_all(&mut link, &SELECT, values).await
        })
        .await
    }

    /// One incident.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn incident(&self, id: i64) -> Result<Incident, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            incident_columns!(),
            " from incidents as i where i.id = ?"
        ));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let found = read_all(&mut link, &SELECT, args![id]).await?;
            found.into_iter().next().ok_or_else(|| not_found(id))
        })
        .await
    }

    /// The incidents that owe a word, the longest owed first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn owing_incidents(&self) -> Result<Vec<Owing>, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select ",
            incident_columns!(),
            ", j.spec, g.mail_to, g.quiet_hours
            from incidents as i
                left join jobs as j on i.subject_kind = 'job' and j.id = i.subject_id
                left join job_groups as g on g.id = j.group_id
            where i.owed_at is not null
            order by i.owed_at, i.id
            limit ?"
        ));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![OWING_MAX]).await?;
            let mut owing = Vec::with_capacity(rows.len());
            for row in &rows {
                let mut cells = row.cells();
                let incident = read(&mut cells)?;
                let spec = cells.text_or_none()?;
                // A spec that nobody can read has no wishes; the job itself is reported elsewhere.
                let spec: Option<JobSpec> = spec.and_then(|text| serde_json::from_str(&text).ok());
                owing.push(Owing {
                    incident,
                    job_mail_to: spec.and_then(|spec| spec.mail_to),
                    group_mail: read_mail(&mut cells)?,
                });
            }
            Ok(owing)
        })
        .await
    }

    /// How often `rule` was broken by `subject` since `since`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn count_openings(
        &self,
        rule: Rule,
        subject: &Subject,
        since: Timestamp,
    ) -> Result<u32, StoreError> {
        static SELECT: Statement = Statement::new(
            "select count(*)
            from incidents
            where subject_kind = ? and subject_id = ? and opened_at > ? and rule = ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let values = args![subject.kind.word(), subject.id, since, rule.word()];
            link.only_row(&SELECT, values).await?.cells().small()
        })
        .await
    }

    /// Takes every step, or none when another monitor was first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer; then look again.
    pub async fn step_incidents(&self, steps: &IncidentSteps) -> Result<Stepped, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let taken = take_notices(&mut change, &steps.notices).await?;
            if taken && step_all(&mut change, &steps.steps).await? {
                change.commit().await?;
                return Ok(Stepped::Done);
            }
            change.roll_back().await?;
            Ok(Stepped::Stale)
        })
        .await
    }

    /// Somebody is on it: no reminders from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not open, [`StoreError::Unavailable`] without an answer.
    pub async fn acknowledge_incident(&self, id: i64, editor: &Editor) -> Result<(), StoreError> {
        static UPDATE: Statement = Statement::new(
            "update incidents
            set acknowledged_at = {now}, acknowledged_by = ?, revision = revision + 1
            where id = ? and open_key is not null",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            if change.execute(&UPDATE, args![&editor.name, id]).await? == 0 {
                change.roll_back().await?;
                return Err(not_found(id));
            }
            let deed = Deed {
                editor,
                verb: AuditVerb::AcknowledgeIncident,
                object: format!("incident {id}"),
                group: None,
                before: None,
                after: None,
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }
}

fn not_found(id: i64) -> StoreError {
    StoreError::NotFound {
        what: "open incident",
        id: id.to_string(),
    }
}

async fn read_all(
    link: &mut Link,
    statement: &'static Statement,
    values: Vec<crate::row::Value>,
) -> Result<Vec<Incident>, StoreError> {
    let rows = link.rows(statement, values).await?;
    rows.iter().map(|row| read(&mut row.cells())).collect()
}

fn read(cells: &mut Cells<'_>) -> Result<Incident, StoreError> {
    let id = cells.int()?;
    let origin = Origin {
        table: "incidents",
        id: &id,
    };
    Ok(Incident {
        id,
        revision: cells.int()?,
        rule: origin.parse("rule", &cells.text()?)?,
        subject: Subject {
            kind: origin.parse("subject_kind", &cells.text()?)?,
            id: cells.int()?,
            name: cells.text()?,
        },
        since_at: cells.time()?,
        opened_at: cells.time()?,
        last_trouble_at: cells.time()?,
        trouble_count: cells.int()?,
        openings: cells.small()?,
        well_since: cells.time_or_none()?,
        resolved_at: cells.time_or_none()?,
        told_at: cells.time_or_none()?,
        told_count: cells.int()?,
        owed: origin.parse_or_none("owed", cells.text_or_none()?)?,
        owed_at: cells.time_or_none()?,
        acknowledged_at: cells.time_or_none()?,
        acknowledged_by: cells.text_or_none()?,
        evidence: serde_json::from_str(&cells.text()?)
            .map_err(|error| origin.corrupt("evidence", error))?,
    })
}

/// Takes the notices away; false when another monitor has taken one of them.
async fn take_notices(change: &mut Change, notices: &[i64]) -> Result<bool, StoreError> {
    static DELETE: Statement = Statement::new("delete from notices where id = ?");
    for id in notices {
        if change.execute(&DELETE, args![*id]).await? != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes every step within the caller's transaction; false when one of them is stale.
pub(crate) async fn step_all(change: &mut Change, steps: &[Incident]) -> Result<bool, StoreError> {
    for step in steps {
        let is_taken = match step.id {
            0 => open(change, step).await?,
            _ => advance(change, step).await?,
        };
        if !is_taken {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn open(change: &mut Change, incident: &Incident) -> Result<bool, StoreError> {
    static IS_OPEN: Statement = Statement::new("select id from incidents where open_key = ?");
    static INSERT: Statement = Statement::new(
        "insert into incidents
            (rule, subject_kind, subject_id, subject_name, open_key, since_at, opened_at, last_trouble_at,
            trouble_count, openings, well_since, resolved_at, told_at, told_count, owed, owed_at, evidence)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let key = incident.key();
    // Two monitors may both get past this; the unique key then stops one, which asks again and finds it open.
    if incident.is_open() && change.row(&IS_OPEN, args![key.as_str()]).await?.is_some() {
        return Ok(false);
    }
    let subject = &incident.subject;
    let values = args![
        incident.rule.word(),
        subject.kind.word(),
        subject.id,
        &subject.name,
        incident.is_open().then_some(key.as_str()),
        incident.since_at,
        incident.opened_at,
        incident.last_trouble_at,
        incident.trouble_count,
        incident.openings,
        incident.well_since,
        incident.resolved_at,
        incident.told_at,
        incident.told_count,
        incident.owed.map(|owed| owed.word()),
        incident.owed_at,
        evidence_text(incident)?,
    ];
    change.execute(&INSERT, values).await?;
    Ok(true)
}

async fn advance(change: &mut Change, incident: &Incident) -> Result<bool, StoreError> {
    static UPDATE: Statement = Statement::new(
        "update incidents
        set revision = revision + 1, open_key = ?, last_trouble_at = ?, trouble_count = ?, well_since = ?,
            resolved_at = ?, told_at = ?, told_count = ?, owed = ?, owed_at = ?, evidence = ?
        where id = ? and revision = ?",
    );
    let key = incident.key();
    let values = args![
        incident.is_open().then_some(key.as_str()),
        incident.last_trouble_at,
        incident.trouble_count,
        incident.well_since,
        incident.resolved_at,
        incident.told_at,
        incident.told_count,
        incident.owed.map(|owed| owed.word()),
        incident.owed_at,
        evidence_text(incident)?,
        incident.id,
        incident.revision,
    ];
    Ok(change.execute(&UPDATE, values).await? == 1)
}

fn evidence_text(incident: &Incident) -> Result<String, StoreError> {
    serde_json::to_string(&incident.evidence)
        .map_err(|error| StoreError::Rejected(format!("the evidence is no JSON: {error}")))
}

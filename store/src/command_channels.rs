//! Jobs that incidents start, and who answers for that.

use carillon_core::access::{Rights, Verb};
use carillon_core::command_channel::COMMAND_CHANNELS_MAX;
use carillon_core::identity::{GroupId, JobId, UserId};
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::deliveries::{Channel, DeliveryRecord, read_record};
use crate::error::StoreError;
use crate::grants::select_grants;
use crate::link::{Change, Link};
use crate::row::{Cells, args};
use crate::statement::Statement;

/// A job that incidents start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandChannel {
    /// Its number.
    pub id: i64,
    /// The job.
    pub job: JobId,
    /// What people call the job.
    pub job_name: String,
    /// The job's group, now.
    pub group: GroupId,
    /// The name of whoever made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// On whose authority the job is started.
    pub authority: Authority,
}

/// On whose authority a job is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// Of whoever commands the database itself.
    Host,
    /// Of an account, with what it may do now.
    Account(Rights),
    /// Of an account that is locked or gone.
    Nobody,
}

impl CommandChannel {
    /// Whether the job may still be started: as whoever made the channel must have been allowed to.
    pub fn is_permitted(&self) -> bool {
        match &self.authority {
            Authority::Host => true,
            Authority::Account(rights) => {
                rights.allows_everywhere(Verb::ManageAlerts)
                    && rights.allows_in(Verb::Run, self.group)
            }
            Authority::Nobody => false,
        }
    }
}

macro_rules! channel_columns {
    () => {
        "select c.id, c.job_id, j.name, j.group_id, c.made_by, c.made_at, c.user_id,
            u.id is null or u.locked_at is not null
        from command_channels as c
            join jobs as j on j.id = c.job_id and j.deleted_at is null
            left join users as u on u.id = c.user_id"
    };
}

impl Store {
    /// The jobs that incidents start, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn command_channels(&self) -> Result<Vec<CommandChannel>, StoreError> {
        static SELECT: Statement =
            Statement::new(concat!(channel_columns!(), " order by j.name, c.id"));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, Vec::new()).await?;
            let mut channels = Vec::with_capacity(rows.len());
            for row in &rows {
                channels.push(read(&mut link, &mut row.cells()).await?);
            }
            Ok(channels)
        })
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn command_channel(&self, id: i64) -> Result<CommandChannel, StoreError> {
        static SELECT: Statement = Statement::new(concat!(channel_columns!(), " where c.id = ?"));
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            match link.row(&SELECT, args![id]).await? {
                Some(row) => read(&mut link, &mut row.cells()).await,
                None => Err(not_found(id)),
            }
        })
        .await
    }

    /// Lets incidents start the job, on the authority of `user`, or of whoever commands the database.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a job, [`StoreError::Rejected`] when they start it already or start too many,
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn add_command_channel(
        &self,
        job: JobId,
        user: Option<UserId>,
        editor: &Editor,
    ) -> Result<i64, StoreError> {
        // The cluster's row stands for the list: whoever holds it looks and counts alone.
        static LOCK: Statement = Statement::new("select id from cluster where id = 1 {for update}");
        static COUNT: Statement = Statement::new(
            "select count(*), count(case when job_id = ? then 1 end) from command_channels",
        );
        static INSERT: Statement = Statement::new(
            "insert into command_channels (job_id, user_id, made_by, made_at) values (?, ?, ?, {now})",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.only_row(&LOCK, Vec::new()).await?;
            let group = require_job(&mut change, job).await?;
            let row = change.only_row(&COUNT, args![job]).await?;
            let mut cells = row.cells();
            let (all, of_job) = (cells.int()?, cells.int()?);
            if let Some(refusal) = refuse(job, all, of_job) {
                change.roll_back().await?;
                return Err(refusal);
            }
            let user = user.map(|user| user.0);
            let id = change
                .insert(&INSERT, args![job, user, &editor.name])
                .await?;
            log(
                &mut change,
                editor,
                AuditVerb::LetIncidentsStart,
                (job, group),
            )
            .await?;
            change.commit().await?;
            Ok(id)
        })
        .await
    }

    /// Incidents no longer start the job; what is on its way is given up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`] without an answer.
    pub async fn remove_command_channel(&self, id: i64, editor: &Editor) -> Result<(), StoreError> {
        static SELECT: Statement = Statement::new(
            "select c.job_id, j.group_id
            from command_channels as c join jobs as j on j.id = c.job_id
            where c.id = ?
            {for update of c}",
        );
        static DELETE: Statement = Statement::new("delete from command_channels where id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let Some(row) = change.row(&SELECT, args![id]).await? else {
                change.roll_back().await?;
                return Err(not_found(id));
            };
            let mut cells = row.cells();
            let (job, group) = (cells.job()?, GroupId(cells.int()?));
            change.execute(&DELETE, args![id]).await?;
            log(
                &mut change,
                editor,
                AuditVerb::LetIncidentsStartNoMore,
                (job, group),
            )
            .await?;
            change.commit().await
        })
        .await
    }

    /// The last deliveries to the job, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn deliveries_to_job(
        &self,
        job: JobId,
        limit: u32,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select d.id, a.made_at, d.channel, d.address, d.state, d.attempts, d.try_at, d.ended_at, d.result
            from deliveries as d join announcements as a on a.id = d.announcement_id
            where d.address = ? and d.channel = ?
            order by d.id desc
            limit ?",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let values = args![job.to_string(), Channel::Command.word(), limit];
            let rows = link.rows(&SELECT, values).await?;
            rows.iter()
                .map(|row| read_record(&mut row.cells()))
                .collect()
        })
        .await
    }
}

async fn read(link: &mut Link, cells: &mut Cells<'_>) -> Result<CommandChannel, StoreError> {
    let (id, job, job_name) = (cells.int()?, cells.job()?, cells.text()?);
    let (group, made_by, made_at) = (GroupId(cells.int()?), cells.text()?, cells.time()?);
    let (user, is_out) = (cells.int_or_none()?.map(UserId), cells.flag()?);
    let authority = match (user, is_out) {
        (None, _) => Authority::Host,
        (Some(_), true) => Authority::Nobody,
        (Some(user), false) => Authority::Account(Rights::of(select_grants(link, user).await?)),
    };
    Ok(CommandChannel {
        id,
        job,
        job_name,
        group,
        made_by,
        made_at,
        authority,
    })
}

fn refuse(job: JobId, all: i64, of_job: i64) -> Option<StoreError> {
    let max = i64::try_from(COMMAND_CHANNELS_MAX).unwrap_or(i64::MAX);
    let why = match (of_job, all) {
        (1.., _) => format!("incidents start job {job} already, once for each announcement"),
        (_, all) if all >= max => {
            format!("incidents start {max} jobs at most, and do; remove one first")
        }
        _ => return None,
    };
    Some(StoreError::Rejected(why))
}

async fn require_job(change: &mut Change, job: JobId) -> Result<GroupId, StoreError> {
    static SELECT: Statement =
        Statement::new("select group_id from jobs where id = ? and deleted_at is null");
    match change.row(&SELECT, args![job]).await? {
        Some(row) => Ok(GroupId(row.cells().int()?)),
        None => Err(StoreError::NotFound {
            what: "job",
            id: job.to_string(),
        }),
    }
}

async fn log(
    change: &mut Change,
    editor: &Editor,
    verb: AuditVerb,
    (job, group): (JobId, GroupId),
) -> Result<(), StoreError> {
    let deed = Deed {
        editor,
        verb,
        object: format!("job {job}"),
        group: Some(group),
        before: None,
        after: None,
    };
    write_deed(change, deed).await
}

fn not_found(id: i64) -> StoreError {
    StoreError::NotFound {
        what: "command channel",
        id: id.to_string(),
    }
}

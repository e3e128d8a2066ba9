//! Announcements, and the efforts to hand each of them to an address: at once, or when the quiet hours of its people end.

use carillon_core::announcement::Announcement;
use carillon_core::digest::HoldCause;
use carillon_core::incident::Incident;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::incidents::{Stepped, step_all};
use crate::link::{Change, Link};
use crate::row::{Cells, Origin, args};
use crate::statement::Statement;

carillon_core::words! {
    /// How news travels.
    Channel, "channel" {
        /// As a mail to an address.
        Mail = "mail",
        /// As a POST to the webhook of that number in the configuration.
        Webhook = "webhook",
        /// As a run of the job of that number, on a node.
        Command = "command",
    }
}

carillon_core::words! {
    /// How far a delivery has come.
    DeliveryState, "delivery state" {
        /// Not yet tried, or to be tried again.
        Waiting = "waiting",
        /// Somebody is at it.
        Sending = "sending",
        /// Handed over.
        Sent = "sent",
        /// It will not be tried again.
        GivenUp = "given_up",
    }
}

/// Where an announcement is to be handed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// How.
    pub channel: Channel,
    /// Where.
    pub address: String,
}

/// A destination, and until when it is not disturbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// Where to.
    pub destination: Destination,
    /// Until when it is held back, to go out with all else that is held back for that address.
    pub hold_until: Option<Timestamp>,
}

/// A delivery as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its number.
    pub id: i64,
    /// When it was decided to tell.
    pub made_at: Timestamp,
    /// To whom.
    pub destination: Destination,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub try_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the other side said last.
    pub result: String,
}

/// Deliveries that are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldDeliveries {
    /// So many.
    pub count: i64,
    /// The first of them go out then.
    pub until: Timestamp,
}

impl Store {
    /// Decides to tell: the incidents are told, the announcement is written, and a delivery for every errand.
    /// `told` are the incidents after the step.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer; then look again.
    pub async fn announce(
        &self,
        announcement: &Announcement,
        told: &[Incident],
        errands: &[Errand],
    ) -> Result<Stepped, StoreError> {
        let content = serde_json::to_string(announcement).map_err(|error| {
            StoreError::Rejected(format!("the announcement is no JSON: {error}"))
        })?;
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            if !step_all(&mut change, told).await? {
                change.roll_back().await?;
                return Ok(Stepped::Stale);
            }
            insert(&mut change, announcement, &content, errands).await?;
            change.commit().await?;
            Ok(Stepped::Done)
        })
        .await
    }

    /// What is held back; none when nothing is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn held_deliveries(&self) -> Result<Option<HeldDeliveries>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select count(*), min(held_until) from deliveries where try_at > {now} and held_until > {now}",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let row = link.only_row(&SELECT, Vec::new()).await?;
            let mut cells = row.cells();
            let count = cells.int()?;
            let until = cells.time_or_none()?;
            Ok(until.map(|until| HeldDeliveries { count, until }))
        })
        .await
    }

    /// Every delivery about an incident, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn deliveries_of(&self, incident: i64) -> Result<Vec<DeliveryRecord>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select d.id, a.made_at, d.channel, d.address, d.state, d.attempts, d.try_at, d.ended_at, d.result
            from announced_incidents as t
                join announcements as a on a.id = t.announcement_id
                join deliveries as d on d.announcement_id = a.id
            where t.incident_id = ?
            order by d.id desc
            limit 500",
        );
        self.read(Store::TIMEOUT, |mut link: Link| async move {
            let rows = link.rows(&SELECT, args![incident]).await?;
            rows.iter()
                .map(|row| read_record(&mut row.cells()))
                .collect()
        })
        .await
    }
}

async fn insert(
    change: &mut Change,
    announcement: &Announcement,
    content: &str,
    errands: &[Errand],
) -> Result<(), StoreError> {
    static ANNOUNCEMENT: Statement =
        Statement::new("insert into announcements (made_at, content) values (?, ?)");
    static ABOUT: Statement = Statement::new(
        "insert into announced_incidents (incident_id, announcement_id) values (?, ?)",
    );
    static DELIVERY: Statement = Statement::new(
        "insert into deliveries (announcement_id, channel, address, held_until, held_by, try_at)
        values (?, ?, ?, ?, ?, coalesce(?, {now}))",
    );
    let values = args![announcement.made_at, content];
    let id = change.insert(&ANNOUNCEMENT, values).await?;
    for incident in &announcement.incidents {
        change.execute(&ABOUT, args![incident.id, id]).await?;
    }
    for errand in errands {
        let (destination, hold_until) = (&errand.destination, errand.hold_until);
        let values = args![
            id,
            destination.channel.word(),
            &destination.address,
            hold_until,
            hold_until.map(|_| HoldCause::QuietHours.word()),
            hold_until
        ];
        change.execute(&DELIVERY, values).await?;
    }
    Ok(())
}

pub(crate) fn read_record(cells: &mut Cells<'_>) -> Result<DeliveryRecord, StoreError> {
    let id = cells.int()?;
    let origin = Origin {
        table: "deliveries",
        id: &id,
    };
    Ok(DeliveryRecord {
        id,
        made_at: cells.time()?,
        destination: Destination {
            channel: origin.parse("channel", &cells.text()?)?,
            address: cells.text()?,
        },
        state: origin.parse("state", &cells.text()?)?,
        attempts: cells.small()?,
        try_at: cells.time_or_none()?,
        ended_at: cells.time_or_none()?,
        result: cells.text()?,
    })
}

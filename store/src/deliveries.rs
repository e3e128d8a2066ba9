//! Announcements and the efforts to hand each of them to an address. A delivery is claimed by a token with a lease,
//! so that of two monitors one sends, and the other when the first has died.

use carillon_core::announcement::Announcement;
use carillon_core::incident::Incident;
use carillon_core::token::Token;
use jiff::{SignedDuration, Timestamp};

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

/// A delivery that one monitor has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// Its number.
    pub id: i64,
    /// The announcement's number: the identity of what is sent.
    pub announcement_id: i64,
    /// What is told.
    pub announcement: Announcement,
    /// To whom.
    pub destination: Destination,
    /// How often it was tried, this one included.
    pub attempts: u32,
    /// When it was decided to tell.
    pub made_at: Timestamp,
}

/// How a delivery went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// Handed over; what the other side said.
    Sent(String),
    /// Not now; try again after so long.
    Later(String, SignedDuration),
    /// Never.
    GivenUp(String),
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

impl Store {
    /// Decides to tell: the incidents are told, the announcement is written, and a delivery for every destination.
    /// `told` are the incidents after the step.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer; then look again.
    pub async fn announce(
        &self,
        announcement: &Announcement,
        told: &[Incident],
        destinations: &[Destination],
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
            insert(&mut change, announcement, &content, destinations).await?;
            change.commit().await?;
            Ok(Stepped::Done)
        })
        .await
    }

    /// Claims one delivery that is due, for `lease`. Nobody else tries it until then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer; the lease ends by itself.
    pub async fn claim_delivery(
        &self,
        token: Token,
        lease: SignedDuration,
    ) -> Result<Option<ClaimedDelivery>, StoreError> {
        static FIND: Statement = Statement::new(
            "select id from deliveries where try_at <= {now} order by try_at, id limit 1",
        );
        static CLAIM: Statement = Statement::new(
            "update deliveries
            set state = 'sending', token = ?, attempts = attempts + 1, try_at = {now} + ?
            where id = ? and try_at <= {now}",
        );
        static READ: Statement = Statement::new(
            "select d.id, d.announcement_id, a.content, d.channel, d.address, d.attempts, a.made_at
            from deliveries as d join announcements as a on a.id = d.announcement_id
            where d.id = ? and d.token = ?",
        );
        let lease_us = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            let Some(row) = link.row(&FIND, Vec::new()).await? else {
                return Ok(None);
            };
            let id = row.cells().int()?;
            link.execute(&CLAIM, args![token, lease_us, id]).await?;
            match link.row(&READ, args![id, token]).await? {
                Some(row) => read_claimed(&mut row.cells()).map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// Keeps a claimed delivery for another `lease`; false when it has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn renew_delivery(
        &self,
        id: i64,
        token: Token,
        lease: SignedDuration,
    ) -> Result<bool, StoreError> {
        static RENEW: Statement = Statement::new(
            "update deliveries set try_at = {now} + ? where id = ? and token = ? and state = 'sending'",
        );
        let lease_us = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            Ok(link.execute(&RENEW, args![lease_us, id, token]).await? == 1)
        })
        .await
    }

    /// Writes how a claimed delivery went, unless its lease has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn end_delivery(
        &self,
        id: i64,
        token: Token,
        end: &DeliveryEnd,
    ) -> Result<(), StoreError> {
        static END: Statement = Statement::new(
            "update deliveries
            set state = ?, result = ?, try_at = null, ended_at = {now}
            where id = ? and token = ?",
        );
        static LATER: Statement = Statement::new(
            "update deliveries
            set state = 'waiting', result = ?, try_at = {now} + ?
            where id = ? and token = ?",
        );
        let (statement, values) = match end {
            DeliveryEnd::Sent(result) => (
                &END,
                args![DeliveryState::Sent.word(), shorten(result), id, token],
            ),
            DeliveryEnd::GivenUp(result) => (
                &END,
                args![DeliveryState::GivenUp.word(), shorten(result), id, token],
            ),
            DeliveryEnd::Later(result, delay) => {
                let delay_us = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
                (&LATER, args![shorten(result), delay_us, id, token])
            }
        };
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            link.execute(statement, values.clone()).await.map(|_| ())
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
    destinations: &[Destination],
) -> Result<(), StoreError> {
    static ANNOUNCEMENT: Statement =
        Statement::new("insert into announcements (made_at, content) values (?, ?)");
    static ABOUT: Statement = Statement::new(
        "insert into announced_incidents (incident_id, announcement_id) values (?, ?)",
    );
    static DELIVERY: Statement = Statement::new(
        "insert into deliveries (announcement_id, channel, address, try_at) values (?, ?, ?, {now})",
    );
    let values = args![announcement.made_at, content];
    let id = change.insert(&ANNOUNCEMENT, values).await?;
    for incident in &announcement.incidents {
        change.execute(&ABOUT, args![incident.id, id]).await?;
    }
    for destination in destinations {
        let values = args![id, destination.channel.word(), &destination.address];
        change.execute(&DELIVERY, values).await?;
    }
    Ok(())
}

fn read_claimed(cells: &mut Cells<'_>) -> Result<ClaimedDelivery, StoreError> {
    let (id, announcement_id) = (cells.int()?, cells.int()?);
    let origin = Origin {
        table: "announcements",
        id: &announcement_id,
    };
    Ok(ClaimedDelivery {
        id,
        announcement_id,
        announcement: serde_json::from_str(&cells.text()?)
            .map_err(|error| origin.corrupt("content", error))?,
        destination: Destination {
            channel: origin.parse("channel", &cells.text()?)?,
            address: cells.text()?,
        },
        attempts: cells.small()?,
        made_at: cells.time()?,
    })
}

fn read_record(cells: &mut Cells<'_>) -> Result<DeliveryRecord, StoreError> {
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

/// What the other side said, as far as the column holds it.
fn shorten(result: &str) -> String {
    result.chars().take(500).collect()
}

//! Who carries a delivery out: it is claimed by a token with a lease, so that of two monitors one sends, and the other
//! when the first has died.

use carillon_core::announcement::Announcement;
use carillon_core::digest::{Hold, HoldCause};
use carillon_core::token::Token;
use jiff::SignedDuration;

use crate::Store;
use crate::deliveries::{DeliveryState, Destination};
use crate::delivery_limit::{DeliveryLimit, hold_back};
use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, Origin, args};
use crate::statement::Statement;

/// A delivery that one monitor has claimed, or all that was held back for one address.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// Its number; of several, the first.
    pub id: i64,
    /// The announcement's number: the identity of what is sent.
    pub announcement_id: i64,
    /// What is told, in the order it was made; several only where they were held back.
    pub announcements: Vec<Announcement>,
    /// What held it back, until the latest of its holds ended; none for what goes at once.
    pub hold: Option<Hold>,
    /// To whom.
    pub destination: Destination,
    /// How often it was tried, this one included.
    pub attempts: u32,
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

/// The most deliveries that go out as one.
const HELD_MAX: i64 = 500;

impl Store {
    /// Claims one delivery that is due, for `lease`; of one that was held back, all that were held back for its address.
    /// Nobody else tries them until then. What is due for an address that has had what `limit` grants is held back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer; the lease ends by itself.
    pub async fn claim_delivery(
        &self,
        token: Token,
        lease: SignedDuration,
        limit: &DeliveryLimit,
    ) -> Result<Option<ClaimedDelivery>, StoreError> {
        static FIND: Statement = Statement::new(
            "select id, held_until is not null, channel, address
            from deliveries
            where try_at <= {now}
            order by try_at, id
            limit 1",
        );
        static CLAIM: Statement = Statement::new(
            "update deliveries
            set state = 'sending', token = ?, attempts = attempts + 1, taken_at = {now}, try_at = {now} + ?
            where id = ? and try_at <= {now}",
        );
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            // Ends: what is held back is no longer due.
            loop {
                let Some(row) = link.row(&FIND, Vec::new()).await? else {
                    return Ok(None);
                };
                let (id, is_held, destination) = read_due(&mut row.cells())?;
                if let Some(until) = limit.full_until(&mut link, &destination).await? {
                    hold_back(&mut link, &destination, until).await?;
                    continue;
                }
                match is_held {
                    true => claim_held(&mut link, token, lease, &destination).await?,
                    false => {
                        link.execute(&CLAIM, args![token, lease, id]).await?;
                    }
                }
                return read_claimed(&mut link, token).await;
            }
        })
        .await
    }

    /// Keeps what `token` has claimed for another `lease`; false when it has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn renew_delivery(
        &self,
        token: Token,
        lease: SignedDuration,
    ) -> Result<bool, StoreError> {
        static RENEW: Statement = Statement::new(
            "update deliveries
            set try_at = {now} + ?
            where try_at is not null and token = ? and state = 'sending'",
        );
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            Ok(link.execute(&RENEW, args![lease, token]).await? > 0)
        })
        .await
    }

    /// Writes how it went with what `token` has claimed, unless its lease has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn end_delivery(&self, token: Token, end: &DeliveryEnd) -> Result<(), StoreError> {
        static END: Statement = Statement::new(
            "update deliveries
            set state = ?, result = ?, try_at = null, ended_at = {now}
            where try_at is not null and token = ?",
        );
        static LATER: Statement = Statement::new(
            "update deliveries
            set state = 'waiting', result = ?, try_at = {now} + ?
            where try_at is not null and token = ?",
        );
        let (statement, values) = match end {
            DeliveryEnd::Sent(result) => (
                &END,
                args![DeliveryState::Sent.word(), shorten(result), token],
            ),
            DeliveryEnd::GivenUp(result) => (
                &END,
                args![DeliveryState::GivenUp.word(), shorten(result), token],
            ),
            DeliveryEnd::Later(result, delay) => (&LATER, args![shorten(result), *delay, token]),
        };
        self.write(Store::TIMEOUT, || async {
            let mut link = self.writer().await?;
            link.execute(statement, values.clone()).await.map(|_| ())
        })
        .await
    }
}

fn read_due(cells: &mut Cells<'_>) -> Result<(i64, bool, Destination), StoreError> {
    let (id, is_held) = (cells.int()?, cells.flag()?);
    let origin = Origin {
        table: "deliveries",
        id: &id,
    };
    let destination = Destination {
        channel: origin.parse("channel", &cells.text()?)?,
        address: cells.text()?,
    };
    Ok((id, is_held, destination))
}

/// Claims what is held back for an address and due, the oldest first.
async fn claim_held(
    link: &mut Link,
    token: Token,
    lease: SignedDuration,
    destination: &Destination,
) -> Result<(), StoreError> {
    static FIRST_TOO_MANY: Statement = Statement::new(
        "select id
        from deliveries
        where try_at <= {now} and held_until is not null and channel = ? and address = ?
        order by id
        limit 1 offset ?",
    );
    static CLAIM: Statement = Statement::new(
        "update deliveries
        set state = 'sending', token = ?, attempts = attempts + 1, taken_at = {now}, try_at = {now} + ?
        where try_at <= {now} and held_until is not null and channel = ? and address = ? and id < ?",
    );
    let (channel, address) = (destination.channel.word(), &destination.address);
    let values = args![channel, address, HELD_MAX];
    let below = match link.row(&FIRST_TOO_MANY, values).await? {
        Some(row) => row.cells().int()?,
        None => i64::MAX,
    };
    let values = args![token, lease, channel, address, below];
    link.execute(&CLAIM, values).await.map(|_| ())
}

async fn read_claimed(
    link: &mut Link,
    token: Token,
) -> Result<Option<ClaimedDelivery>, StoreError> {
    static READ: Statement = Statement::new(
        "select d.id, d.announcement_id, a.content, d.held_until, d.held_by, d.channel, d.address, d.attempts
        from deliveries as d join announcements as a on a.id = d.announcement_id
        where d.try_at is not null and d.token = ?
        order by d.id",
    );
    let mut claimed: Option<ClaimedDelivery> = None;
    for row in link.rows(&READ, args![token]).await? {
        let mut cells = row.cells();
        let (id, announcement_id) = (cells.int()?, cells.int()?);
        let origin = Origin {
            table: "announcements",
            id: &announcement_id,
        };
        let announcement = serde_json::from_str(&cells.text()?)
            .map_err(|error| origin.corrupt("content", error))?;
        let held_until = cells.time_or_none()?;
        let held_by = origin.parse_or_none("held_by", cells.text_or_none()?)?;
        let hold = held_until.map(|until| Hold {
            until,
            cause: held_by.unwrap_or(HoldCause::QuietHours),
        });
        let destination = Destination {
            channel: origin.parse("channel", &cells.text()?)?,
            address: cells.text()?,
        };
        let attempts = cells.small()?;
        let all = claimed.get_or_insert_with(|| ClaimedDelivery {
            id,
            announcement_id,
            announcements: Vec::new(),
            hold,
            destination,
            attempts,
        });
        all.announcements.push(announcement);
        all.hold = all.hold.max(hold);
        all.attempts = all.attempts.max(attempts);
    }
    Ok(claimed)
}

/// What the other side said, as far as the column holds it.
fn shorten(result: &str) -> String {
    result.chars().take(500).collect()
}

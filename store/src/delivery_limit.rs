//! How much an address is told within a time: what is beyond is held back, and goes out as one when there is room.

use jiff::{SignedDuration, Timestamp};

use crate::deliveries::{Channel, Destination};
use crate::error::StoreError;
use crate::link::Link;
use crate::row::args;
use crate::statement::Statement;

/// How many deliveries an address takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLimit {
    /// So many; what goes out as one counts once.
    pub deliveries_max: u32,
    /// Within so long.
    pub within: SignedDuration,
    /// Addresses that take everything: where programs read, and not people.
    pub spared: Vec<String>,
}

impl DeliveryLimit {
    /// From when on `destination` takes more; none when it does now.
    pub(crate) async fn full_until(
        &self,
        link: &mut Link,
        destination: &Destination,
    ) -> Result<Option<Timestamp>, StoreError> {
        // The oldest of those that fill the time makes room when it leaves it. What is due again is not under way.
        static FIND: Statement = Statement::new(
            "select max(taken_at)
            from deliveries
            where address = ? and channel = ? and taken_at > {now} - ?
                and state in ('sending', 'sent') and (try_at is null or try_at > {now})
            group by token
            order by max(taken_at) desc
            limit 1 offset ?",
        );
        if self.spares(destination) {
            return Ok(None);
        }
        let values = args![
            &destination.address,
            destination.channel.word(),
            self.within,
            self.deliveries_max.max(1) - 1
        ];
        let Some(row) = link.row(&FIND, values).await? else {
            return Ok(None);
        };
        let taken_at = row.cells().time()?;
        Ok(Some(
            taken_at.saturating_add(self.within).unwrap_or(taken_at),
        ))
    }

    fn spares(&self, destination: &Destination) -> bool {
        match destination.channel {
            Channel::Mail => false,
            Channel::Webhook => self.spared.contains(&destination.address),
            Channel::Command => true,
        }
    }
}

/// Holds back all that is due for `destination`, to go out as one.
pub(crate) async fn hold_back(
    link: &mut Link,
    destination: &Destination,
    until: Timestamp,
) -> Result<(), StoreError> {
    static HOLD: Statement = Statement::new(
        "update deliveries
        set state = 'waiting', held_until = ?, held_by = 'limit', try_at = ?
        where try_at <= {now} and channel = ? and address = ?",
    );
    let values = args![
        until,
        until,
        destination.channel.word(),
        &destination.address
    ];
    link.execute(&HOLD, values).await.map(|_| ())
}

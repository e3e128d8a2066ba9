//! The one clock read in the store: an SQLite file has no clock but the host's.

use jiff::Timestamp;

use crate::row::timestamp;

/// The host's clock, in whole microseconds as everything stored.
pub(crate) fn host_now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "for SQLite the host's clock is the store's clock"
    )]
    let now = Timestamp::now();
    timestamp(now.as_microsecond())
}

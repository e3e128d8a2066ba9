//! The one clock read of the monitor: for the time before it has ever heard the store's.

use jiff::Timestamp;

/// The host's clock.
pub(crate) fn host_now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "a store that has never answered has told no time"
    )]
    Timestamp::now()
}

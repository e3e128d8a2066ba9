//! How Redis is reached, wherever it is, and the wake-up that is said through it.
//!
//! Responsible for addresses, connections and the one channel of wake-ups. Must not know what is locked or changed:
//! Redis makes things earlier and is never needed.

mod connection;
mod place;
mod wake_up;

pub use connection::Connection;
pub use place::Place;
pub use wake_up::{CHANNEL, WakeUp};

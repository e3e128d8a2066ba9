//! The stores, servers and faults that tests need, each private to the test that started it.
//!
//! Responsible for starting real programs on free ports in temporary folders, for breaking them on
//! demand (kill, pause, cut, delay) and for leaving nothing behind, not even when a test panics or
//! its process is killed. It must not know the product: no table, no page, no job; so that what a
//! test sees through it is seen from outside.
//!
//! Every call blocks and is short. In an async test call it directly; a server starts in about a
//! second, and nothing else of the test can run before that anyway.

mod authority;
mod clock;
mod database;
mod flavour;
mod folder;
mod leftovers;
mod mail;
mod mail_server;
mod mariadb;
mod packages;
mod place;
mod port;
mod process;
mod program;
mod proxy;
mod redis;
mod small_disk;
mod test_run;
mod tls_server;
mod wait;
mod wall_clock;
mod witness;

pub use authority::Authority;
pub use clock::now_ns;
pub use database::Database;
pub use folder::Folder;
pub use mail::Mail;
pub use mail_server::{MailSecurity, MailServer};
pub use mariadb::{MariaDb, MariaDbOptions};
pub use packages::require;
pub use port::free_port;
pub use process::{Process, leashed, send_signal};
pub use program::program;
pub use proxy::Proxy;
pub use redis::{Redis, RedisOptions};
pub use rustix::process::Signal;
pub use small_disk::SmallDisk;
pub use test_run::{mariadb_database, mysql9_database};
pub use tls_server::TlsServer;
pub use wait::{wait_until, wait_until_async};
pub use wall_clock::WallClock;
pub use witness::{Sighting, SightingKind, Witness};

//! One test's own database inside a server that many tests share.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use crate::place::Place;

/// A fresh, empty database and the only user that may enter it.
///
/// It is not dropped: it ends with its server, and after a failure it is still there to be read.
#[derive(Debug, Clone)]
pub struct Database {
    /// `mysql://user:password@127.0.0.1:port/name`.
    pub url: String,
    /// The database's name.
    pub name: String,
    /// The user's name, which is also its password.
    pub user: String,
    place: Place,
}

impl Database {
    pub(crate) fn create(place: &Place) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{number}", std::process::id());
        place.query(&format!(
            "create database `{name}`; \
             create user '{name}'@'%' identified by '{name}'; \
             grant all on `{name}`.* to '{name}'@'%'"
        ))?;
        let url = format!("mysql://{name}:{name}@127.0.0.1:{}/{name}", place.port);
        Ok(Self {
            url,
            user: name.clone(),
            name,
            place: place.clone(),
        })
    }

    /// The same database through another port, such as that of a proxy in front of the server.
    #[must_use]
    pub fn url_through(&self, port: u16) -> String {
        let name = &self.name;
        format!("mysql://{name}:{name}@127.0.0.1:{port}/{name}")
    }

    /// Runs SQL in it as root and returns the rows, one a line, columns separated by tabs.
    ///
    /// # Errors
    /// When the server does not answer or refuses the statement.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.place.query(&format!("use `{}`; {sql}", self.name))
    }
}

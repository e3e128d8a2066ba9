//! Where the database is, as the configuration says it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::mysql::MySqlConnectOptions;

/// The address of a database. Shown without its password.
#[derive(Clone)]
pub struct StoreUrl(pub(crate) Place);

#[derive(Clone)]
pub(crate) enum Place {
    MySql(Box<MySqlConnectOptions>),
    Sqlite(PathBuf),
}

/// The text is no address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// A scheme nobody knows.
    #[error(
        "database.url begins with {0:?}; write mysql://USER:PASSWORD@HOST/NAME, mariadb://… or sqlite:PATH"
    )]
    Scheme(String),
    /// The rest of a MySQL address. It is not repeated, since it may hold a password.
    #[error("database.url is no address: {0}; write mysql://USER:PASSWORD@HOST:3306/NAME")]
    MySql(String),
    /// No database named.
    #[error("database.url names no database; end it with /NAME")]
    NoDatabase,
    /// No file named.
    #[error("database.url names no file; write sqlite:PATH")]
    NoFile,
}

impl StoreUrl {
    /// The SQLite file at `path`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        StoreUrl(Place::Sqlite(path.into()))
    }

    /// Whether it is a file of this machine.
    pub fn is_file(&self) -> bool {
        matches!(self.0, Place::Sqlite(_))
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(StoreUrlError::Scheme(text.chars().take(12).collect()));
        };
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err(StoreUrlError::NoFile);
                }
                Ok(StoreUrl::file(path))
            }
            "mysql" | "mariadb" => {
                let options: MySqlConnectOptions =
                    format!("mysql:{rest}")
                        .parse()
                        .map_err(|error| match error {
                            sqlx::Error::Configuration(reason) => {
                                StoreUrlError::MySql(reason.to_string())
                            }
                            _ => StoreUrlError::MySql("a part of it is missing".to_owned()),
                        })?;
                if options.get_database().is_none_or(str::is_empty) {
                    return Err(StoreUrlError::NoDatabase);
                }
                Ok(StoreUrl(Place::MySql(Box::new(options))))
            }
            _ => Err(StoreUrlError::Scheme(scheme.to_owned())),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::MySql(options) => write!(
                f,
                "mysql://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url: StoreUrl = "mariadb://carillon:s3cret@db.example:3307/carillon"
            .parse()
            .unwrap();

        assert_eq!(url.to_string(), "mysql://carillon@db.example:3307/carillon");
        assert!(!format!("{url:?}").contains("s3cret"));
    }

    #[test]
    fn a_bad_address_is_refused_without_repeating_it() {
        for text in [
            "postgres://u:s3cret@h/d",
            "mysql://u:s3cret@h:port/d",
            "mysql://u:s3cret@h",
            "sqlite:",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();

            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}

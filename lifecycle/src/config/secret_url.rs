//! An address that may hold a password, and never shows it.

use std::fmt;

/// A URL whose password is shown as `***` by `Display` and `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Takes any text; whoever connects with it judges it.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address with its password, for the library that connects and for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_query_secrets(&without_password(&self.0)))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

/// Hides what stands between the first `:` and the last `@` of the authority. A password may hold
/// `@`, `:` or even `/` by mistake, hence the last `@` of everything before the query.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return if url.contains('@') {
            "***".to_owned()
        } else {
            url.to_owned()
        };
    };
    let (rest, query) = rest
        .find('?')
        .map_or((rest, ""), |start| rest.split_at(start));
    let Some((user_info, host)) = rest.rsplit_once('@') else {
        // A password with a question mark that nobody has escaped: no address, and still a secret.
        return if query.contains('@') {
            format!("{scheme}://***")
        } else {
            url.to_owned()
        };
    };
    let user = user_info.split_once(':').map(|(user, _)| user);
    match user {
        Some(user) => format!("{scheme}://{user}:***@{host}{query}"),
        None => url.to_owned(),
    }
}

/// Hides the values of query parameters that are named like a secret.
fn without_query_secrets(url: &str) -> String {
    let Some((base, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let shown: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret_name(name) => format!("{name}=***"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{base}?{}", shown.join("&"))
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "secret", "token", "key"]
        .iter()
        .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_never_shown() {
        let cases = [
            (
                "mysql://me:sesame@db:3306/c?ssl-mode=required",
                "mysql://me:***@db:3306/c?ssl-mode=required",
            ),
            ("redis://:sesame@127.0.0.1/0", "redis://:***@127.0.0.1/0"),
            ("smtp://me:sesame@se@same@mail", "smtp://me:***@mail"),
            ("mysql://me:ses/ame@db/c", "mysql://me:***@db/c"),
            ("mysql://db/c?password=sesame", "mysql://db/c?password=***"),
            ("mysql://me:sesa?me@db/c", "mysql://***"),
            ("me:sesame@db", "***"),
            (
                "sqlite:///var/lib/carillon.db",
                "sqlite:///var/lib/carillon.db",
            ),
        ];
        for (url, shown) in cases {
            let url = SecretUrl::new(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("SecretUrl({shown})"));
        }
    }
}

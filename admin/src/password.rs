//! Passwords: what is accepted, and how they are kept (argon2id).

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::words::{Words, fill};

/// The shortest password, in characters.
pub(crate) const LENGTH_MIN: usize = 12;
/// The longest password, in characters.
pub(crate) const LENGTH_MAX: usize = 256;
/// Hashes made at once: each takes 19 MiB, and a crowd at the door must not take them all.
const HASHES_MAX: usize = 2;

/// Words no password may consist of, blanks and digits aside.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "carillon",
    "qwertyuiop",
    "administrator",
    "letmeinletmein",
    "iloveyou",
    "abcdefghijkl",
    "changeme",
    "welcome",
    "correcthorsebatterystaple",
];

/// The password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Too short.
    #[error(
        "the password has {0} characters, at least {LENGTH_MIN} are needed; make it a sentence"
    )]
    TooShort(usize),
    /// Too long.
    #[error("the password has {0} characters, at most {LENGTH_MAX} are kept; shorten it")]
    TooLong(usize),
    /// On every attacker's list.
    #[error("this password is on every attacker's list; choose another")]
    Common,
}

impl PasswordError {
    pub(crate) fn told(self, words: &Words) -> String {
        match self {
            PasswordError::TooShort(length) => {
                fill(words.account.password_short, &[&length, &LENGTH_MIN])
            }
            PasswordError::TooLong(length) => {
                fill(words.account.password_long, &[&length, &LENGTH_MAX])
            }
            PasswordError::Common => words.account.password_common.to_owned(),
        }
    }
}

/// Judges a new password for the account `name`.
/// # Errors
/// When it is too short, too long, or easily guessed.
pub(crate) fn judge(password: &str, name: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if length < LENGTH_MIN {
        return Err(PasswordError::TooShort(length));
    }
    if length > LENGTH_MAX {
        return Err(PasswordError::TooLong(length));
    }
    let letters: String = password
        .chars()
        .filter(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect();
    let distinct: std::collections::BTreeSet<char> = password.chars().collect();
    let name: String = name
        .chars()
        .filter(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect();
    let is_name = !letters.is_empty() && name.contains(&letters);
    if COMMON.contains(&letters.as_str()) || is_name || distinct.len() < 4 {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// Hashes and verifies, a bounded number at a time and off the threads that serve requests.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// The hash of a password nobody has: an unknown name must take as long as a wrong password.
    decoy: Arc<str>,
}

impl Passwords {
    /// Ready to hash.
    pub(crate) fn new() -> Self {
        Passwords {
            permits: Arc::new(Semaphore::new(HASHES_MAX)),
            decoy: hash(&crate::secret::draw()).into(),
        }
    }

    /// The hash to store for `password`.
    pub(crate) async fn hash(&self, password: String) -> String {
        self.on_a_thread(move || hash(&password)).await
    }

    /// Whether `password` is the one `stored` was made of; without an account, never, after the same time.
    pub(crate) async fn is_right(&self, password: String, stored: Option<String>) -> bool {
        let decoy = Arc::clone(&self.decoy);
        self.on_a_thread(move || match stored {
            Some(stored) => verify(&password, &stored),
            None => {
                verify(&password, &decoy);
                false
            }
        })
        .await
    }

    async fn on_a_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let work = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        work.await.expect("hashing does not panic")
    }
}

/// The PHC string of a password.
pub(crate) fn hash(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("the default parameters hash any password")
        .to_string()
}

fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|stored| {
        Argon2::default()
            .verify_password(password.as_bytes(), &stored)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_judged_by_length_and_by_what_everybody_tries() {
        assert_eq!(judge("short", "ann"), Err(PasswordError::TooShort(5)));
        assert_eq!(
            judge(&"x".repeat(257), "ann"),
            Err(PasswordError::TooLong(257))
        );
        assert_eq!(judge("password1234", "ann"), Err(PasswordError::Common));
        assert_eq!(judge("aaaaaaaaaaaa", "ann"), Err(PasswordError::Common));
        assert_eq!(
            judge("annabelle.smith1", "annabelle.smith"),
            Err(PasswordError::Common)
        );
        assert_eq!(judge("钟楼上的十二口钟都响过了", "ann"), Ok(()));
        assert_eq!(judge("three bells at noon", "ann"), Ok(()));
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_and_knows_its_password() {
        let passwords = Passwords::new();
        let stored = passwords.hash("three bells at noon".to_owned()).await;

        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let is_right = |password: &str, stored: Option<String>| {
            passwords.is_right(password.to_owned(), stored)
        };
        assert!(is_right("three bells at noon", Some(stored.clone())).await);
        assert!(!is_right("three bells at one", Some(stored)).await);
        assert!(!is_right("three bells at noon", None).await);
    }
}

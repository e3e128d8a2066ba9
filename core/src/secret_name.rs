//! What a node calls a value that it keeps to itself: the name of a file in its folder of secrets. The value is nobody's business here.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes: that of a file.
pub const SECRET_NAME_SIZE_MAX: usize = 255;

/// The name of a secret, which is also the name of its file on each node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

/// The text is no name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretNameError {
    /// Nothing but blanks.
    #[error("a secret needs the name of its file on the node, e.g. db-password")]
    Empty,
    /// Too long.
    #[error(
        "the name of the secret has {size} bytes, the limit is {SECRET_NAME_SIZE_MAX}; shorten it"
    )]
    TooLong {
        /// Its size in bytes.
        size: usize,
    },
    /// It would lead out of the folder.
    #[error(
        "the secret {0:?} holds a slash; give the name of a file in the node's folder of secrets alone"
    )]
    Slash(String),
    /// It would be hidden, or a way to another folder.
    #[error("the secret {0:?} begins with a dot; give its file another name")]
    Dot(String),
    /// A character that would break lines or hide in a log.
    #[error("the name of the secret holds the control character {0:?}; remove it")]
    ControlCharacter(char),
}

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretNameError::Empty);
        }
        if text.len() > SECRET_NAME_SIZE_MAX {
            return Err(SecretNameError::TooLong { size: text.len() });
        }
        if text.contains('/') {
            return Err(SecretNameError::Slash(text.to_owned()));
        }
        if text.starts_with('.') {
            return Err(SecretNameError::Dot(text.to_owned()));
        }
        match text.chars().find(|c| c.is_control()) {
            Some(found) => Err(SecretNameError::ControlCharacter(found)),
            None => Ok(SecretName(text.to_owned())),
        }
    }
}

crate::text_serde!(SecretName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_its_folder() {
        let read = |text: &str| text.parse::<SecretName>();

        assert_eq!(read(" "), Err(SecretNameError::Empty));
        assert_eq!(
            read(&"a".repeat(256)),
            Err(SecretNameError::TooLong { size: 256 })
        );
        for text in ["../shadow", "/etc/shadow", "a/b", "a/"] {
            assert_eq!(read(text), Err(SecretNameError::Slash(text.to_owned())));
        }
        for text in [".", "..", ".hidden"] {
            assert_eq!(read(text), Err(SecretNameError::Dot(text.to_owned())));
        }
        assert_eq!(read("a\0b"), Err(SecretNameError::ControlCharacter('\0')));
        assert_eq!(read(" db-password ").unwrap().as_str(), "db-password");
    }
}

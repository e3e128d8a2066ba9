//! What a person gives one run along: the command finds each as a variable of its own kind, which can pass for no other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most parameters of one run.
pub const PARAMETERS_MAX: usize = 32;

/// The longest name, in characters.
pub const PARAMETER_NAME_LENGTH_MAX: usize = 64;

/// The longest value, in bytes.
pub const PARAMETER_BYTES_MAX: usize = 4096;

/// Every variable begins with it, so that whoever may run a job, and not edit it, can set nothing that a loader or a shell
/// obeys.
const PREFIX: &str = "CARILLON_PARAM_";

/// Names and texts for one run; in JSON an object of texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Parameters(BTreeMap<String, String>);

/// What is wrong with parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// Too many.
    #[error("a run takes {PARAMETERS_MAX} parameters at most, these are {count}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// No name.
    #[error(
        "{0:?} names no parameter; letters, digits and _ do, {PARAMETER_NAME_LENGTH_MAX} at most"
    )]
    Name(String),
    /// The same name twice.
    #[error("parameter {0} is given twice; leave one out")]
    Twice(String),
    /// Too long a value.
    #[error(
        "parameter {name} has {length} bytes, the limit is {PARAMETER_BYTES_MAX}; give a file's name instead"
    )]
    TooLong {
        /// Its name.
        name: String,
        /// How many bytes.
        length: usize,
    },
    /// A zero byte, which no variable can hold.
    #[error("parameter {0} holds a zero byte, which no variable can; remove it")]
    ZeroByte(String),
    /// A line without an equals sign.
    #[error("{0:?} gives no parameter; write NAME=value")]
    NoValue(String),
}

impl Parameters {
    /// Judges names and values.
    ///
    /// # Errors
    /// For the first that breaks a limit.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, ParametersError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let is_short = (1..=PARAMETER_NAME_LENGTH_MAX).contains(&name.len());
            if !is_short || !name.chars().all(is_name) {
                return Err(ParametersError::Name(name));
            }
            if value.len() > PARAMETER_BYTES_MAX {
                let length = value.len();
                return Err(ParametersError::TooLong { name, length });
            }
            if value.contains('\0') {
                return Err(ParametersError::ZeroByte(name));
            }
            if parameters.insert(name.clone(), value).is_some() {
                return Err(ParametersError::Twice(name));
            }
        }
        match parameters.len() {
            count if count > PARAMETERS_MAX => Err(ParametersError::TooMany { count }),
            _ => Ok(Parameters(parameters)),
        }
    }

    /// Reads `NAME=value` lines; empty ones are passed over.
    ///
    /// # Errors
    /// As [`Parameters::new`], and for a line without an equals sign.
    pub fn from_lines<'a>(
        lines: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ParametersError> {
        let pairs = lines
            .into_iter()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                let (name, value) = line
                    .split_once('=')
                    .ok_or_else(|| ParametersError::NoValue(line.to_owned()))?;
                Ok((name.trim().to_owned(), value.to_owned()))
            });
        Self::new(pairs.collect::<Result<Vec<_>, _>>()?)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The variables of the command.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let variable =
            |(name, value): (&String, &String)| (format!("{PREFIX}{name}"), value.clone());
        self.0.iter().map(variable)
    }
}

impl TryFrom<BTreeMap<String, String>> for Parameters {
    type Error = ParametersError;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, ParametersError> {
        Parameters::new(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Result<Parameters, ParametersError> {
        Parameters::new([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn parameters_reach_the_command_under_a_name_of_their_own() {
        let parameters =
            Parameters::from_lines(["day=monday", "", "LD_PRELOAD=/tmp/x = y"]).unwrap();

        let variables: Vec<_> = parameters.variables().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            variables,
            [
                pair("CARILLON_PARAM_LD_PRELOAD", "/tmp/x = y"),
                pair("CARILLON_PARAM_day", "monday")
            ]
        );
    }

    #[test]
    fn bad_parameters_say_what_is_wrong_with_them() {
        for name in ["", "a b", "a=b", "ü", &"n".repeat(65)] {
            assert_eq!(one(name, ""), Err(ParametersError::Name(name.to_owned())));
        }
        assert!(one("a", &"x".repeat(4096)).is_ok());
        assert!(matches!(
            one("a", &"x".repeat(4097)),
            Err(ParametersError::TooLong { length: 4097, .. })
        ));
        assert!(matches!(one("a", "\0"), Err(ParametersError::ZeroByte(_))));
        assert_eq!(
            Parameters::from_lines(["a=1", "a=2"]),
            Err(ParametersError::Twice("a".to_owned()))
        );
        assert_eq!(
            Parameters::from_lines(["monday"]),
            Err(ParametersError::NoValue("monday".to_owned()))
        );
        let many = (0..33).map(|number| (format!("n{number}"), String::new()));
        assert_eq!(
            Parameters::new(many),
            Err(ParametersError::TooMany { count: 33 })
        );
    }
}

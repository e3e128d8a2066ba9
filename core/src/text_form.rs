//! Values that are written as one word everywhere: in JSON, in SQL and in forms.

/// Serialises a type by its `Display` and reads it by its `FromStr`, so that one spelling serves every border.
#[macro_export]
macro_rules! text_serde {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A closed set of words: the enum, its `Display`, its `FromStr` and its list of all members stay one table.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$member_doc:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$member_doc])* $member),+ }

        impl $name {
            /// Every member, in order.
            pub const ALL: &'static [$name] = &[$($name::$member),+];

            /// The word for it, as stored and as the API says it.
            pub fn word(self) -> &'static str {
                match self { $($name::$member => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::text_form::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|member| member.word() == text).ok_or_else(|| {
                    $crate::text_form::UnknownWord {
                        what: $what,
                        word: text.to_owned(),
                        known: &[$($word),+],
                    }
                })
            }
        }

        $crate::text_serde!($name);
    };
}

/// A word that is not in its closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {what}; it is one of {}", known.join(", "))]
pub struct UnknownWord {
    /// What was expected, e.g. `outcome`.
    pub what: &'static str,
    /// What was found.
    pub word: String,
    /// What would have been accepted.
    pub known: &'static [&'static str],
}

//! The random number by which an owner proves that a claim is his.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 128 bits, new for every attempt. Reading one's own token back from the store is the only proof of a won claim;
/// a count of affected rows never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// The token made of these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Token(bytes)
    }

    /// The bytes, as stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token is 32 hexadecimal digits, got {0:?}")]
pub struct TokenError(String);

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || TokenError(text.to_owned());
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        u128::from_str_radix(text, 16)
            .map(|bits| Token(bits.to_be_bytes()))
            .map_err(|_| error())
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Mints the tokens of one boot. Two mints with different seeds do not meet in practice: the seed is 128 random
/// bits drawn when the agent boots, and each token is a bijective mix of seed and count.
#[derive(Debug, Clone)]
pub struct TokenMint {
    seed: u128,
    count: u64,
}

impl TokenMint {
    /// A mint that starts from `seed`.
    pub fn new(seed: u128) -> Self {
        TokenMint { seed, count: 0 }
    }

    /// A token this mint has not given before.
    pub fn mint(&mut self) -> Token {
        self.count += 1;
        let [high, low] = [self.seed >> 64, self.seed].map(|half| half as u64);
        let [high, low] = [
            mix(high ^ mix(self.count)),
            mix(low.wrapping_add(self.count)),
        ];
        Token((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection on 64 bits that spreads every bit.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_from_its_text() {
        let token = TokenMint::new(42).mint();

        assert_eq!(token.to_string().parse(), Ok(token));
        assert!("xyz".parse::<Token>().is_err());
        assert!("+0000000000000000000000000000000".parse::<Token>().is_err());
    }

    #[test]
    fn a_mint_never_repeats_itself() {
        let mut mint = TokenMint::new(7);
        let minted: std::collections::HashSet<_> = (0..10_000).map(|_| mint.mint()).collect();

        assert_eq!(minted.len(), 10_000);
    }
}

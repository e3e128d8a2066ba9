//! Chance, for tokens.

use carillon_core::token::Token;

/// A token that nobody else has.
pub(crate) fn random_token() -> Token {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes");
    Token::from_bytes(bytes)
}

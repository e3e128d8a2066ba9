//! Accounts, groups, tokens and the audit log: who may do what, and who did.

pub(crate) mod audit;
pub(crate) mod groups;
pub(crate) mod tokens;
pub(crate) mod user;
pub(crate) mod users;

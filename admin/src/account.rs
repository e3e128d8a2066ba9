//! Setting up, signing in and out, and one's own account.

mod browser;
pub(crate) mod password;
mod picture;
pub(crate) mod preferences;
pub(crate) mod sessions;
pub(crate) mod set_up;
pub(crate) mod show;
pub(crate) mod sign_in;
pub(crate) mod sign_in_code;
pub(crate) mod sign_out;
pub(crate) mod step_up;
mod throttle;
pub(crate) mod totp;

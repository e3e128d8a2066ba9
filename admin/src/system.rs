//! What concerns the installation as a whole: timeline, alerts, import and export, health.

pub(crate) mod alerts;
pub(crate) mod apply;
pub(crate) mod commands;
mod evidence;
pub(crate) mod export;
pub(crate) mod health;
mod heat_map;
pub(crate) mod import;
pub(crate) mod incident;
pub(crate) mod timeline;

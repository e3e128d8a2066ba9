//! The time zone this host keeps, which is what a crontab without `CRON_TZ` means.

use std::path::Path;

/// The IANA name of the host's zone: `TZ` where it is a name, else what `/etc/localtime` points to, else
/// `/etc/timezone`, else `UTC`.
pub fn host_zone() -> String {
    let variable = std::env::var("TZ").ok().filter(|name| is_name(name));
    variable
        .or_else(linked)
        .or_else(written)
        .unwrap_or_else(|| "UTC".to_owned())
}

fn linked() -> Option<String> {
    let target = std::fs::canonicalize("/etc/localtime").ok()?;
    zone_of(&target)
}

fn zone_of(target: &Path) -> Option<String> {
    let (_, name) = target.to_str()?.split_once("/zoneinfo/")?;
    Some(name.to_owned()).filter(|name| is_name(name))
}

fn written() -> Option<String> {
    let text = std::fs::read_to_string("/etc/timezone").ok()?;
    Some(text.trim().to_owned()).filter(|name| is_name(name))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with([':', '/', '<'])
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_is_what_the_link_points_to() {
        assert_eq!(
            zone_of(Path::new("/usr/share/zoneinfo/Europe/Berlin")).unwrap(),
            "Europe/Berlin"
        );
        assert_eq!(zone_of(Path::new("/etc/localtime")), None);
    }
}

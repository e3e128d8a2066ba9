//! Which addresses a webhook may lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use url::{Host, Url};

use super::post::PostError;

/// A name server gets this long.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The addresses of the URL's host, all of them judged. Who connects must connect to one of these: a name that is
/// resolved again may say something else.
pub(crate) async fn resolve(url: &Url, may_be_private: bool) -> Result<Vec<SocketAddr>, PostError> {
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![(address, port).into()],
        Some(Host::Ipv6(address)) => vec![(address, port).into()],
        Some(Host::Domain(name)) => look_up(name, port).await?,
        None => Vec::new(),
    };
    let allowed: Vec<SocketAddr> = addresses
        .iter()
        .copied()
        .filter(|address| may_be_private || is_public(address.ip()))
        .collect();
    match (allowed.is_empty(), addresses.first()) {
        (false, _) => Ok(allowed),
        (true, Some(address)) => Err(PostError::Private(address.ip())),
        (true, None) => Err(PostError::NoAddress),
    }
}

async fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, PostError> {
    match tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((name, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(PostError::Unreachable(error.to_string())),
        Err(_) => Err(PostError::Unreachable(
            "no answer from the name server".to_owned(),
        )),
    }
}

/// Whether an address is on the public internet: not this machine, no private or local network, no cloud's metadata,
/// and no IPv6 spelling of one of these.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_reserved = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        // Shared by carriers, protocol assignments, 6to4 relays and benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        // Alibaba's metadata and Azure's host.
        || address == Ipv4Addr::new(168, 63, 129, 16);
    !is_reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = inner_v4(address) {
        return is_public_v4(inner);
    }
    let first = address.segments()[0];
    let second = address.segments()[1];
    let is_global_unicast = first & 0xe000 == 0x2000;
    let is_special = first == 0x2001 && (second < 0x0200 || second == 0x0db8)
        || first == 0x3fff && second < 0x1000;
    is_global_unicast && !is_special
}

/// The IPv4 address inside: mapped, compatible, NAT64, 6to4.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let low = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, rest] => Some(low(high, rest)),
        [0, 0, 0, 0, 0xffff, 0, high, rest] => Some(low(high, rest)),
        [0x64, 0xff9b, ..] => Some(low(s[6], s[7])),
        [0x2002, high, rest, ..] => Some(low(high, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_private_address_passes() {
        // As attackers write them; the URL parser turns the odd ones into plain addresses.
        let hosts = "127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0177.0.0.1 0x7f.1 017700000001 0 0.0.0.0 \
            10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 169.254.169.254 169.254.0.1 \
            2852039166 0xa9fea9fe 0251.0376.0251.0376 100.64.0.1 100.127.255.255 100.100.100.200 192.0.0.1 198.18.0.1 \
            198.19.255.255 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.0.2.1 198.51.100.1 203.0.113.1 \
            192.88.99.1 168.63.129.16 0.1.2.3 127。0。0。1 １２７.0.0.1 \
            [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:a9fe:a9fe] [::127.0.0.1] [::ffff:10.0.0.1] \
            [0:0:0:0:0:ffff:7f00:0001] [64:ff9b::7f00:1] [64:ff9b::169.254.169.254] [64:ff9b:1::7f00:1] [2002:7f00:1::] \
            [2002:a9fe:a9fe::] [fc00::1] [fd00:ec2::254] [fe80::1] [fe80::a9fe:a9fe] [ff02::1] [2001:db8::1] [2001::1] \
            [::ffff:0:127.0.0.1] [3fff::1] [100::1] [fec0::1]";
        let mut tried = 0;
        for host in hosts.split_whitespace() {
            let url: Url = format!("http://{host}/").parse().unwrap();
            let address: IpAddr = match url.host() {
                Some(Host::Ipv4(address)) => address.into(),
                Some(Host::Ipv6(address)) => address.into(),
                other => panic!("{host} was read as {other:?}"),
            };

            assert!(!is_public(address), "{host} is {address}");
            tried += 1;
        }
        assert!(tried >= 60, "{tried}");
    }

    #[test]
    fn public_addresses_pass() {
        for address in [
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "2606:4700::1111",
            "2002:808:808::",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}

//! Where a request comes from.

use http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of who asks, behind the proxies that are `trusted`; `connected` is who sent the request.
pub fn peer_of(connected: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    // What cannot be read ends the way back, as does an address that cannot.
    let hops = values.iter().rev().flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(&ip));
    behind(connected.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), hops, is_trusted)
}

/// Each proxy appends who it was asked by, so the way back begins at the end: `hops` from the last one. It ends at the first
/// who is not trusted, for whatever stands before may be made up by him.
fn behind<'a>(
    connected: IpAddr,
    hops: impl Iterator<Item = &'a str>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut peer = connected.to_canonical();
    for hop in hops {
        if !is_trusted(peer) {
            break;
        }
        let Some(before) = address(hop.trim()) else { break };
        peer = before.to_canonical();
    }
    peer
}

/// Some proxies add the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10.0.0.0/8 is trusted.
    fn behind_ours(connected: &str, header: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in header {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        peer_of(connected.parse().ok(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_last_one_that_is_not_trusted_asks() {
        assert_eq!(behind_ours("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "anybody can write headers");
        assert_eq!(behind_ours("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(behind_ours("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(behind_ours("10.0.0.1", &["203.0.113.9, 198.51.100.7 , 10.0.0.2"]), "198.51.100.7");
        assert_eq!(behind_ours("10.0.0.1", &["203.0.113.9", "198.51.100.7", "10.0.0.2"]), "198.51.100.7");
        assert_eq!(behind_ours("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3", "all are ours");
        assert_eq!(behind_ours("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(behind_ours("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn ports_are_left_away() {
        assert_eq!(behind_ours("10.0.0.1", &["198.51.100.7:8080"]), "198.51.100.7");
        assert_eq!(behind_ours("10.0.0.1", &["[2001:db8::7]:8080"]), "2001:db8::7");
        assert_eq!(behind_ours("10.0.0.1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(behind_ours("10.0.0.1", &["2001:db8::7"]), "2001:db8::7");
    }
}

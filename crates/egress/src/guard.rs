//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An address that may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} is not public ({range}); deliverer.allow_cidrs lists the networks that may be called all the same"
)]
pub struct Refused {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub range: &'static str,
}

/// Lets public addresses pass, and those of networks that are explicitly allowed.
#[derive(Debug, Clone, Default)]
pub struct AddressGuard {
    allowed: Vec<IpNet>,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// The IANA IPv4 special-purpose registry, and what clouds serve metadata from.
const NOT_PUBLIC_V4: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local and metadata"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(168, 63, 129, 16, 32), "metadata"),
    (v4(192, 0, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// The only IPv6 space that is handed out for public use.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What is not public inside of it.
const NOT_PUBLIC_V6: [(Ipv6Net, &str); 5] = [
    (v6(0x2001, 0, 0, 32), "Teredo"),
    (v6(0x2001, 0, 0, 23), "protocol assignments and benchmarking"),
    (v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (v6(0x2002, 0, 0, 16), "6to4"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
];

/// Names for what is outside of it; all of it is refused, named or not.
const NAMED_V6: [(Ipv6Net, &str); 7] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "loopback"),
    (Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96), "IPv4-mapped"),
    (v6(0x64, 0xff9b, 0, 96), "NAT64"),
    (v6(0x64, 0xff9b, 1, 48), "NAT64"),
    (v6(0xfc00, 0, 0, 7), "unique local and metadata"),
    (v6(0xfe80, 0, 0, 10), "link-local"),
    (v6(0xff00, 0, 0, 8), "multicast"),
];

impl AddressGuard {
    /// With these networks allowed although they are not public.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether this address may be called. An address that embeds an IPv4 address is judged as the IPv6 address it
    /// is: allowing 10.0.0.0/8 does not allow `::ffff:10.0.0.1`.
    ///
    /// # Errors
    /// When it is not public and no allowed network holds it.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let range = match address {
            IpAddr::V4(v4) => {
                NOT_PUBLIC_V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, range)| *range)
            }
            IpAddr::V6(v6) if GLOBAL_UNICAST.contains(&v6) => {
                NOT_PUBLIC_V6.iter().find(|(net, _)| net.contains(&v6)).map(|(_, range)| *range)
            }
            IpAddr::V6(v6) => Some(
                NAMED_V6.iter().find(|(net, _)| net.contains(&v6)).map_or("reserved", |(_, range)| *range),
            ),
        };
        match range {
            Some(range) if !self.allowed.iter().any(|net| net.contains(&address)) => {
                Err(Refused { address, range })
            }
            _ => Ok(()),
        }
    }
}

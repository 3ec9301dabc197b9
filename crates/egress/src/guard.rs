//! Which addresses may be called.

mod ranges;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use ranges::{GLOBAL_UNICAST, REFUSED_V4, REFUSED_V6, RESERVED};

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

impl AddressGuard {
    /// With these networks allowed although they are not public.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// What is refused unless it is allowed, for documentation: IPv4, then IPv6. What of IPv6 is neither named here nor in
    /// 2000::/3 is refused as well.
    pub fn refused_ranges() -> impl Iterator<Item = (IpNet, &'static str)> {
        let v4 = REFUSED_V4.into_iter().map(|(net, range)| (IpNet::from(net), range));
        v4.chain(REFUSED_V6.into_iter().map(|(net, range)| (IpNet::from(net), range)))
    }

    /// Whether this address may be called. IPv6 that holds an IPv4 address is refused as what it is: allowing 10.0.0.0/8
    /// does not allow `::ffff:10.0.0.1`. Where such IPv6 is allowed, as in networks that reach IPv4 by NAT64, the IPv4
    /// address inside must pass as well.
    ///
    /// # Errors
    /// When it is not public and no allowed network holds it.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let Some(range) = range_of(address) else { return Ok(()) };
        if !self.allowed.iter().any(|net| net.contains(&address)) {
            return Err(Refused { address, range });
        }
        match address {
            IpAddr::V4(_) => Ok(()),
            IpAddr::V6(outer) => embedded(outer).map_or(Ok(()), |inner| {
                self.check(inner.into()).map_err(|refused| Refused { address, range: refused.range })
            }),
        }
    }
}

/// Why an address is not public; `None` when it is.
fn range_of(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => REFUSED_V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, range)| *range),
        IpAddr::V6(v6) => {
            let named = REFUSED_V6.iter().find(|(net, _)| net.contains(&v6)).map(|(_, range)| *range);
            named.or((!GLOBAL_UNICAST.contains(&v6)).then_some(RESERVED))
        }
    }
}

/// The IPv4 address that a packet to this one ends at.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, b, c, d, e, f, g, h] = v6.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Compatible, mapped, translated.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Some(of(g, h)),
        [0x64, 0xff9b, ..] if (c, d, e, f) == (0, 0, 0, 0) => Some(of(g, h)),
        // A local network chooses where the address stands; /96 is the usual length.
        [0x64, 0xff9b, 1, ..] => Some(of(g, h)),
        [0x2001, 0, ..] => Some(of(!g, !h)),
        [0x2002, ..] => Some(of(b, c)),
        _ => None,
    }
}

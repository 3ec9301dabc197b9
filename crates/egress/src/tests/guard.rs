use std::net::IpAddr;

use crate::AddressGuard;

#[test]
fn only_public_addresses_pass() {
    let table = [
        ("1.1.1.1", None),
        ("8.8.8.8", None),
        ("100.63.255.255", None),
        ("100.128.0.0", None),
        ("172.15.255.255", None),
        ("172.32.0.0", None),
        ("198.17.255.255", None),
        ("223.255.255.255", None),
        ("2606:4700::1111", None),
        ("2a00:1450:4001::1", None),
        ("2001:200::1", None),
        ("0.0.0.0", Some("this network")),
        ("0.1.2.3", Some("this network")),
        ("10.0.0.1", Some("private")),
        ("10.255.255.255", Some("private")),
        ("100.64.0.1", Some("carrier-grade NAT, and metadata of some clouds")),
        ("100.100.100.200", Some("carrier-grade NAT, and metadata of some clouds")),
        ("100.127.255.255", Some("carrier-grade NAT, and metadata of some clouds")),
        ("127.0.0.1", Some("loopback")),
        ("127.255.255.254", Some("loopback")),
        ("169.254.169.254", Some("link-local, and metadata of most clouds")),
        ("168.63.129.16", Some("metadata of a cloud")),
        ("172.16.0.1", Some("private")),
        ("172.31.255.255", Some("private")),
        ("192.0.0.192", Some("IETF protocol assignments")),
        ("192.0.2.1", Some("documentation (TEST-NET-1)")),
        ("192.31.196.1", Some("AS112, answers DNS only")),
        ("192.88.99.1", Some("6to4 relay anycast")),
        ("192.168.1.1", Some("private")),
        ("198.18.0.1", Some("benchmarking")),
        ("198.19.255.255", Some("benchmarking")),
        ("198.51.100.1", Some("documentation (TEST-NET-2)")),
        ("203.0.113.1", Some("documentation (TEST-NET-3)")),
        ("224.0.0.1", Some("multicast")),
        ("239.255.255.255", Some("multicast")),
        ("240.0.0.1", Some("reserved")),
        ("255.255.255.255", Some("broadcast")),
        ("::", Some("unspecified")),
        ("::1", Some("loopback")),
        ("::127.0.0.1", Some("IPv4-compatible")),
        ("::ffff:127.0.0.1", Some("IPv4-mapped")),
        ("::ffff:8.8.8.8", Some("IPv4-mapped")),
        ("64:ff9b::7f00:1", Some("NAT64")),
        ("64:ff9b::8.8.8.8", Some("NAT64")),
        ("::ffff:0:127.0.0.1", Some("IPv4-translated")),
        ("64:ff9b:1::1", Some("NAT64 of a local network")),
        ("100::1", Some("discard")),
        ("100:0:0:1::1", Some("dummy prefix")),
        ("2001::1", Some("Teredo")),
        ("2001:2::1", Some("benchmarking")),
        ("2001:1::1", Some("IETF protocol assignments")),
        ("2001:4:112::1", Some("AS112, answers DNS only")),
        ("2001:10::1", Some("ORCHID")),
        ("2001:2f::1", Some("ORCHIDv2")),
        ("2001:db8::1", Some("documentation")),
        ("2002:7f00:1::", Some("6to4")),
        ("3fff::1", Some("documentation")),
        ("4000::1", Some("reserved")),
        ("5f00::1", Some("SRv6 segments")),
        ("3ffe::1", Some("returned (6bone)")),
        ("fc00::1", Some("unique local, and metadata of some clouds")),
        ("fd00:ec2::254", Some("unique local, and metadata of some clouds")),
        ("fe80::1", Some("link-local")),
        ("fec0::1", Some("site-local")),
        ("ff02::1", Some("multicast")),
    ];
    let guard = AddressGuard::default();
    for (address, range) in table {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(guard.check(address).err().map(|refused| refused.range), range, "{address}");
    }
}

#[test]
fn allowed_networks_pass_and_nothing_beside_them() {
    let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    for (address, passes) in [
        ("127.0.0.1", true),
        ("fd12::1", true),
        ("8.8.8.8", true),
        ("10.0.0.1", false),
        ("::1", false),
        ("::ffff:127.0.0.1", false),
        ("64:ff9b::7f00:1", false),
        ("fc00::1", false),
    ] {
        assert_eq!(guard.check(address.parse().unwrap()).is_ok(), passes, "{address}");
    }
    let refused = guard.check("10.0.0.1".parse().unwrap()).unwrap_err();
    assert!(
        refused.to_string().contains("10.0.0.1") && refused.to_string().contains("deliverer.allow_cidrs")
    );
}

/// Networks without IPv4 reach it by NAT64: there the prefix is allowed, and what is behind it is judged all the same.
#[test]
fn where_ipv6_around_ipv4_is_allowed_the_ipv4_inside_is_judged() {
    let allowed =
        ["64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0/96", "2002::/16", "2001::/32", "::/96", "10.0.0.0/8"];
    let guard = AddressGuard::new(allowed.map(|net| net.parse().unwrap()).to_vec());
    for (address, refused) in [
        ("64:ff9b::8.8.8.8", None),
        ("64:ff9b::10.0.0.1", None),
        ("64:ff9b::169.254.169.254", Some("link-local, and metadata of most clouds")),
        ("64:ff9b:1::127.0.0.1", Some("loopback")),
        ("::ffff:8.8.8.8", None),
        ("::ffff:192.168.0.1", Some("private")),
        ("::192.168.0.1", Some("private")),
        ("2002:808:808::1", None),
        ("2002:7f00:1::1", Some("loopback")),
        // Teredo writes the client's address inverted.
        ("2001:0:808:808::f5ff:fffe", None),
        ("2001:0:808:808::3f57:fffe", Some("private")),
        ("::1", None),
    ] {
        let judged = guard.check(address.parse().unwrap()).err();
        assert_eq!(
            judged.map(|judged| (judged.address, judged.range)),
            refused.map(|range| (address.parse().unwrap(), range)),
            "{address}"
        );
    }
}

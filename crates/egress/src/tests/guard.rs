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
        ("100.64.0.1", Some("carrier-grade NAT")),
        ("100.100.100.200", Some("carrier-grade NAT")),
        ("100.127.255.255", Some("carrier-grade NAT")),
        ("127.0.0.1", Some("loopback")),
        ("127.255.255.254", Some("loopback")),
        ("169.254.169.254", Some("link-local and metadata")),
        ("168.63.129.16", Some("metadata")),
        ("172.16.0.1", Some("private")),
        ("172.31.255.255", Some("private")),
        ("192.0.0.192", Some("protocol assignments")),
        ("192.0.2.1", Some("documentation")),
        ("192.88.99.1", Some("6to4 relay")),
        ("192.168.1.1", Some("private")),
        ("198.18.0.1", Some("benchmarking")),
        ("198.19.255.255", Some("benchmarking")),
        ("198.51.100.1", Some("documentation")),
        ("203.0.113.1", Some("documentation")),
        ("224.0.0.1", Some("multicast")),
        ("239.255.255.255", Some("multicast")),
        ("240.0.0.1", Some("reserved")),
        ("255.255.255.255", Some("broadcast")),
        ("::", Some("reserved")),
        ("::1", Some("loopback")),
        ("::127.0.0.1", Some("reserved")),
        ("::ffff:127.0.0.1", Some("IPv4-mapped")),
        ("::ffff:8.8.8.8", Some("IPv4-mapped")),
        ("64:ff9b::7f00:1", Some("NAT64")),
        ("64:ff9b::8.8.8.8", Some("NAT64")),
        ("64:ff9b:1::1", Some("NAT64")),
        ("100::1", Some("reserved")),
        ("2001::1", Some("Teredo")),
        ("2001:2::1", Some("protocol assignments and benchmarking")),
        ("2001:10::1", Some("protocol assignments and benchmarking")),
        ("2001:db8::1", Some("documentation")),
        ("2002:7f00:1::", Some("6to4")),
        ("3fff::1", Some("documentation")),
        ("4000::1", Some("reserved")),
        ("5f00::1", Some("reserved")),
        ("fc00::1", Some("unique local and metadata")),
        ("fd00:ec2::254", Some("unique local and metadata")),
        ("fe80::1", Some("link-local")),
        ("fec0::1", Some("reserved")),
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

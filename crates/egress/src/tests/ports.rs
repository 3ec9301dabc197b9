use aerogram_settings::{DelivererSettings, Ports};

use crate::{PortGuard, RefusedPort};

#[test]
fn by_default_443_and_high_ports_without_known_services_are_called() {
    let guard = PortGuard::new(DelivererSettings::default().allowed_ports);
    for port in [443, 1024, 4433, 8080, 8443, 9443, 10_443, 32_768, 60_999, 65_535] {
        assert_eq!(guard.check(port), Ok(()), "{port}");
    }
    for port in [0, 22, 25, 80, 442, 465, 587, 636, 853, 993, 1023] {
        assert_eq!(guard.check(port), Err(RefusedPort::NotListed(port)));
    }
    for port in [2049, 2376, 3306, 5432, 6379, 9092, 9093, 10_250, 11_211, 27_017] {
        assert!(matches!(guard.check(port), Err(RefusedPort::NotHttps { .. })), "{port}");
    }
    let text = guard.check(6379).unwrap_err().to_string();
    assert!(
        text.contains("6379") && text.contains("Redis") && text.contains("deliverer.allowed_ports"),
        "{text}"
    );
}

#[test]
fn a_port_listed_by_itself_is_called_whatever_it_is_known_for() {
    let guard = PortGuard::new(vec![Ports::range(9000, 9100), Ports::one(9092), Ports::one(22)]);
    for (port, called) in [(9092, true), (22, true), (9000, true), (9093, false), (443, false), (9101, false)]
    {
        assert_eq!(guard.check(port).is_ok(), called, "{port}");
    }
}

//! docs/egress.md says what the code does.

use std::fmt::Write as _;

use crate::{AddressGuard, PortGuard, TlsKind};

const DOCS: &str = include_str!("../../../../docs/egress.md");

/// The table under a heading of the document.
fn table_of(heading: &str) -> String {
    let section = DOCS.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let rows =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.map(|row| format!("{row}\n")).collect()
}

fn assert_same(heading: &str, expected: &str) {
    assert!(table_of(heading) == expected, "docs/egress.md, {heading:?}: the table must be\n{expected}");
}

#[test]
fn refused_ranges() {
    let mut table = "| range | what it is |\n|---|---|\n".to_owned();
    for (net, range) in AddressGuard::refused_ranges() {
        writeln!(table, "| `{net}` | {range} |").unwrap();
    }
    assert_same("### Refused ranges", &table);
}

#[test]
fn ports_left_out_of_ranges() {
    let mut table = "| port | known for |\n|---|---|\n".to_owned();
    for (ports, service) in PortGuard::left_out() {
        let port = if ports.is_one() {
            ports.first.to_string()
        } else {
            format!("{}–{}", ports.first, ports.last)
        };
        writeln!(table, "| {port} | {service} |").unwrap();
    }
    assert_same("### Ports that ranges leave out", &table);
}

#[test]
fn tls_problems() {
    for kind in TlsKind::ALL {
        let row = format!("| `{}` |", kind.label());
        assert!(table_of("### TLS problems").contains(&row), "no row {row}");
    }
}

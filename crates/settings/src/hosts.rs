//! Limits of hosts, by names that hold dots.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::ops::Deref;

use config::{Map, Value, ValueKind};

use crate::collections::{inline_table, sorted, table_of};
use crate::error::SettingError;
use crate::leaf::{At, Leaf, quote};
use crate::load::Setting;
use crate::profiles::HostSettings;

/// The section that holds them.
const SECTION: &str = "hosts";
const NAMES: &str =
    "NAME or NAME:PORT in lower case, such as hooks.example.com or \"hooks.example.com:8443\"";

/// Limits by the name of a host, or by name and port.
#[derive(Clone, Debug, Default)]
pub struct Hosts(pub BTreeMap<String, HostSettings>);

impl Hosts {
    /// What is said of `host:port`: that of name and port goes before that of the name. Both in lower case, as in a URL.
    #[must_use]
    pub fn of(&self, host: &str, port: u16) -> Option<&HostSettings> {
        self.0.get(&format!("{host}:{port}")).or_else(|| self.0.get(host))
    }
}

impl Deref for Hosts {
    type Target = BTreeMap<String, HostSettings>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Leaf for Hosts {
    const KIND: &'static str = "a table";
    fn read(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Self> {
        let mut read = BTreeMap::new();
        for (name, value) in sorted(table_of(value, at, errors)?) {
            let key = format!("{}.{name}", at.key);
            if !is_host(&name) {
                errors.push(At { key: &key, allowed: NAMES }.error(&value, "is not the name of a host"));
            }
            if let Some(host) = HostSettings::read(value, &At { key: &key, allowed: at.allowed }, errors) {
                read.insert(name, host);
            }
        }
        Some(Self(read))
    }
    fn show(&self) -> Option<String> {
        let hosts =
            self.iter().filter_map(|(name, host)| Some(format!("{} = {}", quote(name), host.show()?)));
        Some(inline_table(&hosts.collect::<Vec<_>>()))
    }
    fn describe(prefix: &str, out: &mut Vec<Setting>) {
        HostSettings::describe(&format!("{prefix}.<host>."), out);
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits =
        port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let named =
        || !host.is_empty() && host.chars().all(plain) && host.split('.').all(|label| !label.is_empty());
    port_fits
        && v6.map_or_else(named, |v6| v6.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == v6))
}

/// Makes one name of what the dots of a variable, a flag or an unquoted key of TOML took apart, so that all layers mean the
/// same by it.
pub(crate) fn join_names(layer: &mut Map<String, Value>) {
    let Some(hosts) = layer.get_mut(SECTION) else { return };
    let ValueKind::Table(apart) = &mut hosts.kind else { return };
    let mut joined = Map::new();
    join("", std::mem::take(apart), &mut joined);
    *apart = joined;
}

fn join(name: &str, table: Map<String, Value>, out: &mut Map<String, Value>) {
    for (key, value) in table {
        let longer = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        match value.kind {
            ValueKind::Table(inner) if !inner.is_empty() => join(&longer, inner, out),
            ValueKind::String(ref text) if !text.trim_start().starts_with('{') && !name.is_empty() => {
                field(name, key, value, out);
            }
            ValueKind::Table(_) | ValueKind::String(_) => {
                out.insert(longer, value);
            }
            _ if name.is_empty() => {
                out.insert(longer, value);
            }
            _ => field(name, key, value, out),
        }
    }
}

fn field(name: &str, key: String, value: Value, out: &mut Map<String, Value>) {
    let origin = value.origin().map(str::to_owned);
    let host = out.entry(name.to_owned()).or_default();
    if !matches!(host.kind, ValueKind::Table(_)) {
        *host = Value::new(origin.as_ref(), Map::<String, Value>::new());
    }
    if let ValueKind::Table(fields) = &mut host.kind {
        fields.insert(key, value);
    }
}

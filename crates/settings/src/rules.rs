//! What a setting may be beyond its type.

use std::collections::BTreeMap;
use std::fmt::Display;

use ipnet::IpNet;

use crate::hosts::Hosts;
use crate::leaf::Leaf;
use crate::values::{Properties, TypeNames};

/// A condition on a value, and its wording.
pub(crate) struct Rule<T> {
    pub allowed: String,
    pub accepts: Box<dyn Fn(&T) -> bool>,
}

fn rule<T>(allowed: impl Into<String>, accepts: impl Fn(&T) -> bool + 'static) -> Rule<T> {
    Rule { allowed: allowed.into(), accepts: Box::new(accepts) }
}

/// Every value of the type.
pub(crate) fn any<T: Leaf>() -> Rule<T> {
    rule(if T::TABLE { "" } else { T::KIND }, |_| true)
}

/// Every value of the type, said in words.
pub(crate) fn such<T>(allowed: &str) -> Rule<T> {
    rule(allowed, |_| true)
}

/// From `low` to `high`, both included.
pub(crate) fn between<T: PartialOrd + Display + Copy + 'static>(low: T, high: T) -> Rule<T> {
    rule(format!("{low} to {high}"), move |value| (low..=high).contains(value))
}

/// An optional value from `low` to `high`.
pub(crate) fn maybe_between<T: PartialOrd + Display + Copy + 'static>(low: T, high: T) -> Rule<Option<T>> {
    rule(format!("{low} to {high}, or left out"), move |value: &Option<T>| {
        value.is_none_or(|value| (low..=high).contains(&value))
    })
}

/// Text that is not blank.
pub(crate) fn text() -> Rule<String> {
    rule("text that is not empty", |value: &String| !value.trim().is_empty())
}

/// What Kafka takes in names of topics and transactional ids.
pub(crate) fn topic_name() -> Rule<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    rule("1 to 200 letters, digits, '.', '_' and '-'", move |value: &String| {
        (1..=200).contains(&value.len()) && value.chars().all(legal)
    })
}

fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    !host.is_empty() && !bare_v6 && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok()
}

/// An address to listen at.
pub(crate) fn listen() -> Rule<String> {
    rule("HOST:PORT, such as 127.0.0.1:8080 (port 0 takes a free one)", |value: &String| is_host_port(value))
}

/// An address to listen at, or empty.
pub(crate) fn listen_or_empty() -> Rule<String> {
    rule("HOST:PORT, or empty for the role's own default", |value: &String| {
        value.is_empty() || is_host_port(value)
    })
}

/// A list of Kafka brokers.
pub(crate) fn brokers() -> Rule<String> {
    rule("HOST:PORT, several separated by commas", |value: &String| {
        value.split(',').all(|broker| is_host_port(broker.trim()))
    })
}

/// At least one and at most `most` items.
pub(crate) fn some_of<T>(most: usize, what: &str) -> Rule<Vec<T>> {
    rule(format!("1 to {most} of: {what}"), move |value: &Vec<T>| (1..=most).contains(&value.len()))
}

/// Not more than `most` networks, each named by its first address.
pub(crate) fn networks(most: usize) -> Rule<Vec<IpNet>> {
    let example = "such as 203.0.113.7 or 203.0.113.0/28";
    rule(
        format!("up to {most} addresses, or networks without host bits, {example}"),
        move |value: &Vec<IpNet>| value.len() <= most && value.iter().all(|net| net.addr() == net.network()),
    )
}

/// RFC 6901, without the pointer to the whole document.
fn is_pointer(text: &str) -> bool {
    let escaped = |piece: &str| piece.starts_with(['0', '1']);
    text.starts_with('/') && text.chars().count() <= 512 && text.split('~').skip(1).all(escaped)
}

/// A JSON pointer to something inside a document.
pub(crate) fn pointer() -> Rule<String> {
    rule("a JSON pointer such as /flight/id (RFC 6901)", |value: &String| is_pointer(value))
}

/// An optional JSON pointer to something inside a document.
pub(crate) fn maybe_pointer() -> Rule<Option<String>> {
    rule("a JSON pointer such as /flight/id (RFC 6901), or left out", |value: &Option<String>| {
        value.as_deref().is_none_or(is_pointer)
    })
}

/// A JSON pointer, or empty for the whole document.
pub(crate) fn pointer_or_empty() -> Rule<String> {
    rule("a JSON pointer such as /flight (RFC 6901), or empty for the whole document", |value: &String| {
        value.is_empty() || is_pointer(value)
    })
}

/// Names of event types and what they mean.
pub(crate) fn type_names() -> Rule<TypeNames> {
    rule("up to 1000 names, each with the wire name of an event type", |value: &TypeNames| {
        value.0.len() <= 1000 && value.0.iter().all(|(name, meant)| !name.is_empty() && !meant.is_empty())
    })
}

/// The waits of a policy: at least one, none longer than `longest_ms`.
pub(crate) fn waits(longest_ms: u64) -> Rule<Vec<u64>> {
    rule(format!("1 to 100 waits of 0 to {longest_ms} milliseconds"), move |value: &Vec<u64>| {
        (1..=100).contains(&value.len()) && value.iter().all(|wait| *wait <= longest_ms)
    })
}

/// Not more than `most` named items.
pub(crate) fn at_most<T>(most: usize, what: &str) -> Rule<BTreeMap<String, T>> {
    rule(format!("up to {most}: {what}"), move |value: &BTreeMap<String, T>| value.len() <= most)
}

/// Not more than `most` hosts.
pub(crate) fn hosts(most: usize) -> Rule<Hosts> {
    rule(format!("up to {most}: limits by host, or JSON of them"), move |value: &Hosts| value.len() <= most)
}

/// Properties that the delivery protocol depends on, set by Aerogram alone.
const RESERVED: [&str; 17] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.protocol",
    "group.instance.id",
    "partition.assignment.strategy",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "isolation.level",
    "enable.idempotence",
    "enable.partition.eof",
    "transactional.id",
    "acks",
    "request.required.acks",
    "session.timeout.ms",
    "max.poll.interval.ms",
];

/// Client properties except those that would break the protocol.
pub(crate) fn properties() -> Rule<Properties> {
    rule(format!("properties of librdkafka other than {}", RESERVED.join(", ")), |value: &Properties| {
        value.keys().all(|name| !RESERVED.contains(&name.as_str()))
    })
}

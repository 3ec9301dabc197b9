//! Filters of the list, read from the address: what they ask of the API.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::known::Webhooks;
use super::range::{Range, range};
use super::scope::{Redelivery, Scope};
use crate::address::{Address, VALUE_CHARS_MAX};
use crate::html::State;
use crate::list::{Choice, SORT};
use crate::zone::Zone;

/// All of them, as the address names them.
pub const FILTERS: [&str; 10] =
    ["since", "from", "until", "type", "subject", "webhook", "status", "attempts", "last", "next"];
/// The parameter that says where a page begins, and the one that says the number of its first row.
pub const AFTER: &str = "after";
pub const AT: &str = "at";
const KNOWN: [&str; 13] = [
    "since", "from", "until", "type", "subject", "webhook", "status", "attempts", "last", "next", SORT,
    AFTER, AT,
];

/// A choice of a filter, with the words of the API that it stands for.
type Words = (&'static str, &'static str, &'static [&'static str]);

/// By when something was issued: the choice, what people read, and how many seconds it reaches back.
const SINCE: [(&str, &str, i64); 3] =
    [("1h", "Last hour", 3_600), ("24h", "Last 24 hours", 86_400), ("7d", "Last 7 days", 604_800)];
const UNDER_WAY: [&str; 3] = ["PENDING", "RETRYING", "PARKED"];
/// Nothing more happens with them, so they can be sent again.
const ENDED: [&str; 5] = ["DELIVERED", "ESCALATED", "CANCELLED", "SUPERSEDED", "EXPIRED"];
const GROUPS: [Words; 2] = [("UNDER_WAY", "All under way", &UNDER_WAY), ("ENDED", "All that ended", &ENDED)];
const LAST: [Words; 10] = [
    ("2xx", "2xx", &["delivered"]),
    ("4xx", "4xx", &["http_4xx", "http_429"]),
    ("429", "429", &["http_429"]),
    ("5xx", "5xx", &["http_5xx"]),
    ("other", "Another answer", &["http_other"]),
    ("timeout", "No answer in time", &["timeout"]),
    ("connection", "No connection", &["dns", "connect", "tls"]),
    ("blocked", "Blocked", &["blocked"]),
    ("ours", "Our own fault", &["platform_error"]),
    ("none", "None yet", &["none"]),
];
const NEXT: [Words; 3] = [
    ("due", "Due", &["PENDING", "RETRYING"]),
    ("waiting", "When the receiver is back", &["PARKED"]),
    ("none", "None", &ENDED),
];

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// `None`: any. None at all: what is asked for cannot be.
    pub statuses: Option<Vec<&'static str>>,
    pub webhook: Option<String>,
    pub event_type: Option<String>,
    pub subject: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub attempts: Range,
    pub outcomes: &'static [&'static str],
    /// What is not understood, for people; nothing is looked for then.
    pub problems: Vec<String>,
}

/// What is chosen, with what is said of what cannot be.
const CHOSEN: [(&str, &str); 4] = [
    ("since", "Issued: that is no time to choose."),
    ("status", "Status: that is no status."),
    ("last", "Last answer: that is no answer to choose."),
    ("next", "Next attempt: that is nothing to choose."),
];

/// The address of the list, with choices as they are written here, however their letters are.
pub fn address(given: Vec<(String, String)>) -> Address {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in given {
        if !KNOWN.contains(&name.as_str()) {
            continue;
        }
        let value = value.trim();
        if !kept.iter().any(|(known, _)| *known == name) {
            let choice = keys(&name).into_iter().find(|key| key.eq_ignore_ascii_case(value));
            kept.push((name, choice.unwrap_or(value).to_owned()));
        }
    }
    Address::of("/portal/deliveries", kept, &KNOWN)
}

impl Filters {
    pub fn of(address: &Address, zone: &Zone, now: Timestamp, webhooks: &Webhooks) -> Self {
        let is_none = |name: &str| !address.get(name).is_empty() && !keys(name).contains(&address.get(name));
        let wrong = CHOSEN.iter().filter(|(name, _)| is_none(name));
        let mut problems: Vec<_> = wrong.map(|(_, says)| (*says).to_owned()).collect();
        let ago = SINCE.iter().find(|(key, ..)| *key == address.get("since"));
        let ago = ago.and_then(|(.., seconds)| now.checked_sub(SignedDuration::from_secs(*seconds)).ok());
        let from = time(address, zone, "from", "From", &mut problems);
        let until = time(address, zone, "until", "Before", &mut problems);
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            problems.push("Issued: the end must be after the beginning.".to_owned());
        }
        let attempts = range(address.get("attempts")).unwrap_or_else(|problem| {
            problems.push(problem);
            Range::default()
        });
        let webhook = text(address, "webhook", "Webhook", &mut problems);
        let webhook = webhook
            .and_then(|webhook| webhooks.meant(&webhook).map_err(|problem| problems.push(problem)).ok());
        Self {
            statuses: statuses(address),
            webhook,
            event_type: text(address, "type", "Event Type", &mut problems),
            subject: text(address, "subject", "Subject", &mut problems),
            since: from.max(ago),
            until,
            attempts,
            outcomes: words(&LAST, address.get("last")).unwrap_or_default(),
            problems,
        }
    }

    /// Nothing can fit, so nothing is asked for.
    pub fn is_vain(&self) -> bool {
        !self.problems.is_empty() || self.statuses.as_ref().is_some_and(Vec::is_empty)
    }

    /// Parameters of `GET /deliveries`; those without a value are left out by who writes them.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let time = |time: Option<Timestamp>| time.map_or_else(String::new, rfc3339);
        let count = |count: Option<u32>| count.map_or_else(String::new, |count| count.to_string());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            ("status", self.statuses.as_ref().map_or_else(String::new, |statuses| statuses.join(","))),
            ("subscriptionId", text(&self.webhook)),
            ("eventType", text(&self.event_type)),
            ("subject", text(&self.subject)),
            ("since", time(self.since)),
            ("until", time(self.until)),
            ("attemptsMin", count(self.attempts.min)),
            ("attemptsMax", count(self.attempts.max)),
            ("lastOutcome", self.outcomes.join(",")),
        ]
    }

    /// Whether what is found can be sent again as one.
    pub fn redelivery(&self) -> Redelivery {
        let statuses = self.statuses.as_deref().unwrap_or_default();
        if self.is_vain() || statuses.is_empty() || !statuses.iter().all(|status| ENDED.contains(status)) {
            return Redelivery::Nothing;
        }
        let in_the_way: Vec<_> =
            [(self.attempts != Range::default(), "Attempts"), (!self.outcomes.is_empty(), "Last answer")]
                .into_iter()
                .filter_map(|(is_set, column)| is_set.then_some(column))
                .collect();
        if !in_the_way.is_empty() {
            return Redelivery::InTheWay(in_the_way);
        }
        Redelivery::Offered(Scope {
            statuses: statuses.iter().map(|status| (*status).to_owned()).collect(),
            webhook: self.webhook.clone(),
            event_type: self.event_type.clone(),
            subject: self.subject.clone(),
            since: self.since,
            until: self.until,
        })
    }
}

/// As the API reads and writes them.
pub fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// For the field of a form that is set to this time.
pub fn local(address: &Address, zone: &Zone, name: &str) -> String {
    let read = time(address, zone, name, "", &mut Vec::new());
    let told = |time: Timestamp| {
        let is_minute = time.as_millisecond() % 60_000 == 0;
        zone.format(time, if is_minute { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S%.3f" })
    };
    read.map_or_else(String::new, told)
}

pub fn since_choices() -> Vec<Choice> {
    SINCE.iter().map(|(key, label, _)| Choice::new(*key, *label)).collect()
}

pub fn status_choices() -> Vec<Choice> {
    let each = State::DELIVERIES.iter().map(|(name, state)| Choice::new(*name, state.word));
    each.chain(choices(&GROUPS)).collect()
}

pub fn last_choices() -> Vec<Choice> {
    choices(&LAST).collect()
}

pub fn next_choices() -> Vec<Choice> {
    choices(&NEXT).collect()
}

fn choices(words: &'static [Words]) -> impl Iterator<Item = Choice> {
    words.iter().map(|(key, label, _)| Choice::new(*key, *label))
}

/// What a filter can be set to; empty: anything.
fn keys(name: &str) -> Vec<&'static str> {
    let of = |words: &'static [Words]| words.iter().map(|(key, ..)| *key);
    match name {
        "since" => SINCE.iter().map(|(key, ..)| *key).collect(),
        "status" => State::DELIVERIES.iter().map(|(key, _)| *key).chain(of(&GROUPS)).collect(),
        "last" => of(&LAST).collect(),
        "next" => of(&NEXT).collect(),
        _ => Vec::new(),
    }
}

fn words(all: &[Words], key: &str) -> Option<&'static [&'static str]> {
    all.iter().find(|(known, ..)| *known == key).map(|(.., words)| *words)
}

fn status(key: &str) -> Option<Vec<&'static str>> {
    let one = State::DELIVERIES.iter().find(|(name, _)| *name == key).map(|(name, _)| vec![*name]);
    one.or_else(|| words(&GROUPS, key).map(<[_]>::to_vec))
}

/// What the filters Status and Next attempt leave, together.
fn statuses(address: &Address) -> Option<Vec<&'static str>> {
    let next = words(&NEXT, address.get("next"));
    match (status(address.get("status")), next) {
        (None, None) => None,
        (Some(statuses), None) => Some(statuses),
        (None, Some(next)) => Some(next.to_vec()),
        (Some(statuses), Some(next)) => {
            Some(statuses.into_iter().filter(|status| next.contains(status)).collect())
        }
    }
}

fn text(address: &Address, name: &str, column: &str, problems: &mut Vec<String>) -> Option<String> {
    let text = Some(address.get(name)).filter(|text| !text.is_empty())?;
    if text.chars().count() > VALUE_CHARS_MAX {
        problems.push(format!("{column}: none has more than {VALUE_CHARS_MAX} characters."));
        return None;
    }
    Some(text.to_owned())
}

/// A time of a form in the zone of the viewer, or one with its offset, as another page may have written it.
fn time(
    address: &Address,
    zone: &Zone,
    name: &str,
    column: &str,
    problems: &mut Vec<String>,
) -> Option<Timestamp> {
    let text = Some(address.get(name)).filter(|text| !text.is_empty())?;
    let local = || {
        let zone = TimeZone::get(&zone.name).ok()?;
        Some(text.parse::<DateTime>().ok()?.to_zoned(zone).ok()?.timestamp())
    };
    let read = text.parse().ok().or_else(local).filter(|time: &Timestamp| time.as_millisecond() > 0);
    if read.is_none() {
        problems.push(format!("{column}: that is no date and time."));
    }
    read
}

#[cfg(test)]
mod tests {
    use super::super::known::tests::webhooks;
    use super::*;

    const NOW: &str = "2026-11-21T10:52:00.5Z";

    fn read(query: &[(&str, &str)]) -> Filters {
        let given = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let webhooks = webhooks(&[("w-1", "https://a.example/x"), ("w-2", "https://b.example/x")]);
        let zone = Zone::of(Some("Europe/Madrid"));
        Filters::of(&address(given), &zone, NOW.parse().unwrap(), &webhooks)
    }

    fn query(given: &[(&str, &str)]) -> String {
        let query = read(given).query();
        crate::rest::query_of(query.iter().map(|(name, value)| (*name, value.as_str())))
    }

    #[test]
    fn filters_become_parameters_of_the_api() {
        assert_eq!(query(&[]), "");
        assert_eq!(
            query(&[("status", "ESCALATED"), ("webhook", "w-1")]),
            "status=ESCALATED&subscriptionId=w-1"
        );
        assert_eq!(query(&[("since", "1h")]), "since=2026-11-21T09%3A52%3A00.500Z");
        assert_eq!(
            query(&[("attempts", "2-5"), ("type", "OrderCreated")]),
            "eventType=OrderCreated&attemptsMin=2&attemptsMax=5"
        );
        assert_eq!(query(&[("last", "connection")]), "lastOutcome=dns%2Cconnect%2Ctls");
        assert_eq!(query(&[("last", "none"), ("subject", " A&B=1 ")]), "subject=A%26B%3D1&lastOutcome=none");
        assert_eq!(query(&[("status", "UNDER_WAY")]), "status=PENDING%2CRETRYING%2CPARKED");
        assert_eq!(query(&[("webhook", "b.example")]), "subscriptionId=w-2");
    }

    #[test]
    fn times_are_those_of_the_viewer_unless_they_say_otherwise() {
        let filters = read(&[("from", "2026-11-20T11:30"), ("until", "2026-11-20T12:30:00Z")]);
        assert_eq!(filters.since, Some("2026-11-20T10:30:00Z".parse().unwrap()));
        assert_eq!(filters.until, Some("2026-11-20T12:30:00Z".parse().unwrap()));
        // The later of the two begins it.
        assert_eq!(
            read(&[("from", "2026-11-20T11:30"), ("since", "1h")]).since,
            read(&[("since", "1h")]).since
        );
        assert!(read(&[("from", "2026-11-20T11:30"), ("until", "2026-11-20T11:30")]).is_vain());
        for wrong in ["yesterday", "2026-13-20T11:30", "<b>", "1969-01-01T00:00"] {
            assert_eq!(read(&[("from", wrong)]).problems, ["From: that is no date and time."], "{wrong}");
        }
    }

    #[test]
    fn a_field_is_set_as_exactly_as_the_address_says() {
        let zone = Zone::of(Some("Europe/Madrid"));
        let of = |from: &str| local(&address(vec![("from".to_owned(), from.to_owned())]), &zone, "from");
        assert_eq!(of("2026-11-20T10:30:00Z"), "2026-11-20T11:30");
        assert_eq!(of("2026-11-20T10:30:05.118Z"), "2026-11-20T11:30:05.118");
        assert_eq!(of(&of("2026-11-20T10:30:00.001Z")), "2026-11-20T11:30:00.001");
    }

    #[test]
    fn the_next_attempt_is_read_off_the_status() {
        let statuses = |given: &[_]| read(given).statuses;
        assert_eq!(statuses(&[]), None);
        assert_eq!(statuses(&[("next", "due")]).unwrap(), ["PENDING", "RETRYING"]);
        assert_eq!(statuses(&[("next", "due"), ("status", "RETRYING")]).unwrap(), ["RETRYING"]);
        let none = read(&[("next", "waiting"), ("status", "DELIVERED")]);
        assert!(none.is_vain() && none.problems.is_empty());
    }

    #[test]
    fn what_cannot_be_chosen_is_said_and_so_is_what_cannot_be_read() {
        let given =
            [("evil", "1"), ("status", "delivered"), ("last", "5XX"), ("sort", "issued"), ("sort", "2")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(address(given).href(), "/portal/deliveries?status=DELIVERED&last=5xx&sort=issued");
        assert_eq!(query(&[("status", "under_way")]), "status=PENDING%2CRETRYING%2CPARKED");
        assert_eq!(read(&[("status", "<script>")]).problems, ["Status: that is no status."]);
        let all = read(&[("status", "x"), ("last", "x"), ("next", "y"), ("since", "z")]);
        assert!(all.is_vain() && all.problems.len() == 4, "{:?}", all.problems);
        assert_eq!(all.redelivery(), Redelivery::Nothing);
        assert!(read(&[("attempts", "many")]).problems[0].starts_with("Attempts"));
        assert!(read(&[("webhook", "example/x")]).problems[0].starts_with("Webhook"));
        let long = "x".repeat(513);
        assert!(read(&[("subject", &long)]).problems[0].starts_with("Subject"));
    }

    #[test]
    fn only_what_has_ended_is_sent_again_and_only_by_filters_that_can_be_told() {
        assert_eq!(read(&[]).redelivery(), Redelivery::Nothing);
        assert_eq!(read(&[("status", "PARKED")]).redelivery(), Redelivery::Nothing);
        assert_eq!(read(&[("status", "ESCALATED"), ("attempts", "x")]).redelivery(), Redelivery::Nothing);
        assert_eq!(read(&[("status", "ESCALATED"), ("next", "due")]).redelivery(), Redelivery::Nothing);
        let in_the_way = read(&[("status", "ENDED"), ("attempts", "2"), ("last", "5xx")]).redelivery();
        assert_eq!(in_the_way, Redelivery::InTheWay(vec!["Attempts", "Last answer"]));
        let Redelivery::Offered(scope) =
            read(&[("status", "ESCALATED"), ("next", "none"), ("webhook", "w-1"), ("since", "24h")])
                .redelivery()
        else {
            panic!("not offered")
        };
        assert_eq!((scope.statuses, scope.webhook.as_deref()), (vec!["ESCALATED".to_owned()], Some("w-1")));
        assert_eq!(scope.since, Some("2026-11-20T10:52:00.5Z".parse().unwrap()));
    }
}

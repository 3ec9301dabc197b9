//! Filters of the list, read from the address: what they ask of the API.

use jiff::{SignedDuration, Timestamp};

use super::words;
use crate::address::Address;
use crate::deliveries::Webhooks;
use crate::list::Choice;
use crate::rest::path_with;

/// All of them, as the address names them. Those of the other columns REST cannot filter by.
pub const FILTERS: [&str; 6] = ["since", "type", "webhook", "reason", "fault", "state"];
/// The parameter that says where a page begins, and the one that says the number of its first row.
pub const AFTER: &str = "after";
pub const AT: &str = "at";
const KNOWN: [&str; 8] = ["since", "type", "webhook", "reason", "fault", "state", AFTER, AT];
const HERE: &str = "/portal/escalations";
/// Rows of a page.
pub const ROWS_MAX: usize = 50;
/// All, whatever became of them; left out it is what is open.
const ALL: &str = "all";

/// By when something was given up: the choice, what people read, and how many hours it reaches back.
const SINCE: [(&str, &str, i64); 3] =
    [("24h", "Last 24 hours", 24), ("7d", "Last 7 days", 7 * 24), ("30d", "Last 30 days", 30 * 24)];

/// What is chosen, with what is said of what cannot be.
const CHOSEN: [(&str, &str); 4] = [
    ("since", "Given up: that is no time to choose."),
    ("reason", "Reason: that is no reason."),
    ("fault", "Fault: that is no fault."),
    ("state", "State: that is no state."),
];

/// The address of the list, with choices as they are written here, however their letters are. What is there anyway does not stand in
/// it.
pub fn address(given: Vec<(String, String)>) -> Address {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in given {
        if !KNOWN.contains(&name.as_str()) {
            continue;
        }
        let value = value.trim();
        let is_there_anyway = name == "state" && value.eq_ignore_ascii_case(words::OPEN);
        if !is_there_anyway && !kept.iter().any(|(known, _)| *known == name) {
            let choice = choices(&name).into_iter().find(|choice| choice.value.eq_ignore_ascii_case(value));
            kept.push((name, choice.map_or_else(|| value.to_owned(), |choice| choice.value)));
        }
    }
    Address::of(HERE, kept, &KNOWN)
}

/// The path of `GET /escalations`.
///
/// # Errors
/// What is meant is not clear; in words for people.
pub fn asked(address: &Address, webhooks: &Webhooks, now: Timestamp) -> Result<String, String> {
    for (name, says) in CHOSEN {
        let value = address.get(name);
        if !value.is_empty() && !choices(name).iter().any(|choice| choice.value == value) {
            return Err(says.to_owned());
        }
    }
    let webhook = match address.get("webhook") {
        "" => String::new(),
        text => webhooks.meant(text)?,
    };
    let ago = SINCE.iter().find(|(key, ..)| *key == address.get("since"));
    let since = ago.and_then(|(.., hours)| now.checked_sub(SignedDuration::from_hours(*hours)).ok());
    let since = since.map_or_else(String::new, |since| format!("{since:.3}"));
    let limit = ROWS_MAX.to_string();
    let query = [
        ("state", address.get("state")),
        ("reason", address.get("reason")),
        ("fault", address.get("fault")),
        ("subscriptionId", &webhook),
        ("eventType", address.get("type")),
        ("since", &since),
        ("after", address.get(AFTER)),
        ("limit", &limit),
        ("total", "true"),
    ];
    Ok(path_with(&["escalations"], &query))
}

/// Another page of the list, which begins with this row.
pub fn page_at(address: &Address, after: &str, row: u64) -> String {
    let others = address.pairs().filter(|(name, _)| ![AFTER, AT].contains(name));
    let place = [(AFTER, after.to_owned()), (AT, row.to_string())];
    let owned = others.map(|(name, value)| (name, value.to_owned())).chain(place);
    let owned = owned.map(|(name, value)| (name.to_owned(), value)).collect();
    Address::of(HERE, owned, &KNOWN).href()
}

/// What a filter can be set to; empty: anything.
fn choices(name: &str) -> Vec<Choice> {
    match name {
        "since" => since_choices(),
        "reason" => reason_choices(),
        "fault" => fault_choices(),
        "state" => state_choices(),
        _ => Vec::new(),
    }
}

pub fn since_choices() -> Vec<Choice> {
    SINCE.iter().map(|(key, label, _)| Choice::new(*key, *label)).collect()
}

pub fn reason_choices() -> Vec<Choice> {
    words::REASONS.iter().map(|(name, label, _)| Choice::new(*name, *label)).collect()
}

pub fn fault_choices() -> Vec<Choice> {
    words::FAULTS.iter().map(|(name, label)| Choice::new(*name, *label)).collect()
}

/// Those beside what is open, which is there when none is chosen.
pub fn state_choices() -> Vec<Choice> {
    let each = words::STATES.iter().filter(|(name, _)| *name != words::OPEN);
    [Choice::new(ALL, "All")]
        .into_iter()
        .chain(each.map(|(name, state)| Choice::new(*name, state.word)))
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn of(query: &[(&str, &str)]) -> Address {
        address(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn path_of(query: &[(&str, &str)]) -> String {
        asked(&of(query), &Webhooks::default(), "2026-11-21T10:52:00.5Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn what_is_open_is_asked_for_unless_something_else_is() {
        assert_eq!(path_of(&[]), "/escalations?limit=50&total=true");
        assert_eq!(path_of(&[("state", "all")]), "/escalations?state=all&limit=50&total=true");
    }

    #[test]
    fn every_filter_is_one_of_the_api() {
        let all = [
            ("since", "24h"),
            ("type", "FLIGHT & <b>"),
            ("webhook", "w-1"),
            ("reason", "gone"),
            ("fault", "receiver"),
            ("state", "dismissed"),
            ("after", "c"),
            ("at", "51"),
        ];
        assert_eq!(
            path_of(&all),
            "/escalations?state=dismissed&reason=gone&fault=receiver&subscriptionId=w-1&eventType=FLIGHT%20%26%20%3Cb%3E\
             &since=2026-11-20T10%3A52%3A00.500Z&after=c&limit=50&total=true"
        );
        assert_eq!(of(&all).set(&FILTERS), 6);
    }

    #[test]
    fn a_page_keeps_the_filters_and_says_where_it_begins() {
        let second = of(&[("state", "all"), ("after", "a"), ("at", "51"), ("type", "X")]);
        assert_eq!(page_at(&second, "b&", 101), "/portal/escalations?state=all&type=X&after=b%26&at=101");
    }

    #[test]
    fn what_cannot_be_chosen_is_said() {
        let asked = |name, value| {
            asked(&of(&[(name, value)]), &Webhooks::default(), "2026-11-21T10:52:00.5Z".parse().unwrap())
        };
        for (name, says) in CHOSEN {
            assert_eq!(asked(name, "<b>"), Err(says.to_owned()));
        }
        assert_eq!(asked("state", "DISMISSED").unwrap(), "/escalations?state=dismissed&limit=50&total=true");
        let nothing = [("state", "OPEN"), ("type", " "), ("sort", "x")];
        assert_eq!(of(&nothing).href(), "/portal/escalations");
        assert_eq!(of(&[("state", "all"), ("state", "dismissed")]).href(), "/portal/escalations?state=all");
    }
}

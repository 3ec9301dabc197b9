//! What a list is asked for.

use aerogram_domain::escalations::{Fault, REASONS, State, parse_reason, reason_name};
use aerogram_projection::Query;
use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

use crate::rest::problem::Parameter;
use crate::table::Owner;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Longest value, in bytes.
const VALUE_MAX_BYTES: usize = 512;
/// More parameters that are wrong are not named.
const WRONG_MAX: usize = 20;

/// Reads the parameters; `owner` sees only what is its own.
///
/// # Errors
/// Every parameter that is wrong, unknown or given twice; of very many the first.
pub fn parse(given: Vec<(String, String)>, owner: Option<&Owner>) -> Result<Query, Vec<Parameter>> {
    let scope = owner.map(Owner::scope);
    let mut query = Query {
        partner: scope.as_ref().map(|scope| scope.partner.clone()),
        operator: scope.map(|scope| scope.operator),
        state: Some(State::Open),
        limit: LIMIT_DEFAULT,
        ..Query::default()
    };
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for (name, value) in given {
        let read = match seen.contains(&name) {
            true => Err("is given twice".to_owned()),
            false if value.is_empty() || value.len() > VALUE_MAX_BYTES => {
                Err(format!("must have 1 to {VALUE_MAX_BYTES} bytes"))
            }
            false => read(&mut query, &name, &value, owner.is_none()),
        };
        if let Err(detail) = read {
            wrong.push(Parameter { parameter: name.clone(), detail });
            if wrong.len() == WRONG_MAX {
                break;
            }
        }
        seen.push(name);
    }
    if wrong.is_empty() { Ok(query) } else { Err(wrong) }
}

fn read(query: &mut Query, name: &str, value: &str, everybodys: bool) -> Result<(), String> {
    match name {
        "state" if value == "all" => query.state = None,
        "state" => {
            query.state = Some(one_of(value, State::parse(value), &State::ALL.map(State::name), "all")?);
        }
        "reason" => query.reason = Some(one_of(value, parse_reason(value), &REASONS.map(reason_name), "")?),
        "fault" => query.fault = Some(one_of(value, Fault::parse(value), &Fault::ALL.map(Fault::name), "")?),
        "subscriptionId" => query.subscription_id = Some(value.to_owned()),
        "eventType" => query.event_type = Some(value.to_owned()),
        "since" => query.since_ms = Some(time(value)?),
        "until" => query.until_ms = Some(time(value)?),
        "after" => {
            query.after = Some(value.parse().map_err(|_| "must be what next said".to_owned())?);
        }
        "limit" => {
            let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
            query.limit = limit.ok_or_else(|| format!("must be 1 to {LIMIT_MAX}"))?;
        }
        "partner" | "operator" if !everybodys => {
            return Err("is for administrators, who see everybody's; here it is the caller's own".to_owned());
        }
        "partner" => query.partner = Some(value.to_owned()),
        "operator" => query.operator = Some(value.to_owned()),
        _ => {
            return Err("is unknown; known are state, subscriptionId, eventType, reason, fault, since, until, after, \
                        limit, and for administrators partner, operator"
                .to_owned());
        }
    }
    Ok(())
}

fn one_of<T>(value: &str, read: Option<T>, words: &[&str], more: &str) -> Result<T, String> {
    let words: Vec<_> =
        words.iter().chain([&more].into_iter().filter(|more| !more.is_empty())).copied().collect();
    read.ok_or_else(|| format!("must be one of {}, not {value:?}", words.join(", ")))
}

/// Milliseconds since 1970. RFC 3339 has some hours more than can be counted, at the end of the year 9999; they count as the last
/// moment that can be.
fn time(value: &str) -> Result<i64, String> {
    let read = value.parse().ok().or_else(|| beyond(value));
    read.map(Timestamp::as_millisecond)
        .ok_or_else(|| "must be a time such as 2026-11-21T10:30:00Z (RFC 3339; + is written %2B)".to_owned())
}

fn beyond(value: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(value).ok()?;
    pieces.offset()?;
    let (at, last) = (pieces.date().to_datetime(pieces.time()?), Offset::UTC.to_datetime(Timestamp::MAX));
    (at.date() >= last.date()).then_some(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::Reason;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_open_is_listed_unless_something_else_is_asked_for() {
        let query = parse(Vec::new(), None).unwrap();
        assert_eq!((query.state, query.limit, query.partner), (Some(State::Open), 50, None));
        let owner = Owner::new("app-1", "acme");
        let query = parse(given(&[("state", "all"), ("limit", "200")]), Some(&owner)).unwrap();
        assert_eq!((query.state, query.limit), (None, 200));
        assert_eq!((query.partner.as_deref(), query.operator.as_deref()), (Some("app-1"), Some("acme")));
        let query = parse(
            given(&[
                ("state", "dismissed"),
                ("subscriptionId", "s"),
                ("eventType", "FLIGHT_CREATE"),
                ("reason", "gone"),
                ("fault", "platform"),
                ("since", "2024-01-15T10:30:00Z"),
                ("until", "2024-01-15T12:30:00.001+02:00"),
                ("partner", "app-2"),
                ("operator", "bluejet"),
            ]),
            None,
        );
        let query = query.unwrap();
        assert_eq!((query.state, query.reason), (Some(State::Dismissed), Some(Reason::Gone)));
        assert_eq!(
            (query.fault, query.event_type.as_deref()),
            (Some(Fault::Platform), Some("FLIGHT_CREATE"))
        );
        assert_eq!((query.since_ms, query.until_ms), (Some(1_705_314_600_000), Some(1_705_314_600_001)));
        assert_eq!((query.partner.as_deref(), query.operator.as_deref()), (Some("app-2"), Some("bluejet")));
    }

    #[test]
    fn the_last_times_there_are_count_as_the_last_that_can_be_counted() {
        for end in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999-12:00", "9999-12-30T23:30:00Z"] {
            assert_eq!(time(end), Ok(Timestamp::MAX.as_millisecond()), "{end}");
        }
        assert!(time("9999-12-30T21:59:59Z").unwrap() < Timestamp::MAX.as_millisecond());
        for wrong in ["9999-12-31", "9999-12-31T23:59:59", "9999-13-31T23:59:59Z", "10000-01-01T00:00:00Z"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_very_many_wrong_parameters_the_first_are_named() {
        let many = (0..1_000).map(|n| (format!("p{n}"), "x".to_owned())).collect();
        let told = parse(many, None).unwrap_err();
        let names: Vec<_> = told.iter().map(|wrong| wrong.parameter.clone()).collect();
        assert_eq!(names, (0..20).map(|n| format!("p{n}")).collect::<Vec<_>>());
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let wrong = [
            ("state", "closed"),
            ("reason", "other"),
            ("fault", "ours"),
            ("since", "yesterday"),
            ("until", "2024-01-15"),
            ("after", "o7"),
            ("limit", "201"),
            ("eventType", ""),
            ("partner", "app-2"),
            ("colour", "red"),
            ("limit", "5"),
        ];
        let owner = Owner::new("app-1", "acme");
        let told = parse(given(&wrong), Some(&owner)).unwrap_err();
        let names: Vec<_> = told.iter().map(|wrong| wrong.parameter.as_str()).collect();
        assert_eq!(names, wrong.map(|(name, _)| name));
        assert!(told[0].detail.contains("open, dismissed, redelivering, redelivered, all"), "{told:?}");
        assert!(parse(given(&[("limit", "0")]), None).is_err());
    }
}

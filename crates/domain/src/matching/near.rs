//! Which subscriptions an event was nearly for, and why it was not: what people ask when nothing came.

use crate::catalogue::Environment;
use crate::time::iso_millis;
use aerogram_wire::v1::{Event, EventName, Status, Subscription};
use std::fmt;

/// What of an event decides for whom it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addressed<'a> {
    pub operator: &'a str,
    pub event_type: &'a str,
    /// Empty: none.
    pub contract: &'a str,
    /// Empty: production.
    pub environment: &'a str,
}

impl<'a> From<&'a Event> for Addressed<'a> {
    fn from(event: &'a Event) -> Self {
        let Event { operator, r#type, contract, environment, .. } = event;
        Self { operator, event_type: r#type, contract, environment }
    }
}

impl<'a> From<&'a EventName> for Addressed<'a> {
    fn from(name: &'a EventName) -> Self {
        let EventName { operator, r#type, contract, environment, .. } = name;
        Self { operator, event_type: r#type, contract, environment }
    }
}

/// How near a subscription is to an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nearness {
    /// The event is for it.
    Matches,
    /// It is of the event's operator and takes its type, and this is why the event is not for it all the same. Never empty.
    Near(Vec<Miss>),
    /// It is of another operator, or takes another type.
    Far,
}

/// Why an event was not for a subscription of its operator and type. Displayed it is a sentence about the subscription,
/// without its first capital letter and its full stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Miss {
    /// It takes events of one contract. `has`: the event's; empty: none.
    Contract {
        wants: String,
        has: String,
    },
    Environment {
        wants: String,
        has: String,
    },
    /// It is not active. `why`: what stands there of it, if it was not its owner who said so.
    Paused {
        why: Option<String>,
    },
    Expired {
        since_ms: i64,
    },
    Deleted {
        at_ms: i64,
    },
    CreatedAfter {
        at_ms: i64,
    },
    /// What it was when the event came is not known any more.
    ChangedAfter {
        at_ms: i64,
    },
    /// It would have matched, but matching had not read it yet.
    Unread {
        changed_at_ms: i64,
    },
}

/// How near `subscription` is to `event` as it is now, `at_ms` being when the event was appended to `events`: that is what
/// an expiry is compared with. [`Nearness::Matches`] exactly where [`super::Table::matching`] says so.
pub fn near<'a>(subscription: &Subscription, event: impl Into<Addressed<'a>>, at_ms: i64) -> Nearness {
    let event = event.into();
    let operator = subscription.scope.as_ref().map_or("", |scope| &scope.operator);
    if operator != event.operator || subscription.event_type != event.event_type {
        return Nearness::Far;
    }
    let misses: Vec<Miss> = [
        environment(subscription, &event),
        contract(subscription, &event),
        status(subscription),
        expiry(subscription, at_ms),
    ]
    .into_iter()
    .flatten()
    .collect();
    if misses.is_empty() { Nearness::Matches } else { Nearness::Near(misses) }
}

/// Why a subscription got nothing of an event that was matched, and repeats no other: of [`near`], and what speaks of the
/// time between; empty only when it is far. Subscriptions are known as they are now, so what is said may have come later.
pub fn why_not<'a>(subscription: &Subscription, event: impl Into<Addressed<'a>>, at_ms: i64) -> Vec<Miss> {
    let (created_ms, changed_ms) = (subscription.created_at_ms, subscription.updated_at_ms);
    let mut misses = match near(subscription, event, at_ms) {
        Nearness::Far => return Vec::new(),
        Nearness::Near(misses) => misses,
        Nearness::Matches => Vec::new(),
    };
    if created_ms > at_ms {
        misses.push(Miss::CreatedAfter { at_ms: created_ms });
    } else if changed_ms > at_ms && subscription.status() != Status::Deleted {
        misses.push(Miss::ChangedAfter { at_ms: changed_ms });
    } else if misses.is_empty() {
        misses.push(Miss::Unread { changed_at_ms: changed_ms });
    }
    misses
}

fn environment(subscription: &Subscription, event: &Addressed<'_>) -> Option<Miss> {
    let (wants, has) = (Environment::parse(&subscription.environment), Environment::parse(event.environment));
    let name = |parsed: Option<Environment>, text: &str| match parsed {
        Some(environment) => environment.as_str().to_owned(),
        None => text.to_owned(),
    };
    // Of one that there is not, nothing is for anybody.
    (wants.is_none() || wants != has).then(|| Miss::Environment {
        wants: name(wants, &subscription.environment),
        has: name(has, event.environment),
    })
}

fn contract(subscription: &Subscription, event: &Addressed<'_>) -> Option<Miss> {
    let wants = subscription.contract.as_str();
    let takes = wants.is_empty() || wants == event.contract;
    (!takes).then(|| Miss::Contract { wants: wants.to_owned(), has: event.contract.to_owned() })
}

fn status(subscription: &Subscription) -> Option<Miss> {
    match subscription.status() {
        Status::Active => None,
        Status::Deleted => Some(Miss::Deleted { at_ms: subscription.updated_at_ms }),
        Status::Inactive | Status::Unspecified => {
            let why = Some(subscription.status_reason.clone()).filter(|why| !why.is_empty());
            Some(Miss::Paused { why })
        }
    }
}

fn expiry(subscription: &Subscription, at_ms: i64) -> Option<Miss> {
    let since_ms = subscription.expires_at_ms;
    (since_ms != 0 && since_ms <= at_ms).then_some(Miss::Expired { since_ms })
}

impl Miss {
    /// A word for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Miss::Contract { .. } => "contract",
            Miss::Environment { .. } => "environment",
            Miss::Paused { .. } => "inactive",
            Miss::Expired { .. } => "expired",
            Miss::Deleted { .. } => "deleted",
            Miss::CreatedAfter { .. } => "created_after",
            Miss::ChangedAfter { .. } => "changed_after",
            Miss::Unread { .. } => "unread",
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Contract { wants, has } if has.is_empty() => {
                write!(f, "it takes events of contract {wants} only, and the event names no contract")
            }
            Miss::Contract { wants, has } => {
                write!(f, "it takes events of contract {wants} only, and the event is of contract {has}")
            }
            Miss::Environment { wants, has } => {
                write!(f, "it takes events of environment {wants}, and the event is of {has}")
            }
            Miss::Paused { why: None } => f.write_str("it is not active"),
            Miss::Paused { why: Some(why) } => write!(f, "it is not active ({why})"),
            Miss::Expired { since_ms } => {
                write!(f, "it expired at {}, before the event", iso_millis(*since_ms))
            }
            Miss::Deleted { at_ms } => write!(f, "it was deleted at {}", iso_millis(*at_ms)),
            Miss::CreatedAfter { at_ms } => {
                write!(f, "it was created at {}, after the event", iso_millis(*at_ms))
            }
            Miss::ChangedAfter { at_ms } => {
                let at = iso_millis(*at_ms);
                write!(f, "it was changed at {at}, after the event, and may have been otherwise before")
            }
            Miss::Unread { changed_at_ms } => {
                let at = iso_millis(*changed_at_ms);
                write!(f, "it was made what it is at {at}, and matching had not read that yet")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::super::tests::{ENVIRONMENTS, TYPES, subscriptions};
    use super::*;
    use aerogram_wire::v1::Scope;
    use proptest::prelude::*;

    prop_compose! {
        fn events()(
            operator in "[ab]", contract in prop::sample::select(vec!["", "c", "d"]), event_type in 0..3_usize,
            environment in prop::sample::select(ENVIRONMENTS.iter().copied().chain(["moon"]).collect::<Vec<_>>()),
        ) -> Event {
            Event {
                operator, contract: contract.to_owned(), environment: environment.to_owned(),
                r#type: TYPES[event_type].to_owned(), ..Event::default()
            }
        }
    }

    proptest! {
        #[test]
        fn what_matches_is_what_the_table_says(
            mut subscription in subscriptions(), event in events(), at_ms in 98..202_i64, is_on_the_moon in prop::bool::weighted(0.1),
        ) {
            if is_on_the_moon {
                subscription.environment = "moon".to_owned();
            }
            let mut table = Table::new(1);
            table.apply(0, 0, "s", Some(&subscription));
            let matches = table.matching(&event, at_ms).next().is_some();
            let nearness = near(&subscription, &event, at_ms);
            prop_assert_eq!(nearness == Nearness::Matches, matches, "{:?}", nearness);
            let same = subscription.scope.as_ref().is_some_and(|scope| scope.operator == event.operator)
                && subscription.event_type == event.r#type;
            prop_assert_eq!(nearness == Nearness::Far, !same);
            prop_assert_eq!(why_not(&subscription, &event, at_ms).is_empty(), !same);
            if let Nearness::Near(misses) = nearness {
                prop_assert!(!misses.is_empty());
            }
        }
    }

    fn subscription() -> Subscription {
        Subscription {
            scope: Some(Scope { partner: "p".into(), operator: "a".into() }),
            event_type: TYPES[0].into(),
            status: Status::Active.into(),
            created_at_ms: 500,
            updated_at_ms: 500,
            ..Subscription::default()
        }
    }

    fn name() -> EventName {
        EventName { operator: "a".into(), r#type: TYPES[0].into(), ..EventName::default() }
    }

    /// What is said of a subscription that got nothing of the event of second 1.
    fn said(subscription: &Subscription, name: &EventName) -> Vec<String> {
        why_not(subscription, name, 1_000).iter().map(Miss::to_string).collect()
    }

    #[test]
    fn each_miss_is_a_sentence() {
        let contract = Subscription { contract: "c-1".into(), ..subscription() };
        assert_eq!(
            said(&contract, &name()),
            ["it takes events of contract c-1 only, and the event names no contract"]
        );
        let other = EventName { contract: "c-2".into(), environment: "non-production".into(), ..name() };
        assert_eq!(
            said(&contract, &other),
            [
                "it takes events of environment production, and the event is of non-production",
                "it takes events of contract c-1 only, and the event is of contract c-2",
            ]
        );
        let mut paused = subscription();
        paused.set_status(Status::Inactive);
        assert_eq!(said(&paused, &name()), ["it is not active"]);
        paused.status_reason = "answered 410".into();
        paused.expires_at_ms = 1_000;
        assert_eq!(
            said(&paused, &name()),
            ["it is not active (answered 410)", "it expired at 1970-01-01T00:00:01.000Z, before the event",]
        );
        let mut deleted = Subscription { updated_at_ms: 2_000, ..subscription() };
        deleted.set_status(Status::Deleted);
        assert_eq!(said(&deleted, &name()), ["it was deleted at 1970-01-01T00:00:02.000Z"]);
    }

    #[test]
    fn what_matches_now_and_got_nothing_was_otherwise_then_or_not_read() {
        let late = Subscription { created_at_ms: 2_000, updated_at_ms: 3_000, ..subscription() };
        assert_eq!(said(&late, &name()), ["it was created at 1970-01-01T00:00:02.000Z, after the event"]);
        let changed = Subscription { updated_at_ms: 3_000, ..subscription() };
        assert_eq!(
            said(&changed, &name()),
            [
                "it was changed at 1970-01-01T00:00:03.000Z, after the event, and may have been otherwise before"
            ]
        );
        assert_eq!(
            said(&subscription(), &name()),
            ["it was made what it is at 1970-01-01T00:00:00.500Z, and matching had not read that yet"]
        );
        let far = EventName { r#type: TYPES[1].into(), ..name() };
        assert!(why_not(&subscription(), &far, 1_000).is_empty());
    }
}

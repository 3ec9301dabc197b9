use super::*;
use crate::customers::CUSTOMERS;
use crate::system::{FLIGHTS, ORDERS};
use aerogram_domain::catalogue::Catalogue;
use jsonschema::Validator;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

fn some(count: usize) -> Vec<Next> {
    let mut stories = Stories::new();
    (0..count).map(|_| stories.next()).collect()
}

/// The catalogue, with what checks data against its schemas: made once a type, for that takes its time.
struct Checker {
    catalogue: Arc<Catalogue>,
    validators: HashMap<String, Validator>,
}

impl Checker {
    fn check(&mut self, kind: &str, data: &Value) {
        let event_type = self.catalogue.lookup(kind);
        let event_type = event_type.unwrap_or_else(|| panic!("{kind} is not in the catalogue"));
        let validator = self.validators.entry(kind.to_owned()).or_insert_with(|| {
            jsonschema::options().should_validate_formats(true).build(&event_type.schema()).unwrap()
        });
        let wrong: Vec<String> =
            validator.iter_errors(data).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{kind}: {wrong:#?}\n{data:#}");
        let known: BTreeSet<&str> = event_type.fields.iter().map(|field| field.name.as_str()).collect();
        for name in data.as_object().unwrap().keys() {
            assert!(known.contains(name.as_str()), "{kind} has no field {name}");
        }
    }
}

#[test]
fn every_event_fits_the_catalogue() {
    let mut checker = Checker { catalogue: Catalogue::builtin(), validators: HashMap::new() };
    for Next { event, .. } in some(500) {
        checker.check(&event.kind, &event.data);
        let subject = checker.catalogue.lookup(&event.kind).unwrap().subject.as_deref().unwrap();
        assert_eq!(event.data[subject], event.subject.as_str(), "{}", event.kind);
    }
    let sample = sample();
    checker.check(sample.kind, &sample.data);
}

#[test]
fn the_first_seconds_show_every_kind_of_subscriber_and_the_failing_endpoint() {
    let kinds: BTreeSet<String> = some(16).into_iter().map(|next| next.event.kind).collect();
    for kind in ["FLIGHT_CREATE", "FLIGHT_CREW_ASSIGNMENT", "OrderCreated", crate::customers::FAILING] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
}

#[test]
fn all_that_is_subscribed_happens_in_both_modes_and_on_both_topics() {
    let events = some(1_000);
    let kinds: BTreeSet<&str> = events.iter().map(|next| next.event.kind.as_str()).collect();
    for event in CUSTOMERS.iter().flat_map(|customer| customer.events()) {
        assert!(kinds.contains(event), "{event} never happens");
    }
    for topic in [FLIGHTS, ORDERS] {
        for structured in [true, false] {
            assert!(events.iter().any(|next| next.topic == topic && next.structured == structured));
        }
    }
    assert!(events.iter().any(|next| next.event.operator == BOREALIS));
    assert!(events.iter().any(|next| next.event.environment.is_some()));
    let ids: BTreeSet<&str> = events.iter().map(|next| next.event.id.as_str()).collect();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn a_story_is_told_in_its_order() {
    let mut by_flight: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for next in some(200).into_iter().filter(|next| next.topic == FLIGHTS) {
        by_flight.entry(next.event.subject).or_default().push(next.event.kind);
    }
    let whole: Vec<_> = by_flight
        .values()
        .filter(|kinds| kinds.last().is_some_and(|kind| kind == "FLIGHT_POST_FLIGHT_STATUS"))
        .collect();
    assert!(!whole.is_empty());
    for kinds in whole {
        assert_eq!(
            *kinds,
            [
                "FLIGHT_CREATE",
                "FLIGHT_CREW_ASSIGNMENT",
                "FLIGHT_FBO_ASSIGNMENT",
                "FLIGHT_PAX_COUNT_UPDATE",
                "FLIGHT_TIME_UPDATE",
                "FLIGHT_MOVEMENT_UPDATE",
                "FLIGHT_MOVEMENT_UPDATE",
                "FLIGHT_POST_FLIGHT_STATUS",
            ]
        );
    }
}

mod docs;
mod own;

use super::*;
use jsonschema::{Draft, Validator};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

/// Sections 1 to 3 of the domain: names that existing clients send and parse.
const CONTRACTUAL: &str = "FLIGHT_CREATE FLIGHT_CANCEL FLIGHT_TIME_UPDATE FLIGHT_AIRCRAFT_UPDATE \
    FLIGHT_AIRPORT_UPDATE FLIGHT_POST_FLIGHT_STATUS FLIGHT_MOVEMENT_UPDATE FLIGHT_PAX_COUNT_UPDATE \
    FLIGHT_PAX_LIST_UPDATE FLIGHT_PERMIT_ASSIGNMENT FLIGHT_PERMIT_UNASSIGNMENT FLIGHT_SLOT_PPR_ASSIGNMENT \
    FLIGHT_SLOT_PPR_UNASSIGNMENT FLIGHT_FBO_ASSIGNMENT FLIGHT_FBO_UNASSIGNMENT FLIGHT_HOTEL_ASSIGNMENT \
    FLIGHT_HOTEL_UNASSIGNMENT FLIGHT_CATERING_ASSIGNMENT FLIGHT_CATERING_UNASSIGNMENT \
    FLIGHT_TRANSPORT_ASSIGNMENT FLIGHT_TRANSPORT_UNASSIGNMENT FLIGHT_CREW_ASSIGNMENT FLIGHT_CREW_DOCUMENT_UPDATE \
    FLIGHT_CREW_ADDRESS_UPDATE \
    OrderCreated OrderCanceled OrderTicketed OrderStarted OrderCompleted OrderDisrupted ItineraryChange \
    ServicesAddition ServicesRemoval SeatsAddition SeatsRemoval FlightNumberChange FlightTimeChange \
    FlightCancelation PermanentWithfrawan LaborDisrupt Strike Weather NaturalDisaster \
    FlightBookingCancelledOutsideSchedule SeatChange Bereavement NoReasonGiven Illness Voluntary NeedDocumentation \
    UnacceptableReacomodation PaymentTimeLimitExpired PassengerNoShowNotification ChangeByPassengerNotification \
    UnknownNotification \
    FLIGHT_DELAY_STATUS_CHANGE PRODUCT_ADDED PRODUCT_UPDATED PRODUCT_REMOVED";

/// Spelled as the aggregator's customers know them, and `segments`.
const ORDER_FIELDS: &str = "agwID orderID pnr recordLocator bookingType origin destination fullPath adultsPax \
    childrenPax infantsPax orderStatus totalAmount createdOn updatedOn sessionId agentEmail consumerEmail psgPhone \
    psgEmail consumerIataCode consumerCountryCode consumer provider agent agency segments";

const STATES: &str = "FLIGHT_TIME_UPDATE FLIGHT_AIRCRAFT_UPDATE FLIGHT_AIRPORT_UPDATE FLIGHT_POST_FLIGHT_STATUS \
    FLIGHT_MOVEMENT_UPDATE FLIGHT_PAX_COUNT_UPDATE ItineraryChange FlightNumberChange FlightTimeChange PRODUCT_UPDATED";

fn validator(event_type: &EventType) -> Validator {
    build(&event_type.schema())
}

fn build(schema: &Value) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(schema).unwrap()
}

/// All fields, those in objects included.
fn all_fields(fields: &[Field]) -> Vec<&Field> {
    fields.iter().flat_map(|f| std::iter::once(f).chain(all_fields(f.field_type.fields()))).collect()
}

#[test]
fn the_built_in_files_are_right() {
    let problems = Assembly::builtin().finish().err().unwrap_or_default();
    assert!(problems.is_empty(), "{}", CatalogueProblems(problems));
}

#[test]
fn holds_every_contractual_type_once_and_in_order() {
    let catalogue = Catalogue::builtin();
    let names: Vec<_> = catalogue.types().map(|t| t.wire_name.as_ref()).collect();
    assert_eq!(names, CONTRACTUAL.split_whitespace().collect::<Vec<_>>());
    let count = |family| catalogue.types().filter(|t| t.family == family).count();
    assert_eq!(Family::ALL.map(count), [24, 11 + 20, 4]);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 59);
}

#[test]
fn finds_by_exact_name_only() {
    let catalogue = Catalogue::builtin();
    for event_type in catalogue.types() {
        assert_eq!(catalogue.lookup(&event_type.wire_name), Some(event_type));
    }
    for unknown in
        ["FLIGHT_UPDATE", "flight_create", "OrderCancelled", "PermanentWithdrawal", "", "FLIGHT_CREATE "]
    {
        assert_eq!(catalogue.lookup(unknown), None, "{unknown:?}");
    }
}

#[test]
fn an_order_event_carries_exactly_the_contractual_fields_and_its_segments() {
    let expected: BTreeSet<_> = ORDER_FIELDS.split_whitespace().collect();
    assert_eq!(expected.len(), 27);
    for event_type in Catalogue::builtin().types().filter(|t| t.family == Family::Order) {
        let names: BTreeSet<_> = event_type.fields.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, expected, "{}", event_type.wire_name);
        assert_eq!(event_type.fields.len(), 27);
    }
}

#[test]
fn states_are_those_a_newer_event_supersedes() {
    let catalogue = Catalogue::builtin();
    let states: Vec<_> =
        catalogue.types().filter(|t| t.kind == Kind::State).map(|t| t.wire_name.as_ref()).collect();
    assert_eq!(states, STATES.split_whitespace().collect::<Vec<_>>());
    assert!(catalogue.types().all(|t| t.subject.is_some()), "every built-in event is about something");
}

#[test]
fn everything_is_explained_in_sentences() {
    for event_type in Catalogue::builtin().types() {
        let name = &event_type.wire_name;
        assert!(event_type.when.ends_with('.') && !event_type.title.ends_with('.'), "{name}");
        assert!(!event_type.fields.is_empty(), "{name}");
        for field in all_fields(&event_type.fields) {
            assert!(
                field.meaning.len() > 5 && field.meaning.ends_with('.'),
                "{name} {}: {:?}",
                field.name,
                field.meaning
            );
        }
    }
}

#[test]
fn every_field_that_is_defined_is_used() {
    for (file, text) in assemble::BUILTIN {
        let earlier = read::Earlier { definitions: &HashMap::new(), defined_in: &|_| None };
        let (contents, _) = read::read(text, &earlier);
        for field in contents.definitions {
            let used = contents.types.iter().any(|t| t.fields.iter().any(|f| f.name == field.name));
            assert!(used, "{file}: no type carries {}", field.name);
        }
    }
}

#[test]
fn examples_fit_their_schemas_and_show_every_field() {
    for event_type in Catalogue::builtin().types() {
        let mistakes: Vec<_> =
            validator(event_type).iter_errors(&event_type.example).map(|e| e.to_string()).collect();
        assert!(mistakes.is_empty(), "{}: {mistakes:?}", event_type.wire_name);
        for field in &event_type.fields {
            assert!(event_type.example.get(&field.name).is_some(), "{} {}", event_type.wire_name, field.name);
        }
    }
}

#[test]
fn a_schema_says_type_format_meaning_and_choice() {
    let catalogue = Catalogue::builtin();
    let schema = catalogue.lookup("OrderCreated").unwrap().schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(
        schema["properties"]["createdOn"],
        json!({"type": "string", "format": "date-time", "description": "When the order was created."})
    );
    assert_eq!(schema["properties"]["bookingType"]["enum"], json!(["One Way", "Round Trip", "Multicity"]));
    assert_eq!(schema["required"], json!(["agwID", "orderStatus", "segments"]));
    let segment = &schema["properties"]["segments"]["items"];
    assert_eq!(segment["properties"]["departure"]["format"], "date-time");
    assert_eq!(segment["required"], json!(["flightNumber", "origin", "destination", "departure", "arrival"]));
}

fn any_type() -> impl Strategy<Value = EventType> {
    prop::sample::select(Catalogue::builtin().types().cloned().collect::<Vec<_>>())
}

/// A value that is not of this type.
fn of_another_type(field_type: &FieldType) -> Value {
    match field_type {
        FieldType::String { one_of } if one_of.is_empty() => json!(7),
        FieldType::String { .. } => json!("none of them"),
        FieldType::Integer => json!(1.5),
        FieldType::Number => json!("1.5"),
        FieldType::Boolean => json!("true"),
        FieldType::Date => json!("2026-02-30"),
        FieldType::DateTime => json!("2026-05-04T09:30:00"),
        FieldType::Object(_) => json!([]),
        FieldType::Array(_) => json!({}),
    }
}

proptest! {
    #[test]
    fn a_field_of_another_type_is_noticed_where_it_is(
        event_type in any_type(), at in any::<prop::sample::Index>(), inner in any::<prop::sample::Index>(),
    ) {
        let field = at.get(&event_type.fields);
        let mut data = event_type.example.clone();
        let (place, wrong) = match &field.field_type {
            FieldType::Object(fields) => {
                let inner = inner.get(fields);
                (format!("/{}/{}", field.name, inner.name), of_another_type(&inner.field_type))
            }
            other => (format!("/{}", field.name), of_another_type(other)),
        };
        if let Some(value) = data.pointer_mut(&place) {
            *value = wrong;
            let found: Vec<_> = validator(&event_type).iter_errors(&data).map(|e| e.instance_path().to_string()).collect();
            prop_assert_eq!(found, [place]);
        }
    }

    #[test]
    fn what_is_missing_is_noticed_if_it_is_required(event_type in any_type(), at in any::<prop::sample::Index>()) {
        let field = at.get(&event_type.fields);
        let mut data = event_type.example.clone();
        data.as_object_mut().unwrap().remove(&field.name);
        prop_assert_eq!(validator(&event_type).is_valid(&data), !field.required, "{}", field.name);
    }

    #[test]
    fn what_nobody_knows_is_allowed(event_type in any_type(), name in "[a-z]{12}", value: i32) {
        let mut data = event_type.example.clone();
        data[name] = value.into();
        prop_assert!(validator(&event_type).is_valid(&data));
    }
}

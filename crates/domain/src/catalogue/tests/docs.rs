//! What stands in docs/ is what the catalogue says.

use super::*;
use crate::{
    credentials::Operators,
    intake::{Policy, SchemaCheck, Schemas, accept_json},
};
use aerogram_wire::v1::Origin;
use bytes::Bytes;

fn envelope() -> Validator {
    build(&Catalogue::builtin().envelope_schema())
}

fn is_accepted(event: &Value, schema_check: SchemaCheck) -> bool {
    let policy = Policy {
        scope: "s".into(),
        operators: Operators::All,
        max_event_bytes: 65_536,
        schema_check,
        catalogue: Catalogue::builtin(),
    };
    accept_json(&policy, &Bytes::from(event.to_string()), &Origin::default(), 0).is_ok()
}

#[test]
fn the_documentation_is_up_to_date() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for page in Catalogue::builtin().pages() {
        let there = std::fs::read_to_string(docs.join(&page.path)).unwrap_or_default();
        // Compared as a whole, but not shown: what differs is shown by the tools of the repository.
        assert!(
            there == page.text,
            "docs/{} is not what the catalogue says; renew it: cargo run -p aerogram -- catalogue docs docs",
            page.path
        );
    }
}

#[test]
fn the_example_of_each_type_can_be_published() {
    let schemas = Arc::new(Schemas::of(&Catalogue::builtin()).unwrap());
    for event_type in Catalogue::builtin().types() {
        let event = event_type.example_event();
        assert_eq!(envelope().is_valid(&event), event_type.is_published(), "{event}");
        assert!(is_accepted(&event, SchemaCheck::Reject(Arc::clone(&schemas))), "{event}");
        assert_eq!(event["subject"], event["data"][event_type.subject.as_deref().unwrap()]);
    }
}

#[test]
fn the_text_of_an_example_is_the_example_in_the_order_of_the_fields() {
    for event_type in Catalogue::builtin().types() {
        let text = event_type.example_text();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), event_type.example);
        let at = |field: &Field| text.find(&format!("\n  \"{}\": ", field.name)).unwrap();
        assert!(event_type.fields.iter().map(at).is_sorted(), "{text}");
        let event: Value = serde_json::from_str(&event_type.example_event_text()).unwrap();
        assert_eq!(event, event_type.example_event());
        let schema: Value = serde_json::from_str(&event_type.schema_text()).unwrap();
        assert_eq!(schema, event_type.schema());
    }
}

#[test]
fn types_of_a_platform_team_have_a_place_in_the_pages() {
    let own = include_str!("../../../catalogue/own-types.example.toml").to_owned();
    let catalogue = Catalogue::with_files(&[("own.toml".to_owned(), own)]).unwrap();
    let page = |path: &str| catalogue.pages().into_iter().find(|page| page.path == path).unwrap().text;
    assert!(
        page("events/README.md")
            .contains("| [`FLIGHT_GATE_UPDATE`](flight.md#flight_gate_update) | Gate changed | state |")
    );
    assert!(page("events/flight.md").contains("| `bags[].weightKg` | number | no | In kilograms. |"));
    assert!(page("schemas/event.schema.json").contains("\"FLIGHT_GATE_UPDATE\""));
    let left = page("events/README.md").replace("{ ", "");
    assert!(!["{generated}", "{tables}", "{own}", "_max}"].iter().any(|mark| left.contains(mark)), "{left}");
}

#[test]
fn a_product_names_its_contract() {
    for (name, empty_is_fine) in [("FLIGHT_CANCEL", true), ("OrderCreated", true), ("PRODUCT_REMOVED", false)]
    {
        let mut event = Catalogue::builtin().lookup(name).unwrap().example_event();
        event["contract"] = "C-1".into();
        assert!(envelope().is_valid(&event) && is_accepted(&event, SchemaCheck::Off), "{event}");
        event["contract"] = "".into();
        assert_eq!(envelope().is_valid(&event), empty_is_fine, "{event}");
        assert_eq!(is_accepted(&event, SchemaCheck::Off), empty_is_fine, "{event}");
    }
}

#[test]
fn publishers_are_not_told_to_send_what_follows_from_the_clock() {
    let schema = Catalogue::builtin().envelope_schema();
    let names: Vec<_> = schema["properties"]["type"]["enum"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 57);
    for name in ["OrderStarted", "OrderCompleted"] {
        assert!(!names.contains(&&json!(name)));
        let event = Catalogue::builtin().lookup(name).unwrap().example_event();
        assert!(is_accepted(&event, SchemaCheck::Off), "{event}");
    }
}

/// The times at these pointers; those that are not there are left out.
fn times<'a>(data: &'a Value, pointers: &'a [&str]) -> impl Iterator<Item = (&'a str, jiff::Timestamp)> {
    let time = |value: &Value| value.as_str().unwrap().parse().unwrap();
    pointers.iter().filter_map(move |pointer| Some((*pointer, time(data.pointer(pointer)?))))
}

#[test]
fn an_example_tells_what_has_happened_by_then() {
    const ACTUAL: [&str; 8] = [
        "/cancelledAt",
        "/changedAt",
        "/createdOn",
        "/updatedOn",
        "/movement/offBlockAt",
        "/movement/takeOffAt",
        "/movement/landingAt",
        "/movement/onBlockAt",
    ];
    const PLANNED: [&str; 4] = ["/catering/deliverAt", "/hotel/checkInAt", "/transport/pickUpAt", "/slot/at"];
    let (catalogue, mut seen) = (Catalogue::builtin(), BTreeSet::new());
    for event_type in catalogue.types() {
        let (name, data) = (event_type.wire_name.as_ref(), &event_type.example);
        let at: jiff::Timestamp = event_type.example_time.parse().unwrap();
        // The flights of an order that has started or is complete are under way or over.
        let (flown, ahead): (&[&str], &[&str]) = match name {
            "OrderStarted" => (&["/segments/0/departure"], &["/segments/1/arrival"]),
            "OrderCompleted" => (&["/segments/0/departure", "/segments/1/arrival"], &[]),
            _ => (&[], &[]),
        };
        for (pointer, time) in times(data, &ACTUAL).chain(times(data, flown)) {
            seen.insert(pointer);
            assert!(time <= at, "{name}: {pointer} is {time}, the event itself of {at}");
        }
        for (pointer, time) in times(data, &PLANNED).chain(times(data, ahead)) {
            seen.insert(pointer);
            assert!(at <= time, "{name}: {pointer} is {time}, the event itself of {at}");
        }
    }
    assert_eq!(seen.len(), ACTUAL.len() + PLANNED.len() + 2, "a pointer leads nowhere: {seen:?}");
}

#[test]
fn what_did_not_change_is_left_out_of_an_example() {
    let changed = Catalogue::builtin().lookup("FLIGHT_AIRPORT_UPDATE").unwrap().example.clone();
    assert_eq!(changed["previousAirports"], json!({"arrival": "LFMN"}));
    assert_ne!(changed["arrival"]["airport"], "LFMN");
}

/// An attribute, values it may have, and values it must not have.
fn choices() -> Vec<(&'static str, Vec<Value>, Vec<Value>)> {
    let chars = |count: usize| Value::from("é".repeat(count));
    vec![
        ("specversion", vec![json!("1.0")], vec![json!("1"), json!(1.0), Value::Null]),
        (
            "id",
            vec![json!("e-1"), chars(ID_CHARS_MAX)],
            vec![json!(""), chars(ID_CHARS_MAX + 1), json!(1), json!("a\nb")],
        ),
        (
            "source",
            vec![json!("/s"), chars(SOURCE_CHARS_MAX)],
            vec![Value::Null, chars(SOURCE_CHARS_MAX + 1), json!("\u{85}")],
        ),
        (
            "type",
            vec![json!("FLIGHT_CANCEL"), json!("PRODUCT_REMOVED")],
            vec![json!("flight_cancel"), json!(true), json!("")],
        ),
        (
            "operator",
            vec![json!("acme"), chars(NAME_CHARS_MAX)],
            vec![json!(""), chars(NAME_CHARS_MAX + 1), Value::Null],
        ),
        (
            "contract",
            // Empty it is left out, which a product must not.
            vec![json!("C-1"), chars(NAME_CHARS_MAX), json!("")],
            vec![chars(NAME_CHARS_MAX + 1), json!(4), json!("\u{7f}")],
        ),
        (
            "environment",
            vec![json!("production"), json!("non-production")],
            vec![json!("prod"), json!(false)],
        ),
        (
            "subject",
            vec![json!("FL-1"), chars(SUBJECT_CHARS_MAX)],
            vec![chars(SUBJECT_CHARS_MAX + 1), json!("\u{0}"), json!([])],
        ),
        (
            "time",
            vec![json!("2024-01-15T10:30:00Z"), json!("2024-01-15T10:30:00.123+05:30")],
            vec![
                json!("2024-01-15T10:30:00"),
                json!("2024-13-15T10:30:00Z"),
                json!("today"),
                json!(1_705_314_600),
            ],
        ),
        ("data", vec![json!({})], vec![json!([]), json!("{}"), json!(1), Value::Null]),
        ("data_base64", vec![], vec![json!("e30=")]),
        ("datacontenttype", vec![json!("application/json"), json!(1)], vec![]),
    ]
}

proptest! {
    /// The published schema of the envelope and intake say the same.
    #[test]
    fn what_the_envelopes_schema_takes_is_what_is_accepted(
        picks in prop::collection::vec((0..10_u8, any::<prop::sample::Index>()), 12),
    ) {
        let mut event = json!({});
        for ((name, right, wrong), (kind, pick)) in choices().into_iter().zip(picks) {
            // Mostly right, so that often all of it is.
            let values = match kind {
                0 => continue,
                1 => wrong,
                _ => right,
            };
            if !values.is_empty() {
                event[name] = pick.get(&values).clone();
            }
        }
        prop_assert_eq!(envelope().is_valid(&event), is_accepted(&event, SchemaCheck::Off), "{}", event);
    }
}

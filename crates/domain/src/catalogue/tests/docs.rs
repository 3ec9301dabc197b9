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
        assert!(envelope().is_valid(&event), "{event}");
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
            vec![json!("C-1"), chars(NAME_CHARS_MAX)],
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

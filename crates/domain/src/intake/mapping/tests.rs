use super::*;
use crate::{
    catalogue::Environment,
    intake::{Accepted, Code, Format, Incoming, Policy, Refusal, SchemaCheck, accept, schema::Schemas},
};
use aerogram_wire::v1::{Event, Origin};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW_MS: i64 = 1_700_000_000_000;

fn config() -> MappingConfig {
    let pointer = |text: &str| Some(text.to_owned());
    MappingConfig {
        id: "/meta/id".into(),
        event_type: "/meta/kind".into(),
        time: pointer("/meta/at"),
        subject: pointer("/flight/id"),
        operator: pointer("/operator"),
        contract: pointer("/contract"),
        environment: pointer("/env"),
        source: pointer("/from"),
        data: pointer("/flight"),
        types: vec![("DEP".into(), "FLIGHT_MOVEMENT_UPDATE".into()), ("7".into(), "FLIGHT_CANCEL".into())],
    }
}

fn operators() -> Operators {
    Operators::from_list(&["OPX", "OPY"])
}

fn mapping(config: &MappingConfig) -> Arc<Mapping> {
    Arc::new(Mapping::new(config, &operators(), &Catalogue::builtin()).unwrap())
}

fn policy() -> Policy {
    Policy {
        scope: "ops".into(),
        operators: operators(),
        max_event_bytes: 4_096,
        catalogue: Catalogue::builtin(),
        schema_check: SchemaCheck::Off,
    }
}

fn decide_with(policy: &Policy, mapping: Arc<Mapping>, payload: &[u8]) -> Result<Accepted, Refusal> {
    let payload = Bytes::copy_from_slice(payload);
    let incoming = Incoming { key: None, payload: Some(&payload), headers: &[] };
    let origin = Origin { topic: "ops.movements".into(), partition: 1, offset: 2 };
    accept(policy, &Format::Json(mapping), incoming, origin, NOW_MS)
}

fn decide(config: &MappingConfig, document: &Value) -> Result<Event, Refusal> {
    let accepted = decide_with(&policy(), mapping(config), document.to_string().as_bytes())?;
    Ok(accepted.envelope.event.unwrap())
}

fn document() -> Value {
    json!({
        "meta": {"id": 4711, "kind": "DEP", "at": 1_705_314_600_000_i64},
        "operator": "OPX", "flight": {"id": "F-1", "offBlock": "10:28"}, "env": "non-production", "contract": "C-1",
        "from": "/movements"
    })
}

fn told(refusal: &Refusal) -> Vec<(Code, String)> {
    refusal.errors().iter().map(|e| (e.code, e.to_string())).collect()
}

#[test]
fn fields_are_taken_from_where_the_mapping_points() {
    let event = decide(&config(), &document()).unwrap();
    assert_eq!((event.id.as_str(), event.r#type.as_str()), ("4711", "FLIGHT_MOVEMENT_UPDATE"));
    assert_eq!((event.operator.as_str(), event.subject.as_str()), ("OPX", "F-1"));
    assert_eq!((event.source.as_str(), event.contract.as_str()), ("/movements", "C-1"));
    assert_eq!((event.environment.as_str(), event.time_ms), ("non-production", 1_705_314_600_000));
    assert_eq!(event.data.as_ref(), br#"{"id":"F-1","offBlock":"10:28"}"#);
}

#[test]
fn what_is_left_out_has_a_sensible_value() {
    let least = MappingConfig {
        id: "/id".into(),
        event_type: "/kind".into(),
        data: Some(String::new()),
        ..MappingConfig::default()
    };
    let one = Operators::from_list(&["OPX"]);
    let mapping = Arc::new(Mapping::new(&least, &one, &Catalogue::builtin()).unwrap());
    let document = br#" {"id": "e", "kind": "FLIGHT_CREATE"} "#;
    let event = decide_with(&policy(), mapping, document).unwrap().envelope.event.unwrap();
    assert_eq!((event.operator.as_str(), event.source.as_str()), ("OPX", "ops.movements"));
    assert_eq!((event.subject.as_str(), event.time_ms), ("e", NOW_MS));
    assert_eq!(event.environment, Environment::Production.as_str());
    assert_eq!(event.data.as_ref(), br#"{"id": "e", "kind": "FLIGHT_CREATE"}"#);
}

#[test]
fn optional_fields_may_be_missing_in_a_document() {
    let document = json!({"meta": {"id": "e", "kind": "FLIGHT_CREATE", "at": null}, "operator": "OPX", "flight": {}, "env": ""});
    let event = decide(&config(), &document).unwrap();
    assert_eq!((event.subject.as_str(), event.time_ms, event.contract.as_str()), ("e", NOW_MS, ""));
    assert_eq!((event.environment.as_str(), event.source.as_str()), ("production", "ops.movements"));
    let nowhere = MappingConfig { subject: Some("/no/body".into()), ..config() };
    let mut nulled = document;
    nulled["no"] = Value::Null;
    assert_eq!(decide(&nowhere, &nulled).unwrap().subject, "e");
}

#[test]
fn every_error_names_the_pointer_and_what_is_there() {
    let document = json!({
        "meta": {"id": 1.5, "kind": "ARR", "at": 1e3}, "operator": null, "contract": true, "env": "prod", "flight": "F-1"
    });
    let refusal = decide(&config(), &document).unwrap_err();
    let mut told: Vec<String> = refusal.errors().iter().map(ToString::to_string).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "/contract: must be a text, is a boolean",
            "/env: is \"prod\", must be production or non-production",
            "/flight/id: is missing, for /flight is a text; the mapping takes the event's subject from there",
            "/flight: must be a JSON object, is a text",
            "/meta/at: is 1000.0, must be RFC 3339 or whole milliseconds since 1970",
            "/meta/id: is 1.5, must be a text or a whole number",
            "/meta/kind: \"ARR\" is neither in the mapping's types nor in the catalogue of event types",
            "/operator: is null; the mapping takes the event's operator from there",
        ]
    );
    let refusal = decide(&config(), &json!({"meta": {"id": ""}})).unwrap_err();
    assert_eq!(
        self::told(&refusal),
        [
            (Code::Missing, "/meta/id: is empty; the mapping takes the event's id from there".to_owned()),
            (
                Code::Missing,
                "/meta/kind: is missing; the mapping takes the event's type from there".to_owned()
            ),
            (
                Code::Missing,
                "/operator: is missing; the mapping takes the event's operator from there".to_owned()
            ),
            (Code::Missing, "/flight: is missing; the mapping takes the event's data from there".to_owned()),
        ]
    );
}

#[test]
fn who_may_be_spoken_for_is_checked_as_ever() {
    let mut foreign = document();
    foreign["operator"] = "OPZ".into();
    let refusal = decide(&config(), &foreign).unwrap_err();
    assert_eq!((refusal.code(), refusal.errors()[0].field.as_str()), (Code::Operator, "/operator"));
    let mut product = document();
    product["meta"]["kind"] = "PRODUCT_ADDED".into();
    product["contract"] = Value::Null;
    let refusal = decide(&config(), &product).unwrap_err();
    assert_eq!(told(&refusal), [(Code::Missing, "/contract: is required for PRODUCT_ADDED".to_owned())]);
}

#[test]
fn times_and_numbers_have_one_meaning_each() {
    for (at, ms) in [
        (json!("2024-01-15T11:30:00+01:00"), Some(1_705_314_600_000)),
        (json!(0), Some(0)),
        (json!(-1), Some(-1)),
        (json!(null), Some(NOW_MS)),
        (json!("1705314600000"), None),
        (json!(1_705_314_600_000.5), None),
        (json!(u64::MAX), None),
        (json!(i64::MAX), None),
        (json!([1]), None),
    ] {
        let mut document = document();
        document["meta"]["at"] = at.clone();
        assert_eq!(decide(&config(), &document).ok().map(|e| e.time_ms), ms, "{at}");
    }
    let with_id =
        |id: &str| format!(r#"{{"meta":{{"id":{id},"kind":7}},"operator":"OPX","flight":{{"id":5}}}}"#);
    for (id, found) in [
        ("12", Some("12")),
        ("-3", Some("-3")),
        ("18446744073709551616", Some("18446744073709551616")),
        ("1e3", None),
        ("-0", None),
        ("1.0", None),
        ("true", None),
    ] {
        let decided = decide_with(&policy(), mapping(&config()), with_id(id).as_bytes());
        let event = decided.ok().and_then(|accepted| accepted.envelope.event);
        assert_eq!(event.as_ref().map(|e| e.id.as_str()), found, "{id}");
        assert!(
            event.is_none_or(|e| e.r#type == "FLIGHT_CANCEL" && e.subject == "5"),
            "numbers are names as well"
        );
    }
}

#[test]
fn what_is_no_document_is_told_so() {
    for (payload, word) in
        [("[]", "array"), ("", "empty"), ("{\"a\":", "not a JSON"), ("7", "number"), ("{} {}", "not a JSON")]
    {
        let refusal = decide_with(&policy(), mapping(&config()), payload.as_bytes()).unwrap_err();
        assert!(refusal.to_string().contains(word), "{payload}: {refusal}");
    }
}

#[test]
fn a_wrong_mapping_is_told_as_a_whole() {
    let wrong = MappingConfig {
        id: String::new(),
        event_type: "kind".into(),
        time: Some("/at~".into()),
        types: vec![("DEP".into(), "FLIGHT_DEPARTED".into()), ("ARR".into(), "FLIGHT_CANCEL".into())],
        ..MappingConfig::default()
    };
    let problems = Mapping::new(&wrong, &Operators::All, &Catalogue::builtin()).unwrap_err();
    let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
    assert_eq!(fields, ["id", "type", "time", "operator", "types.\"DEP\""], "{problems:?}");
    for operators in [operators(), Operators::from_list(&["*"])] {
        let without = MappingConfig { operator: None, ..config() };
        assert_eq!(Mapping::new(&without, &operators, &Catalogue::builtin()).unwrap_err().len(), 1);
    }
}

#[test]
fn schema_findings_point_into_the_document() {
    let schema = json!({"type": "object", "required": ["gate"], "properties": {"id": {"type": "integer"}}});
    let schemas = Arc::new(Schemas::from_pairs([("FLIGHT_MOVEMENT_UPDATE", schema)]).unwrap());
    let decide = |config: &MappingConfig, schema_check| {
        let policy = Policy { schema_check, ..policy() };
        decide_with(&policy, mapping(config), document().to_string().as_bytes())
    };
    let refusal = decide(&config(), SchemaCheck::Reject(Arc::clone(&schemas))).unwrap_err();
    let mut fields: Vec<_> = refusal.errors().iter().map(|e| (e.code, e.field.as_str())).collect();
    fields.sort_unstable();
    assert_eq!(fields, [(Code::Schema, "/flight/gate"), (Code::Schema, "/flight/id")]);
    let warned = decide(&config(), SchemaCheck::Warn(Arc::clone(&schemas))).unwrap();
    assert_eq!(warned.warnings, refusal.errors());
    let whole = MappingConfig { data: None, ..config() };
    let refusal = decide(&whole, SchemaCheck::Reject(schemas)).unwrap_err();
    assert_eq!(refusal.errors()[0].field, "/gate");
}

proptest! {
    /// Wherever the fields stand and whatever they are called, the event is the same.
    #[test]
    fn an_event_is_the_same_wherever_its_fields_stand(
        names in prop::collection::btree_set("[a-z/~é\"\\\\ ]{1,4}", 6), deep: bool, id in "[a-z0-9é]{1,20}", number: u32,
        subject in "[A-Z]{1,9}", time_ms in 1..4_000_000_000_000_i64, numeric: bool, text in ".{0,20}",
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let data = json!({"n": number, "text": text});
        let time = jiff::Timestamp::from_millisecond(time_ms).unwrap().to_string();
        let fields = json!({
            &names[0]: if numeric { json!(number) } else { json!(id) }, &names[1]: "DEP", &names[2]: "OPY",
            &names[3]: subject, &names[4]: if numeric { json!(time_ms) } else { json!(time) }, &names[5]: data,
        });
        let document = if deep { json!({"a": [0, {"b": fields}]}) } else { fields };
        let pointer = |name: &str| {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            if deep { format!("/a/1/b/{escaped}") } else { format!("/{escaped}") }
        };
        let config = MappingConfig {
            id: pointer(&names[0]), event_type: pointer(&names[1]), operator: Some(pointer(&names[2])),
            subject: Some(pointer(&names[3])), time: Some(pointer(&names[4])), data: Some(pointer(&names[5])),
            types: config().types, ..MappingConfig::default()
        };
        let event = decide(&config, &document).unwrap();
        let expected = Event {
            schema: 1, id: if numeric { number.to_string() } else { id }, source: "ops.movements".into(),
            r#type: "FLIGHT_MOVEMENT_UPDATE".into(), operator: "OPY".into(), contract: String::new(),
            environment: "production".into(), subject, time_ms, data: data.to_string().into(),
        };
        prop_assert_eq!(event, expected);
    }

    /// Whatever comes, something is decided, and every error names one of the mapping's pointers.
    #[test]
    fn nothing_stops_it(document in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ":", ",", "\"meta\"", "\"id\"", "\"kind\"", "\"operator\"", "\"flight\"", "\"DEP\"", "1", "-0", "1e9",
        "null", "\"\\ud800\"", "\"at\"", " ",
    ]), 0..24)) {
        if let Err(refusal) = decide_with(&policy(), mapping(&config()), document.concat().as_bytes()) {
            let config = config();
            let mut known = vec!["", &config.id, &config.event_type];
            known.extend([&config.time, &config.subject, &config.operator, &config.contract].into_iter().flatten().map(String::as_str));
            known.extend([&config.environment, &config.source, &config.data].into_iter().flatten().map(String::as_str));
            prop_assert!(!refusal.errors().is_empty());
            prop_assert!(refusal.errors().iter().all(|e| known.contains(&e.field.as_str())), "{}", refusal);
        }
    }
}

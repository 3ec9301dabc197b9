use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NOW_MS: i64 = 1_700_000_000_000;

fn policy() -> Policy {
    Policy {
        scope: "ops".into(),
        operators: Operators::from_list(&["acme", "bluejet"]),
        max_event_bytes: 4_096,
        catalogue: Catalogue::builtin(),
        schema_check: SchemaCheck::Off,
    }
}

fn origin() -> Origin {
    Origin { topic: "upstream".into(), partition: 3, offset: 9 }
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, Bytes)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes()))).collect()
}

fn decide(format: &Format, headers: &[(String, Bytes)], payload: &[u8]) -> Result<Envelope, Refusal> {
    let payload = Bytes::copy_from_slice(payload);
    let incoming = Incoming { key: None, payload: Some(&payload), headers };
    accept(&policy(), format, incoming, origin(), NOW_MS).map(|accepted| accepted.envelope)
}

fn structured(event: &Value) -> Result<Envelope, Refusal> {
    let headers = headers(&[("content-type", "application/cloudevents+json; charset=UTF-8")]);
    decide(&Format::CloudEvents, &headers, event.to_string().as_bytes())
}

fn minimal() -> Value {
    json!({
        "specversion": "1.0", "id": "e-1", "source": "/flights", "type": "FLIGHT_CREATE", "operator": "acme",
        "data": {"flightId": 7}
    })
}

fn fields(refusal: &Refusal) -> Vec<(Code, &str)> {
    refusal.errors().iter().map(|e| (e.code, e.field.as_str())).collect()
}

#[test]
fn the_least_there_can_be() {
    let envelope = structured(&minimal()).unwrap();
    let event = envelope.event.unwrap();
    assert_eq!(
        (envelope.scope.as_str(), envelope.accepted_at_ms, envelope.origin),
        ("ops", NOW_MS, Some(origin()))
    );
    assert_eq!(
        (event.environment.as_str(), event.subject.as_str(), event.time_ms),
        ("production", "e-1", NOW_MS)
    );
    assert_eq!((event.schema, event.data.as_ref()), (SCHEMA, br#"{"flightId":7}"#.as_slice()));
}

#[test]
fn every_wrong_field_is_named() {
    let wrong = json!({
        "specversion": "0.3", "id": 7, "source": "", "type": "FLIGHT_UPDATE", "operator": "stranger",
        "environment": "test", "time": "2024-01-15T10:30:00", "subject": "x".repeat(600), "contract": "a\u{7}",
        "data": [1], "unknown": {"is": "ignored"}
    });
    assert_eq!(
        fields(&structured(&wrong).unwrap_err()),
        [
            (Code::Version, "/specversion"),
            (Code::Invalid, "/id"),
            (Code::Missing, "/source"),
            (Code::UnknownType, "/type"),
            (Code::Operator, "/operator"),
            (Code::Invalid, "/contract"),
            (Code::Invalid, "/environment"),
            (Code::Invalid, "/subject"),
            (Code::Invalid, "/time"),
            (Code::Invalid, "/data"),
        ]
    );
}

#[test]
fn headers_and_protobuf_fields_are_named_their_own_way() {
    let binary =
        headers(&[("ce_specversion", "1.0"), ("ce_time", "yesterday"), ("content-type", "text/plain")]);
    assert_eq!(
        fields(&decide(&Format::CloudEvents, &binary, b"{}").unwrap_err()),
        [
            (Code::Missing, "ce_id"),
            (Code::Missing, "ce_source"),
            (Code::Missing, "ce_type"),
            (Code::Missing, "ce_operator"),
            (Code::Invalid, "ce_time"),
            (Code::Invalid, "payload"),
        ]
    );
    let event = Event { schema: 9, id: "e".into(), time_ms: i64::MAX, ..Event::default() };
    assert_eq!(
        fields(&decide(&Format::Protobuf, &[], &event.encode_to_vec()).unwrap_err()),
        [
            (Code::Version, "schema"),
            (Code::Missing, "source"),
            (Code::Missing, "type"),
            (Code::Missing, "operator"),
            (Code::Invalid, "time_ms"),
            (Code::Missing, "data"),
        ]
    );
}

#[test]
fn a_product_event_names_its_contract() {
    let mut event = minimal();
    event["type"] = "PRODUCT_ADDED".into();
    assert_eq!(fields(&structured(&event).unwrap_err()), [(Code::Missing, "/contract")]);
    event["contract"] = "C-1".into();
    assert_eq!(structured(&event).unwrap().event.unwrap().contract, "C-1");
}

#[test]
fn times_have_an_offset() {
    for (text, ms) in [
        ("2024-01-15T10:30:00Z", Some(1_705_314_600_000)),
        ("2024-01-15T11:30:00.123+01:00", Some(1_705_314_600_123)),
        ("2024-01-15t10:30:00z", Some(1_705_314_600_000)),
        ("2024-01-15T10:30:00", None),
        ("2024-01-15", None),
        ("2024-01-15T10Z", None),
        ("2024-13-15T10:30:00Z", None),
        ("2024-01-15T10:30:00+01:00[Europe/Madrid]", None),
        ("1705314600000", None),
    ] {
        let mut event = minimal();
        event["time"] = text.into();
        assert_eq!(structured(&event).ok().and_then(|e| e.event).map(|e| e.time_ms), ms, "{text}");
    }
}

#[test]
fn null_is_not_there() {
    let mut event = minimal();
    for optional in ["contract", "environment", "subject", "time", "data_base64"] {
        event[optional] = Value::Null;
    }
    assert_eq!(structured(&event), structured(&minimal()));
    event["data"] = Value::Null;
    assert_eq!(fields(&structured(&event).unwrap_err()), [(Code::Missing, "/data")]);
}

#[test]
fn what_is_no_event_is_told_so() {
    let json = headers(&[("Content-Type", "application/json")]);
    for (headers, payload, code) in [
        (&[][..], "{}", Code::ContentType),
        (&json, "{}", Code::ContentType),
        (&headers(&[("content-type", "application/cloudevents-batch+json")]), "[]", Code::ContentType),
        (&headers(&[("content-type", "application/cloudevents+json")]), "[]", Code::Malformed),
        (&headers(&[("content-type", "application/cloudevents+json")]), "{\"id\":", Code::Malformed),
        (&headers(&[("content-type", "application/cloudevents+json")]), "", Code::Empty),
        (&headers(&[("content-type", "application/protobuf")]), "\u{1}", Code::Malformed),
    ] {
        let refusal = decide(&Format::CloudEvents, headers, payload.as_bytes()).unwrap_err();
        assert_eq!(refusal.code(), code, "{refusal}");
        assert_eq!(refusal.errors().len(), 1);
    }
    let none = Incoming { key: None, payload: None, headers: &[] };
    assert_eq!(accept(&policy(), &Format::Protobuf, none, origin(), NOW_MS).unwrap_err().code(), Code::Empty);
}

#[test]
fn a_large_event_is_refused_and_kept_in_part() {
    let mut event = minimal();
    event["data"]["text"] = "x".repeat(4_096).into();
    assert_eq!(structured(&event).unwrap_err().code(), Code::TooLarge);

    let (key, payload) = (Bytes::from(vec![b'k'; 5_000]), Bytes::from(event.to_string()));
    let many: Vec<_> = (0..100).map(|i| (format!("h{i}"), Bytes::from(vec![0xff_u8; 5_000]))).collect();
    let incoming = Incoming { key: Some(&key), payload: Some(&payload), headers: &many };
    let refusal = structured(&event).unwrap_err();
    let record = rejected(&policy(), incoming, &refusal, origin(), NOW_MS);
    assert_eq!(
        (record.payload.len(), record.payload_truncated, record.reason.as_str()),
        (4_096, true, "too_large")
    );
    assert!(record.encoded_len() < 100_000, "{} bytes", record.encoded_len());
    assert_eq!(again(&policy(), &Format::CloudEvents, &record, NOW_MS), Err(NotDecidable::Truncated));
}

#[test]
fn a_request_is_accepted_as_a_whole() {
    let (mut bad, mut worse) = (minimal(), minimal());
    bad["id"] = "".into();
    worse["operator"] = "stranger".into();
    worse["time"] = 5.into();
    let body = |value: &Value| Bytes::from(value.to_string());
    let request = |value: &Value| accept_json(&policy(), &body(value), &origin(), NOW_MS);

    assert_eq!(request(&minimal()).unwrap().len(), 1);
    assert_eq!(request(&json!([minimal(), minimal()])).unwrap().len(), 2);
    assert_eq!(
        fields(&request(&json!([minimal(), bad, 7, worse.clone()])).unwrap_err()),
        [
            (Code::Missing, "/1/id"),
            (Code::Malformed, "/2"),
            (Code::Operator, "/3/operator"),
            (Code::Invalid, "/3/time")
        ]
    );
    assert_eq!(fields(&request(&bad).unwrap_err()), [(Code::Missing, "/id")]);
    assert_eq!(fields(&request(&json!([])).unwrap_err()), [(Code::Empty, "")]);
    let errors = fields(&request(&Value::Array(vec![worse; 10_000])).unwrap_err()).len();
    assert_eq!(errors, ERRORS_MAX, "and no more, however many are wrong");
    assert_eq!(
        accept_json(&policy(), &Bytes::from_static(b" [{]"), &origin(), NOW_MS).unwrap_err().code(),
        Code::Malformed
    );
}

/// A field of a structured event: its name, some right values, some wrong ones.
fn field_choices() -> Vec<(&'static str, Vec<Value>, Vec<Value>)> {
    let long = Value::String("x".repeat(1_025));
    vec![
        ("specversion", vec![json!("1.0")], vec![json!("1"), json!(1.0), Value::Null]),
        (
            "id",
            vec![json!("e-1"), json!("é".repeat(256))],
            vec![json!(""), json!("é".repeat(257)), json!(1), json!({})],
        ),
        ("source", vec![json!("/s"), json!("urn:x")], vec![Value::Null, long.clone(), json!(["/s"])]),
        (
            "type",
            vec![json!("OrderCreated"), json!("FLIGHT_CREATE")],
            vec![json!("OrderCreate"), json!(true), json!("")],
        ),
        ("operator", vec![json!("acme"), json!("bluejet")], vec![json!("ACME"), json!("*"), Value::Null]),
        (
            "environment",
            vec![json!("non-production"), Value::Null, json!("")],
            vec![json!("prod"), json!(false)],
        ),
        ("subject", vec![json!("FL-1"), Value::Null], vec![long.clone(), json!("\n"), json!(3)]),
        (
            "time",
            vec![json!("2024-01-15T10:30:00Z"), Value::Null],
            vec![json!("today"), json!(1_705_314_600)],
        ),
        ("contract", vec![json!("C"), Value::Null], vec![long, json!(4)]),
        (
            "data",
            vec![json!({}), json!({"a": [1, {"b": "}"}]})],
            vec![json!([]), json!("{}"), json!(1), Value::Null],
        ),
    ]
}

proptest! {
    /// Exactly the wrong fields are named, whichever of them are wrong together.
    #[test]
    fn errors_name_exactly_what_is_wrong(picks in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 10)) {
        let mut event = json!({});
        let mut wrong = BTreeSet::new();
        for ((name, right, bad), (is_right, pick)) in field_choices().into_iter().zip(picks) {
            event[name] = if is_right { pick.get(&right).clone() } else { pick.get(&bad).clone() };
            if !is_right {
                wrong.insert(format!("/{name}"));
            }
        }
        let named: BTreeSet<String> = match structured(&event) {
            Ok(_) => BTreeSet::new(),
            Err(refusal) => refusal.errors().iter().map(|e| e.field.clone()).collect(),
        };
        prop_assert_eq!(named, wrong);
    }

    /// The three modes say the same.
    #[test]
    fn an_event_is_the_same_in_every_mode(
        id in "[a-z0-9é]{1,40}", subject in "[A-Z]{1,9}", operator in "acme|bluejet", contract in "C-[0-9]",
        environment in "production|non-production", time_ms in 1..4_000_000_000_000_i64, number: u32, text in ".{0,20}",
    ) {
        let time = jiff::Timestamp::from_millisecond(time_ms).unwrap().to_string();
        let data = json!({"n": number, "text": text, "deep": {"list": [1, 2]}});
        let structured = structured(&json!({
            "specversion": "1.0", "id": id, "source": "/s", "type": "PRODUCT_UPDATED", "operator": operator,
            "contract": contract, "environment": environment, "subject": subject, "time": time, "data": data
        })).unwrap();
        let headers = headers(&[
            ("ce_specversion", "1.0"), ("ce_id", &id), ("ce_source", "/s"), ("ce_type", "PRODUCT_UPDATED"),
            ("ce_operator", &operator), ("ce_contract", &contract), ("CE_Environment", &environment),
            ("ce_subject", &subject), ("ce_time", &time), ("content-type", "application/json"),
        ]);
        let binary = decide(&Format::CloudEvents, &headers, data.to_string().as_bytes()).unwrap();
        let sent = Event {
            schema: 0, id, source: "/s".into(), r#type: "PRODUCT_UPDATED".into(), operator, contract, environment,
            subject, time_ms, data: data.to_string().into(),
        };
        let protobuf = decide(&Format::Protobuf, &[], &sent.encode_to_vec()).unwrap();
        prop_assert_eq!(&structured, &binary);
        prop_assert_eq!(&structured, &protobuf);
        prop_assert_eq!(structured.event.unwrap(), Event { schema: SCHEMA, ..sent });
    }

    /// Whatever comes, something is decided, and what is refused can be kept.
    #[test]
    fn nothing_stops_it(
        payload in prop::collection::vec(any::<u8>(), 0..200), protobuf: bool,
        content_type in prop::sample::select(vec!["application/cloudevents+json", "application/protobuf", "", "\u{0}"]),
        binary: bool,
    ) {
        let mut headers = headers(&[("content-type", content_type)]);
        if binary {
            headers.push(("ce_specversion".into(), Bytes::from_static(b"\xff")));
        }
        let payload = Bytes::from(payload);
        let incoming = Incoming { key: None, payload: Some(&payload), headers: &headers };
        let format = if protobuf { Format::Protobuf } else { Format::CloudEvents };
        if let Err(refusal) = accept(&policy(), &format, incoming, origin(), NOW_MS) {
            let record = rejected(&policy(), incoming, &refusal, origin(), NOW_MS);
            prop_assert!(!record.errors.is_empty() && !record.reason.is_empty());
            prop_assert_eq!(record.payload, payload);
        }
    }

    /// Decided again by the same rules, what was refused is refused in the same words; by wider rules it is accepted as
    /// it would have been, at the time it was published.
    #[test]
    fn what_was_refused_can_be_decided_again(
        binary: bool, id in "[a-z]{0,3}", operator in "acme|stranger", kind in "FLIGHT_CREATE|FLIGHT_UPDATE", noise in 0..40_usize,
        long in 0..2_usize,
    ) {
        let noise = (0..noise).map(|n| (format!("x-{n}"), Bytes::from_static(b"\xff")));
        let (source, payload) = ("s".repeat(1 + long * 600), json!({"flightId": 7}).to_string());
        let event = json!({
            "specversion": "1.0", "id": id, "source": source, "type": kind, "operator": operator, "data": {"flightId": 7}
        });
        let (own, payload) = if binary {
            let own = headers(&[
                ("ce_specversion", "0.3"), ("CE_specversion", "1.0"), ("ce_id", &id), ("ce_source", &source), ("ce_type", &kind),
                ("ce_operator", &operator),
            ]);
            (own, Bytes::from(payload))
        } else {
            (headers(&[("content-type", "application/cloudevents+json")]), Bytes::from(event.to_string()))
        };
        let all: Vec<_> = noise.chain(own).collect();
        let incoming = Incoming { key: None, payload: Some(&payload), headers: &all };
        let Err(refusal) = accept(&policy(), &Format::CloudEvents, incoming, origin(), NOW_MS) else { return Ok(()) };
        let record = rejected(&policy(), incoming, &refusal, origin(), NOW_MS);
        let decided = again(&policy(), &Format::CloudEvents, &record, NOW_MS + 5);
        if binary && long == 1 {
            prop_assert_eq!(decided.unwrap_err(), NotDecidable::Headers);
            return Ok(());
        }
        prop_assert_eq!(decided.unwrap_err(), NotDecidable::Refused(refusal));
        let wider = Policy { operators: Operators::All, ..policy() };
        if let Ok(accepted) = again(&wider, &Format::CloudEvents, &record, NOW_MS + 5) {
            let mut envelope = accept(&wider, &Format::CloudEvents, incoming, origin(), NOW_MS).unwrap().envelope;
            envelope.accepted_at_ms = NOW_MS + 5;
            prop_assert_eq!(accepted.envelope, envelope);
        } else {
            prop_assert!(id.is_empty() || kind == "FLIGHT_UPDATE");
        }
    }

    /// Part of a right event is never taken for an event.
    #[test]
    fn a_cut_event_is_refused(cut in any::<prop::sample::Index>()) {
        let whole = minimal().to_string();
        let cut = cut.index(whole.len());
        let headers = headers(&[("content-type", "application/cloudevents+json")]);
        prop_assert!(decide(&Format::CloudEvents, &headers, &whole.as_bytes()[..cut]).is_err());
    }
}

//! `httpRequest`, `authentication`, `allText`, and signing keys that are made or replaced.

use super::*;
use aerogram_wire::v1;

/// As it stands in the customers' configuration, in their own spelling and order.
const TARGET: &str = r#"{"httpRequest": {"url": "https://example.com/hook", "header": {"authorization": "Basic dTpw"},
    "jsonBody": {"orderID": "{{agwID}}", "freeText": "… {{agwID}}", "of": "{{eventId}}", "version": 1.10}}}"#;

/// A target pasted beside the other fields.
fn pasted(rest: &str) -> Body {
    let members = TARGET.strip_prefix('{').unwrap();
    Body::parse(format!("{{\"event\": \"OrderCreated\", {rest} {members}").as_bytes()).unwrap()
}

fn create_from(body: &Body) -> Result<CreateRequest, Vec<FieldError>> {
    let catalogue = Catalogue::builtin();
    let policy_exists = |_: &str| false;
    parse_create(
        body,
        &CreateContext {
            catalogue: &catalogue,
            contracts: &[],
            policy_exists: &policy_exists,
            url_callable: &|_| Ok(()),
        },
    )
}

fn order(members: &Value) -> Value {
    let mut body = json!({"event": "OrderCreated", "callbackUrl": "https://example.com/hook"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

#[test]
fn a_target_is_taken_as_it_stands() {
    let request = create_from(&pasted("")).unwrap();
    assert_eq!(request.callback_url, "https://example.com/hook");
    let template = request.template.unwrap();
    // Digits and order are the customer's.
    assert_eq!(
        template.body_json(),
        Some(r#"{"orderID":"{{agwID}}","freeText":"… {{agwID}}","of":"{{eventId}}","version":1.10}"#)
    );
    assert_eq!(template.header_names().collect::<Vec<_>>(), ["authorization"]);
    assert!(!request.all_text && request.signing_key.is_none());
    let text = r#""callbackUrl": "https://example.com/hook", "allText": true, "signingKey": "k","#;
    let request = create_from(&pasted(text)).unwrap();
    assert!(request.all_text && request.signing_key.is_some());
}

#[test]
fn a_url_stands_in_one_place_or_twice_the_same() {
    let other = create_from(&pasted(r#""callbackUrl": "https://example.com/other","#)).unwrap_err();
    assert_eq!(pointers(&other), ["/httpRequest/url"]);
    let wrong =
        order(&json!({"callbackUrl": null, "httpRequest": {"url": "http://example.com/", "jsonBody": {}}}));
    assert_eq!(pointers(&create(&wrong).unwrap_err()), ["/httpRequest/url"]);
    let none = order(&json!({"callbackUrl": null, "httpRequest": {"jsonBody": {}}}));
    assert_eq!(pointers(&create(&none).unwrap_err()), ["/callbackUrl"]);
    let elsewhere = order(&json!({"httpRequest": {"jsonBody": {}}}));
    assert_eq!(create(&elsewhere).unwrap().callback_url, "https://example.com/hook");
}

#[test]
fn what_is_wrong_with_a_template_is_told_with_the_rest() {
    let wrong = order(&json!({
        "policy": "nobody's", "allText": "yes",
        "httpRequest": {
            "header": {"webhook-id": "x", "x-a": "hush\r\nx-b: 1"},
            "jsonBody": {"a": ["{{nothing}}"], "b": "{{agwID"}
        },
    }));
    let errors = create(&wrong).unwrap_err();
    let expected = [
        "/policy",
        "/httpRequest/header/webhook-id",
        "/httpRequest/header/x-a",
        "/httpRequest/jsonBody/a/0",
        "/httpRequest/jsonBody/b",
        "/allText",
    ];
    assert_eq!(pointers(&errors), expected);
    assert!(!format!("{errors:?}").contains("hush"));
    // Of a type that is not known its fields are not known either; the rest is still looked at.
    let wrong = order(&json!({"event": "Order", "httpRequest": {"jsonBody": {"a": "{{any}}", "b": "{{"}}}));
    assert_eq!(pointers(&create(&wrong).unwrap_err()), ["/event", "/signingKey", "/httpRequest/jsonBody/b"]);
}

#[test]
fn fields_are_those_of_the_type() {
    let field = |event: &str, name: &str| {
        let body = json!({"text": format!("{{{{{name}}}}}")});
        create(&order(&json!({"event": event, "signingKey": "k", "httpRequest": {"jsonBody": body}})))
    };
    assert!(field("OrderCreated", "totalAmount").is_ok() && field("FLIGHT_CREATE", "totalAmount").is_err());
    for name in crate::body::ENVELOPE_FIELDS {
        assert!(field("OrderCreated", name).is_ok() && field("FLIGHT_CREATE", name).is_ok(), "{name}");
    }
}

#[test]
fn each_authentication_becomes_one_header() {
    for (given, header, value) in [
        (json!({"type": "payloadSignature", "secret": "s-1"}), "x-payload-signature", "s-1"),
        (json!({"type": "apiKey", "key": "k 1"}), "x-api-key", "k 1"),
        (
            json!({"type": "basic", "username": "Aladdin", "password": "open sesame"}),
            "authorization",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        (json!({"type": "bearer", "token": "t-1"}), "authorization", "Bearer t-1"),
    ] {
        let request = create(&order(&json!({"authentication": given}))).unwrap();
        assert!(!format!("{request:?}").contains(value));
        let authentication = request.authentication.unwrap();
        assert_eq!((authentication.kind.header_name(), authentication.expose()), (header, value));
    }
}

#[test]
fn a_wrong_authentication_is_told_by_field_and_not_repeated() {
    for (given, expected) in [
        (json!("hush"), "/authentication"),
        (json!({}), "/authentication"),
        (json!({"type": "digest", "secret": "hush"}), "/authentication/type"),
        (json!({"type": null}), "/authentication/type"),
        (json!({"type": "apiKey"}), "/authentication"),
        (json!({"type": "apiKey", "key": 7}), "/authentication/key"),
        (json!({"type": "apiKey", "key": "hush\n"}), "/authentication/key"),
        (json!({"type": "apiKey", "key": "k", "secret": "hush"}), "/authentication/secret"),
        (json!({"type": "payloadSignature", "secret": "hush-ключ"}), "/authentication/secret"),
        (json!({"type": "basic", "username": "hush:", "password": ""}), "/authentication/username"),
        (json!({"type": "basic", "username": "u"}), "/authentication"),
        (json!({"type": "bearer", "token": "hush hush"}), "/authentication/token"),
    ] {
        let errors = create(&order(&json!({"authentication": given}))).unwrap_err();
        assert_eq!(pointers(&errors), [expected], "{given}");
        assert!(!format!("{errors:?}").contains("hush"), "{errors:?}");
    }
}

#[test]
fn a_header_has_one_owner() {
    let http_request = json!({"header": {"X-API-Key": "{{pnr}}"}, "jsonBody": {}});
    let both = |authentication: Value| {
        create(&order(&json!({"httpRequest": http_request, "authentication": authentication})))
    };
    let clash = both(json!({"type": "apiKey", "key": "k"})).unwrap_err();
    assert_eq!(pointers(&clash), ["/authentication/type"]);
    assert!(both(json!({"type": "bearer", "token": "t"})).is_ok());
}

#[test]
fn staffing_asks_for_one_of_two_authentications() {
    let staffing = |authentication: Value| {
        create(&order(&json!({"profile": "staffing", "authentication": authentication})))
    };
    assert_eq!(pointers(&staffing(Value::Null).unwrap_err()), ["/authentication"]);
    assert_eq!(pointers(&staffing(json!(1)).unwrap_err()), ["/authentication"]);
    let bearer = staffing(json!({"type": "bearer", "token": "t"})).unwrap_err();
    assert_eq!(pointers(&bearer), ["/authentication/type"]);
    for given in [json!({"type": "apiKey", "key": "k"}), json!({"type": "payloadSignature", "secret": "s"})] {
        assert_eq!(staffing(given).unwrap().profile.policy(), "staffing");
    }
    let current = Subscription { profile: "staffing".into(), ..Subscription::default() };
    assert_eq!(
        pointers(&patch_of(&current, &json!({"authentication": null})).unwrap_err()),
        ["/authentication"]
    );
    assert!(patch_of(&current, &json!({"status": "ACTIVE"})).is_ok());
}

#[test]
fn only_flights_need_a_signing_key_of_their_owners() {
    let without = |members: Value| {
        let mut body = order(&members);
        body["authentication"] = json!({"type": "apiKey", "key": "k"});
        create(&body).map(|request| request.signing_key)
    };
    assert_eq!(without(json!({})).unwrap(), None);
    assert_eq!(without(json!({"event": "PRODUCT_ADDED"})).unwrap(), None);
    assert_eq!(without(json!({"event": "FLIGHT_CREATE", "profile": "staffing"})).unwrap(), None);
    for flight in [json!({"event": "FLIGHT_CREATE"}), json!({"profile": "flight"})] {
        assert_eq!(pointers(&without(flight).unwrap_err()), ["/signingKey"]);
    }
    let made = SigningKey::of_random("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_eq!(SigningKey::parse(made.expose()).unwrap(), made);
}

#[test]
fn a_change_takes_things_away_again() {
    let taken = patch(&json!({"httpRequest": null, "allText": null, "authentication": null, "policy": null}))
        .unwrap();
    let expected = PatchRequest {
        template: Some(None),
        all_text: Some(false),
        authentication: Some(None),
        policy: Some(None),
        ..PatchRequest::default()
    };
    assert_eq!(taken, expected);
    let moved = patch_of(
        &Subscription { event_type: "OrderCreated".into(), ..Subscription::default() },
        &json!({"httpRequest": {"url": "https://b.example/", "jsonBody": ["{{pnr}}"]}, "policy": "quick", "allText": true}),
    )
    .unwrap();
    assert_eq!(moved.callback_url.as_deref(), Some("https://b.example/"));
    assert_eq!((moved.policy, moved.all_text, moved.status), (Some(Some("quick".into())), Some(true), None));
    assert!(moved.template.unwrap().is_some() && moved.authentication.is_none());
    for (wrong, pointer) in [
        (json!({"httpRequest": {"jsonBody": ["{{offBlock}}"]}}), "/httpRequest/jsonBody/0"),
        (json!({"policy": "nobody's"}), "/policy"),
        (json!({"allText": 1}), "/allText"),
        (json!({"authentication": {"type": "apiKey"}}), "/authentication"),
    ] {
        assert_eq!(pointers(&patch(&wrong).unwrap_err()), [pointer]);
    }
}

#[test]
fn a_change_must_fit_what_stays() {
    let template = v1::Template {
        header_names: vec!["authorization".into()],
        body: "{}".into(),
        ..v1::Template::default()
    };
    let with_template = Subscription {
        event_type: "OrderCreated".into(),
        template: Some(template),
        ..Subscription::default()
    };
    let basic = json!({"type": "basic", "username": "u", "password": "p"});
    let errors = patch_of(&with_template, &json!({"authentication": basic})).unwrap_err();
    assert_eq!(pointers(&errors), ["/authentication/type"]);
    assert!(patch_of(&with_template, &json!({"authentication": basic, "httpRequest": null})).is_ok());
    assert!(patch_of(&with_template, &json!({"authentication": {"type": "apiKey", "key": "k"}})).is_ok());
    let authentication = v1::Authentication { r#type: "bearer".into(), ..v1::Authentication::default() };
    let with_authentication =
        Subscription { authentication: Some(authentication), template: None, ..with_template };
    let target = json!({"header": {"Authorization": "x"}, "jsonBody": {}});
    let errors = patch_of(&with_authentication, &json!({"httpRequest": target})).unwrap_err();
    assert_eq!(pointers(&errors), ["/httpRequest/header"]);
    assert!(patch_of(&with_authentication, &json!({"httpRequest": target, "authentication": null})).is_ok());
}

#[test]
fn a_key_request_has_defaults_and_bounds() {
    let parse = |body: Value| parse_key(&read(&body).unwrap());
    let made = parse(json!({})).unwrap();
    assert_eq!((made.signing_key, made.overlap_ms), (None, 24 * 3_600_000));
    let given = parse(json!({"signingKey": "hush-hush", "overlapHours": 0})).unwrap();
    assert!(!format!("{given:?}").contains("hush"));
    assert_eq!((given.signing_key.unwrap().expose(), given.overlap_ms), ("hush-hush", 0));
    for longest in [json!(720), json!(720.0), json!(7.2e2)] {
        assert_eq!(parse(json!({"overlapHours": longest})).unwrap().overlap_ms, 2_592_000_000);
    }
    for hours in [json!(721), json!(-1), json!(1.5), json!("24"), json!(true)] {
        let errors = parse(json!({"signingKey": "", "overlapHours": hours})).unwrap_err();
        assert_eq!(pointers(&errors), ["/signingKey", "/overlapHours"]);
    }
}

proptest! {
    #[test]
    fn no_secret_is_in_a_message(secret in "[!-~]{8,40}\n?", kind in prop::sample::select(vec!["basic", "bearer", "apiKey", "x"])) {
        let body = order(&json!({
            "authentication": {"type": kind, "key": secret, "token": secret, "username": secret, "password": secret},
            "httpRequest": {"header": {"x-a": secret, "x-b": format!("{{{{{secret}")}, "jsonBody": {}},
        }));
        if let Err(errors) = create(&body) {
            prop_assert!(errors.iter().all(|error| !error.detail.contains(&secret)), "{errors:?}");
        }
    }
}

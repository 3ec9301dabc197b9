mod concern;
mod delivery;
mod limits;
mod preview;
mod repeated;

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn create(body: &Value) -> Result<CreateRequest, Vec<FieldError>> {
    create_of(&Catalogue::builtin(), body)
}

fn create_of(catalogue: &Catalogue, body: &Value) -> Result<CreateRequest, Vec<FieldError>> {
    let contracts = ["C-1".to_owned(), "C-2".to_owned()];
    let policy_exists = |name: &str| ["standard", "staffing", "quick"].contains(&name);
    let context = CreateContext {
        catalogue,
        contracts: &contracts,
        policy_exists: &policy_exists,
        url_callable: &url_callable,
    };
    parse_create(&read(body)?, &context)
}

fn read(body: &Value) -> Result<Body, Vec<FieldError>> {
    Body::parse(body.to_string().as_bytes()).map_err(|error| vec![error])
}

fn patch(body: &Value) -> Result<PatchRequest, Vec<FieldError>> {
    patch_of(&Subscription { event_type: "OrderCreated".into(), ..Subscription::default() }, body)
}

fn patch_of(current: &Subscription, body: &Value) -> Result<PatchRequest, Vec<FieldError>> {
    let policy_exists = |name: &str| ["standard", "staffing", "quick"].contains(&name);
    let catalogue = Catalogue::builtin();
    let contracts = ["C-1".to_owned(), "C-2".to_owned()];
    let context = PatchContext {
        current,
        catalogue: &catalogue,
        contracts: &contracts,
        policy_exists: &policy_exists,
        url_callable: &url_callable,
    };
    parse_patch(&read(body)?, &context)
}

fn url_callable(url: &str) -> Result<(), String> {
    match url.contains("refused") {
        true => Err("this host is refused".to_owned()),
        false => Ok(()),
    }
}

fn valid() -> Value {
    json!({"event": "FLIGHT_CREATE", "callbackUrl": "https://example.com/hook", "signingKey": "your-secret-signing-key-123"})
}

fn with(field: &str, value: Value) -> Value {
    let mut body = valid();
    body[field] = value;
    body
}

fn pointers(errors: &[FieldError]) -> Vec<&str> {
    errors.iter().map(|e| e.pointer.as_str()).collect()
}

#[test]
fn three_fields_are_enough() {
    let request = create(&valid()).unwrap();
    assert_eq!(request.event, "FLIGHT_CREATE");
    assert_eq!(request.callback_url, "https://example.com/hook");
    assert_eq!(request.signing_key.unwrap().expose(), "your-secret-signing-key-123");
    assert_eq!((request.profile, request.environment), (Profile::Flight, Environment::Production));
    assert_eq!((request.contract, request.policy), (None, None));
}

#[test]
fn the_profile_comes_from_the_events_family_unless_it_is_named() {
    let profile = |event: &str| create(&with("event", json!(event))).unwrap().profile;
    assert_eq!(profile("PRODUCT_ADDED"), Profile::Portal);
    assert_eq!(profile("OrderCreated"), Profile::Order);
    assert_eq!(profile("FlightNumberChange"), Profile::Order);
    let mut staffing = with("profile", json!("staffing"));
    staffing["authentication"] = json!({"type": "apiKey", "key": "k"});
    assert_eq!(create(&staffing).unwrap().profile, Profile::Staffing);
}

#[test]
fn a_type_of_a_platform_team_is_as_good_as_any() {
    let own = include_str!("../../catalogue/own-types.example.toml").to_owned();
    let catalogue = Catalogue::with_files(&[("own.toml".to_owned(), own)]).unwrap();
    let wish = with("event", json!("FLIGHT_GATE_UPDATE"));
    let request = create_of(&catalogue, &wish).unwrap();
    assert_eq!((request.event.as_str(), request.profile), ("FLIGHT_GATE_UPDATE", Profile::Flight));
    assert_eq!(pointers(&create(&wish).unwrap_err()), ["/event"]);
}

#[test]
fn optional_fields_are_taken_and_unknown_ones_ignored() {
    let mut body = valid();
    body["contractId"] = json!("C-2");
    body["environment"] = json!("non-production");
    body["policy"] = json!("quick");
    body["profile"] = Value::Null;
    body["whatever"] = json!([1]);
    body["name"] = json!("ü".repeat(100));
    let request = create(&body).unwrap();
    assert_eq!(request.name, Some("ü".repeat(100)));
    assert_eq!(request.contract.as_deref(), Some("C-2"));
    assert_eq!((request.environment, request.policy.as_deref()), (Environment::NonProduction, Some("quick")));
}

#[test]
fn a_creation_is_active_unless_it_says_otherwise() {
    let status = |value: Value| create(&with("status", value)).map(|request| request.status);
    assert_eq!(create(&valid()).unwrap().status, Status::Active);
    for (given, expected) in [
        (Value::Null, Status::Active),
        (json!("ACTIVE"), Status::Active),
        (json!("INACTIVE"), Status::Inactive),
    ] {
        assert_eq!(status(given), Ok(expected));
    }
    // In the words of a change.
    for wrong in [json!("inactive"), json!("DELETED"), json!(1), json!("")] {
        let errors = status(wrong.clone()).unwrap_err();
        assert_eq!(
            (pointers(&errors), &errors),
            (vec!["/status"], &patch(&json!({"status": wrong})).unwrap_err())
        );
    }
}

#[test]
fn every_wrong_field_is_named() {
    assert_eq!(pointers(&create(&json!({})).unwrap_err()), ["/event", "/callbackUrl", "/signingKey"]);
    let all_wrong = json!({
        "event": "FLIGHT_UPDATE", "callbackUrl": 7, "signingKey": null, "profile": "Flight",
        "contractId": "C-9", "environment": "test", "policy": "nobody's",
    });
    assert_eq!(
        pointers(&create(&all_wrong).unwrap_err()),
        ["/event", "/callbackUrl", "/signingKey", "/profile", "/contractId", "/environment", "/policy"]
    );
    for body in [json!([]), json!("text"), json!(null), json!(1), json!(true)] {
        assert_eq!(pointers(&create(&body).unwrap_err()), [""]);
        assert_eq!(pointers(&patch(&body).unwrap_err()), [""]);
    }
}

#[test]
fn wrong_values_are_told_by_field() {
    for (field, value) in [
        ("event", json!("flight_create")),
        ("event", json!("")),
        ("signingKey", json!("")),
        ("signingKey", json!("k".repeat(513))),
        ("signingKey", json!("whsec_not base64!")),
        ("signingKey", json!("whsec_")),
        ("signingKey", json!({"secret": "x"})),
        ("contractId", json!("")),
        ("policy", json!("")),
        ("environment", json!("PRODUCTION")),
        ("environment", json!("")),
        ("name", json!("")),
        ("name", json!("n".repeat(101))),
        ("name", json!("two\nlines")),
        ("name", json!(7)),
    ] {
        let errors = create(&with(field, value.clone())).unwrap_err();
        assert_eq!(pointers(&errors), [format!("/{field}")], "{value}");
    }
}

#[test]
fn signing_keys_may_be_any_text_and_are_never_repeated() {
    for key in [
        "k",
        " ",
        "ключ",
        "whsec",
        &"k".repeat(512),
        &"ü".repeat(512),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ] {
        assert_eq!(create(&with("signingKey", json!(key))).unwrap().signing_key.unwrap().expose(), key);
    }
    let request = create(&with("signingKey", json!("hush-hush"))).unwrap();
    assert!(!format!("{request:?}").contains("hush"));
    let errors = create(&with("signingKey", json!("whsec_hush-hush"))).unwrap_err();
    assert!(!format!("{errors:?}").contains("hush"));
}

#[test]
fn callback_urls_are_https_and_nothing_hidden() {
    for url in [
        "https://example.com",
        "https://example.com:8443/a/b?c=d&e=%20",
        "HTTPS://EXAMPLE.com/",
        "https://127.0.0.1/hook",
        "https://[2001:db8::1]/hook",
        "https://example.com/a@b",
    ] {
        assert_eq!(create(&with("callbackUrl", json!(url))).unwrap().callback_url, url);
    }
    for url in [
        "",
        "example.com",
        "/hook",
        "http://example.com/",
        "ftp://example.com/",
        "https:example.com",
        "https:/example.com",
        "https:///example.com",
        "https://",
        "https://user@example.com/",
        "https://user:pw@example.com/",
        "https://@example.com/",
        "https://example.com/#",
        "https://example.com/#a",
        " https://example.com/",
        "https://example.com/a b",
        "https://exam\nple.com/",
        "https://example.com\\@evil.example/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "javascript:alert(1)",
    ] {
        let errors = create(&with("callbackUrl", json!(url))).unwrap_err();
        assert_eq!(pointers(&errors), ["/callbackUrl"], "{url}");
        assert_eq!(pointers(&patch(&json!({"callbackUrl": url})).unwrap_err()), ["/callbackUrl"], "{url}");
    }
}

#[test]
fn what_could_never_be_called_is_refused_where_it_stands() {
    const URL: &str = "https://refused.example/";
    let found =
        |errors: Vec<FieldError>| errors.into_iter().map(|e| (e.pointer, e.detail)).collect::<Vec<_>>();
    let expected =
        |pointer: &str| vec![(pointer.to_owned(), "can't be called: this host is refused".to_owned())];
    let at_url = expected("/callbackUrl");
    assert_eq!(found(create(&with("callbackUrl", json!(URL))).unwrap_err()), at_url);
    assert_eq!(found(patch(&json!({"callbackUrl": URL})).unwrap_err()), at_url);
    let target = json!({"httpRequest": {"url": URL, "jsonBody": {}}});
    assert_eq!(found(patch(&target).unwrap_err()), expected("/httpRequest/url"));
}

#[test]
fn callback_urls_are_encoded_where_needed_and_limited() {
    let stored = |url: &str| create(&with("callbackUrl", json!(url))).map(|r| r.callback_url);
    assert_eq!(stored("https://bücher.example/ä").unwrap(), "https://xn--bcher-kva.example/%C3%A4");
    let longest = format!("https://example.com/{}", "a".repeat(2_048 - 20));
    assert_eq!(stored(&longest).unwrap(), longest);
    assert!(stored(&format!("{longest}a")).is_err());
    assert!(stored(&format!("https://example.com/{}", "ä".repeat(1_000))).is_err());
}

#[test]
fn a_patch_names_what_it_changes() {
    assert_eq!(
        patch(&json!({"status": "INACTIVE"})).unwrap(),
        PatchRequest { status: Some(Status::Inactive), ..PatchRequest::default() }
    );
    assert_eq!(
        patch(&json!({"callbackUrl": "https://b.example/", "status": "ACTIVE"})).unwrap(),
        PatchRequest {
            callback_url: Some("https://b.example/".into()),
            status: Some(Status::Active),
            ..PatchRequest::default()
        }
    );
    for body in [json!({}), json!({"environment": "test"}), json!({"event": null, "status": null})] {
        assert_eq!(pointers(&patch(&body).unwrap_err()), [""]);
    }
    let named =
        |name: Option<&str>| PatchRequest { name: Some(name.map(Into::into)), ..PatchRequest::default() };
    assert_eq!(patch(&json!({"name": "Größe 1"})).unwrap(), named(Some("Größe 1")));
    assert_eq!(patch(&json!({"name": null})).unwrap(), named(None));
    assert_eq!(pointers(&patch(&json!({"name": ""})).unwrap_err()), ["/name"]);
    for status in [json!("active"), json!("DELETED"), json!(1), json!("")] {
        assert_eq!(pointers(&patch(&json!({"status": status})).unwrap_err()), ["/status"]);
    }
}

proptest! {
    #[test]
    fn what_is_accepted_as_url_is_https_and_ascii(url in "(https:)?/{0,3}\\PC{0,40}") {
        if let Ok(stored) = parse_callback_url(&url) {
            prop_assert!(stored.is_ascii() && stored.len() <= CALLBACK_URL_MAX_BYTES);
            let parsed = url::Url::parse(&stored).unwrap();
            prop_assert_eq!(parsed.scheme(), "https");
            prop_assert!(parsed.username().is_empty() && parsed.password().is_none());
            prop_assert!(parsed.fragment().is_none() && parsed.host_str().is_some_and(|h| !h.is_empty()));
        }
    }

    #[test]
    fn no_body_is_too_strange(event: String, url: String, key: String, status: String) {
        let body = json!({"event": event, "callbackUrl": url, "signingKey": key, "status": status});
        let _ = (create(&body), patch(&body));
    }
}

use super::*;
use crate::filled::Filled;
use crate::webhook::of_subscription::{self, tests::full};

fn typed(pairs: &[(&str, &str)]) -> Form {
    let filled: Filled =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Form::of(&filled)
}

fn created(pairs: &[(&str, &str)]) -> (Value, Vec<String>) {
    // The first of a name counts.
    let there = [("url", "https://a.example"), ("event", "E")];
    let form = typed(&[pairs, &there].concat());
    read(&creation(&form, &SecretString::from("whsec_k")))
}

/// The form of [`full`] with other fields.
fn changed(pairs: &[(&str, &str)]) -> (Value, Vec<String>) {
    let before = of_subscription::form(&full());
    let kept = before.pairs().into_iter().filter(|(name, _)| pairs.iter().all(|(other, _)| other != name));
    let all: Vec<_> = kept.chain(pairs.iter().copied()).collect();
    read(&change(&typed(&all), &before, true))
}

fn read(written: &Written) -> (Value, Vec<String>) {
    let pointers = written.wrong.iter().map(|wrong| wrong.pointer.clone()).collect();
    (serde_json::from_str(&written.text().unwrap()).unwrap(), pointers)
}

#[test]
fn a_new_one_says_what_is_typed_and_nothing_else() {
    let (body, wrong) = created(&[("url", "https://a.example"), ("event", "FLIGHT_CREATE")]);
    let expected = json!({
        "event": "FLIGHT_CREATE", "callbackUrl": "https://a.example", "signingKey": "whsec_k",
        "status": "ACTIVE", "environment": "production",
    });
    assert_eq!((body, wrong), (expected, vec![]));
}

#[test]
fn every_field_gets_there() {
    let (body, wrong) = created(&[
        ("contract", "C-1"),
        ("url", "https://a.example/\"<b>"),
        ("event", "OrderCreated"),
        ("status", "inactive"),
        ("profile", "order"),
        ("policy", "brisk"),
        ("environment", "non-production"),
        ("name", "=1+1\u{202e}"),
        ("body", "own"),
        ("template", "[1.10]"),
        ("header-name", "x-a"),
        ("header-value", "\"hush\""),
        ("all-text", "on"),
        ("auth", "basic"),
        ("auth-user", "u"),
        ("auth-pass", "p:\u{fc}"),
        ("rate", "1200"),
        ("burst", "20"),
        ("open", "4"),
        ("timeout", "5000"),
    ]);
    let expected = json!({
        "event": "OrderCreated", "callbackUrl": "https://a.example/\"<b>", "signingKey": "whsec_k",
        "status": "INACTIVE", "environment": "non-production", "contractId": "C-1", "profile": "order",
        "policy": "brisk", "name": "=1+1\u{202e}",
        "httpRequest": {"header": {"x-a": "\"hush\""}, "jsonBody": [1.1]}, "allText": true,
        "authentication": {"type": "basic", "username": "u", "password": "p:\u{fc}"},
        "limits": {"ratePerMinute": 1200, "burst": 20, "concurrency": 4, "timeoutMs": 5000},
    });
    assert_eq!((body, wrong), (expected, vec![]));
}

#[test]
fn each_way_of_authentication_has_its_secret() {
    for (auth, field, expected) in [
        ("signature", "auth-signature-secret", json!({"type": "payloadSignature", "secret": " s "})),
        ("key", "auth-key-value", json!({"type": "apiKey", "key": " s "})),
        ("bearer", "auth-bearer-token", json!({"type": "bearer", "token": " s "})),
    ] {
        // What stands in the fields of another way does not matter.
        let (body, wrong) = created(&[("auth", auth), (field, " s "), ("auth-user", "left")]);
        assert_eq!((&body["authentication"], wrong), (&expected, vec![]));
    }
    let (body, wrong) = created(&[("auth", "basic")]);
    assert_eq!(body["authentication"], json!({"type": "basic"}));
    assert_eq!(wrong, ["/authentication/username", "/authentication/password"]);
}

#[test]
fn what_is_missing_is_told_in_the_words_of_the_form() {
    let key = SecretString::from("whsec_x");
    let told = |form: &Form| {
        let all = creation(form, &key).wrong.into_iter().map(|wrong| (wrong.pointer, wrong.detail));
        all.collect::<Vec<_>>()
    };
    let says = |pointer: &str, detail: &str| (pointer.to_owned(), detail.to_owned());
    let missing = [says("/event", "choose an event type"), says("/callbackUrl", "type the URL")];
    assert_eq!(told(&Form::blank()), missing);
    let there = Form { url: "https://a.example".to_owned(), event: "E".to_owned(), ..Form::blank() };
    assert_eq!(told(&there), []);
    let cleared = Form { url: String::new(), ..there.clone() };
    assert_eq!(change(&cleared, &there, true).wrong[0].detail, "type the URL");
    let burst = Form { burst: "5".to_owned(), ..there };
    assert_eq!(told(&burst)[0].0, "/limits/burst");
}

#[test]
fn a_number_too_large_is_a_number() {
    let rate = |typed: &str| {
        let written = creation(&Form { rate: typed.to_owned(), ..Form::blank() }, &SecretString::from("k"));
        let sent: Value = serde_json::from_str(&written.text().unwrap()).unwrap();
        let told = written.wrong.iter().any(|wrong| wrong.pointer == "/limits/ratePerMinute");
        (sent["limits"]["ratePerMinute"].clone(), told)
    };
    assert_eq!(rate("99999999999999999999999"), (json!(u64::MAX), false), "REST says how large it may be");
    assert_eq!(rate("1e3"), (json!("1e3"), true));
    assert_eq!(rate("-1"), (json!("-1"), true));
}

#[test]
fn a_body_keeps_its_order_and_its_digits() {
    let form = typed(&[("body", "own"), ("template", " {\"b\": 1.10, \"a\": \"{{agwID}}\", \"b\": 2}\r\n")]);
    let text = preview(&form).text().unwrap();
    assert!(text.contains(r#""jsonBody":{"b": 1.10, "a": "{{agwID}}", "b": 2}"#), "{text}");
}

#[test]
fn what_cannot_be_written_is_told_and_refused() {
    let (body, wrong) = created(&[
        ("body", "own"),
        ("template", "{\"a\": {{agwID}}}"),
        ("header-name", "x-a/b"),
        ("header-value", ""),
        ("header-name", ""),
        ("header-value", "hush"),
        ("rate", "many"),
        ("open", "-1"),
        ("timeout", "99999999999999999999999"),
    ]);
    assert_eq!(body["httpRequest"]["jsonBody"], json!("{\"a\": {{agwID}}}"));
    assert_eq!(body["httpRequest"]["header"], json!({"x-a/b": null, "": "hush"}));
    assert_eq!(body["limits"]["ratePerMinute"], json!("many"));
    assert_eq!(
        wrong,
        [
            "/httpRequest/jsonBody",
            "/httpRequest/header/x-a~1b",
            "/httpRequest/header/",
            "/limits/ratePerMinute",
            "/limits/concurrency"
        ]
    );
    let (_, wrong) = created(&[("body", "own")]);
    assert_eq!(wrong, ["/httpRequest/jsonBody"]);
    let deep = "[".repeat(200_000);
    let (_, wrong) = created(&[("body", "own"), ("template", &deep)]);
    assert_eq!(wrong, ["/httpRequest/jsonBody"]);
}

#[test]
fn a_change_says_what_is_different() {
    assert_eq!(changed(&[]), (json!({}), vec![]));
    assert_eq!(changed(&[("url", "https://b.example")]).0, json!({"callbackUrl": "https://b.example"}));
    let all = [
        (("event", "PRODUCT_REMOVED"), json!({"event": "PRODUCT_REMOVED"})),
        (("contract", ""), json!({"contractId": null})),
        (("contract", "C-2"), json!({"contractId": "C-2"})),
        (("status", "active"), json!({"status": "ACTIVE"})),
        (("policy", ""), json!({"policy": null})),
        (("name", ""), json!({"name": null})),
        (("name", "south"), json!({"name": "south"})),
        (("body", "default"), json!({"httpRequest": null})),
        (("auth", "none"), json!({"authentication": null})),
        (("burst", ""), json!({"limits": {"ratePerMinute": 1200, "concurrency": 4, "timeoutMs": 5000}})),
    ];
    for (pair, expected) in all {
        assert_eq!(changed(&[pair]), (expected, vec![]), "{pair:?}");
    }
    // These cannot change, whatever a browser sends.
    assert_eq!(changed(&[("profile", "order"), ("environment", "production")]).0, json!({}));
    let none = [("rate", ""), ("burst", ""), ("open", ""), ("timeout", "")];
    assert_eq!(changed(&none).0, json!({"limits": null}));
    let (body, wrong) = changed(&[("body", "own")]);
    assert_eq!(body["httpRequest"], json!({"header": {"x-tenant": null}, "jsonBody": {"b": 1.1, "a": 1}}));
    assert_eq!(wrong, ["/httpRequest/header/x-tenant"], "its value is not known here");
    let before = of_subscription::form(&full());
    let moved = Form { event: "X".to_owned(), contract: "Y".to_owned(), ..before.clone() };
    assert!(change(&moved, &before, false).is_empty(), "the profile does not let it");
}

#[test]
fn what_a_change_takes_away_was_there() {
    let before = Form::blank();
    for form in [Form { body: "keep".to_owned(), auth: "keep".to_owned(), ..Form::blank() }, Form::blank()] {
        assert!(change(&form, &before, true).is_empty());
    }
}

#[test]
fn a_preview_needs_no_values() {
    let form = typed(&[
        ("event", "OrderCreated"),
        ("body", "own"),
        ("template", "{}"),
        ("header-name", "x-a"),
        ("header-value", ""),
        ("header-name", ""),
        ("header-value", "hush"),
        ("auth", "basic"),
        ("rate", "many"),
    ]);
    let (body, wrong) = read(&preview(&form));
    let expected = json!({
        "event": "OrderCreated", "httpRequest": {"header": {"x-a": ""}, "jsonBody": {}}, "allText": false,
    });
    assert_eq!((body, wrong), (expected, vec![]));
}

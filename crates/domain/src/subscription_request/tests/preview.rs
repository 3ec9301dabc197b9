//! What would be sent.

use super::*;

fn preview(body: &Value) -> Result<Preview, Vec<FieldError>> {
    let catalogue = Catalogue::builtin();
    let context = PreviewContext { catalogue: &catalogue, url_callable: &url_callable };
    let wish = parse_preview(&read(body)?, &context)?;
    Ok(Preview::of(&wish, catalogue.lookup(&wish.event).unwrap(), "sub-1", "Aerogram/1").unwrap())
}

fn headers(preview: &Preview) -> Vec<(&str, Option<&str>)> {
    preview.headers.iter().map(|header| (header.name.as_str(), header.value.as_deref())).collect()
}

#[test]
fn the_default_body_is_that_of_the_example() {
    for event_type in Catalogue::builtin().types() {
        let shown = preview(&json!({"event": *event_type.wire_name})).unwrap();
        let body: Value = serde_json::from_str(&shown.body).unwrap();
        let event = event_type.example_event();
        assert_eq!((&body["data"], &body["type"]), (&event_type.example, &event["type"]));
        assert_eq!((&body["id"], &body["subscriptionId"]), (&event["id"], &json!("sub-1")));
        assert!(!shown.body.contains('\n'), "{}", shown.body);
        let names: Vec<_> = headers(&shown).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature", "user-agent"]
        );
    }
}

#[test]
fn a_template_is_filled_in_and_its_headers_stay_hidden() {
    let wish = json!({
        "event": "OrderDisrupted",
        "profile": "order",
        "httpRequest": {
            "url": "https://hooks.example.com/orders",
            "header": {"Authorization": "Basic aHVzaA==", "x-order": "{{agwID}}"},
            "jsonBody": {"order": "{{agwID}}", "pax": "{{adultsPax}}", "text": "for {{eventId}}"},
        },
    });
    let catalogue = Catalogue::builtin();
    let example = &catalogue.lookup("OrderDisrupted").unwrap().example;
    let shown = preview(&wish).unwrap();
    let expected =
        json!({"order": example["agwID"], "pax": example["adultsPax"], "text": "for OrderDisrupted-0001"});
    assert_eq!(serde_json::from_str::<Value>(&shown.body).unwrap(), expected);
    let shown_headers = headers(&shown);
    assert_eq!(shown_headers[..2], [("authorization", None), ("x-order", None)]);
    assert_eq!(shown_headers[2], ("content-type", Some("application/json")));
    assert!(shown_headers[3].1.unwrap().starts_with("msg_") && shown_headers[4].1.is_some());
    assert_eq!(shown_headers[5..], [("webhook-signature", None), ("user-agent", Some("Aerogram/1"))]);
    assert!(!format!("{shown:?}").contains("aHVzaA"));
    let mut all_text = wish;
    all_text["allText"] = json!(true);
    let body: Value = serde_json::from_str(&preview(&all_text).unwrap().body).unwrap();
    assert_eq!(body["pax"], json!(example["adultsPax"].to_string()));
}

#[test]
fn what_is_wrong_is_told_as_of_a_creation() {
    let parts = json!({
        "event": "OrderDisrupted", "profile": "none", "allText": 1,
        "httpRequest": {"url": "https://refused.example/", "jsonBody": {"a": "{{agwID}}"}},
    });
    assert_eq!(pointers(&preview(&parts).unwrap_err()), ["/profile", "/httpRequest/url", "/allText"]);
    assert_eq!(pointers(&preview(&json!({})).unwrap_err()), ["/event"]);
    let unknown = json!({"event": "OrderDisrupted", "httpRequest": {"jsonBody": {"a": "{{nobody}}"}}});
    let errors = preview(&unknown).unwrap_err();
    let mut creation = unknown;
    creation["callbackUrl"] = json!("https://example.com/hook");
    assert_eq!(errors, create(&creation).unwrap_err());
    assert_eq!(pointers(&errors), ["/httpRequest/jsonBody/a"]);
    assert_eq!(pointers(&preview(&json!({"event": "OrderLost"})).unwrap_err()), ["/event"]);
}

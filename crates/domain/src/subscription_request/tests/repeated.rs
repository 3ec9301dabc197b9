use super::*;

/// Of the body with these members before its end.
fn told(more: &str) -> Vec<(String, String)> {
    let mut text = valid().to_string();
    text.truncate(text.len() - 1);
    let body = Body::parse(format!("{text},{more}}}").as_bytes()).unwrap();
    let catalogue = Catalogue::builtin();
    let context = CreateContext {
        catalogue: &catalogue,
        contracts: &[],
        policy_exists: &|_| true,
        url_callable: &url_callable,
    };
    match parse_create(&body, &context) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| (error.pointer, error.detail)).collect(),
    }
}

fn twice(pointer: &str) -> (String, String) {
    (pointer.to_owned(), "is given more than once".to_owned())
}

#[test]
fn a_name_that_stands_twice_is_wrong_also_when_both_say_the_same() {
    assert_eq!(told(r#""event":"FLIGHT_CREATE""#), [twice("/event")]);
    assert_eq!(
        told(r#""name":"a","name":"b","name":"c","signingKey":"k""#),
        [twice("/name"), twice("/signingKey")]
    );
    // However a name is written.
    assert_eq!(told(r#""\u0065vent":"FLIGHT_CREATE""#), [twice("/event")]);
    // What else is wrong with it is told as well.
    let found = told(r#""event":7"#);
    assert_eq!(found.iter().map(|(pointer, _)| pointer.as_str()).collect::<Vec<_>>(), ["/event", "/event"]);
    assert_eq!(told(r#""x":1,"x":2,"x/y":{"a":1,"a":2},"x/y":null"#), [], "nobody knows them");
}

#[test]
fn so_is_one_inside_a_field() {
    let limits = r#""limits":{"concurrency":1,"burst":1,"concurrency":2,"ratePerMinute":60}"#;
    assert_eq!(told(limits), [twice("/limits/concurrency")]);
    let authentication = r#""authentication":{"type":"apiKey","key":"a","key":"b"}"#;
    assert_eq!(told(authentication), [twice("/authentication/key")]);
    let target = r#""httpRequest":{"jsonBody":{}},"httpRequest":{"jsonBody":[]}"#;
    assert_eq!(told(target), [twice("/httpRequest")]);
    for other in ["null", "1", "-1", "1.5", "true", "\"t\"", "[{\"a\":1,\"a\":2}]"] {
        let found = told(&format!("\"limits\":{other}"));
        assert!(
            found.iter().all(|(pointer, detail)| pointer == "/limits" && !detail.contains("once")),
            "{found:?}"
        );
    }
}

#[test]
fn not_all_of_very_many_are_told() {
    let many = (0..100).map(|i| format!("\"m{i}\":1,\"m{i}\":2")).collect::<Vec<_>>().join(",");
    let found = told(&format!("\"limits\":{{{many}}}"));
    assert_eq!(found.iter().filter(|(_, detail)| detail.contains("once")).count(), 20);
}

#[test]
fn changes_and_new_keys_are_looked_at_too() {
    let body = Body::parse(br#"{"status":"ACTIVE","status":"INACTIVE","whatever":1,"whatever":2}"#).unwrap();
    let catalogue = Catalogue::builtin();
    let context = PatchContext {
        current: &Subscription::default(),
        catalogue: &catalogue,
        contracts: &[],
        policy_exists: &|_| true,
        url_callable: &url_callable,
    };
    assert_eq!(pointers(&parse_patch(&body, &context).unwrap_err()), ["/status"]);
    let body = Body::parse(br#"{"overlapHours":1,"overlapHours":1}"#).unwrap();
    assert_eq!(pointers(&parse_key(&body).unwrap_err()), ["/overlapHours"]);
}

//! What is refused, where it is said to be, and in which words.

use super::*;

fn problems_under(source: Source<'_>, limits: &Limits) -> Vec<(String, String)> {
    let problems = Template::compile(source, Fields::Only(&ORDER), limits).map(|_| ()).unwrap_err();
    assert!(!problems.is_empty());
    problems.into_iter().map(|Problem { pointer, problem }| (pointer, problem)).collect()
}

fn problems(target: &Value) -> Vec<(String, String)> {
    let text = target.to_string();
    let found = problems_under(Source::Target(&text), &Limits::default());
    for (pointer, problem) in &found {
        assert!(target.pointer(pointer).is_some(), "{pointer}: {problem}");
    }
    found
}

#[track_caller]
fn refuses(target: &Value, expected: &[(&str, &str)]) {
    let found = problems(target);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((pointer, problem), (at, says)) in found.iter().zip(expected) {
        assert!(pointer == at && problem.contains(says), "{pointer}: {problem}\nexpected {at}: {says}");
    }
}

#[test]
fn everything_is_found_at_once_and_in_order() {
    refuses(
        &json!({"httpRequest": {
            "url": "https://h.example/{{agwID}}",
            "header": {"host": "a", "x-a": 1, "x-b": "{{agwId}}"},
            "jsonBody": {"a": ["{{agwId}}", "ok {{}} {{pnr"], "a/b~": {"{{pnr}}": "{{nothing like it}}"}},
            "headers": {},
        }, "other": 1}),
        &[
            ("/other", "is not known here; there are httpRequest"),
            ("/httpRequest/headers", "is not known here; did you mean header?"),
            ("/httpRequest/url", "holds {{"),
            ("/httpRequest/header/host", "follows from the request; leave it out"),
            ("/httpRequest/header/x-a", "must be a text, not a number"),
            (
                "/httpRequest/header/x-b",
                "the placeholder at character 1 names an unknown field; did you mean agwID?",
            ),
            ("/httpRequest/jsonBody/a/0", "unknown field agwId; did you mean agwID?"),
            ("/httpRequest/jsonBody/a/1", "the placeholder at character 4 is empty"),
            (
                "/httpRequest/jsonBody/a/1",
                "the placeholder at character 9 is not closed by }}; a literal {{ is written {{{{",
            ),
            ("/httpRequest/jsonBody/a~1b~0/{{pnr}}", "holds {{ in its name"),
            ("/httpRequest/jsonBody/a~1b~0/{{pnr}}", "unknown field nothing like it; there are agwID, "),
        ],
    );
}

#[test]
fn the_frame_must_be_as_documented() {
    for (target, at, says) in [
        (json!([]), "", "must be an object, not an array"),
        (json!({}), "", "has no httpRequest"),
        (json!({"httpRequest": null}), "/httpRequest", "must be an object, not null"),
        (json!({"httpRequest": {}}), "/httpRequest", "neither a header nor a jsonBody"),
        (json!({"httpRequest": {"header": {}, "jsonBody": null}}), "/httpRequest", "neither a header"),
        (json!({"httpRequest": {"jsonBody": "{{agwID}}"}}), "/httpRequest/jsonBody", "not a text"),
        (
            json!({"httpRequest": {"jsonBody": {}, "url": 1}}),
            "/httpRequest/url",
            "must be a text, not a number",
        ),
        (json!({"httpRequest": {"jsonBody": {}, "header": []}}), "/httpRequest/header", "must be an object"),
    ] {
        refuses(&target, &[(at, says)]);
    }
    let headers_only = compiled(r#"{"httpRequest": {"header": {"x-a": "b"}}}"#);
    assert_eq!((headers_only.template.body_json(), headers_only.template.header_names().count()), (None, 1));
    let none = compiled(r#"{"httpRequest": {"url": null, "header": null, "jsonBody": {}}}"#);
    assert_eq!((none.url, none.template.to_json().as_str()), (None, r#"{"httpRequest":{"jsonBody":{}}}"#));
}

#[test]
fn what_is_not_json_is_refused_where_it_stands() {
    let parts = |header, json_body| problems_under(Source::Parts { header, json_body }, &Limits::default());
    let at =
        |found: &[(String, String)]| found.iter().map(|(pointer, _)| pointer.clone()).collect::<Vec<_>>();
    assert_eq!(at(&problems_under(Source::Target("{\"httpRequest\":{"), &Limits::default())), [""]);
    assert_eq!(at(&problems_under(Source::HttpRequest("secret"), &Limits::default())), ["/httpRequest"]);
    assert_eq!(at(&parts(Some("{"), Some("[1,]"))), ["/header", "/jsonBody"]);
    assert_eq!(at(&parts(None, None)), [""]);
    assert_eq!(at(&parts(Some("{}"), None)), [""]);
    assert_eq!(
        at(&parts(Some(r#"{"a":"\ud800"}"#), Some(r#"{"b":["\udc00"],"c":{"\ud800":1}}"#))),
        ["/header/a", "/jsonBody/b/0", "/jsonBody/c"]
    );
    for (_, problem) in parts(Some("{\"a\":hidden}"), Some("hidden")) {
        assert!(problem.starts_with("is not JSON: ") && !problem.contains("hidden"), "{problem}");
    }
}

#[test]
fn what_stands_there_twice_is_refused() {
    let text = r#"{"httpRequest":{"header":{"X-A":"1","x-a":"2"},"jsonBody":{"a":1,"a":2},"jsonBody":{}}}"#;
    let found = problems_under(Source::Target(text), &Limits::default());
    let at: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(at, ["/httpRequest/jsonBody", "/httpRequest/header/x-a"]);
    let found = problems_under(
        Source::Parts { header: None, json_body: Some(r#"[{"a":1,"\u0061":2}]"#) },
        &Limits::default(),
    );
    assert_eq!(found, [("/jsonBody/0/a".to_owned(), "stands there twice".to_owned())]);
}

#[test]
fn header_values_hold_what_a_header_can_carry() {
    for value in ["a\r\nb", "a\nb", "a\0", "a\tb", "\u{7f}", "é", "a\u{85}"] {
        let target = json!({"httpRequest": {"header": {"X-A": value}, "jsonBody": {}}});
        refuses(
            &target,
            &[("/httpRequest/header/X-A", "holds a line end, another control or a letter beyond ASCII")],
        );
    }
    for value in [json!(1), json!(null), json!(["a"]), json!({}), json!(true)] {
        let target = json!({"httpRequest": {"header": {"x-a": value}, "jsonBody": {}}});
        refuses(&target, &[("/httpRequest/header/x-a", "must be a text")]);
    }
    let target = json!({"httpRequest": {"header": {"x-a": "a".repeat(4_097)}, "jsonBody": {}}});
    refuses(&target, &[("/httpRequest/header/x-a", "is 4097 bytes long; a header's value may have 4096")]);
    let target = json!({"httpRequest": {"header": {"a b": "1", "Content-Type": "1"}, "jsonBody": {}}});
    refuses(
        &target,
        &[
            ("/httpRequest/header/Content-Type", "is always application/json; leave it out"),
            ("/httpRequest/header/a b", "is no header name"),
        ],
    );
}

#[test]
fn no_problem_repeats_a_header_value() {
    for value in [
        "{{hidden}}",
        "{{ hidden",
        "hidden\r\n{{}}",
        "{{{hidden}}}",
        "{{agwID-hidden}}",
        "é hidden {{a{hidden}}",
    ] {
        let target = json!({"httpRequest": {"header": {"x-a": value, "host": value}, "jsonBody": {}}});
        for (_, problem) in problems(&target) {
            assert!(!problem.contains("hidden"), "{value}: {problem}");
        }
    }
}

#[test]
fn every_limit_holds() {
    let limits = Limits {
        template_max_bytes: 200,
        depth_max: 3,
        placeholders_max: 3,
        headers_max: 2,
        header_value_max_bytes: 10,
        body_max_bytes: 30,
    };
    let under = |header: &str, json_body: &str| {
        let source = Source::Parts { header: Some(header), json_body: Some(json_body) };
        Template::compile(source, Fields::Only(&ORDER), &limits)
            .map_or_else(|problems| problems.into_iter().map(|p| p.pointer).collect(), |_| Vec::new())
    };
    let none: [&str; 0] = [];
    assert_eq!(under(r#"{"a":"{{pnr}}"}"#, r#"[["{{pnr}}"],"{{pnr}}"]"#), none);
    assert_eq!(under(r#"{"a":"{{pnr}}"}"#, r#"["{{pnr}}","{{pnr}}","{{pnr}} {{pnr}}"]"#), ["/jsonBody/2"]);
    assert_eq!(under(r#"{"a":"1","b":"2"}"#, r#"{"a":{"b":[]}}"#), none);
    assert_eq!(under(r#"{"a":"1","b":"2","c":"3"}"#, r#"{"a":{"b":[[]]}}"#), ["/header", "/jsonBody/a/b/0"]);
    assert_eq!(under(r#"{"a":"12345678901"}"#, "[1]"), ["/header/a"]);
    assert_eq!(under("{}", &format!(r#"["{}"]"#, "a".repeat(27))), ["/jsonBody"]);
    assert_eq!(under("{}", &format!("[{}]", " ".repeat(197))), [""]);
}

#[test]
fn no_depth_overflows_and_no_answer_outgrows_its_bounds() {
    let deep = Limits { depth_max: usize::MAX, template_max_bytes: usize::MAX, ..Limits::default() };
    let text = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let found = problems_under(Source::Parts { header: None, json_body: Some(&text) }, &deep);
    assert_eq!(
        found[0],
        (format!("/jsonBody{}", "/0".repeat(100)), "is nested deeper than 100 levels".to_owned())
    );
    let many = format!("[{}]", vec!["\"{{x}}\""; 5_000].join(","));
    let found = problems_under(Source::Parts { header: None, json_body: Some(&many) }, &deep);
    assert_eq!((found.len(), found[50].0.as_str()), (51, ""));
    assert!(found[50].1.ends_with("more problems are not listed"));
    let long = json!({"a".repeat(40_000): ["{{x}}", "{{x}}", "{{x}}"]}).to_string();
    assert_eq!(problems_under(Source::Parts { header: None, json_body: Some(&long) }, &deep).len(), 2);
}

//! What a template says, what it must not say, and what comes of it.

mod fuzz;
mod problems;
mod properties;

use super::*;
use serde_json::{Value, json};

/// The fields of an order, as they are listed for customers.
const ORDER: [&str; 27] = [
    "agwID",
    "orderID",
    "pnr",
    "recordLocator",
    "bookingType",
    "origin",
    "destination",
    "fullPath",
    "adultsPax",
    "childrenPax",
    "infantsPax",
    "orderStatus",
    "totalAmount",
    "createdOn",
    "updatedOn",
    "sessionId",
    "agentEmail",
    "consumerEmail",
    "psgPhone",
    "psgEmail",
    "consumerIataCode",
    "consumerCountryCode",
    "consumer",
    "provider",
    "agent",
    "agency",
    "segments",
];

const AS_DOCUMENTED: &str = r#"{"httpRequest": {"url": "https://hooks.example.com/orders", "header": {"authorization": "Basic dXNlcjpzZWNyZXQ="}, "jsonBody": {"orderID": "{{agwID}}", "freeText": "… {{agwID}}"}}}"#;

fn compiled(target: &str) -> Compiled {
    Template::compile(Source::Target(target), Fields::Only(&ORDER), &Limits::default()).unwrap()
}

fn of_body(json_body: &str) -> Template {
    let source = Source::Parts { header: None, json_body: Some(json_body) };
    Template::compile(source, Fields::Only(&ORDER), &Limits::default()).unwrap().template
}

fn of_header(value: &str) -> Template {
    let header = json!({"x-test": value}).to_string();
    let source = Source::Parts { header: Some(&header), json_body: None };
    Template::compile(source, Fields::Only(&ORDER), &Limits::default()).unwrap().template
}

fn body(template: &Template, data: &str) -> String {
    let data = EventData::parse(data.as_bytes()).unwrap();
    String::from_utf8(template.body(&data).unwrap().unwrap()).unwrap()
}

fn header(value: &str, data: &str) -> String {
    let template = of_header(value);
    let headers = template.headers(&EventData::parse(data.as_bytes()).unwrap());
    assert_eq!(headers.len(), 1);
    headers[0].1.clone()
}

#[test]
fn the_documented_target_works_as_it_stands() {
    let Compiled { url, template } = compiled(AS_DOCUMENTED);
    assert_eq!(url.as_deref(), Some("https://hooks.example.com/orders"));
    let data = r#"{"agwID":"AGW-1000042","orderStatus":"confirmed"}"#;
    assert_eq!(body(&template, data), r#"{"orderID":"AGW-1000042","freeText":"… AGW-1000042"}"#);
    let data = EventData::parse(data.as_bytes()).unwrap();
    assert_eq!(template.headers(&data), [("authorization", "Basic dXNlcjpzZWNyZXQ=".to_owned())]);
    assert_eq!(template.fields().collect::<Vec<_>>(), ["agwID"]);
}

#[test]
fn it_is_the_same_whichever_way_it_is_given() {
    let header = r#"{"Authorization":"Basic dXNlcjpzZWNyZXQ="}"#;
    let json_body = r#" {"orderID" : "{{ agwID }}", "freeText":"… {{agwID\t}}"}"#;
    let request = format!(r#"{{"jsonBody":{json_body},"header":{header}}}"#);
    for source in
        [Source::HttpRequest(&request), Source::Parts { header: Some(header), json_body: Some(json_body) }]
    {
        let again = Template::compile(source, Fields::Only(&ORDER), &Limits::default()).unwrap();
        assert_eq!(again, Compiled { url: None, template: compiled(AS_DOCUMENTED).template });
    }
}

#[test]
fn every_field_of_an_order_works_whole_and_inside_a_text() {
    for (index, field) in ORDER.into_iter().enumerate() {
        let template = of_body(&format!(r#"{{"whole":"{{{{{field}}}}}","inside":"a {{{{ {field} }}}} b"}}"#));
        for value in [json!(field), json!(index), json!([{"origin": "MAD"}]), json!(true)] {
            let data = json!({field: value, "other": 1}).to_string();
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let found: Value = serde_json::from_str(&body(&template, &data)).unwrap();
            assert_eq!(found, json!({"whole": value, "inside": format!("a {text} b")}), "{field}");
        }
        assert_eq!(body(&template, "{}"), r#"{"whole":null,"inside":"a  b"}"#, "{field}");
    }
}

#[test]
fn whole_values_keep_every_digit_and_texts_every_letter() {
    let template = of_body(
        r#"[ 1.10, 1e400, "{{totalAmount}}", "{{ totalAmount}}!", {"n": null, "b" : [ ], "o": { }, "s": "\u00e9\/\n"} ]"#,
    );
    for (amount, whole, inside) in [
        ("1.10", "1.10", "1.10"),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        ("-0.0e+5", "-0.0e+5", "-0.0e+5"),
        (r#""a\"\\\u00e9\/é""#, r#""a\"\\\u00e9\/é""#, r#"a\"\\\u00e9\/é"#),
        (
            r#"[ 1.10 , {"a b" : "c \" \\ d"} ]"#,
            r#"[ 1.10 , {"a b" : "c \" \\ d"} ]"#,
            r#"[1.10,{\"a b\":\"c \\\" \\\\ d\"}]"#,
        ),
        ("null", "null", ""),
        ("false", "false", "false"),
    ] {
        assert_eq!(
            body(&template, &format!(r#"{{"totalAmount": {amount} }}"#)),
            format!(r#"[1.10,1e400,{whole},"{inside}!",{{"n":null,"b":[],"o":{{}},"s":"é/\n"}}]"#)
        );
    }
}

#[test]
fn the_switch_makes_whole_values_text() {
    let template = of_body(r#"{"a":"{{totalAmount}}","b":1,"c":"x{{totalAmount}}"}"#).all_text(true);
    assert_eq!(body(&template, r#"{"totalAmount":412.60}"#), r#"{"a":"412.60","b":1,"c":"x412.60"}"#);
    assert_eq!(body(&template, r#"{"totalAmount":"4\"2"}"#), r#"{"a":"4\"2","b":1,"c":"x4\"2"}"#);
    assert_eq!(body(&template, r#"{"totalAmount":[ "1" ]}"#), r#"{"a":"[\"1\"]","b":1,"c":"x[\"1\"]"}"#);
    assert_eq!(body(&template, "{}"), r#"{"a":"","b":1,"c":"x"}"#);
    assert_ne!(template.clone().all_text(false), template);
}

#[test]
fn braces_can_be_written() {
    let template = of_body(r#"["{{{{agwID}}","{{{{{{agwID}}","{a} }} {","{{{{","\u007b\u007b agwID }}"]"#);
    assert_eq!(body(&template, r#"{"agwID":7}"#), r#"["{{agwID}}","{{7","{a} }} {","{{",7]"#);
    assert_eq!(header("{{{{{{agwID}}}}", r#"{"agwID":7}"#), "{{7}}");
}

#[test]
fn nothing_in_an_event_breaks_out_of_a_header() {
    for (agw_id, found) in [
        (r#""AGW-1""#, "Token AGW-1;"),
        (r#""a\r\nx-evil: 1\u0000\t\u007f\u0085""#, "Token a  x-evil: 1    ;"),
        (r#""Zoë €""#, "Token Zo%C3%AB %E2%82%AC;"),
        (r#""\ud83d""#, "Token %EF%BF%BD%EF%BF%BD%EF%BF%BD;"),
        (r#""100% \"q\"""#, r#"Token 100% "q";"#),
        ("12.50", "Token 12.50;"),
        ("{ \"a\" : [ \"b c\", 1 ] }", r#"Token {"a":["b c",1]};"#),
        ("null", "Token ;"),
    ] {
        assert_eq!(header("Token {{agwID}};", &format!(r#"{{"agwID":{agw_id}}}"#)), found, "{agw_id}");
    }
    assert_eq!(header(" {{agwID}} ", r#"{"agwID":"\n a \n"}"#), "a");
    assert_eq!(header("{{agwID}}", "{}"), "");
    let long = format!(r#"{{"agwID":"{}"}}"#, "é".repeat(1_000));
    assert_eq!(header("a{{agwID}}{{pnr}}", &long), format!("a{}", "%C3%A9".repeat(682)));
    assert_eq!(header("Basic {{agwID}}", &format!(r#"{{"agwID":"{}"}}"#, "a".repeat(9_999))).len(), 4_096);
}

#[test]
fn what_the_envelope_adds_goes_before_the_data() {
    let fields = ["agwID", "eventId"];
    let source = Source::Parts { header: None, json_body: Some(r#"["{{eventId}}","{{agwID}}"]"#) };
    let template = Template::compile(source, Fields::Only(&fields), &Limits::default()).unwrap().template;
    let data =
        EventData::parse(br#"{"eventId":"not it","agwID":1}"#).unwrap().with_text("eventId", "e-\"1\"");
    assert_eq!(template.body(&data).unwrap().unwrap(), br#"["e-\"1\"",1]"#);
}

#[test]
fn a_body_that_grows_too_large_is_an_error_and_ends_early() {
    let limits = Limits { body_max_bytes: 100, ..Limits::default() };
    let many = format!("[{}]", vec!["\"{{agwID}}\""; 20].join(","));
    let source = Source::Parts { header: None, json_body: Some(&many) };
    let template = Template::compile(source, Fields::Only(&ORDER), &limits).unwrap().template;
    let render = |agw_id: &str| {
        let data = format!(r#"{{"agwID":{agw_id}}}"#);
        template.body(&EventData::parse(data.as_bytes()).unwrap())
    };
    assert_eq!(render("123").unwrap().unwrap().len(), 81);
    assert_eq!(render("1234"), Err(BodyTooLarge { max_bytes: 100 }));
    assert_eq!(render(&format!("\"{}\"", "a".repeat(1_000_000))), Err(BodyTooLarge { max_bytes: 100 }));
}

#[test]
fn what_is_stored_is_the_same_template() {
    let template = compiled(AS_DOCUMENTED).template;
    assert_eq!(
        template.to_json(),
        r#"{"httpRequest":{"header":{"authorization":"Basic dXNlcjpzZWNyZXQ="},"jsonBody":{"orderID":"{{agwID}}","freeText":"… {{agwID}}"}}}"#
    );
    assert_eq!(compiled(&template.to_json()).template, template);
    let restored =
        Template::restore(template.header_json().as_deref(), template.body_json(), &Limits::default());
    assert_eq!(restored, Ok(template));
    // Without a body of its own.
    let template = of_header("{{{{ \"{{agwID}}");
    assert_eq!(template.body(&EventData::parse(b"{}").unwrap()), Ok(None));
    assert_eq!(Template::restore(template.header_json().as_deref(), None, &Limits::default()), Ok(template));
}

#[test]
fn a_stored_template_outlives_fields_and_limits() {
    let limits = Limits {
        template_max_bytes: 1,
        depth_max: 0,
        placeholders_max: 0,
        headers_max: 0,
        ..Limits::default()
    };
    let restored =
        Template::restore(Some(r#"{"a":"1","b":"2"}"#), Some(r#"[["{{gone}}"]]"#), &limits).unwrap();
    assert_eq!(body(&restored, "{}"), "[[null]]");
}

#[test]
fn secrets_are_shown_nowhere() {
    let compiled = compiled(
        r#"{"httpRequest":{"url":"https://h.example/?key=hidden","header":{"Authorization":"Basic hidden"},"jsonBody":{"a":"hidden"}}}"#,
    );
    let debug = format!("{compiled:?} {:#?} {:?}", compiled, compiled.template.redacted());
    assert!(!debug.contains("hidden") && debug.contains("authorization"), "{debug}");
    assert_eq!(
        serde_json::to_string(&compiled.template.redacted()).unwrap(),
        r#"{"header":["authorization"],"jsonBody":{"a":"hidden"},"allText":false}"#
    );
    let headers_only = of_header("hidden").all_text(true);
    assert_eq!(
        serde_json::to_string(&headers_only.redacted()).unwrap(),
        r#"{"header":["x-test"],"allText":true}"#
    );
}

#[test]
fn its_size_counts_what_it_holds() {
    let (small, large) = (of_body("[]"), of_body(&json!({"a": "b".repeat(10_000)}).to_string()));
    assert!(small.bytes() < 400, "{}", small.bytes());
    assert!((10_000..11_000).contains(&large.bytes()), "{}", large.bytes());
}

use super::super::declared::Source;
use super::*;

const GOOD: &str = r#"
[[subscriptions]]
name = "orders"
partner = "partner-app"
operator = "OPX"
event = "OrderDisrupted"
callbackUrl = "https://hooks.example.com/ä"
signingKey = { file = "keys/orders" }

[subscriptions.httpRequest]
header = { authorization = { env = "ORDERS_AUTHORIZATION" }, x-tenant = "{{agency}}" }
jsonBody = { z = "{{agwID}}", a = [1.10, 0x10, true, { at = 2026-05-04 }], "b.c" = 1_000 }

[[subscriptions]]
name = "crew"
partner = "partner-app"
operator = "OPX"
event = "FLIGHT_CREW_ASSIGNMENT"
profile = "staffing"
status = "INACTIVE"
authentication = { type = "apiKey", key = "hush" }
limits = { ratePerMinute = 1_200, burst = 0x14 }
httpRequest = { url = "https://hooks.example.com/crew", jsonBody = '{"n": null, "d": 1.10}' }
"#;

fn told(text: &str) -> Vec<String> {
    read(text).unwrap_err().problems.iter().map(ToString::to_string).collect()
}

/// The first subscription of the good file with one line more, or instead.
fn with(line: &str) -> Vec<String> {
    let name = line.split('=').next().unwrap_or_default().trim().to_owned();
    let minimal = "name = \"x\"\npartner = \"p\"\noperator = \"o\"\nevent = \"OrderCreated\"\ncallbackUrl = \"https://a.example/\"";
    let kept: Vec<&str> = minimal.lines().filter(|old| !old.starts_with(&format!("{name} ="))).collect();
    told(&format!("[[subscriptions]]\n{}\n{line}\n", kept.join("\n")))
}

#[test]
fn what_is_written_is_what_is_wanted() {
    let contents = read(GOOD).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(contents.notes.is_empty(), "{:?}", contents.notes);
    let [orders, crew] = contents.subscriptions.as_slice() else { panic!("{contents:#?}") };
    assert_eq!(orders.callback_url, "https://hooks.example.com/%C3%A4");
    let target = orders.http_request.as_ref().unwrap();
    assert_eq!(
        target.body.as_ref().unwrap().text.get(),
        r#"{"z":"{{agwID}}","a":[1.10,16,true,{"at":"2026-05-04"}],"b.c":1000}"#
    );
    let header = target.header.as_ref().unwrap();
    assert_eq!(header[0].1.source, Source::Env("ORDERS_AUTHORIZATION".into()));
    assert_eq!(header[1].1.source, Source::Given("{{agency}}".into()));
    assert_eq!(orders.signing_key.as_ref().unwrap().source, Source::File("keys/orders".into()));
    assert_eq!((orders.environment.as_str(), orders.needs_signing_key), ("production", false));
    assert_eq!(crew.limits.as_ref().unwrap().text.get(), r#"{"ratePerMinute":1200,"burst":20}"#);
    assert!(orders.limits.is_none());
    assert_eq!(crew.callback_url, "https://hooks.example.com/crew");
    assert_eq!(
        crew.http_request.as_ref().unwrap().body.as_ref().unwrap().text.get(),
        r#"{"n": null, "d": 1.10}"#
    );
    assert!(!format!("{contents:?}").contains("hush"));
    assert!(read("").unwrap().subscriptions.is_empty());
}

#[test]
fn all_mistakes_are_told_at_once_with_their_lines() {
    let told = told(
        r#"
[[subscriptions]]
partner = "p"
event = "OrderCreated"
callbackURL = "https://a.example/"
status = "PAUSED"
signingKey = { variable = "X" }

[[subscriptions]]
name = "y"
partner = "p"
operator = "o"
event = "OrderCreated"
callbackUrl = "http://a.example/"
environment = "test"
authentication = { type = "apiKey", secret = "hush" }
"#,
    );
    let expected = [
        "line 2: subscriptions[0].name: is required",
        "line 2: subscriptions[0].operator: is required",
        "line 2: subscriptions[0].callbackUrl: is required",
        "line 5: subscriptions[0].callbackURL: is unknown",
        "line 6: subscriptions[0].status: must be ACTIVE or INACTIVE",
        "line 7: subscriptions[0].signingKey.variable: is unknown; known are env, file",
        "line 14: subscriptions[1].callbackUrl: must begin with https://",
        "line 15: subscriptions[1].environment: must be production or non-production",
        "line 16: subscriptions[1].authentication.secret: is unknown; known are type, key",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told} is not {expected}");
    }
    assert!(!told.iter().any(|told| told.contains("hush")));
}

#[test]
fn the_rules_of_the_api_are_told_at_their_place() {
    for (line, expected) in [
        (
            "callbackUrl = \"http://a.example/\"",
            "line 6: subscriptions[0].callbackUrl: must begin with https://",
        ),
        (
            "environment = \"test\"",
            "line 7: subscriptions[0].environment: must be production or non-production",
        ),
        ("profile = \"staff\"", "line 7: subscriptions[0].profile: must be one of"),
        (
            "profile = \"staffing\"",
            "line 1: subscriptions[0].authentication: is required by the profile staffing",
        ),
        ("signingKey = \"whsec_?\"", "line 7: subscriptions[0].signingKey: "),
        (
            "httpRequest = { jsonBody = { a = \"{{noField}}\" } }",
            "line 7: subscriptions[0].httpRequest.jsonBody.a: ",
        ),
        (
            "httpRequest = { jsonBody = '{\"a\": \"{{noField}}\"}' }",
            "line 7: subscriptions[0].httpRequest.jsonBody: ",
        ),
        ("httpRequest = { header = { host = \"x\" } }", "line 7: subscriptions[0].httpRequest.header"),
        (
            "httpRequest = { jsonBody = \"text\" }",
            "line 7: subscriptions[0].httpRequest.jsonBody: is not JSON",
        ),
        (
            "httpRequest = { jsonBody = inf }",
            "line 7: subscriptions[0].httpRequest.jsonBody: inf is no number",
        ),
        (
            "httpRequest = { url = \"https://b.example/\" }",
            "line 7: subscriptions[0].httpRequest.url: must be the same",
        ),
        (
            "authentication = { type = \"none\" }",
            "line 7: subscriptions[0].authentication.type: must be one of",
        ),
        ("authentication = { type = \"bearer\", token = { env = \"A\", file = \"B\" } }", "line 7: "),
        ("limits = 7", "line 7: subscriptions[0].limits: must be a table"),
        (
            "limits = { burst = 5 }",
            "line 7: subscriptions[0].limits.burst: means nothing without ratePerMinute",
        ),
        (
            "limits = { timeoutMs = \"1s\" }",
            "line 7: subscriptions[0].limits.timeoutMs: must be a whole number from 500 to 600000",
        ),
        ("limits = { rate = 5 }", "line 7: subscriptions[0].limits.rate: is not known; there are"),
        ("signingKey = 7", "line 7: subscriptions[0].signingKey: must be a text, { env"),
        ("name = \"two\\nlines\"", "line 6: subscriptions[0].name: must have 1 to 100 characters"),
    ] {
        let told = with(line);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{line}: {told:?}");
    }
    assert!(told("subscriptions = 1\n")[0].contains("[[subscriptions]]"));
    assert!(told("[[subscription]]\n")[0].contains("is unknown"));
    assert!(told("[[subscriptions]\n")[0].contains("is not TOML"));
}

#[test]
fn what_a_file_says_twice_it_does_not_mean() {
    let one = |rest: &str| {
        format!("[[subscriptions]]\npartner = \"p\"\noperator = \"o\"\nevent = \"OrderCreated\"\n{rest}\n")
    };
    let crew = |name: &str, url: &str, environment: &str| {
        one(&format!(
            "name = \"{name}\"\ncallbackUrl = \"https://{url}.example/\"\nprofile = \"staffing\"\nenvironment = \"{environment}\"\n\
             authentication = {{ type = \"apiKey\" }}"
        ))
    };
    let twice = one("name = \"x\"\nid = \"1\"\ncallbackUrl = \"https://a.example/\"").repeat(2);
    let told = told(&twice);
    assert!(told.len() == 2 && told.iter().all(|told| told.contains("stands in line 1")), "{told:?}");
    let urls = [crew("x", "a", "production"), crew("y", "b", "production"), crew("z", "c", "non-production")];
    let told = self::told(&urls.concat());
    assert!(told.len() == 1 && told[0].contains("one callbackUrl for production"), "{told:?}");
}

#[test]
fn an_event_type_that_is_not_built_in_is_noted() {
    let own = "[[subscriptions]]\nname = \"x\"\npartner = \"p\"\noperator = \"o\"\nevent = \"OWN\"\ncallbackUrl = \"https://a.example/\"\n\
               httpRequest = { jsonBody = { a = \"{{anything}}\" } }\n";
    let contents = read(own).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(contents.subscriptions.len(), 1);
    assert!(
        contents.notes[0].to_string().starts_with("line 1: subscriptions[0].event: \"OWN\" is no built-in")
    );
}

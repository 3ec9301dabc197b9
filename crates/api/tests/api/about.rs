//! Who calls, and what there is to subscribe to.

use std::fs::{OpenOptions, read_to_string};
use std::io::Write as _;

use aerogram_testkit::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::errors::problem;
use crate::openapi::CheckedClient;
use crate::world::{Caller, Instance, World, as_admin, sha256, shared};

type Headers<'a> = &'a [(&'a str, &'a str)];

const CALLS: [&str; 3] = ["/me", "/event-types", "/policies"];
const PREVIEW: &str = "/template-previews";

async fn ask(instance: &Instance, method: Method, path: &str, headers: Headers<'_>) -> Answer {
    let body = (method == Method::POST).then(|| json!({"event": "FLIGHT_CREATE"}));
    let url = format!("{}{path}", instance.base);
    CheckedClient::new().request(method, &url, headers, body.as_ref()).await.unwrap()
}

/// The catalogue as a caller sees it.
async fn entitled(caller: &Caller) -> Vec<String> {
    let types = caller.get("/event-types").await.json()["eventTypes"].clone();
    let may = types.as_array().unwrap().iter().filter(|one| one["entitled"] == true);
    may.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_pair_is_told_who_it_is_and_what_it_may_subscribe_to() {
    let shared = shared();
    let [all, flights] = [("app-7", "token-of-acme"), ("app-7", "token-of-flights")]
        .map(|(app, token)| Caller::new(&shared.bases[0], app, token));
    let me = all.get("/me").await.json();
    let expected = json!({"client": "app-7", "operator": "acme", "token": null, "contracts": ["C-1", "C-2"]});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(me[name], *value, "{me}");
    }
    assert_eq!((&me["scopes"], &me["profiles"][0]), (&json!(["read", "write"]), &json!("flight")));
    assert_eq!(me["eventTypes"].as_array().unwrap().len(), entitled(&all).await.len());
    let named: Vec<String> =
        serde_json::from_value(flights.get("/me").await.json()["eventTypes"].clone()).unwrap();
    assert!(named.iter().all(|name| name.starts_with("FLIGHT_")), "{named:?}");
    // Of the installation's own file.
    assert!(named.contains(&"FLIGHT_GATE_UPDATE".to_owned()));
    assert_eq!(named, entitled(&flights).await);
    let bluejet = Caller::new(&shared.bases[1], "app-1", "token-of-bluejet").get("/me").await.json();
    assert_eq!((&bluejet["operator"], &bluejet["contracts"]), (&json!("bluejet"), &json!([])));
}

#[tokio::test]
async fn the_catalogue_is_listed_in_its_order_with_fields_and_example() {
    let shared = shared();
    let list = as_admin(&shared.bases[0], "/event-types").await;
    assert_eq!(list.status, 200, "{}", list.text());
    let types = list.json()["eventTypes"].as_array().unwrap().clone();
    assert_eq!((types.len() > 59, &types[0]["name"]), (true, &json!("FLIGHT_CREATE")));
    assert!(types.iter().all(|one| one["entitled"] == true), "an administrator may see all");
    for one in &types {
        let fields = one["fields"].as_array().unwrap();
        for required in fields.iter().filter(|field| field["required"] == true) {
            let name = required["name"].as_str().unwrap();
            if !name.contains('.') {
                assert!(one["example"].get(name).is_some(), "{name} of {}", one["name"]);
            }
        }
        assert!(
            one["example"].get(one["subject"].as_str().unwrap_or("-")).is_some() || one["subject"].is_null()
        );
    }
    let own = types.iter().find(|one| one["name"] == "FLIGHT_BAGS_REPORT").unwrap();
    let weight = own["fields"].as_array().unwrap().iter().find(|field| field["name"] == "bags[].weightKg");
    assert_eq!(weight.unwrap()["type"], "number");
    assert_eq!((&own["family"], &own["kind"]), (&json!("flight"), &json!("fact")));
    // As its reader has it: the first field stands first.
    let first = types[0]["fields"][0]["name"].as_str().unwrap();
    let example = list.text().split_once("\"example\":").unwrap().1.to_owned();
    assert!(
        example.trim_start_matches(['{', '\n', ' ']).starts_with(&format!("\"{first}\"")),
        "{}",
        &example[..80]
    );
}

#[tokio::test]
async fn policies_are_those_of_the_installation() {
    let policies = r#"{"quick": {"success": [200, "3xx"], "delays_ms": [100, 200], "jitter_percent": 5}}"#;
    let more = [("POLICIES", policies), ("PROFILES", r#"{"order": {"policy": "quick"}}"#)];
    let world = World::new("api-about", 1, &more).await;
    let file = world.rig.dir().join("credentials.toml");
    let before = read_to_string(&file).unwrap();
    let scoped = |name: &str, scope: &str| {
        let sha256 = sha256(name);
        format!(
            "[[tokens]]\nname = \"{name}\"\nsha256 = \"{sha256}\"\noperator = \"acme\"\nclients = [\"app-1\"]\nscopes = [\"{scope}\"]\n"
        )
    };
    let auditor =
        format!("[[admins]]\nname = \"auditor\"\nsha256 = \"{}\"\nscopes = [\"read\"]\n", sha256("looks"));
    let more = [scoped("reads", "read"), scoped("writes", "write"), auditor].concat();
    OpenOptions::new().append(true).open(&file).unwrap().write_all(more.as_bytes()).unwrap();
    assert!(read_to_string(&file).unwrap().starts_with(&before));
    let instance = world.instance().await;

    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let listed = caller.get("/policies").await.json()["policies"].clone();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(json!(names), json!(["quick", "staffing", "standard"]));
    let quick = json!({
        "name": "quick", "attemptsMax": 3, "delaysMs": [100, 200], "jitterPercent": 5, "successes": ["200", "3xx"],
        "goneDeactivates": false, "retryAfterMaxMs": null, "profiles": ["order"],
        "summary": "3 attempts within about a second; 200 and 3xx are success",
    });
    assert_eq!(listed[0], quick);
    assert_eq!(listed[2]["profiles"], json!(["flight", "portal"]));
    assert_eq!(as_admin(&instance.base, "/policies").await.json()["policies"], listed);

    // Who may not look is not told, and who may only look is told so.
    let [reads, writes] =
        ["reads", "writes"].map(|token| [("x-api-client-id", "app-1"), ("x-auth-token", token)]);
    for path in CALLS {
        assert_eq!(problem(&ask(&instance, Method::GET, path, &writes).await), (403, vec![]), "{path}");
        assert_eq!(problem(&ask(&instance, Method::GET, path, &[]).await), (401, vec![]), "{path}");
        assert_eq!(ask(&instance, Method::GET, path, &reads).await.status, 200, "{path}");
    }
    let refused = ask(&instance, Method::POST, PREVIEW, &reads).await;
    assert!(problem(&refused).0 == 403 && refused.text().contains("scope write"), "{}", refused.text());
    assert_eq!(ask(&instance, Method::POST, PREVIEW, &writes).await.status, 200);
    let me = ask(&instance, Method::GET, "/me", &reads).await.json();
    assert_eq!((&me["token"], &me["scopes"]), (&json!("reads"), &json!(["read"])));

    // In the place of a pair it is the pair, with what the administrator may.
    let acting = [("authorization", "Bearer looks"), ("x-api-client-id", "app-1"), ("x-operator", "acme")];
    let me = ask(&instance, Method::GET, "/me", &acting).await.json();
    assert_eq!((&me["client"], &me["token"]), (&json!("app-1"), &Value::Null));
    assert_eq!(me["scopes"], json!(["read"]));
    assert_eq!(problem(&ask(&instance, Method::GET, "/me", &acting[..1]).await), (403, vec![]));
    instance.stop().await;
}

//! An administrator in the place of a pair.

use aerogram_testkit::Answer;
use aerogram_wire::v1::CommandRecord;
use aerogram_wire::v1::command_record::Body;
use aerogram_wire::{Message as _, Topic};
use http::Method;
use serde_json::{Value, json};

use crate::openapi::CheckedClient;
use crate::raw::everything_in;
use crate::world::{Caller, shared, wish};

const ADMIN: (&str, &str) = ("authorization", "Bearer token-of-admin");
const APP: (&str, &str) = ("x-api-client-id", "app-9");
const ACME: (&str, &str) = ("x-operator", "acme");

async fn ask(
    base: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Answer {
    CheckedClient::new().request(method, &format!("{base}{path}"), headers, body).await.unwrap()
}

#[tokio::test]
async fn every_call_of_a_pair_can_be_made_for_it() {
    let shared = shared();
    let base = shared.bases[0].as_str();
    let acting = [ADMIN, APP, ACME];
    let created = ask(base, Method::POST, "/subscriptions", &acting, Some(&wish())).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/subscriptions/{id}");
    let pair = Caller::new(base, "app-9", "token-of-acme");
    assert_eq!(pair.ids().await, [id.as_str()]);
    let listed = ask(base, Method::GET, "/subscriptions", &acting, None).await;
    assert_eq!(listed.json()[0]["id"], id.as_str());
    assert_eq!(ask(base, Method::GET, &path, &acting, None).await.status, 200);
    let other = [ADMIN, ("x-api-client-id", "app-8"), ACME];
    assert_eq!(ask(base, Method::GET, &path, &other, None).await.status, 404);
    let change = json!({"status": "INACTIVE"});
    let changed = ask(base, Method::PATCH, &path, &acting, Some(&change)).await;
    assert_eq!(changed.json()["status"], "INACTIVE", "{}", changed.text());
    let key = ask(base, Method::POST, &format!("{path}/signing-keys"), &acting, Some(&json!({}))).await;
    assert_eq!(key.status, 201, "{}", key.text());
    assert_eq!(ask(base, Method::DELETE, &path, &acting, None).await.status, 204);
    assert_eq!(pair.ids().await, Vec::<String>::new());

    let rig = &shared.world.rig;
    let mut actors = Vec::new();
    for bytes in everything_in(rig, Topic::Commands.name()) {
        let Some(payload) = bytes.strip_prefix(id.as_bytes()) else { continue };
        if let Some(Body::Command(command)) = CommandRecord::decode(payload).unwrap().body {
            actors.push(command.actor);
        }
    }
    assert_eq!(actors, ["admin:platform-team"; 4]);
}

#[tokio::test]
async fn what_is_missing_is_named_and_both_kinds_are_refused() {
    let shared = shared();
    let base = shared.bases[1].as_str();
    type Headers = &'static [(&'static str, &'static str)];
    const TOKEN: (&str, &str) = ("x-auth-token", "token-of-acme");
    const WRONG: (&str, &str) = ("authorization", "Bearer token-of-acme");
    let cases: [(Headers, u16, &str); 10] = [
        (&[ADMIN], 403, "X-Api-Client-Id"),
        (&[ADMIN, APP], 403, "X-Operator"),
        (&[ADMIN, ACME], 403, "X-Api-Client-Id"),
        (&[ADMIN, APP, ("x-operator", "nobody")], 403, "no such operator"),
        (&[ADMIN, APP, ("x-operator", "bluejet")], 403, "names this client id"),
        (&[ADMIN, APP, ACME, ACME], 403, "X-Operator"),
        (&[ADMIN, APP, TOKEN], 400, "X-Auth-Token and Authorization"),
        (&[WRONG, APP, ACME], 401, "administrator"),
        (&[ADMIN, ADMIN, APP, ACME], 401, "administrator"),
        (&[APP, ACME], 401, "X-Auth-Token"),
    ];
    for (headers, status, word) in cases {
        let answer = ask(base, Method::GET, "/subscriptions", headers, None).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{headers:?}: {}", answer.text());
    }
    // The entitlements are those of the pair.
    let body = json!({"event": "OrderCreated", "callbackUrl": "https://receiver.example/hook"});
    let flights = [ADMIN, ("x-api-client-id", "app-6"), ACME];
    let answer = ask(base, Method::POST, "/subscriptions", &flights, Some(&body)).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
}

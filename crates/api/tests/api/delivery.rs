//! What a subscription says of its deliveries: `httpRequest`, `authentication`, `allText`, `policy`, `limits`.

use aerogram_wire::Topic;
use http::Method;
use serde_json::{Value, json};

use crate::errors::problem;
use crate::raw;
use crate::world::{Caller, shared, wish};

/// A target as customers write it, with a secret in a header.
fn order() -> Value {
    json!({
        "event": "OrderCreated",
        "httpRequest": {
            "url": "https://receiver.example/orders",
            "header": {"Authorization": "Basic hush-header"},
            "jsonBody": {"orderID": "{{agwID}}", "freeText": "Order {{agwID}}"},
        },
    })
}

fn with(mut body: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    body.as_object_mut().unwrap().extend(members);
    body
}

fn pointers(all: &[&str]) -> Vec<String> {
    all.iter().map(|pointer| (*pointer).to_owned()).collect()
}

#[tokio::test]
async fn a_target_is_taken_and_shown_without_its_secrets() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-2", "token-of-acme"));
    let body = with(
        order(),
        json!({
            "authentication": {"type": "apiKey", "key": "hush-key"}, "allText": true, "policy": "staffing",
            "signingKey": "hush-signing",
        }),
    );
    let created = a.post(&body).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let shown = created.json();
    assert_eq!(shown["callbackUrl"], "https://receiver.example/orders");
    assert_eq!(shown["httpRequest"], json!({"jsonBody": body["httpRequest"]["jsonBody"]}));
    assert_eq!(shown["headers"], json!(["authorization"]));
    assert_eq!(shown["authentication"], json!({"type": "apiKey"}));
    assert_eq!((&shown["allText"], &shown["policy"]), (&json!(true), &json!("staffing")));
    assert!(shown.get("signingKey").is_none());

    let path = format!("/subscriptions/{}", shown["id"].as_str().unwrap());
    let seen = b.get(&path).await;
    assert_eq!(seen.json(), shown);
    let said = created.text() + &seen.text() + &b.get("/subscriptions").await.text();
    assert!(!said.contains("hush"));
    for topic in [Topic::Commands, Topic::Subscriptions] {
        let records = raw::everything_in(&shared.world.rig, topic.name());
        for secret in ["hush-header", "hush-key", "hush-signing", "aHVzaC"] {
            let seen = |record: &Vec<u8>| record.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!records.iter().any(seen), "{secret} in {}", topic.name());
        }
    }
}

#[tokio::test]
async fn a_patch_changes_one_thing_and_takes_others_away() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-2", "token-of-acme");
    let id = caller.created(&with(order(), json!({"authentication": {"type": "apiKey", "key": "k"}}))).await;
    let patch = async |body: Value| {
        let answer = caller.patch(&id, &body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        answer.json()
    };
    let target = json!({"url": "https://other.example/", "header": {"x-a": "1"}, "jsonBody": ["{{pnr}}"]});
    let moved = patch(json!({"httpRequest": target, "policy": "staffing"})).await;
    assert_eq!(moved["callbackUrl"], "https://other.example/");
    assert_eq!(
        (&moved["headers"], &moved["httpRequest"]["jsonBody"]),
        (&json!(["x-a"]), &json!(["{{pnr}}"]))
    );
    assert_eq!((&moved["policy"], &moved["authentication"]["type"]), (&json!("staffing"), &json!("apiKey")));
    let bearer = patch(json!({"authentication": {"type": "bearer", "token": "t"}, "allText": true})).await;
    assert_eq!((&bearer["authentication"]["type"], &bearer["headers"]), (&json!("bearer"), &json!(["x-a"])));
    let plain =
        patch(json!({"httpRequest": null, "authentication": null, "policy": null, "allText": null})).await;
    for name in ["httpRequest", "headers", "authentication", "policy", "allText"] {
        assert!(plain.get(name).is_none(), "{name} in {plain}");
    }
    assert_eq!(plain["callbackUrl"], "https://other.example/");
    let headers = [("if-match", "\"1\"")];
    let path = format!("/subscriptions/{id}");
    let stale = caller.send(Method::PATCH, &path, &headers, Some(&json!({"allText": true}))).await;
    assert_eq!(problem(&stale).0, 412);
}

#[tokio::test]
async fn every_wrong_part_is_pointed_at_and_nothing_is_repeated() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[1], "app-2", "token-of-acme");
    let id = caller.created(&order()).await;
    for (members, expected) in [
        (json!({"httpRequest": {"jsonBody": {"a": "{{agwId}}"}}}), "/httpRequest/jsonBody/a"),
        (json!({"httpRequest": {"jsonBody": {"a": {"b/c": ["{{"]}}}}), "/httpRequest/jsonBody/a/b~1c/0"),
        (json!({"httpRequest": {"jsonBody": "text"}}), "/httpRequest/jsonBody"),
        (json!({"httpRequest": {"header": {}}}), "/httpRequest"),
        (json!({"httpRequest": {"body": {}, "jsonBody": {}}}), "/httpRequest/body"),
        (json!({"httpRequest": []}), "/httpRequest"),
        (json!({"httpRequest": {"header": {"Host": "hush"}, "jsonBody": {}}}), "/httpRequest/header/Host"),
        (json!({"httpRequest": {"header": {"te": "hush"}, "jsonBody": {}}}), "/httpRequest/header/te"),
        (
            json!({"httpRequest": {"header": {"webhook-signature": "hush"}, "jsonBody": {}}}),
            "/httpRequest/header/webhook-signature",
        ),
        (
            json!({"httpRequest": {"header": {"x-a": "hush\r\nx-b: 1"}, "jsonBody": {}}}),
            "/httpRequest/header/x-a",
        ),
        (json!({"httpRequest": {"header": {"x-a": "{{hush}}"}, "jsonBody": {}}}), "/httpRequest/header/x-a"),
        (json!({"httpRequest": {"url": "https://hush@b.example/", "jsonBody": {}}}), "/httpRequest/url"),
        (json!({"httpRequest": {"url": "https://b.example/{{pnr}}", "jsonBody": {}}}), "/httpRequest/url"),
        (
            json!({"callbackUrl": "https://b.example/", "httpRequest": order()["httpRequest"]}),
            "/httpRequest/url",
        ),
        (json!({"authentication": {"type": "hmac", "secret": "hush"}}), "/authentication/type"),
        (
            json!({"authentication": {"type": "payloadSignature", "key": "hush", "secret": "s"}}),
            "/authentication/key",
        ),
        (json!({"authentication": {"type": "bearer", "token": "hush\n"}}), "/authentication/token"),
        (
            json!({"authentication": {"type": "basic", "username": "hush:", "password": "p"}}),
            "/authentication/username",
        ),
        (
            json!({"authentication": {"type": "basic", "username": "u", "password": "p"}, "httpRequest": order()["httpRequest"]}),
            "/authentication/type",
        ),
        (json!({"allText": "true"}), "/allText"),
        (json!({"policy": "mine"}), "/policy"),
    ] {
        for answer in [caller.post(&with(order(), members.clone())).await, caller.patch(&id, &members).await]
        {
            assert_eq!(problem(&answer), (400, pointers(&[expected])), "{members}: {}", answer.text());
            assert!(!answer.text().contains("hush"), "{}", answer.text());
        }
    }
    let clash = json!({"authentication": {"type": "basic", "username": "u", "password": "p"}});
    assert_eq!(problem(&caller.patch(&id, &clash).await), (400, pointers(&["/authentication/type"])));
    let large = json!({"httpRequest": {"jsonBody": {"text": "x".repeat(65_536)}}});
    assert_eq!(caller.patch(&id, &large).await.status, 413);
}

#[tokio::test]
async fn staffing_asks_for_a_secret_in_a_header() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-2", "token-of-acme");
    let staffing = |authentication: Value| {
        with(wish(), json!({"profile": "staffing", "authentication": authentication}))
    };
    assert_eq!(problem(&caller.post(&staffing(Value::Null)).await), (400, pointers(&["/authentication"])));
    let basic = json!({"type": "basic", "username": "u", "password": "p"});
    assert_eq!(problem(&caller.post(&staffing(basic)).await), (400, pointers(&["/authentication/type"])));
    let id = caller.created(&staffing(json!({"type": "payloadSignature", "secret": "s"}))).await;
    let gone = caller.patch(&id, &json!({"authentication": null})).await;
    assert_eq!(problem(&gone), (400, pointers(&["/authentication"])));
    let other = caller.patch(&id, &json!({"authentication": {"type": "apiKey", "key": "k"}})).await;
    assert_eq!((other.status, &other.json()["authentication"]["type"]), (200, &json!("apiKey")));
}

#[tokio::test]
async fn limits_are_replaced_as_a_whole_and_seen_by_both_instances() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-2", "token-of-acme"));
    let limits = json!({"ratePerMinute": 1200, "burst": 20, "concurrency": 4, "timeoutMs": 5000});
    let id = a.created(&with(order(), json!({"limits": limits}))).await;
    let path = format!("/subscriptions/{id}");
    assert_eq!(b.get(&path).await.json()["limits"], limits);
    let fewer = b.patch(&id, &json!({"limits": {"timeoutMs": 500}})).await;
    assert_eq!((fewer.status, fewer.header("etag")), (200, Some("\"2\"")), "{}", fewer.text());
    assert_eq!(fewer.json()["limits"], json!({"timeoutMs": 500}));
    assert_eq!(a.get(&path).await.json(), fewer.json());
    // What is so already is no change.
    let same = a.patch(&id, &json!({"limits": {"timeoutMs": 500, "burst": null}})).await;
    assert_eq!((same.header("etag"), same.json()), (Some("\"2\""), fewer.json()));
    let none = b.patch(&id, &json!({"limits": {}})).await;
    assert_eq!((none.status, none.json().get("limits")), (200, None));
    assert_eq!(a.get(&path).await.json(), none.json());
}

#[tokio::test]
async fn an_idempotency_key_is_of_one_template() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-2", "token-of-acme");
    let post = async |body: &Value| {
        caller.send(Method::POST, "/subscriptions", &[("idempotency-key", "template-1")], Some(body)).await
    };
    let body = with(order(), json!({"signingKey": "k"}));
    let first = post(&body).await;
    assert_eq!(first.status, 201, "{}", first.text());
    // Secrets are no part of the wish.
    let mut other_secret = body.clone();
    other_secret["httpRequest"]["header"]["Authorization"] = json!("another");
    assert_eq!(post(&other_secret).await.json(), first.json());
    for other in [
        with(body.clone(), json!({"allText": true})),
        with(body.clone(), json!({"limits": {"concurrency": 4}})),
        with(body.clone(), json!({"authentication": {"type": "apiKey", "key": "k"}})),
        with(body.clone(), json!({"signingKey": null})),
        with(body, json!({"httpRequest": {"url": "https://receiver.example/orders", "jsonBody": {}}})),
    ] {
        assert_eq!(problem(&post(&other).await).0, 409, "{other}");
    }
}

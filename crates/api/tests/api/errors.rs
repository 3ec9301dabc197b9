//! What is refused, and how it is said.

use aerogram_testkit::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::openapi::CheckedClient;
use crate::world::{Caller, shared, wish};

/// The status, and the pointers of `errors`.
pub fn problem(answer: &Answer) -> (u16, Vec<String>) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["status"], answer.status);
    assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let pointer = |error: &Value| {
        assert!(!error["detail"].as_str().unwrap().is_empty());
        error["pointer"].as_str().unwrap().to_owned()
    };
    (answer.status, errors.iter().map(pointer).collect())
}

#[tokio::test]
async fn who_is_not_known_is_not_let_in() {
    let shared = shared();
    let url = format!("{}/subscriptions", shared.bases[0]);
    let client = CheckedClient::new();
    for headers in [
        &[][..],
        &[("x-api-client-id", "app-1")],
        &[("x-auth-token", "token-of-acme")],
        &[("x-api-client-id", "app-1"), ("x-auth-token", "token-of-nobody")],
        &[("x-api-client-id", "app-3"), ("x-auth-token", "token-of-acme")],
        &[("x-api-client-id", "app-1"), ("x-auth-token", "token-of-acme"), ("x-auth-token", "token-of-acme")],
    ] {
        for (method, body) in [(Method::GET, None), (Method::POST, Some(json!({})))] {
            let answer = client.request(method, &url, headers, body.as_ref()).await.unwrap();
            assert_eq!(problem(&answer), (401, vec![]), "{headers:?}");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
}

#[tokio::test]
async fn an_entitlement_is_needed() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-3", "token-of-flights");
    let mut body = wish();
    body["event"] = json!("OrderCreated");
    assert_eq!(problem(&caller.post(&body).await), (403, vec![]));
}

#[tokio::test]
async fn every_wrong_field_is_pointed_at() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[1], "app-1", "token-of-acme");
    let wrong = json!({
        "event": "FLIGHT_UPDATE", "callbackUrl": "http://receiver.example/", "signingKey": "whsec_?!", "profile": 1,
        "contractId": "C-9", "environment": "staging", "policy": "mine",
    });
    let answer = caller.post(&wrong).await;
    let all = ["/event", "/callbackUrl", "/signingKey", "/profile", "/contractId", "/environment", "/policy"];
    assert_eq!(problem(&answer), (400, all.map(str::to_owned).to_vec()));
    assert!(!answer.text().contains("whsec_?!"));
    let required = ["/event", "/callbackUrl", "/signingKey"].map(str::to_owned).to_vec();
    assert_eq!(problem(&caller.post(&json!({})).await), (400, required));
    assert_eq!(problem(&caller.post(&json!([1])).await), (400, vec![String::new()]));

    let id = caller.created(&wish()).await;
    for body in [json!({}), json!({"environment": "test"})] {
        assert_eq!(problem(&caller.patch(&id, &body).await), (400, vec![String::new()]));
    }
    let answer = caller.patch(&id, &json!({"status": "DELETED", "callbackUrl": null})).await;
    assert_eq!(problem(&answer), (400, vec!["/status".to_owned()]));
}

#[tokio::test]
async fn what_is_no_json_or_too_large_is_told_apart() {
    let shared = shared();
    let base = &shared.bases[0];
    let post = async |body: &str| raw_post(base, body).await;
    let (status, body) = post("{\"event\": \"FLIGHT_CREATE\",\n \"callbackUrl\": }").await;
    assert_eq!(status, 400);
    assert!(body["errors"][0]["detail"].as_str().unwrap().contains("line 2 column 17"), "{body}");
    assert_eq!(post("").await.0, 400);
    assert_eq!(post("\u{feff}{}").await.0, 400);
    assert_eq!(post(&"[".repeat(10_000)).await.0, 400);
    let large = format!("{{\"event\": \"{}\"}}", "x".repeat(65_536));
    assert_eq!(post(&large).await.0, 413);
}

/// Sends a body as it is; the client of the tests can send JSON only.
async fn raw_post(base: &str, body: &str) -> (u16, Value) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let host = base.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /api/v2/webhooks/subscriptions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\
         x-api-client-id: app-1\r\nx-auth-token: token-of-acme\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses by the announced length does not have to read all of it.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn unknown_ways_are_said_to_be_so() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-1", "token-of-acme");
    assert_eq!(problem(&caller.get("/nothing").await), (404, vec![]));
    assert_eq!(problem(&caller.get("/subscriptions/not-an-id").await), (404, vec![]));
    assert_eq!(
        problem(&caller.get("/subscriptions/00000000-0000-7000-8000-000000000000").await),
        (404, vec![])
    );
    let answer = caller.send(Method::PUT, "/subscriptions", &[], None).await;
    assert_eq!(problem(&answer), (405, vec![]));
    let allow = answer.header("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("POST") && !allow.contains("DELETE"), "{allow}");
    for key in ["", "ключ"] {
        let headers = [("idempotency-key", key)];
        let answer = caller.send(Method::POST, "/subscriptions", &headers, Some(&wish())).await;
        assert_eq!(problem(&answer).0, 400);
    }
}

#[tokio::test]
async fn the_number_of_subscriptions_is_limited() {
    let shared = shared();
    // Nobody else's.
    let caller = Caller::new(&shared.bases[0], "app-12", "token-of-acme");
    let mut creations = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let caller = caller.clone();
        creations.spawn(async move { caller.created(&wish()).await });
    }
    let first = creations.join_all().await.swap_remove(0);
    // What is counted is what a read has seen.
    assert_eq!(caller.ids().await.len(), 50);
    assert_eq!(problem(&caller.post(&wish()).await), (409, vec![]));
    assert_eq!(caller.delete(&first).await.status, 204);
    assert_eq!(caller.ids().await.len(), 49);
    caller.created(&wish()).await;
}

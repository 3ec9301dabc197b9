//! One callback URL for each pair and environment under the profile staffing, through two instances.

use aerogram_testkit::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::errors::problem;
use crate::world::{Caller, OUT_OF_REACH, PATIENCE, shared};

pub const A: &str = "https://a.example/staffing";
pub const B: &str = "https://b.example/staffing";
pub const C: &str = "https://c.example/staffing";

pub fn staffing(url: &str, environment: &str) -> Value {
    json!({
        "event": "FLIGHT_CREW_ASSIGNMENT", "callbackUrl": url, "profile": "staffing", "environment": environment,
        "authentication": {"type": "apiKey", "key": "k"},
    })
}

/// Id, URL and status of the caller's subscriptions of this environment under staffing, the oldest first.
pub async fn all(caller: &Caller, environment: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = caller.get("/subscriptions").await.json();
    let theirs = list.as_array().unwrap().iter();
    let theirs = theirs.filter(|s| s["profile"] == "staffing" && s["environment"] == environment);
    theirs.map(|s| (text(&s["id"]), text(&s["callbackUrl"]), text(&s["status"]))).collect()
}

pub async fn urls(caller: &Caller, environment: &str) -> Vec<String> {
    let mut urls: Vec<_> = all(caller, environment).await.into_iter().map(|(_, url, _)| url).collect();
    urls.dedup();
    urls
}

fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_second_url_is_refused_by_the_name_of_the_first_and_all_move_together() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-4", "token-of-acme"));
    let first = a.created(&staffing(A, "production")).await;
    // Another environment, another pair, and another profile have URLs of their own.
    let elsewhere = b.created(&staffing(B, "non-production")).await;
    let other_pair = Caller::new(&shared.bases[0], "app-1", "token-of-bluejet");
    let theirs = other_pair.created(&staffing(B, "production")).await;
    let flight = a.created(&json!({"event": "FLIGHT_CREATE", "callbackUrl": B, "signingKey": "k"})).await;

    let refused = b.post(&staffing(B, "production")).await;
    assert_eq!(problem(&refused), (409, vec![]));
    for told in ["staffing", "production", first.as_str(), A, "PATCH"] {
        assert!(detail(&refused).contains(told), "{}", detail(&refused));
    }
    let second = b.created(&staffing(A, "production")).await;
    assert_eq!(a.patch(&first, &json!({"status": "INACTIVE"})).await.status, 200);
    assert_eq!(problem(&a.post(&staffing(B, "production")).await), (409, vec![]), "inactive ones count");

    // A wrong version moves nothing; the right one moves all.
    let path = format!("/subscriptions/{first}");
    let change = json!({"callbackUrl": B, "status": "ACTIVE"});
    let stale = a.send(Method::PATCH, &path, &[("if-match", "\"1\"")], Some(&change)).await;
    assert_eq!(problem(&stale), (412, vec![]));
    assert_eq!(urls(&b, "production").await, [A]);
    let moved = a.send(Method::PATCH, &path, &[("if-match", "\"2\"")], Some(&change)).await;
    assert_eq!((moved.status, moved.header("etag")), (200, Some("\"3\"")), "{}", moved.text());
    assert_eq!((&moved.json()["id"], &moved.json()["callbackUrl"]), (&json!(first), &json!(B)));
    let now = |id: &str| (id.to_owned(), B.to_owned(), "ACTIVE".to_owned());
    assert_eq!(all(&b, "production").await, [now(&first), now(&second)]);
    // Once more changes nothing; the new one is the one now.
    let again = a.patch(&first, &change).await;
    assert_eq!((again.status, again.header("etag")), (200, Some("\"3\"")));
    assert_eq!(problem(&a.post(&staffing(A, "production")).await).0, 409);

    let target = json!({"httpRequest": {"url": C, "jsonBody": {}}});
    assert_eq!(b.patch(&second, &target).await.status, 200);
    assert_eq!(urls(&a, "production").await, [C]);
    assert_eq!(urls(&a, "non-production").await, [B]);
    for (caller, id) in [(&a, first), (&a, second), (&a, elsewhere), (&a, flight), (&other_pair, theirs)] {
        assert_eq!(caller.delete(&id).await.status, 204);
    }
    // Nobody stands in the way any more.
    let free = a.created(&staffing(A, "production")).await;
    assert_eq!(a.delete(&free).await.status, 204);
}

#[tokio::test]
async fn a_repeat_is_answered_and_brings_back_nothing() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-6", "token-of-flights"));
    let post = async |caller: &Caller, url: &str, key: &str| {
        let headers = [("idempotency-key", key)];
        caller.send(Method::POST, "/subscriptions", &headers, Some(&staffing(url, "non-production"))).await
    };
    let first = post(&a, A, "staffing-1").await;
    assert_eq!(first.status, 201, "{}", first.text());
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(problem(&post(&b, B, "staffing-2").await).0, 409);
    assert_eq!(b.patch(&id, &json!({"callbackUrl": C})).await.status, 200);
    let repeat = post(&b, A, "staffing-1").await;
    assert_eq!((repeat.status, &repeat.json()["id"]), (201, &json!(id)));
    assert_eq!(urls(&a, "non-production").await, [C]);
    // A key whose creation was refused is good for the same wish once nothing stands in the way.
    assert_eq!(a.delete(&id).await.status, 204);
    let late = post(&b, B, "staffing-2").await;
    assert_eq!(late.status, 201, "{}", late.text());
    assert_eq!(a.delete(late.json()["id"].as_str().unwrap()).await.status, 204);
    let deleted = post(&b, B, "staffing-2").await;
    assert_eq!(problem(&deleted), (409, vec![]));
    assert!(detail(&deleted).contains("new Idempotency-Key"), "{}", detail(&deleted));
}

#[tokio::test]
async fn what_may_not_be_sent_elsewhere_holds_the_others() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[1], "app-7", "token-of-flights");
    let there = "https://receiver.example/1";
    let id = caller.created(&staffing(there, "non-production")).await;
    let refused = caller.patch(&id, &json!({"callbackUrl": A})).await;
    assert_eq!(problem(&refused), (403, vec![]));
    assert!(detail(&refused).contains(OUT_OF_REACH) && detail(&refused).contains("OrderCreated"));
    assert_eq!(urls(&caller, "non-production").await, [there]);
    assert_eq!(caller.delete(OUT_OF_REACH).await.status, 204);
    assert_eq!(caller.patch(&id, &json!({"callbackUrl": A})).await.status, 200);
    assert_eq!(caller.delete(&id).await.status, 204);
}

/// Creations and moves at the same time through two instances: what is answered is so, and there is one URL.
#[tokio::test]
async fn at_once_through_two_instances_there_is_still_one_url() {
    const ROUNDS: usize = 12;
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-6", "token-of-flights"));
    let [on_a, on_b, on_c] = [A, B, C].map(|url| staffing(url, "production"));
    for round in 0..ROUNDS {
        let (one, two, three) = tokio::join!(a.post(&on_a), b.post(&on_b), a.post(&on_c));
        let answers = [one, two, three];
        let mut created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(
            answers.iter().all(|answer| [201, 409].contains(&answer.status)),
            "round {round}: {answers:?}"
        );
        let left = all(&b, "production").await;
        assert_eq!((created.len(), left.len()), (1, 1), "round {round}: {left:?}");
        let created = created.remove(0).json();
        assert_eq!((&created["id"], &created["callbackUrl"]), (&json!(left[0].0), &json!(left[0].1)));

        // A creation with the URL that is just being left.
        let (id, from) = (left[0].0.clone(), left[0].1.clone());
        let to = if from == A { B } else { A };
        let (change, wish) = (json!({"callbackUrl": to}), staffing(&from, "production"));
        let (moved, beside) = tokio::join!(a.patch(&id, &change), b.post(&wish));
        assert_eq!(moved.status, 200, "round {round}: {}", moved.text());
        assert!([201, 409].contains(&beside.status), "round {round}: {}", beside.text());
        assert_eq!(urls(&a, "production").await, [to], "round {round}");

        // Two moves: if nobody won, neither says so.
        let other = b.created(&staffing(to, "production")).await;
        let (to_a, to_c) = (json!({"callbackUrl": A}), json!({"callbackUrl": C}));
        let (one, two) = tokio::join!(a.patch(&id, &to_a), b.patch(&other, &to_c));
        let statuses = [one.status, two.status];
        assert!(statuses.iter().all(|status| [200, 409].contains(status)), "round {round}: {statuses:?}");
        assert!(statuses == [409, 409] || urls(&a, "production").await.len() == 1, "round {round}");
        let begun = std::time::Instant::now();
        while b.patch(&other, &to_c).await.status != 200 {
            assert!(begun.elapsed() < PATIENCE, "round {round}: the move does not end");
        }
        assert_eq!(urls(&a, "production").await, [C], "round {round}");
        for (id, ..) in all(&a, "production").await {
            assert_eq!(b.delete(&id).await.status, 204);
        }
    }
}

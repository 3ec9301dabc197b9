//! What the contract of subscriptions promises.

use http::Method;
use serde_json::{Value, json};

use crate::errors::problem;
use crate::world::{Caller, EXPIRED, shared, wish};

#[tokio::test]
async fn two_instances_are_one() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-1", "token-of-bluejet"));

    let created = a.post(&wish()).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let body = created.json();
    let id = body["id"].as_str().unwrap();
    assert_eq!(created.header("location").unwrap(), format!("/api/v2/webhooks/subscriptions/{id}"));
    assert_eq!(created.header("etag"), Some("\"1\""));
    let fields: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        fields,
        [
            "callbackUrl",
            "createdAtDateTime",
            "environment",
            "event",
            "expirationDateTime",
            "id",
            "profile",
            "status",
            "updatedAtDateTime"
        ]
    );
    assert_eq!((&body["status"], &body["profile"]), (&json!("ACTIVE"), &json!("flight")));

    let path = format!("/subscriptions/{id}");
    let seen = b.get(&path).await;
    assert_eq!((seen.status, seen.json(), seen.header("etag")), (200, body.clone(), Some("\"1\"")));
    assert_eq!(b.ids().await, [id]);

    let patched = b.patch(id, &json!({"status": "INACTIVE", "callbackUrl": "https://other.example/"})).await;
    assert_eq!((patched.status, patched.header("etag")), (200, Some("\"2\"")), "{}", patched.text());
    let seen = a.get(&path).await.json();
    assert_eq!(seen, patched.json());
    assert_eq!(
        (&seen["status"], &seen["callbackUrl"]),
        (&json!("INACTIVE"), &json!("https://other.example/"))
    );
    assert_eq!(seen["createdAtDateTime"], body["createdAtDateTime"]);
    assert_eq!(a.get("/subscriptions").await.json(), json!([seen]));

    assert_eq!(a.patch(id, &json!({"status": "ACTIVE"})).await.json()["status"], "ACTIVE");
    assert_eq!(b.get(&path).await.json()["status"], "ACTIVE");

    let deleted = a.delete(id).await;
    assert_eq!((deleted.status, deleted.text().as_str()), (204, ""));
    assert_eq!(b.get(&path).await.status, 404);
    assert_eq!(b.delete(id).await.status, 404);
    assert_eq!(b.patch(id, &json!({"status": "ACTIVE"})).await.status, 404);
    assert_eq!(b.ids().await, [""; 0]);
}

#[tokio::test]
async fn one_may_be_created_paused() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-2", "token-of-acme"));
    let post = async |caller: &Caller, body: &Value| {
        caller.send(Method::POST, "/subscriptions", &[("idempotency-key", "paused-1")], Some(body)).await
    };
    let mut paused = wish();
    paused["status"] = json!("INACTIVE");
    let created = post(&a, &paused).await;
    assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")), "{}", created.text());
    assert_eq!(created.json()["status"], "INACTIVE");
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(b.get(&format!("/subscriptions/{id}")).await.json(), created.json());
    // It is a part of the wish.
    assert_eq!(post(&b, &paused).await.json(), created.json());
    assert_eq!(post(&b, &wish()).await.status, 409);
    assert_eq!(b.patch(&id, &json!({"status": "ACTIVE"})).await.json()["status"], "ACTIVE");
    let mut active = wish();
    active["status"] = json!("ACTIVE");
    assert_eq!(a.post(&active).await.json()["status"], "ACTIVE");
    let mut wrong = wish();
    wrong["status"] = json!("DELETED");
    assert_eq!(problem(&a.post(&wrong).await), (400, vec!["/status".to_owned()]));
}

#[tokio::test]
async fn pairs_do_not_see_each_other() {
    let shared = shared();
    let [a, b] = &shared.bases;
    let mine = Caller::new(a, "app-2", "token-of-acme");
    let id = mine.created(&wish()).await;
    // The same operator for another application, and another operator for the same application.
    for other in [Caller::new(b, "app-1", "token-of-acme"), Caller::new(b, "app-1", "token-of-bluejet")] {
        assert_eq!(other.get(&format!("/subscriptions/{id}")).await.status, 404);
        assert_eq!(other.patch(&id, &json!({"status": "INACTIVE"})).await.status, 404);
        assert_eq!(other.delete(&id).await.status, 404);
        assert!(!other.ids().await.contains(&id));
    }
    assert_eq!(mine.get(&format!("/subscriptions/{id}")).await.json()["status"], "ACTIVE");
}

#[tokio::test]
async fn profiles_and_what_the_subscription_says_itself() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-1", "token-of-acme");
    let create = async |body: Value| {
        let answer = caller.post(&body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    };
    let mut body = wish();
    body["event"] = json!("PRODUCT_ADDED");
    body["contractId"] = json!("C-2");
    body["environment"] = json!("non-production");
    body["somethingElse"] = json!({"ignored": true});
    let product = create(body.clone()).await;
    assert_eq!((&product["profile"], &product["expirationDateTime"]), (&json!("portal"), &Value::Null));
    assert_eq!((&product["contractId"], &product["environment"]), (&json!("C-2"), &json!("non-production")));
    body["profile"] = json!("staffing");
    body["policy"] = json!("staffing");
    body["authentication"] = json!({"type": "apiKey", "key": "k-1"});
    assert_eq!(create(body.clone()).await["profile"], "staffing");
    body["event"] = json!("OrderCreated");
    body["profile"] = Value::Null;
    assert_eq!(create(body).await["profile"], "order");
}

#[tokio::test]
async fn if_match_is_honoured() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-1", "token-of-acme"));
    let id = a.created(&wish()).await;
    let path = format!("/subscriptions/{id}");
    let pause = json!({"status": "INACTIVE"});
    let patch = async |caller: &Caller, tag: &str| {
        caller.send(Method::PATCH, &path, &[("if-match", tag)], Some(&pause)).await
    };
    assert_eq!(patch(&b, "\"2\"").await.status, 412);
    assert_eq!(patch(&b, "W/\"1\"").await.status, 412);
    assert_eq!(patch(&b, "\"1\", \"7\"").await.header("etag"), Some("\"2\""));
    assert_eq!(patch(&a, "\"1\"").await.status, 412);
    // What is so already is no change.
    assert_eq!(patch(&a, "*").await.header("etag"), Some("\"2\""));
    assert_eq!(a.send(Method::DELETE, &path, &[("if-match", "\"1\"")], None).await.status, 412);
    assert_eq!(a.send(Method::DELETE, &path, &[("if-match", "\"2\"")], None).await.status, 204);
}

#[tokio::test]
async fn an_idempotency_key_creates_once() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-3", "token-of-flights"));
    let post = async |caller: &Caller, body: &Value| {
        caller.send(Method::POST, "/subscriptions", &[("idempotency-key", "import-7")], Some(body)).await
    };
    let body = wish();
    // At the same time, on both instances.
    let (first, second) = tokio::join!(post(&a, &body), post(&b, &body));
    assert_eq!((first.status, second.status), (201, 201), "{} {}", first.text(), second.text());
    assert_eq!(first.json(), second.json());
    let later = post(&b, &body).await;
    assert_eq!((later.status, later.json()), (201, first.json()));
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(a.ids().await, [id]);

    let mut other = wish();
    other["callbackUrl"] = json!("https://other.example/");
    assert_eq!(post(&a, &other).await.status, 409);
    let elsewhere = Caller::new(&shared.bases[0], "app-2", "token-of-acme");
    let theirs = post(&elsewhere, &body).await;
    assert_eq!(theirs.status, 201);
    assert_ne!(theirs.json()["id"], first.json()["id"]);
}

#[tokio::test]
async fn changes_at_the_same_time_are_made_one_after_the_other() {
    let shared = shared();
    let callers = shared.bases.each_ref().map(|base| Caller::new(base, "app-2", "token-of-acme"));
    let id = callers[0].created(&wish()).await;
    let mut changes = tokio::task::JoinSet::new();
    for i in 0..40 {
        let (caller, id) = (callers[i % 2].clone(), id.clone());
        let body = json!({"callbackUrl": format!("https://receiver.example/{i}")});
        changes.spawn(async move {
            let answer = caller.patch(&id, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.header("etag").unwrap().trim_matches('"').parse::<u64>().unwrap()
        });
    }
    let mut versions = changes.join_all().await;
    versions.sort_unstable();
    assert_eq!(versions, (2..=41).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_expired_stays_so() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[1], "app-4", "token-of-acme");
    let path = format!("/subscriptions/{EXPIRED}");
    let seen = caller.get(&path).await.json();
    let expiry = json!("1970-01-01T00:00:02.000Z");
    assert_eq!((&seen["status"], &seen["expirationDateTime"]), (&json!("INACTIVE"), &expiry));
    let refused = caller.patch(EXPIRED, &json!({"status": "ACTIVE"})).await;
    assert_eq!((refused.status, refused.header("content-type")), (409, Some("application/problem+json")));
    let moved = caller.patch(EXPIRED, &json!({"callbackUrl": "https://other.example/"})).await;
    assert_eq!((moved.status, &moved.json()["status"]), (200, &json!("INACTIVE")));
}

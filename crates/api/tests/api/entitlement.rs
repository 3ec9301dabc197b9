//! What a token is not entitled to is not read or sent through what was given up either.

use aerogram_domain::escalations::run_name;
use aerogram_wire::key::RunKey;
use http::Method;
use serde_json::{Value, json};

use crate::errors::problem;
use crate::given_up::{escalation, write};
use crate::openapi::CheckedClient;
use crate::world::{Caller, shared};

/// Of the shared instances.
const PARTITIONS: i32 = 3;

#[tokio::test]
async fn what_was_given_up_is_read_and_sent_again_by_those_who_are_entitled_to_it() {
    let shared = shared();
    let subscription = "0192d3a4-0000-7000-8000-0000000000f1";
    let (entitled, mut other) =
        (escalation(40, "app-6", subscription, 1_000), escalation(41, "app-6", subscription, 2_000));
    let event = other.1.delivery.as_mut().unwrap().event.as_mut().unwrap();
    "OrderCreated".clone_into(&mut event.r#type);
    write(&shared.world.rig, PARTITIONS, subscription, &[entitled, other]).await;
    let [flight, order] = [40, 41]
        .map(|number| format!("/escalations/{}", run_name(RunKey { delivery_id: [number; 16], run: 0 })));
    let admin = ("authorization", "Bearer token-of-admin");
    let acting = [admin, ("x-api-client-id", "app-6"), ("x-operator", "acme")];
    for base in &shared.bases {
        // Its tokens have only flights.
        let caller = Caller::new(base, "app-6", "token-of-flights");
        assert_eq!(caller.get(&flight).await.json()["event"]["data"], json!({"n": 1.10}));
        let shown = caller.get(&order).await;
        assert_eq!((shown.status, &shown.json()["event"]["data"]), (200, &Value::Null));
        assert_eq!(
            (&shown.json()["event"]["id"], shown.json()["attempts"].as_array().unwrap().len()),
            (&json!("e-41"), 2)
        );
        let refused = caller.send(Method::POST, &format!("{order}/redeliveries"), &[], None).await;
        assert_eq!(problem(&refused), (403, vec![]));
        assert!(refused.text().contains("OrderCreated"), "{}", refused.text());
        // The other one gets as far as its subscription, which is not there.
        let flights = caller.send(Method::POST, &format!("{flight}/redeliveries"), &[], None).await;
        assert_eq!(problem(&flights), (409, vec![]));
        // In the place of a pair an administrator has what its tokens have; by itself all.
        let client = CheckedClient::new();
        let acted = client.get(&format!("{base}{order}"), &acting).await.unwrap();
        assert_eq!((acted.status, &acted.json()["event"]["data"]), (200, &Value::Null));
        let all = client.get(&format!("{base}{order}"), &[admin]).await.unwrap();
        assert_eq!(all.json()["event"]["data"], json!({"n": 1.10}));
    }
    // Nobody has to have it sent to say that nothing will be done.
    let caller = Caller::new(&shared.bases[0], "app-6", "token-of-flights");
    let why = json!({"why": "not ours any more"});
    let dismissed = caller.send(Method::POST, &format!("{order}/dismissal"), &[], Some(&why)).await;
    assert_eq!(dismissed.status, 200, "{}", dismissed.text());
}

#[tokio::test]
async fn an_id_that_is_no_text_is_a_problem_like_any_other() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-6", "token-of-flights");
    for path in ["/escalations/%ff", "/subscriptions/%ff"] {
        let answer = caller.get(path).await;
        assert_eq!(problem(&answer), (400, vec![]), "{path}");
    }
    let answer = caller.send(Method::POST, "/escalations/%ff/redeliveries", &[], None).await;
    assert_eq!(problem(&answer), (400, vec![]));
    let last = caller.get("/escalations?until=9999-12-31T23:59:59Z").await;
    assert_eq!(last.status, 200, "{}", last.text());
}

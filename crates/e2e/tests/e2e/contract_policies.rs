//! Which policy counts: what the subscription says itself goes before its profile, and the configuration may say what a
//! profile's policy is. A receiver that is gone under `standard` loses its subscription, with a reason.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::given_up;
use crate::publish::event;
use crate::rest::{ACME, ACME_2, ACME_3, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::{Behaviour, Reply};
use aerogram_wire::Topic;
use aerogram_wire::v1::{Outcome, Reason, Status, SubscriptionRecord};
use anyhow::{Result, ensure};
use serde_json::{Value, json};

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";

/// Two lists of the installation's own, and another `staffing` than the built-in one.
fn policies() -> Value {
    json!({
        "thrice": {"success": [200, 299], "delays_ms": [0, 0]},
        "any": {"success": ["2xx", "4xx"], "delays_ms": [0]},
        "staffing": {"success": [200, 201], "delays_ms": [0, 0, 0, 0]},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriptions_policy_goes_before_its_profiles() -> Result<()> {
    let mut setup = Setup::new("contract-policies").await?;
    setup.policies(&policies());
    setup.set("PROFILES", json!({"portal": {"policy": "thrice"}}).to_string());
    let cluster = Cluster::start(setup).await?;
    let receiver = &cluster.receiver;
    let with = |mut extra: Value, policy: &str| {
        extra["policy"] = json!(policy);
        extra
    };
    let staffing = json!({"profile": "staffing", "authentication": {"type": "apiKey", "key": "crew-key"}});
    // Path, answer, what the subscription says, requests, policy of the escalation. The profile allows its owner one URL.
    let owners = [("/of-profile-204", ACME_2), ("/own", ACME_3)];
    let cases = [
        ("/of-profile", 500, staffing.clone(), 5, Some("staffing")),
        ("/of-profile-204", 204, staffing.clone(), 5, Some("staffing")),
        ("/own", 500, with(staffing.clone(), "thrice"), 3, Some("thrice")),
        ("/own-204", 204, with(json!({}), "thrice"), 3, Some("thrice")),
        ("/of-configured-profile", 500, json!({"profile": "portal"}), 3, Some("thrice")),
        ("/own-of-configured-profile", 404, with(json!({"profile": "portal"}), "any"), 1, None),
        ("/own-299", 299, with(json!({}), "thrice"), 1, None),
        ("/class-404", 404, with(json!({}), "any"), 1, None),
        // 410 deactivates under no policy that does not say so, and may even be a success.
        ("/class-410", 410, with(json!({}), "any"), 1, None),
        ("/own-410", 410, with(json!({}), "thrice"), 3, Some("thrice")),
    ];
    let mut hooks = Vec::new();
    for (path, status, extra, ..) in &cases {
        receiver.behave(path, Behaviour::status(*status));
        let owner = owners.iter().find(|(of, _)| of == path).map_or(ACME, |(_, owner)| *owner);
        hooks.push(cluster.subscribe(owner, KIND, path, extra).await?);
    }
    let body = json!({
        "event": KIND, "callbackUrl": receiver.url("/nobodys"), "signingKey": "k", "policy": "nobodys",
    });
    let refused = cluster.rest.create(ACME, &body).await?;
    ensure!(refused.status == 400, "{}", refused.text());
    let pointers: Vec<_> =
        refused.json()["errors"].as_array().into_iter().flatten().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/policy"], "{}", refused.text());

    cluster.upstream.send(&cluster.setup.flights(), &event("one", KIND).structured()).await?;
    for (hook, (path, _, _, requests, policy)) in hooks.iter().zip(&cases) {
        receiver.wait_for_count(path, *requests, PATIENCE).await?;
        if let Some(policy) = policy {
            let escalation = given_up::one(&cluster, hook).await?;
            assert_eq!(
                (escalation.reason(), escalation.policy.as_str()),
                (Reason::Exhausted, *policy),
                "{path}"
            );
            assert_eq!(escalation.attempts.len(), *requests, "{path}");
        }
        let answer = cluster.rest.get(hook).await?;
        assert_eq!(answer.json()["status"], "ACTIVE", "{path}: {}", answer.text());
    }
    receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    for (path, _, _, requests, _) in &cases {
        assert_eq!(receiver.count_on(path), *requests, "{path}");
    }
    changed(&cluster, &hooks[2]).await
}

/// `null` goes back to the profile's, for the next event.
async fn changed(cluster: &Cluster, hook: &Subscription) -> Result<()> {
    let answer = cluster.rest.patch(hook, &json!({"policy": null})).await?;
    ensure!(answer.status == 200 && answer.json().get("policy").is_none(), "{}", answer.text());
    cluster.receiver.behave(&hook.path, Behaviour::fail_first(4, 204));
    let before = cluster.receiver.count_on(&hook.path);
    cluster.upstream.send(&cluster.setup.flights(), &event("two", KIND).structured()).await?;
    cluster.receiver.wait_for_count(&hook.path, before + 5, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!(cluster.receiver.count_on(&hook.path), before + 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_under_standard_is_one_attempt_and_a_reason() -> Result<()> {
    let cluster = Cluster::start(Setup::new("contract-gone").await?).await?;
    let receiver = &cluster.receiver;
    let gone = Reply::Full { status: 410, headers: Vec::new(), body: "moved out".into() };
    receiver.behave("/gone", Behaviour::Always(gone));
    let hook = cluster.subscribe(ACME, KIND, "/gone", &json!({})).await?;
    cluster.upstream.send(&cluster.setup.flights(), &event("one", KIND).structured()).await?;
    let escalation = given_up::one(&cluster, &hook).await?;
    assert_eq!((escalation.reason(), escalation.policy.as_str()), (Reason::Gone, "standard"));
    let told: Vec<_> =
        escalation.attempts.iter().map(|a| (a.outcome(), a.status, a.excerpt.as_str())).collect();
    assert_eq!(told, [(Outcome::Http4xx, 410, "moved out")]);

    let inactive = |records: &[SubscriptionRecord]| {
        let states = records.iter().filter_map(|record| record.subscription.as_ref());
        states.filter(|state| state.id == hook.id && state.status() == Status::Inactive).count() > 0
    };
    let records: Vec<SubscriptionRecord> =
        topics::wait_for(&cluster.setup, Topic::Subscriptions, PATIENCE, inactive).await?;
    let last =
        records.iter().filter_map(|record| record.subscription.as_ref()).rfind(|state| state.id == hook.id);
    assert_eq!(last.map(|state| state.status_reason.as_str()), Some("the receiver answered 410 Gone"));
    let shown = cluster.rest.get(&hook).await?.json();
    assert_eq!(shown["status"], "INACTIVE", "{shown}");
    assert_eq!(shown["statusReason"], "the receiver answered 410 Gone", "{shown}");

    // Its owner, who has seen to it, makes it active again; the reason goes.
    receiver.behave("/gone", Behaviour::ok());
    let answer = cluster.rest.patch(&hook, &json!({"status": "ACTIVE"})).await?;
    ensure!(answer.status == 200 && answer.json().get("statusReason").is_none(), "{}", answer.text());
    cluster.upstream.send(&cluster.setup.flights(), &event("two", KIND).structured()).await?;
    receiver.wait_for_count("/gone", 2, PATIENCE).await?;
    let records: Vec<SubscriptionRecord> = topics::decoded(&cluster.setup, Topic::Subscriptions).await?;
    let last =
        records.iter().filter_map(|record| record.subscription.as_ref()).rfind(|state| state.id == hook.id);
    assert_eq!(last.map(|state| (state.status(), state.status_reason.as_str())), Some((Status::Active, "")));
    Ok(())
}

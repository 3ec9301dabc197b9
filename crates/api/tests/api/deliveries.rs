//! What people see of deliveries and of what became of them.

use std::sync::Arc;

use aerogram_testkit::Answer;
use aerogram_wire::Topic;
use aerogram_wire::v1::{Delivery, LineKind, PendingKind};
use serde_json::{Value, json};

use crate::logs::{Accepted, Logs, attempt, event, event_id, name, now_ms};
use crate::openapi::CheckedClient;
use crate::raw::delete_before;
use crate::world::{Caller, Instance, PACE, Shared, World, as_admin, eventually, shared, wish};

/// Of the shared instances.
const PARTITIONS: i32 = 3;
const HOUR_MS: i64 = 3_600_000;

fn listed(list: &Answer) -> Vec<Value> {
    assert_eq!(list.status, 200, "{}", list.text());
    list.json()["deliveries"].as_array().unwrap().clone()
}

fn names(list: &Answer) -> Vec<String> {
    listed(list).iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// A subscription of its own for a test, and what it is told.
struct Ground {
    shared: Arc<Shared>,
    logs: Logs,
    callers: [Caller; 2],
    app: &'static str,
    subscription: String,
}

impl Ground {
    async fn new(app: &'static str) -> Self {
        Self::with(app, &wish()).await
    }

    async fn with(app: &'static str, wish: &Value) -> Self {
        let shared = shared();
        let logs = Logs::new(&shared.world.rig, PARTITIONS);
        let callers = shared.pair(app);
        let subscription = callers[0].created(wish).await;
        Self { shared, logs, callers, app, subscription }
    }

    async fn deliver(&self, name: &str, ago_ms: i64) -> (Accepted, Delivery) {
        let accepted = self.logs.accept(event(&event_id(name)), ago_ms).await;
        let delivery = self.logs.deliver(&accepted, self.app, &self.subscription).await;
        (accepted, delivery)
    }

    fn of_it(&self, more: &str) -> String {
        format!("/deliveries?subscriptionId={}{more}", self.subscription)
    }
}

#[tokio::test]
async fn a_delivery_stands_as_the_lines_say_in_every_instance() {
    let ground = Ground::new("app-1").await;
    let (logs, path) = (&ground.logs, ground.of_it(""));
    let (accepted, mut sent) = ground.deliver("stands", 60_000).await;
    let id = name(&sent);
    let epoch = logs.claim(&sent).await;
    let status = async |expected: &str| {
        for caller in &ground.callers {
            let list = listed(&caller.get(&path).await);
            assert_eq!(list.len(), 1, "{list:?}");
            assert_eq!(list[0]["status"], expected, "{}", list[0]);
        }
    };
    status("PENDING").await;
    logs.tell(&sent, epoch, LineKind::Failed, Some(attempt(1, 503, now_ms()))).await;
    status("RETRYING").await;
    logs.tell(&sent, epoch, LineKind::Retry, Some(attempt(2, 500, now_ms()))).await;
    status("RETRYING").await;
    let one = listed(&ground.callers[1].get(&path).await).remove(0);
    assert_eq!((&one["lastStatus"], &one["lastOutcome"]), (&json!(500), &json!("http_5xx")), "{one}");
    assert!(one["nextAttemptAtDateTime"].is_string() && one["attemptsMade"] == 2, "{one}");
    let shown = ground.callers[0].get(&format!("/deliveries/{id}")).await.json();
    assert!(shown["next"]["what"].as_str().unwrap().starts_with("attempt 3 is due at 2"), "{shown}");
    assert_eq!(shown["next"]["at"], one["nextAttemptAtDateTime"]);
    // Whoever has lost the partition says nothing any more.
    let later = logs.claim(&sent).await;
    sent.seq = 1;
    logs.tell(&sent, epoch, LineKind::Cancelled, None).await;
    status("RETRYING").await;
    logs.tell(&sent, later, LineKind::Delivered, Some(attempt(3, 200, now_ms()))).await;
    status("DELIVERED").await;
    logs.tell(&sent, later, LineKind::Escalated, None).await;
    status("DELIVERED").await;

    let shown = ground.callers[1].get(&format!("/deliveries/{id}")).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let shown = shown.json();
    let told: Vec<_> =
        shown["attempts"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(told, [503, 500, 200]);
    assert_eq!(shown["attempts"][0]["excerpt"], "oh no");
    let event = &accepted.event;
    let timestamp = "2024-01-15T10:30:00.000Z";
    assert_eq!(
        shown["event"],
        json!({"id": event.id, "source": "/ops", "type": "FLIGHT_CREATE", "time": timestamp, "subject": "AB1",
            "environment": "production", "data": {"n": 1.10}})
    );
    let body = format!(
        r#"{{"id":"{}","type":"FLIGHT_CREATE","timestamp":"{timestamp}","subscriptionId":"{}","data":{{"n":1.10}}}}"#,
        event.id, ground.subscription
    );
    assert_eq!((&shown["body"], &shown["bodyIs"]), (&json!(body), &json!("as_sent")), "{shown}");
    assert_eq!(shown["next"], json!({"what": "nothing: delivered"}));
    let same = [("webhookId", id.as_str()), ("run", "live"), ("eventId", &event.id), ("subject", "AB1")];
    same.iter().for_each(|(field, value)| assert_eq!(shown[field], *value, "{shown}"));
    assert_eq!(shown["callbackUrl"], "https://receiver.example/hook");
    assert!(shown.get("partner").is_none() && shown.get("bodyMissing").is_none(), "{shown}");
}

#[tokio::test]
async fn each_sees_its_own_and_administrators_see_all() {
    let ground = Ground::new("app-2").await;
    let (_, sent) = ground.deliver("own", 1_000).await;
    let path = format!("/deliveries/{}", name(&sent));
    for instance in [0, 1] {
        let base = ground.shared.bases[instance].as_str();
        let other = &ground.shared.pair("app-5")[instance];
        assert_eq!(names(&other.get(&ground.of_it("")).await), Vec::<String>::new());
        for nothing in [path.as_str(), "/deliveries/x", "/deliveries/msg_00"] {
            assert_eq!(other.get(nothing).await.status, 404, "{nothing}");
        }
        assert_eq!(ground.callers[instance].get(&path).await.status, 200);
        for all in [ground.of_it(""), ground.of_it("&partner=app-2&operator=acme")] {
            let list = listed(&as_admin(base, &all).await);
            assert_eq!((&list[0]["partner"], &list[0]["operator"]), (&json!("app-2"), &json!("acme")));
        }
        assert_eq!(names(&as_admin(base, &ground.of_it("&partner=app-5")).await), Vec::<String>::new());
        let shown = as_admin(base, &path).await;
        assert_eq!((shown.status, &shown.json()["event"]["data"]), (200, &json!({"n": 1.10})));
    }
    let nobody =
        CheckedClient::new().get(&format!("{}/deliveries", ground.shared.bases[0]), &[]).await.unwrap();
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn pages_stay_in_place_while_new_ones_come_in_and_cursors_are_good_anywhere() {
    let ground = Ground::new("app-5").await;
    let mut expected = Vec::new();
    for ago in (1..=7).rev() {
        expected.insert(0, name(&ground.deliver("page", ago * HOUR_MS).await.1));
    }
    let (mut seen, mut path) = (Vec::new(), ground.of_it("&limit=2&total=true"));
    for page in 0.. {
        let answer = ground.callers[page % 2].get(&path).await;
        seen.extend(names(&answer));
        assert_eq!(answer.json()["total"], 7 + page, "{}", answer.text());
        assert!(answer.json().get("totalIsAtLeast").is_none());
        let Some(link) = answer.header("link") else {
            assert_eq!(answer.json()["next"], Value::Null);
            break;
        };
        let target =
            link.strip_prefix("</api/v2/webhooks").and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
        path = target.unwrap().to_owned();
        assert!(path.contains(&ground.subscription) && path.contains("limit=2"), "{path}");
        assert!(path.ends_with(answer.json()["next"].as_str().unwrap()), "{path}");
        ground.deliver("newer", 0).await;
    }
    assert_eq!(seen, expected);
    let ascending = ground.of_it("&sort=issueDate&limit=3");
    let oldest = ground.callers[1].get(&ascending).await;
    assert_eq!(names(&oldest), expected.iter().rev().take(3).cloned().collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_leave_out_what_does_not_fit() {
    let ground = Ground::new("app-8").await;
    let logs = &ground.logs;
    let (first, one) = ground.deliver("filter", 3 * HOUR_MS).await;
    let mut other = event(&event_id("filter"));
    (other.subject, other.r#type) = ("CD2".into(), "FLIGHT_CANCEL".into());
    let second = logs.accept(other, 2 * HOUR_MS).await;
    let two = logs.deliver(&second, ground.app, &ground.subscription).await;
    let (_, three) = ground.deliver("filter", HOUR_MS).await;
    let epoch = logs.claim(&one).await;
    logs.tell(&one, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    logs.tell(&two, epoch, LineKind::Parked, None).await;
    let [one, two, three] = [&one, &two, &three].map(name);
    let since = |ago_ms: i64| aerogram_domain::time::iso_millis(now_ms() - ago_ms);
    let id = first.event.id.as_str();
    for (filter, expected) in [
        (String::new(), vec![&three, &two, &one]),
        ("&status=DELIVERED".to_owned(), vec![&one]),
        ("&status=PARKED,DELIVERED".to_owned(), vec![&two, &one]),
        ("&status=PARKED&status=PENDING".to_owned(), vec![&three, &two]),
        ("&subject=CD2".to_owned(), vec![&two]),
        ("&eventType=FLIGHT_CREATE".to_owned(), vec![&three, &one]),
        (format!("&eventId={id}"), vec![&one]),
        (format!("&since={}", since(HOUR_MS * 5 / 2)), vec![&three, &two]),
        (format!("&until={}", since(HOUR_MS * 5 / 2)), vec![&one]),
        (format!("&since={}&until={}", since(HOUR_MS * 5 / 2), since(HOUR_MS * 3 / 2)), vec![&two]),
        ("&status=ESCALATED".to_owned(), vec![]),
    ] {
        for caller in &ground.callers {
            let found = names(&caller.get(&ground.of_it(&filter)).await);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
        }
    }
    let wrong = ground.of_it("&status=SENT&sort=status&total=7&limit=201&partner=app-1&colour=red");
    let answer = ground.callers[0].get(&wrong).await;
    assert_eq!(answer.status, 400);
    let told: Vec<_> =
        answer.json()["errors"].as_array().unwrap().iter().map(|one| one["parameter"].clone()).collect();
    assert_eq!(told, ["status", "sort", "total", "limit", "partner", "colour"]);
}

#[tokio::test]
async fn what_was_sent_is_told_apart_from_what_would_be_sent_today() {
    let mut templated = wish();
    templated["httpRequest"] = json!({"jsonBody": {"flight": "{{eventId}}"}});
    let ground = Ground::with("app-9", &templated).await;
    let (logs, mine) = (&ground.logs, &ground.callers[1]);
    let (accepted, sent) = ground.deliver("body", 1_000).await;
    let path = format!("/deliveries/{}", name(&sent));
    let shown = async || mine.get(&path).await.json();
    let body = json!(format!(r#"{{"flight":"{}"}}"#, accepted.event.id));
    let before = shown().await;
    assert_eq!((&before["body"], &before["bodyIs"]), (&body, &json!("by_todays_template")), "{before}");
    let epoch = logs.claim(&sent).await;
    logs.tell(&sent, epoch, LineKind::Failed, Some(attempt(1, 500, now_ms()))).await;
    assert_eq!(shown().await["bodyIs"], "as_sent");
    let changed = json!({"httpRequest": {"jsonBody": {"is": "{{eventType}}"}}});
    assert_eq!(mine.patch(&ground.subscription, &changed).await.status, 200);
    let after = shown().await;
    assert_eq!(after["body"], r#"{"is":"FLIGHT_CREATE"}"#);
    assert_eq!(after["bodyIs"], "by_todays_template");
    // The history of a deleted one stays with its pair.
    assert_eq!(mine.delete(&ground.subscription).await.status, 204);
    let deleted = shown().await;
    assert_eq!((&deleted["body"], &deleted["callbackUrl"]), (&Value::Null, &Value::Null));
    assert!(deleted["bodyMissing"].as_str().unwrap().contains("deleted"), "{deleted}");
    assert_eq!((&deleted["event"]["data"], &deleted["status"]), (&json!({"n": 1.10}), &json!("RETRYING")));
    assert_eq!(names(&mine.get(&ground.of_it("")).await), [name(&sent)]);
}

#[tokio::test]
async fn without_entitlement_it_is_not_told_what_an_event_says() {
    let shared = shared();
    let logs = Logs::new(&shared.world.rig, PARTITIONS);
    let mut order = event(&event_id("order"));
    order.r#type = "OrderCreated".into();
    let accepted = logs.accept(order, 1_000).await;
    let sent = logs.deliver(&accepted, "app-6", "0192d3a4-0000-7000-8000-0000000000d1").await;
    let theirs = Caller::new(&shared.bases[0], "app-6", "token-of-flights");
    let shown = theirs.get(&format!("/deliveries/{}", name(&sent))).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let shown = shown.json();
    assert_eq!((&shown["event"]["data"], &shown["body"]), (&Value::Null, &Value::Null), "{shown}");
    assert!(shown["bodyMissing"].as_str().unwrap().contains("entitled"), "{shown}");
    assert!(!shown.to_string().contains("1.1"), "{shown}");
}

#[tokio::test]
async fn what_waits_is_known_before_anybody_sent_it() {
    let ground = Ground::new("app-10").await;
    let accepted = ground.logs.accept(event(&event_id("waits")), HOUR_MS).await;
    let run = Delivery {
        run: 0xab,
        issued_at_ms: now_ms(),
        ..crate::logs::delivery(&accepted, ground.app, &ground.subscription)
    };
    ground.logs.wait(&run, PendingKind::Retry, now_ms() + HOUR_MS).await;
    for caller in &ground.callers {
        let list = listed(&caller.get(&ground.of_it("")).await);
        assert_eq!((&list[0]["status"], &list[0]["run"]), (&json!("PENDING"), &json!("redelivery")));
        assert!(list[0]["id"].as_str().unwrap().ends_with("-ab") && list.len() == 1, "{list:?}");
        assert!(list[0]["nextAttemptAtDateTime"].is_string(), "{list:?}");
    }
}

async fn caller_of(instance: &Instance) -> Caller {
    Caller::new(&instance.base, "app-1", "token-of-acme")
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_stops_history_and_nothing_else() {
    let world = World::new("api-history-unreadable", 1, &[]).await;
    let logs = Logs::new(&world.rig, 1);
    let subscription = "0192d3a4-0000-7000-8000-0000000000d2";
    let accepted = logs.accept(event("e-1"), 1_000).await;
    let sent = logs.deliver(&accepted, "app-1", subscription).await;
    let instance = world.instance_at(PACE).await;
    let caller = caller_of(&instance).await;
    let is_listed = async |expected: &str| {
        eventually(expected, async || {
            let list = caller.get("/deliveries").await;
            (list.status == 200 && listed(&list).iter().any(|one| one["status"] == expected)).then_some(())
        })
        .await;
    };
    is_listed("PENDING").await;
    let bad = logs.append(Topic::Attempts, 0, b"", Some(b"nothing of ours".to_vec())).await;
    let epoch = logs.claim(&sent).await;
    logs.tell(&sent, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    eventually("said", async || {
        let report = instance.health.report();
        let mut conditions = report["conditions"].as_array().unwrap().iter();
        let stands = conditions.find(|one| one["name"] == "history followed").unwrap();
        let why = format!("partition 0 stands still: attempts partition 0 offset {bad} ");
        (stands["ok"] == false && stands["text"].as_str().unwrap().contains(&why)).then_some(())
    })
    .await;
    for path in ["/deliveries".to_owned(), format!("/deliveries/{}", name(&sent)), "/events/e-1".to_owned()] {
        let refused = caller.get(&path).await;
        assert!(
            refused.status == 503 && refused.header("retry-after").is_some(),
            "{path}: {}",
            refused.text()
        );
    }
    assert_eq!(caller.get("/escalations").await.status, 200);
    caller.created(&wish()).await;
    eventually("ready all the same", async || instance.health.is_ready().then_some(())).await;
    // Whoever knows what it is takes it away.
    delete_before(&world.rig, Topic::Attempts.name(), 0, bad + 1).await;
    is_listed("DELIVERED").await;
    instance.stop().await;
}

#[tokio::test]
async fn a_file_that_is_kept_and_one_that_is_made_anew_say_the_same() {
    let mut world = World::new("api-history-anew", 2, &[]).await;
    let file = world.rig.dir().join("projection.sqlite");
    world.env.push(("AEROGRAM_API__PROJECTION_PATH".to_owned(), file.display().to_string()));
    let logs = Logs::new(&world.rig, 2);
    let mut delivered = Vec::new();
    for (number, kind) in
        [LineKind::Delivered, LineKind::Retry, LineKind::Failed, LineKind::Cancelled].into_iter().enumerate()
    {
        let accepted = logs.accept(event(&format!("e-{number}")), 1_000).await;
        let subscription = format!("0192d3a4-0000-7000-8000-00000000000{number}");
        let sent = logs.deliver(&accepted, "app-1", &subscription).await;
        delivered.push((sent, kind));
    }
    let instance = world.instance().await;
    let path = "/deliveries?limit=200";
    assert_eq!(listed(&caller_of(&instance).await.get(path).await).len(), 4);
    instance.stop().await;
    // What comes while nobody reads.
    for (sent, kind) in &delivered {
        let epoch = logs.claim(sent).await;
        logs.tell(sent, epoch, *kind, Some(attempt(1, 500, now_ms()))).await;
    }
    let instance = world.instance().await;
    let kept = caller_of(&instance).await.get(path).await.json();
    // The last claim of a partition is in force where it is read on, too.
    let (sent, _) = &delivered[2];
    logs.tell(sent, -1, LineKind::Delivered, Some(attempt(2, 200, now_ms()))).await;
    assert_eq!(caller_of(&instance).await.get(path).await.json(), kept);
    instance.stop().await;
    let statuses: Vec<_> =
        kept["deliveries"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses.len(), 4);
    for status in ["DELIVERED", "RETRYING", "CANCELLED"] {
        assert!(statuses.contains(&json!(status)), "{statuses:?}");
    }
    std::fs::remove_file(&file).unwrap();
    let instance = world.instance().await;
    assert_eq!(caller_of(&instance).await.get(path).await.json(), kept);
    instance.stop().await;
}

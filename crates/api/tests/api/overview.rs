//! How a subscription does, and what goes with each attempt.

use aerogram_domain::escalations::run_name;
use aerogram_domain::time::iso_millis;
use aerogram_wire::v1::{Delivery, LineKind, Outcome};
use serde_json::{Value, json};

use crate::given_up::{escalation, write};
use crate::logs::{Logs, attempt, event, event_id, name, now_ms};
use crate::openapi::CheckedClient;
use crate::raw::Open;
use crate::seed::changed_record;
use crate::world::{Caller, Instance, World, as_admin, shared, wish};

const PARTITIONS: i32 = 3;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const FAILING: &str = "0192d3a4-0000-7000-8000-0000000000f1";
const PAUSED: &str = "0192d3a4-0000-7000-8000-0000000000f2";

/// Topics of its own, for a test that counts.
struct Ground {
    world: World,
    instance: Instance,
    mine: Caller,
    logs: Logs,
    failing_since_ms: i64,
}

impl Ground {
    async fn new(test: &str) -> Self {
        let world = World::new(test, PARTITIONS, &[]).await;
        let failing_since_ms = now_ms() - HOUR_MS;
        let seeded = [FAILING, PAUSED].map(|id| {
            changed_record(id, "app-1", 1, 0, |subscription| {
                subscription.failing_since_ms = failing_since_ms;
                if id == PAUSED {
                    subscription.set_status(aerogram_wire::v1::Status::Inactive);
                }
            })
        });
        Open::begin(&world.rig, &seeded).await.commit().await;
        let instance = world.instance().await;
        let mine = Caller::new(&instance.base, "app-1", "token-of-acme");
        let logs = Logs::new(&world.rig, PARTITIONS);
        Self { world, instance, mine, logs, failing_since_ms }
    }

    async fn deliver(&self, subscription: &str) -> Delivery {
        let accepted = self.logs.accept(event(&event_id("overview")), 60_000).await;
        self.logs.deliver(&accepted, "app-1", subscription).await
    }

    async fn overview(&self, subscription: &str) -> Value {
        let answer = self.mine.get(&format!("/subscriptions/{subscription}/overview")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// Of all hours together.
fn sum(overview: &Value, figure: &str) -> u64 {
    overview["hours"].as_array().unwrap().iter().map(|hour| hour[figure].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn an_overview_tells_what_happened_and_what_waits() {
    let ground = Ground::new("api-overview").await;
    let subscription = ground.mine.created(&wish()).await;
    let before = ground.overview(&subscription).await;
    let nothing = json!({"state": null, "failingSince": null, "nextProbeAtDateTime": null, "becomesInactiveAtDateTime": null});
    assert_eq!(before["hours"].as_array().unwrap().len(), 24);
    assert_eq!((&before["receiver"], &before["lastSuccess"]), (&nothing, &Value::Null));
    assert_eq!(before["waiting"], json!({"pending": 0, "retrying": 0, "parked": 0, "escalatedOpen": 0}));

    let runs = [
        ground.deliver(&subscription).await,
        ground.deliver(&subscription).await,
        ground.deliver(&subscription).await,
        ground.deliver(&subscription).await,
        ground.deliver(&subscription).await,
    ];
    let at_ms = now_ms();
    let lines = [
        (LineKind::Delivered, Some(attempt(1, 200, at_ms - 4_000))),
        (LineKind::Retry, Some(attempt(1, 503, at_ms - 2_000))),
        (LineKind::Escalated, Some(attempt(1, 500, at_ms - 3_000))),
        (LineKind::Parked, None),
    ];
    for (run, (kind, attempt)) in runs.iter().zip(lines) {
        let epoch = ground.logs.claim(run).await;
        ground.logs.tell(run, epoch, kind, attempt).await;
    }
    let given_up = [1, 2].map(|number| escalation(number, "app-1", &subscription, at_ms));
    write(&ground.world.rig, PARTITIONS, &subscription, &given_up).await;
    let dismissal = format!("/escalations/{}/dismissal", run_name(given_up[0].0));
    let why = json!({"why": "it is too late"});
    let dismissed = ground.mine.send(http::Method::POST, &dismissal, &[], Some(&why)).await;
    assert_eq!(dismissed.status, 200, "{}", dismissed.text());

    let told = ground.overview(&subscription).await;
    let figures = ["delivered", "failedAttempts", "escalated"].map(|figure| sum(&told, figure));
    assert_eq!(figures, [1, 2, 1], "{told}");
    assert_eq!(told["ended24h"], json!({"delivered": 1, "escalated": 1, "other": 0}));
    assert_eq!(told["waiting"], json!({"pending": 1, "retrying": 1, "parked": 1, "escalatedOpen": 1}));
    assert_eq!(told["lastSuccess"], json!({"id": name(&runs[0]), "atDateTime": iso_millis(at_ms - 4_000)}));
    assert_eq!(
        told["lastFailure"],
        json!({"id": name(&runs[1]), "atDateTime": iso_millis(at_ms - 2_000), "outcome": "http_5xx", "status": 503,
            "excerpt": "oh no"})
    );
    let due = told["nextAttemptAtDateTime"].as_str().unwrap();
    assert!(due > iso_millis(at_ms + HOUR_MS - 60_000).as_str(), "{due}");
    assert_eq!((&told["countsAreAtLeast"], &told["receiver"]), (&json!(false), &nothing));
    let hours = told["hours"].as_array().unwrap();
    let answered: Vec<_> = hours.iter().filter(|hour| !hour["answerMsMedian"].is_null()).collect();
    // They may lie on both sides of the end of an hour.
    assert!((1..=2).contains(&answered.len()), "{told}");
    // 20 ms each.
    assert!(answered.iter().all(|hour| hour["answerMsMedian"] == 20 && hour["answerMsP95"] == 20), "{told}");
    let since = |hour: &Value| hour["since"].as_str().unwrap().to_owned();
    assert!(since(&hours[23]).ends_with(":00:00.000Z") && since(&hours[23]) <= iso_millis(now_ms()));

    let failing = ground.overview(FAILING).await;
    let since_ms = ground.failing_since_ms;
    assert_eq!(
        failing["receiver"],
        json!({"state": "failing", "failingSince": iso_millis(since_ms), "nextProbeAtDateTime": null,
            "becomesInactiveAtDateTime": iso_millis(since_ms + 5 * DAY_MS)})
    );
    assert_eq!(ground.overview(PAUSED).await["receiver"], nothing);

    let path = format!("/subscriptions/{subscription}/overview");
    let other = Caller::new(&ground.instance.base, "app-2", "token-of-acme");
    assert_eq!(other.get(&path).await.status, 404);
    assert_eq!(ground.mine.get("/subscriptions/x/overview").await.status, 404);
    let nobody = CheckedClient::new().get(&format!("{}{path}", ground.instance.base), &[]).await.unwrap();
    assert_eq!(nobody.status, 401);
    let seen = as_admin(&ground.instance.base, &path).await;
    assert_eq!((seen.status, &seen.json()["ended24h"]), (200, &told["ended24h"]));
    assert_eq!(ground.mine.delete(&subscription).await.status, 204);
    assert_eq!(ground.mine.get(&path).await.status, 404);
    ground.instance.stop().await;
}

#[tokio::test]
async fn lists_can_be_asked_for_attempts_and_counted() {
    let ground = Ground::new("api-attempts").await;
    let subscription = ground.mine.created(&wish()).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(ground.deliver(&subscription).await);
    }
    let refused = {
        let mut refused = attempt(2, 0, now_ms());
        refused.set_outcome(Outcome::Connect);
        refused
    };
    let lines = [
        (0, LineKind::Delivered, attempt(1, 200, now_ms())),
        (1, LineKind::Failed, attempt(1, 500, now_ms() - 9)),
        (1, LineKind::Retry, refused),
        (2, LineKind::Retry, attempt(1, 503, now_ms())),
    ];
    let epoch = ground.logs.claim(&runs[0]).await;
    for (run, kind, attempt) in lines {
        ground.logs.tell(&runs[run], epoch, kind, Some(attempt)).await;
    }
    for (filter, expected) in [
        ("lastOutcome=none", vec![3]),
        ("lastOutcome=delivered", vec![0]),
        ("lastOutcome=connect,http_5xx", vec![2, 1]),
        ("lastOutcome=tls", vec![]),
        ("attemptsMin=1", vec![2, 1, 0]),
        ("attemptsMin=2", vec![1]),
        ("attemptsMax=0", vec![3]),
        ("attemptsMin=1&attemptsMax=1&lastOutcome=http_5xx,none", vec![2]),
        ("attemptsMin=0&status=RETRYING", vec![2, 1]),
    ] {
        for of in ["", &format!("&subscriptionId={subscription}"), "&eventType=FLIGHT_CREATE", "&subject=AB1"]
        {
            let list = ground.mine.get(&format!("/deliveries?{filter}{of}&total=true")).await;
            assert_eq!(list.status, 200, "{}", list.text());
            let list = list.json();
            let found: Vec<_> =
                list["deliveries"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
            let mut found: Vec<_> = found.iter().map(|id| id.as_str().unwrap()).collect();
            let mut names: Vec<_> = expected.iter().map(|run| name(&runs[*run])).collect();
            found.sort_unstable();
            names.sort_unstable();
            assert_eq!(found, names, "{filter}{of}");
            assert_eq!(
                (&list["total"], &list["next"]),
                (&json!(expected.len()), &Value::Null),
                "{filter}{of}"
            );
        }
    }
    let wrong = ground.mine.get("/deliveries?lastOutcome=none,gone&attemptsMin=-1&attemptsMax=x").await;
    assert_eq!(wrong.status, 400);
    let told: Vec<_> =
        wrong.json()["errors"].as_array().unwrap().iter().map(|one| one["parameter"].clone()).collect();
    assert_eq!(told, ["lastOutcome", "attemptsMin", "attemptsMax"]);

    let given_up = [3, 4, 5].map(|number| escalation(number, "app-1", &subscription, now_ms()));
    write(&ground.world.rig, PARTITIONS, &subscription, &given_up).await;
    let counted = ground.mine.get("/escalations?total=true&limit=1").await.json();
    assert_eq!((&counted["total"], counted["escalations"].as_array().unwrap().len()), (&json!(3), 1));
    let next = counted["next"].as_str().unwrap();
    let second = ground.mine.get(&format!("/escalations?total=true&limit=1&after={next}")).await.json();
    assert_eq!((&second["total"], second.get("totalIsAtLeast")), (&json!(3), None));
    let none = ground.mine.get("/escalations?total=true&state=dismissed").await.json();
    assert_eq!(none["total"], 0);
    assert!(ground.mine.get("/escalations").await.json().get("total").is_none());
    assert_eq!(ground.mine.get("/escalations?total=1").await.status, 400);
    ground.instance.stop().await;
}

#[tokio::test]
async fn what_goes_with_an_attempt_is_told_without_what_is_secret() {
    let shared = shared();
    let mine = &shared.pair("app-11")[0];
    let mut secretive = wish();
    secretive["httpRequest"] = json!({"header": {"X-Desk": "hush-7"}, "jsonBody": {"id": "{{eventId}}"}});
    secretive["authentication"] = json!({"type": "bearer", "token": "hush-8"});
    let subscription = mine.created(&secretive).await;
    let logs = Logs::new(&shared.world.rig, PARTITIONS);
    let accepted = logs.accept(event(&event_id("request")), 1_000).await;
    let sent = logs.deliver(&accepted, "app-11", &subscription).await;
    let path = format!("/deliveries/{}", name(&sent));
    let headers = |timestamp: Value, agent: &Value| {
        json!([
            {"name": "x-desk", "value": null},
            {"name": "authorization", "value": null},
            {"name": "content-type", "value": "application/json"},
            {"name": "webhook-id", "value": name(&sent)},
            {"name": "webhook-timestamp", "value": timestamp},
            {"name": "webhook-signature", "value": null},
            {"name": "user-agent", "value": agent},
        ])
    };
    let shown = mine.get(&path).await.json();
    let agent = shown["request"]["headers"][6]["value"].clone();
    assert!(agent.as_str().is_some_and(|agent| !agent.is_empty()), "{shown}");
    assert_eq!(shown["request"]["url"], "https://receiver.example/hook");
    assert_eq!(shown["request"]["headers"], headers(Value::Null, &agent));
    let epoch = logs.claim(&sent).await;
    logs.tell(&sent, epoch, LineKind::Delivered, Some(attempt(1, 200, 1_705_314_600_999))).await;
    let shown = mine.get(&path).await;
    assert_eq!(shown.json()["request"]["headers"], headers(json!("1705314600"), &agent));
    assert!(!shown.text().contains("hush"), "{}", shown.text());
    assert_eq!(mine.delete(&subscription).await.status, 204);
    assert_eq!(mine.get(&path).await.json()["request"], Value::Null);
}

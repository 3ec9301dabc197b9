//! What people see of deliveries that were given up, and what they can do about them.

use aerogram_domain::escalations::{redelivery_run, run_name};
use aerogram_testkit::{Answer, Rig};
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{
    Attempt, Escalation, Outcome, PendingEntry, PendingKind, Resolution, ResolutionKind,
};
use aerogram_wire::{Message as _, Topic};
use http::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::given_up::{escalation, write};
use crate::openapi::CheckedClient;
use crate::raw::{Open, Written, delete_before, everything_in};
use crate::world::{Caller, World, as_admin, shared, wish};

/// Of the shared instances.
const PARTITIONS: i32 = 3;

fn names(list: &Answer) -> Vec<String> {
    assert_eq!(list.status, 200, "{}", list.text());
    let list = list.json();
    let name = |entry: &Value| entry["id"].as_str().unwrap().to_owned();
    list["escalations"].as_array().unwrap().iter().map(name).collect()
}

async fn post(caller: &Caller, path: &str, body: &Value) -> Answer {
    caller.send(Method::POST, path, &[], Some(body)).await
}

fn name(number: u8) -> String {
    run_name(RunKey { delivery_id: [number; 16], run: 0 })
}

#[tokio::test]
async fn each_sees_its_own_and_administrators_see_all() {
    let shared = shared();
    let subscription = "0192d3a4-0000-7000-8000-0000000000e1";
    let records = [(1, "app-7", 1_000), (2, "app-7", 2_000), (3, "app-8", 3_000)]
        .map(|(number, app, at_ms)| escalation(number, app, subscription, at_ms));
    write(&shared.world.rig, PARTITIONS, subscription, &records).await;
    for instance in [0, 1] {
        let base = shared.bases[instance].as_str();
        let [mine, others] = ["app-7", "app-8"].map(|app| shared.pair(app)[instance].clone());
        assert_eq!(names(&mine.get("/escalations").await), [name(2), name(1)]);
        assert_eq!(names(&others.get("/escalations").await), [name(3)]);
        let of_it = format!("/escalations?subscriptionId={subscription}");
        assert_eq!(names(&as_admin(base, &of_it).await), [name(3), name(2), name(1)]);
        let of_one = format!("{of_it}&partner=app-8&operator=acme&fault=receiver");
        assert_eq!(names(&as_admin(base, &of_one).await), [name(3)]);
        let acting = [
            ("authorization", "Bearer token-of-admin"),
            ("x-api-client-id", "app-8"),
            ("x-operator", "acme"),
        ];
        let acted = CheckedClient::new().get(&format!("{base}/escalations"), &acting).await.unwrap();
        assert_eq!(names(&acted), [name(3)]);
        assert_eq!(mine.get(&format!("/escalations/{}", name(3))).await.status, 404);
        assert_eq!(as_admin(base, &format!("/escalations/{}", name(3))).await.status, 200);
        for nothing in ["x", "msg_00", &name(200)] {
            assert_eq!(mine.get(&format!("/escalations/{nothing}")).await.status, 404, "{nothing}");
        }
        let page = mine.get("/escalations?limit=1").await.json();
        let next = page["next"].as_str().unwrap();
        let last = mine.get(&format!("/escalations?limit=1&after={next}")).await;
        assert_eq!((names(&last), last.json()["next"].clone()), (vec![name(1)], Value::Null));
    }
    let shown = shared.pair("app-7")[0].get(&format!("/escalations/{}", name(1))).await.json();
    assert_eq!(
        shown,
        json!({
            "id": name(1), "webhookId": name(1), "escalatedAt": "1970-01-01T00:00:01.000Z", "state": "open",
            "reason": "exhausted", "fault": "receiver", "partner": "app-7", "operator": "acme",
            "subscriptionId": subscription, "eventType": "FLIGHT_CREATE", "eventId": "e-1", "subject": "AB1",
            "environment": "production", "attemptsMade": 2, "lastOutcome": "timeout", "lastStatus": null,
            "resolution": null, "callbackUrl": "https://receiver.example/hook", "policy": "standard",
            "acceptedAt": null,
            "event": {"id": "e-1", "source": "ops", "type": "FLIGHT_CREATE", "time": "1970-01-01T00:00:00.000Z",
                "subject": "AB1", "environment": "production", "data": {"n": 1.10}},
            "attempts": [
                {"number": 1, "startedAt": "1970-01-01T00:00:00.000Z", "durationMs": 20, "outcome": "http_5xx",
                    "status": 500, "problem": null, "tlsProblem": null, "excerpt": "oh no"},
                {"number": 2, "startedAt": "1970-01-01T00:00:00.000Z", "durationMs": 20, "outcome": "timeout",
                    "status": null, "problem": null, "tlsProblem": null, "excerpt": null},
            ],
        })
    );
}

/// Else any name could be asked for, one callback URL after the other.
#[tokio::test]
async fn what_failed_tells_subscribers_nothing_of_our_network() {
    let shared = shared();
    let subscription = "0192d3a4-0000-7000-8000-0000000000e5";
    let (key, mut record) = escalation(30, "app-9", subscription, 1_000);
    let kept = [
        (
            Outcome::Blocked,
            "blocked: vm: 10.1.2.3 is not public (private); deliverer.allow_cidrs can allow it",
            "",
        ),
        (Outcome::PlatformError, "our own fault: the proxy vm:3128 wants other credentials (407)", ""),
        (Outcome::Connect, "no connection: 10.1.2.3:443: Connection refused", ""),
        (Outcome::Dns, "name not resolved: vm: no record", ""),
        (Outcome::Timeout, "timed out: connecting to 10.1.2.3:443", ""),
        (
            Outcome::Tls,
            "TLS failed: the certificate is for a.example, not for b.example",
            "certificate_wrong_name",
        ),
    ];
    record.attempts = kept
        .iter()
        .map(|(outcome, problem, tls_problem)| Attempt {
            outcome: (*outcome).into(),
            problem: (*problem).into(),
            tls_problem: (*tls_problem).into(),
            ..record.attempts[0].clone()
        })
        .collect();
    write(&shared.world.rig, PARTITIONS, subscription, &[(key, record)]).await;
    let path = format!("/escalations/{}", name(30));
    let problems = |answer: &Answer| -> Vec<String> {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let attempts = answer.json()["attempts"].as_array().unwrap().clone();
        attempts.iter().map(|attempt| attempt["problem"].as_str().unwrap().to_owned()).collect()
    };
    let all: Vec<String> = kept.iter().map(|(_, problem, _)| (*problem).to_owned()).collect();
    let acting =
        [("x-api-client-id", "app-9"), ("x-operator", "acme"), ("authorization", "Bearer token-of-admin")];
    for instance in [0, 1] {
        let base = shared.bases[instance].as_str();
        let mine = &shared.pair("app-9")[instance];
        let shown = mine.get(&path).await;
        let told = problems(&shown);
        assert!(told.iter().all(|told| !told.is_empty()), "{told:?}");
        assert_eq!(
            (&told[5], &shown.json()["attempts"][5]["tlsProblem"]),
            (&all[5], &json!("certificate_wrong_name"))
        );
        let list = mine.get(&format!("/escalations?subscriptionId={subscription}")).await;
        assert_eq!(names(&list), [name(30)]);
        for answer in [&shown, &list] {
            for inner in ["10.1.2.3", "vm", "allow_cidrs", "refused", "407", "3128"] {
                assert!(!answer.text().contains(inner), "{inner} in {}", answer.text());
            }
        }
        assert_eq!(problems(&as_admin(base, &path).await), all);
        let acted = CheckedClient::new().get(&format!("{base}{path}"), &acting).await.unwrap();
        assert_eq!(problems(&acted), all);
    }
    // Nor do the answers of what is done about it.
    let mine = &shared.pair("app-9")[0];
    let dismissed = post(mine, &format!("{path}/dismissal"), &json!({"why": "known"})).await;
    assert!(dismissed.status == 200 && !dismissed.text().contains("10.1.2.3"), "{}", dismissed.text());
}

#[tokio::test]
async fn every_wrong_parameter_is_named() {
    let shared = shared();
    let [mine, _] = shared.pair("app-7");
    let answer = mine.get("/escalations?state=closed&limit=0&partner=app-8&colour=red").await;
    assert_eq!(answer.status, 400);
    let json = answer.json();
    let told: Vec<_> = json["errors"].as_array().unwrap().iter().map(|e| e["parameter"].clone()).collect();
    assert_eq!(told, ["state", "limit", "partner", "colour"]);
    assert_eq!(mine.get("/escalations?state=%ff").await.status, 400);
    let nobody = CheckedClient::new().get(&format!("{}/escalations", shared.bases[0]), &[]).await.unwrap();
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn a_dismissal_says_why_and_another_instance_knows_at_once() {
    let shared = shared();
    let [first, second] = shared.pair("app-5");
    let subscription = "0192d3a4-0000-7000-8000-0000000000e2";
    let record = escalation(10, "app-5", subscription, 1_000);
    write(&shared.world.rig, PARTITIONS, subscription, &[record]).await;
    let path = format!("/escalations/{}/dismissal", name(10));
    for wrong in
        [json!({}), json!({"why": ""}), json!({"why": 7}), json!({"why": "x".repeat(501)}), json!([])]
    {
        let answer = post(&first, &path, &wrong).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
    assert_eq!(first.send(Method::POST, &path, &[], None).await.status, 400);
    let others = &shared.pair("app-8")[0];
    assert_eq!(post(others, &path, &json!({"why": "not mine"})).await.status, 404);
    let why = "é".repeat(500);
    let answer = post(&first, &path, &json!({"why": why})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let resolution = answer.json()["resolution"].clone();
    assert_eq!((&resolution["kind"], &resolution["by"]), (&json!("dismissed"), &json!("app-5")));
    assert_eq!(resolution["why"], why);
    let open = format!("/escalations?subscriptionId={subscription}");
    assert_eq!(names(&second.get(&open).await), Vec::<String>::new());
    let dismissed = second.get(&format!("{open}&state=dismissed")).await;
    assert_eq!(dismissed.json()["escalations"][0], answer.json());
    // The same again changes nothing.
    assert_eq!(post(&second, &path, &json!({"why": why})).await.json(), answer.json());
}

/// The entries of a run in `pending`.
fn entries_of(rig: &Rig, run: RunKey) -> Vec<PendingEntry> {
    let key = PendingKey { run, seq: 0 }.encode();
    everything_in(rig, Topic::Pending.name())
        .iter()
        .filter_map(|bytes| bytes.strip_prefix(key.as_ref()))
        .map(|payload| PendingEntry::decode(payload).unwrap())
        .collect()
}

/// Whoever said it died before it was written.
#[tokio::test]
async fn a_redelivery_that_was_only_said_is_finished_by_whoever_finds_it() {
    let shared = shared();
    let [first, second] = shared.pair("app-11");
    let subscription = first.created(&wish()).await;
    let (key, record) = escalation(22, "app-11", &subscription, 1_000);
    let run = redelivery_run(key);
    let resolution = Resolution {
        kind: ResolutionKind::Redelivering.into(),
        actor: "app-11".into(),
        at_ms: 2_000,
        why: "fixed".into(),
        run,
    };
    let said = Escalation { schema: 1, resolution: Some(resolution), ..Escalation::default() };
    let rig = &shared.world.rig;
    write(rig, PARTITIONS, &subscription, &[(key, record), (key, said)]).await;
    let path = format!("/escalations/{}", name(22));
    let until = Instant::now() + Duration::from_secs(60);
    let finished = loop {
        let answer = second.get(&path).await.json();
        if answer["state"] == "redelivered" {
            break answer;
        }
        assert_eq!(answer["state"], "redelivering", "{answer}");
        assert!(Instant::now() < until, "{answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(finished["resolution"]["by"], "app-11");
    assert_eq!(finished["resolution"]["redeliveredAs"], run_name(RunKey { run, ..key }));
    let entries = entries_of(rig, RunKey { run, ..key });
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry.due_at_ms == 2_000), "{entries:?}");
}

#[tokio::test]
async fn a_redelivery_is_one_run_however_often_it_is_asked_for() {
    let shared = shared();
    let [first, second] = shared.pair("app-10");
    let subscription = first.created(&wish()).await;
    let (key, record) = escalation(20, "app-10", &subscription, 1_000);
    write(&shared.world.rig, PARTITIONS, &subscription, &[(key, record.clone())]).await;
    let path = format!("/escalations/{}", name(20));
    let again = format!("{path}/redeliveries");
    first.patch(&subscription, &json!({"status": "INACTIVE"})).await;
    let refused = second.send(Method::POST, &again, &[], None).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("not active"), "{}", refused.text());
    first.patch(&subscription, &json!({"status": "ACTIVE"})).await;
    // What was dismissed may be redelivered.
    assert_eq!(post(&first, &format!("{path}/dismissal"), &json!({"why": "no"})).await.status, 200);
    let answer = post(&second, &again, &json!({"why": "fixed"})).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let run = redelivery_run(key);
    let resolution = &answer.json()["resolution"];
    assert_eq!((&resolution["kind"], &resolution["why"]), (&json!("redelivered"), &json!("fixed")));
    assert_eq!(resolution["redeliveredAs"], run_name(RunKey { run, ..key }));
    for caller in [&first, &second] {
        let repeated = caller.send(Method::POST, &again, &[], None).await;
        assert_eq!((repeated.status, repeated.json()), (202, answer.json()));
    }
    let taken_back = post(&first, &format!("{path}/dismissal"), &json!({"why": "no"})).await;
    assert_eq!(taken_back.status, 409, "{}", taken_back.text());

    let rig = &shared.world.rig;
    let entries = entries_of(rig, RunKey { run, ..key });
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0].kind(), PendingKind::Retry);
    let at: jiff::Timestamp = answer.json()["resolution"]["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(entries[0].due_at_ms, at.as_millisecond(), "since the first one that was said");
    let delivery = entries[0].delivery.clone().unwrap();
    assert_eq!((delivery.run, delivery.seq, delivery.attempts_made), (run, 0, 0));
    assert_eq!(delivery.event, record.delivery.unwrap().event);
    assert_eq!(first.delete(&subscription).await.status, 204);
    let (other_key, other) = escalation(21, "app-10", &subscription, 2_000);
    write(rig, PARTITIONS, &subscription, &[(other_key, other)]).await;
    let gone = first.send(Method::POST, &format!("/escalations/{}/redeliveries", name(21)), &[], None).await;
    assert!(gone.status == 409 && gone.text().contains("deleted"), "{}", gone.text());
}

/// The file stays when the process ends, goes on where it was, and comes back when it was deleted.
#[tokio::test]
async fn the_projection_goes_on_where_it_was_and_comes_back_when_it_is_deleted() {
    let mut world = World::new("api-projection", 2, &[]).await;
    let file = world.rig.dir().join("projection.sqlite");
    world.env.push(("AEROGRAM_API__PROJECTION_PATH".to_owned(), file.display().to_string()));
    let subscription = "0192d3a4-0000-7000-8000-0000000000e3";
    let listed = async |world: &World, expected: usize| {
        let instance = world.instance().await;
        let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
        let list = caller.get("/escalations?state=all").await.json();
        assert_eq!(list["escalations"].as_array().unwrap().len(), expected, "{list}");
        instance.stop().await;
        list
    };
    let records: Vec<_> = (1..=5).map(|n| escalation(n, "app-1", subscription, i64::from(n))).collect();
    write(&world.rig, 2, subscription, &records[..3]).await;
    listed(&world, 3).await;
    write(&world.rig, 2, subscription, &records[3..]).await;
    let before = listed(&world, 5).await;
    assert_eq!(listed(&world, 5).await, before);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(listed(&world, 5).await, before);
    std::fs::write(&file, b"damaged beyond recognition").unwrap();
    assert_eq!(listed(&world, 5).await, before);
}

/// What retention took is out of the list, also where it took more than was read, and also while nobody was there.
#[tokio::test]
async fn what_the_log_does_not_hold_any_more_is_not_listed() {
    let mut world = World::new("api-retention", 1, &[]).await;
    let file = world.rig.dir().join("projection.sqlite");
    world.env.push(("AEROGRAM_API__PROJECTION_PATH".to_owned(), file.display().to_string()));
    let subscription = "0192d3a4-0000-7000-8000-0000000000e4";
    let records: Vec<_> = (1..=9).map(|n| escalation(n, "app-1", subscription, i64::from(n))).collect();
    let listed = async |world: &World| {
        let instance = world.instance().await;
        let listed = names(&Caller::new(&instance.base, "app-1", "token-of-acme").get("/escalations").await);
        instance.stop().await;
        listed
    };
    let expected = |numbers: &[u8]| -> Vec<String> { numbers.iter().map(|number| name(*number)).collect() };
    write(&world.rig, 1, subscription, &records[..4]).await;
    assert_eq!(listed(&world).await, expected(&[4, 3, 2, 1]));
    delete_before(&world.rig, Topic::Escalations.name(), 0, 2).await;
    assert_eq!(listed(&world).await, expected(&[4, 3]));
    write(&world.rig, 1, subscription, &records[4..7]).await;
    // 4 and 5 were never read, or read and are gone.
    delete_before(&world.rig, Topic::Escalations.name(), 0, 6).await;
    assert_eq!(listed(&world).await, expected(&[7]));
    delete_before(&world.rig, Topic::Escalations.name(), 0, 7).await;
    assert_eq!(listed(&world).await, expected(&[]));
    // A transaction leaves a marker behind the last record; reads know that there is nothing more.
    let (key, record) = &records[8];
    let key = String::from_utf8(key.encode().to_vec()).unwrap();
    let written = Written { topic: Topic::Escalations, key, payload: record.encode_to_vec() };
    Open::begin(&world.rig, &[written]).await.commit().await;
    assert_eq!(listed(&world).await, expected(&[9]));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(listed(&world).await, expected(&[9]));
}

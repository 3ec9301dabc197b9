//! What the list of subscriptions is asked for: some of them, less of each, and the newest delivery of each.

use aerogram_testkit::Answer;
use aerogram_wire::v1::LineKind;
use serde_json::{Value, json};

use crate::logs::{Logs, attempt, event, event_id, name, now_ms};
use crate::world::{Caller, EXPIRED, World, shared, wish};

const WITH: &str = "/subscriptions?include=lastDelivery";

fn of(list: &Answer, id: &str) -> Value {
    assert_eq!(list.status, 200, "{}", list.text());
    list.json().as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone()
}

#[tokio::test]
async fn the_newest_delivery_stands_beside_its_subscription() {
    let world = World::new("api-last", 3, &[]).await;
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let [busy, idle] = [caller.created(&wish()).await, caller.created(&wish()).await];
    let logs = Logs::new(&world.rig, 3);
    assert_eq!(of(&caller.get(WITH).await, &busy)["lastDelivery"], Value::Null);
    let mut ids = Vec::new();
    for ago_ms in [60_000, 30_000, 90_000] {
        let accepted = logs.accept(event(&event_id("last")), ago_ms).await;
        let delivery = logs.deliver(&accepted, "app-1", &busy).await;
        ids.push((name(&delivery), delivery));
    }
    let list = caller.get(WITH).await;
    let last = of(&list, &busy)["lastDelivery"].clone();
    assert_eq!((&last["id"], &last["status"]), (&json!(ids[1].0), &json!("PENDING")));
    let issued = last["issuedAtDateTime"].as_str().unwrap();
    assert!(issued.ends_with('Z') && issued.len() == 24, "{issued}");
    assert_eq!(of(&list, &idle)["lastDelivery"], Value::Null);
    // What became of it, not what changed last.
    let epoch = logs.claim(&ids[1].1).await;
    logs.tell(&ids[1].1, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    let last = of(&caller.get(WITH).await, &busy)["lastDelivery"].clone();
    assert_eq!((&last["id"], &last["status"]), (&json!(ids[1].0), &json!("DELIVERED")));

    // Nobody else's list has it, nor this one unless it is asked for; and the rest of a subscription stays as it is.
    let [plain, other] = ["/subscriptions", "/subscriptions?colour=red&limit=-1"].map(str::to_owned);
    for path in [plain, other] {
        let one = of(&caller.get(&path).await, &busy);
        assert_eq!(one.get("lastDelivery"), None);
        let mut with = of(&caller.get(WITH).await, &busy);
        with.as_object_mut().unwrap().remove("lastDelivery");
        assert_eq!(with, one);
    }
    let bluejet = Caller::new(&instance.base, "app-1", "token-of-bluejet");
    assert_eq!(bluejet.get(WITH).await.json(), json!([]));

    // Of those that are named, and less of each.
    let named = caller.get(&format!("{WITH}&omit=httpRequest&id={idle},{busy}")).await;
    let ids: Vec<_> = named.json().as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, [json!(busy), json!(idle)], "the oldest first");
    let lasts = [&busy, &idle].map(|id| of(&named, id)["lastDelivery"].clone());
    assert_eq!(lasts, [last, Value::Null]);
    let wrong = caller.get("/subscriptions?include=lastDelivery,colour").await;
    assert_eq!((wrong.status, &wrong.json()["errors"][0]["parameter"]), (400, &json!("include")));
    assert!(wrong.text().contains("must be one of lastDelivery"), "{}", wrong.text());
    instance.stop().await;
}

#[tokio::test]
async fn some_are_listed_and_without_what_makes_them_large() {
    let shared = shared();
    let mine = shared.pair("app-13");
    let mut large = wish();
    large["httpRequest"] = json!({"header": {"x-a": "hush"}, "jsonBody": {"flight": "{{eventId}}"}});
    let [large, plain] = [mine[0].created(&large).await, mine[0].created(&wish()).await];
    for caller in &mine {
        let all = caller.get("/subscriptions").await.json();
        assert_eq!(all.as_array().unwrap().len(), 2);
        assert_eq!(all[0]["httpRequest"], json!({"jsonBody": {"flight": "{{eventId}}"}}));
        let mut without = all.clone();
        without[0].as_object_mut().unwrap().remove("httpRequest");
        assert_eq!(caller.get("/subscriptions?omit=httpRequest").await.json(), without);
        assert_eq!((&without[0]["id"], &without[0]["headers"]), (&json!(large), &json!(["x-a"])));

        let named = format!("/subscriptions?id={},{}&id={plain}", plain.to_uppercase(), EXPIRED);
        assert_eq!(caller.get(&named).await.json(), json!([all[1]]), "of app-4 it is told nothing");
    }
    for (query, names) in [
        ("id=s-1&omit=headers&include=&colour=red", vec!["id", "omit", "include"]),
        ("id=", vec!["id"]),
        (&format!("id={}", [plain.as_str(); 3].join(",,")), vec!["id"]),
    ] {
        let wrong = mine[0].get(&format!("/subscriptions?{query}")).await;
        let errors = wrong.json()["errors"].clone();
        let told: Vec<_> =
            errors.as_array().unwrap().iter().map(|error| error["parameter"].clone()).collect();
        assert_eq!((wrong.status, told), (400, names.into_iter().map(Value::from).collect()), "{query}");
    }
    for id in [large, plain] {
        assert_eq!(mine[0].delete(&id).await.status, 204);
    }
}

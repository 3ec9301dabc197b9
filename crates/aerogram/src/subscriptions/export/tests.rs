use super::super::file;
use super::super::plan::{Reach, Step, There, plan};
use super::*;
use serde_json::json;

fn pair() -> Pair {
    Pair { partner: "partner \"app\"".into(), operator: "OPX".into() }
}

fn existing() -> Vec<Existing> {
    let all = json!([
        {"id": "1", "event": "OrderCreated", "callbackUrl": "https://a.example/", "status": "ACTIVE",
         "expirationDateTime": null, "profile": "order", "environment": "production", "name": "with \"quotes\" = # '''",
         "httpRequest": {"jsonBody": {"b": 1.10, "a": ["{{agwID}}", null, "it's\n\"\"\""]}}, "headers": ["authorization"],
         "allText": true, "authentication": {"type": "apiKey"},
         "limits": {"ratePerMinute": 1200, "burst": 20, "concurrency": 4, "timeoutMs": 5000}},
        {"id": "2", "event": "PRODUCT_ADDED", "callbackUrl": "https://a.example/", "status": "INACTIVE",
         "expirationDateTime": null, "profile": "portal", "environment": "non-production", "contractId": "C-1",
         "policy": "staffing", "headers": ["x-only"]},
        {"id": "3", "event": "FLIGHT_CANCEL", "callbackUrl": "https://a.example/", "status": "INACTIVE",
         "expirationDateTime": "2024-01-15T10:30:00.000Z", "profile": "flight", "environment": "production", "name": "twice"},
        {"id": "4", "event": "FLIGHT_CANCEL", "callbackUrl": "https://b.example/", "status": "ACTIVE",
         "expirationDateTime": "2099-01-15T10:30:00.000Z", "profile": "flight", "environment": "production", "name": "twice"},
        {"id": "5", "event": "FLIGHT_CREW_ASSIGNMENT", "callbackUrl": "https://crew.example/", "status": "ACTIVE",
         "expirationDateTime": null, "profile": "staffing", "environment": "production", "name": "crew",
         "authentication": {"type": "payloadSignature"}},
        {"id": "6", "event": "OWN_TYPE", "callbackUrl": "https://own.example/", "status": "ACTIVE",
         "expirationDateTime": null, "profile": "flight", "environment": "production", "name": "own"},
    ]);
    serde_json::from_value(all).unwrap()
}

#[test]
fn what_is_exported_is_so_already() {
    let text = render(&pair(), &existing());
    let contents = file::read(&text).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    let there: There = [(pair(), Ok(existing()))].into();
    let reach = Reach { prune: true, set_secrets: true, now: "2026-05-04T00:00:00.000Z" };
    let steps = plan(&contents.subscriptions, &there, reach);
    assert_eq!(steps.len(), 6);
    assert!(steps.iter().all(|step| matches!(step, Step::Unchanged(..))), "{steps:#?}\n{text}");
    assert_eq!(contents.notes.len(), 1, "{:?}", contents.notes);
    for line in
        ["# header.authorization = { env = \"…\" }  # set, not shown", "# authentication also takes key"]
    {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("# name = \"twice\"  # others have it too"), "{text}");
    let limits = "limits = { burst = 20, concurrency = 4, ratePerMinute = 1200, timeoutMs = 5000 }";
    assert_eq!(text.matches("limits = ").count(), 1, "{text}");
    assert!(text.contains(limits), "{text}");
    // What a 410 stops after this must stay so when it is applied again.
    assert!(!text.contains("status = \"ACTIVE\"") && text.contains("status = \"INACTIVE\""), "{text}");
}

#[test]
fn a_pair_with_nothing_is_a_file_with_nothing() {
    let text = render(&pair(), &[]);
    assert!(file::read(&text).unwrap().subscriptions.is_empty(), "{text}");
}

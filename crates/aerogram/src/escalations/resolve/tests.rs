use super::*;
use crate::fake_api::{FakeApi, Said};
use serde_json::Value;

fn redelivered(id: &str) -> Value {
    let mut summary = json!({"id": id, "state": "redelivered", "attemptsMade": 2, "resolution": null,
        "lastOutcome": null, "lastStatus": null});
    for text in [
        "webhookId",
        "escalatedAt",
        "reason",
        "fault",
        "partner",
        "operator",
        "subscriptionId",
        "eventType",
        "eventId",
        "subject",
        "environment",
    ] {
        summary[text] = json!("x");
    }
    summary
}

/// What becomes of these when the api answers so, as `id done`; and how many requests there were.
async fn outcomes(ids: &[&str], answer: impl Fn(&str) -> Said + Send + 'static) -> (Vec<Value>, usize) {
    let api = FakeApi::start(move |asked| {
        let id = asked.what.trim_end_matches("/redeliveries").rsplit('/').next().unwrap_or_default();
        answer(id)
    });
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let mut said = 0;
    let outcomes = all(&api.http(), ids, REDELIVER, "{}", |_| said += 1).await.unwrap();
    assert_eq!(said, outcomes.len());
    (outcomes.iter().map(|outcome| serde_json::to_value(outcome).unwrap()).collect(), api.asked().len())
}

fn done(outcomes: &[Value]) -> Vec<bool> {
    outcomes.iter().map(|outcome| outcome["done"] == true).collect()
}

#[tokio::test]
async fn one_that_fails_in_whatever_way_takes_no_other_along() {
    let (outcomes, asked) = outcomes(&["a", "gone", "b", "silent", "odd", "c"], |id| match id {
        "gone" => Some((410, json!({"detail": "the log does not hold it any more"}))),
        "odd" => Some((200, json!("of another server"))),
        "silent" => None,
        id => Some((202, redelivered(id))),
    })
    .await;
    assert_eq!(done(&outcomes), [true, false, true, false, false, true], "{outcomes:#?}");
    assert_eq!(outcomes[1]["problem"]["status"], 410);
    assert!(outcomes[3]["problem"]["detail"].as_str().unwrap().contains("was not answered"), "{outcomes:#?}");
    assert!(asked >= 6);
}

#[tokio::test]
async fn what_was_done_is_told_when_the_rest_is_hopeless() {
    let (outcomes, _) =
        outcomes(&["a", "1", "2", "3", "4"], |id| (id == "a").then(|| (202, redelivered("a")))).await;
    assert_eq!(done(&outcomes), [true, false, false, false, false]);
    assert_eq!(outcomes[4]["problem"]["detail"], "not tried: the api does not answer");

    let refused = |id: &str| match id {
        "a" => Some((202, redelivered("a"))),
        _ => Some((401, json!({"detail": "no such token"}))),
    };
    let (outcomes, asked) = self::outcomes(&["a", "1", "2"], refused).await;
    assert_eq!((done(&outcomes), asked), (vec![true, false, false], 2));
    assert_eq!(outcomes[2]["problem"]["detail"], "not tried: no such token");
}

#[tokio::test]
async fn a_token_that_is_refused_at_once_ends_it() {
    let api = FakeApi::start(|_| Some((401, json!({"detail": "no such token"}))));
    let ended = all(&api.http(), vec!["a".into(), "b".into()], REDELIVER, "{}", |_| ()).await;
    assert_eq!(ended.err().unwrap().to_string(), "401: no such token");
    assert_eq!(api.asked().len(), 1);
}

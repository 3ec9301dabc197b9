use super::super::plan::{Reach, There, plan};
use super::*;
use crate::fake_api::{Asked, FakeApi, Said};
use crate::subscriptions::file;
use serde_json::{Value, json};

const NOW: &str = "2026-05-04T06:00:00.000Z";

fn read(text: &str) -> Vec<Declared> {
    file::read(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")).subscriptions
}

fn one(name: &str, rest: &str) -> String {
    format!(
        "[[subscriptions]]\nname = \"{name}\"\npartner = \"p\"\noperator = \"o\"\nevent = \"OrderCreated\"\n\
         callbackUrl = \"https://a.example/\"\n{rest}\n"
    )
}

fn key(rest: &str, now: &str, generation: u32) -> String {
    idempotency_key(&read(&one("x", rest))[0], now, generation)
}

#[test]
fn a_key_is_the_same_for_the_same_wish_on_the_same_day_and_knows_no_secret() {
    let (morning, evening) = (NOW, "2026-05-04T18:00:00.000Z");
    let plain = key("", morning, 0);
    assert!(plain.len() <= 255 && plain.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(plain, key("", evening, 0));
    let others = [
        key("", morning, 1),
        key("", "2026-05-05T06:00:00.000Z", 0),
        key("allText = true", morning, 0),
        key("status = \"INACTIVE\"", morning, 0),
        key("limits = { concurrency = 4 }", morning, 0),
    ];
    assert!(!others.contains(&plain));
    assert_eq!(plain, key("limits = {}", morning, 0));
    let of_secret = |secret: &str| key(&format!("signingKey = \"{secret}\""), morning, 0);
    assert_eq!(of_secret("one"), of_secret("other"));
}

fn existing(id: &str, name: &str, status: &str) -> Value {
    json!({"id": id, "event": "OrderCreated", "callbackUrl": "https://a.example/", "status": status,
        "profile": "order", "environment": "production", "name": name})
}

/// What is said when `text` is applied where there is this, by an api that answers so.
async fn applied(
    text: &str,
    there: Value,
    keys: Option<KeysOut>,
    answer: impl FnMut(&Asked) -> Said + Send + 'static,
) -> (Vec<Line>, FakeApi) {
    let api = FakeApi::start(answer);
    let declared = read(text);
    let there: There = [(declared[0].pair.clone(), Ok(serde_json::from_value(there).unwrap()))].into();
    let steps = plan(&declared, &there, Reach { prune: true, set_secrets: false, now: NOW });
    let client = Client::new(api.http());
    let look = |_: &Source| Ok(String::new());
    let mut carrier =
        Carrier { client: &client, look: &look, set_secrets: false, now: NOW, keys, aloud: false };
    (carrier.carry_out(&steps).await, api)
}

#[tokio::test]
async fn what_was_created_under_this_key_and_renamed_since_is_left_alone() {
    let mut created = 0;
    let (lines, api) = applied(&one("ren A", "status = \"INACTIVE\""), json!([]), None, move |asked| {
        if asked.what.starts_with("POST") {
            created += 1;
            return Some((201, json!({"id": format!("id-{created}")})));
        }
        let renamed = asked.what.ends_with("/id-1");
        let name = if renamed { "ren B" } else { "ren A" };
        Some((
            200,
            existing(
                if renamed { "id-1" } else { "id-2" },
                name,
                if renamed { "ACTIVE" } else { "INACTIVE" },
            ),
        ))
    })
    .await;
    assert_eq!((lines[0].state, lines[0].id.as_deref()), (State::Done, Some("id-2")), "{lines:#?}");
    // Paused from the start, and nothing else was touched.
    assert!(!api.calls().iter().any(|call| call.starts_with("PATCH")), "{:?}", api.calls());
    let posts: Vec<Asked> = api.asked().into_iter().filter(|asked| asked.what.starts_with("POST")).collect();
    assert!(posts.len() == 2 && posts[0].key != posts[1].key, "{posts:?}");
    let body: Value = serde_json::from_str(&posts[1].body).unwrap();
    assert_eq!(body["status"], "INACTIVE");
}

#[tokio::test]
async fn a_signing_key_is_told_whatever_becomes_of_the_rest() {
    let answer = |asked: &Asked| {
        let created = asked.what.starts_with("POST");
        created.then(|| (201, json!({"id": "id-1", "signingKey": "whsec_made"})))
    };
    let (lines, _) = applied(&one("x", ""), json!([]), None, answer).await;
    assert_eq!((lines[0].state, lines[0].id.as_deref()), (State::Failed, Some("id-1")));
    assert!(lines[0].render().contains("whsec_made"), "{lines:#?}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    let (lines, _) = applied(&one("x", ""), json!([]), Some(KeysOut::create(&path).unwrap()), answer).await;
    assert!(lines[0].signing_key.is_none() && lines[0].notes[0].contains("--keys-out"), "{lines:#?}");
    assert!(std::fs::read_to_string(&path).unwrap().contains("whsec_made"));
}

#[tokio::test]
async fn the_old_one_stays_where_its_replacement_failed() {
    let old = || json!([existing("old", "old", "ACTIVE")]);
    let (lines, api) = applied(&one("new", "policy = \"nobody's\""), old(), None, |asked| {
        Some(if asked.what.starts_with("POST") {
            (422, json!({"detail": "no such policy"}))
        } else {
            (204, json!(null))
        })
    })
    .await;
    assert_eq!([lines[0].state, lines[1].state], [State::Failed, State::Kept], "{lines:#?}");
    assert!(lines[1].render().contains("not deleted, because new failed"), "{lines:#?}");
    assert!(!api.calls().iter().any(|call| call.starts_with("DELETE")), "{:?}", api.calls());

    // But what only stands in the way of its replacement goes.
    let mut gone = false;
    let (lines, _) = applied(&one("new", ""), old(), None, move |asked| {
        gone |= asked.what.starts_with("DELETE");
        Some(match asked.what.split(' ').next() {
            Some("POST") if !gone => (409, json!({"detail": "there are too many"})),
            Some("POST") => (201, json!({"id": "id-1"})),
            Some("DELETE") => (204, json!(null)),
            _ => (200, existing("id-1", "new", "ACTIVE")),
        })
    })
    .await;
    assert!(lines.len() == 2 && lines.iter().all(|line| line.state == State::Done), "{lines:#?}");
}

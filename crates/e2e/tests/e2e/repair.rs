//! What a receiver should have got is sent to it again: one, all that match, what was published before it subscribed; and a test
//! event shows what it does.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{event, events, structured};
use crate::rest::{ACME, Owner};
use crate::setup::{Setup, token_of};
use aerogram_testkit::ports::free_port;
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Answer, Behaviour, HttpClient, Reply};
use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_FBO_ASSIGNMENT";

/// A partner that asks an api.
pub struct Asker {
    base: String,
    client: HttpClient,
    owner: Owner,
}

impl Asker {
    pub fn new(address: &str, owner: Owner) -> Self {
        Self { base: format!("http://{address}/api/v2/webhooks"), client: HttpClient::new(), owner }
    }

    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let token = token_of(self.owner.operator);
        let headers = [("X-Api-Client-Id", self.owner.client), ("X-Auth-Token", token.as_str())];
        self.client.request(method, &format!("{}{path}", self.base), &headers, body).await
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.ask(Method::GET, path, None).await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    pub async fn post(&self, path: &str, body: &Value, status: u16) -> Result<Value> {
        let answer = self.ask(Method::POST, path, Some(body)).await?;
        ensure!(answer.status == status, "{path} {body}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    /// Waits until what is there is as it should be. An api that has just been started may not know yet.
    pub async fn eventually(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(Method::GET, path, None).await?;
            if answer.status == 200 && is_so(&answer.json()) {
                return Ok(answer.json());
            }
            ensure!(Instant::now() < until, "{path} stays at {} {}", answer.status, answer.text());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until so many of the subscription stand so.
    pub async fn stand(&self, subscription: &str, status: &str, count: u64) -> Result<Value> {
        let path = format!("/deliveries?subscriptionId={subscription}&status={status}&limit=200&total=true");
        self.eventually(&path, |list| list["total"] == count).await
    }

    pub async fn done(&self, task: &Value) -> Result<Value> {
        let id = task["id"].as_str().context("a task")?;
        let over = self.eventually(&format!("/tasks/{id}"), |task| task["state"] != "RUNNING").await?;
        ensure!(over["state"] == "DONE", "{over}");
        Ok(over)
    }
}

fn refuses(text: &'static str) -> Behaviour {
    Behaviour::Always(Reply::Full { status: 500, headers: Vec::new(), body: text.into() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_sent_again_and_a_test_event_shows_what_the_receiver_does() -> Result<()> {
    let cluster = Cluster::start(Setup::new("repair").await?).await?;
    let hook = cluster.subscribe(ACME, KIND, "/fbo", &json!({})).await?;
    let mine = Asker::new(&cluster.setup.api, ACME);
    cluster.upstream.send(&cluster.setup.flights(), &event("one", KIND).structured()).await?;
    let list = mine.stand(&hook.id, "DELIVERED", 1).await?;
    let id = list["deliveries"][0]["id"].as_str().context("an id")?;
    let again = mine.post(&format!("/deliveries/{id}/redeliveries"), &json!({}), 202).await?;
    cluster.receiver.wait_for_count("/fbo", 2, PATIENCE).await?;
    let requests = cluster.receiver.requests_on("/fbo");
    assert!(requests.iter().all(|request| request.webhook_id() == Some(id)), "{requests:#?}");
    assert_eq!(requests[0].body, requests[1].body);
    verify_all(&hook.key, &requests)?;
    let new = again["id"].as_str().context("a run")?;
    let shown = mine.eventually(&format!("/deliveries/{new}"), |one| one["status"] == "DELIVERED").await?;
    assert_eq!((&shown["run"], &shown["webhookId"]), (&json!("redelivery"), &json!(id)));

    let tests = format!("/subscriptions/{}/test-events", hook.id);
    let tested = mine.post(&tests, &json!({}), 200).await?;
    assert_eq!(
        (&tested["status"], &tested["attempt"]["status"]),
        (&json!("DELIVERED"), &json!(200)),
        "{tested}"
    );
    let requests = cluster.receiver.requests_on("/fbo");
    assert_eq!(requests.len(), 3);
    verify_all(&hook.key, &requests)?;
    assert_eq!(requests[2].json()?["id"], tested["eventId"]);
    assert_eq!(requests[2].webhook_id(), tested["webhookId"].as_str());

    cluster.receiver.behave("/fbo", refuses("no such table"));
    let tested = mine.post(&tests, &json!({"eventType": "FLIGHT_CREATE"}), 200).await?;
    assert_eq!((&tested["status"], &tested["eventType"]), (&json!("EXPIRED"), &json!("FLIGHT_CREATE")));
    let attempt = &tested["attempt"];
    assert_eq!((&attempt["status"], &attempt["excerpt"]), (&json!(500), &json!("no such table")), "{tested}");
    // Past the first retry of the policy.
    cluster.receiver.wait_until_quiet(Duration::from_secs(8), PATIENCE).await?;
    assert_eq!(cluster.receiver.count_on("/fbo"), 4);
    assert_eq!(mine.get("/escalations?state=all").await?["escalations"], json!([]));
    let waiting =
        mine.get(&format!("/deliveries?subscriptionId={}&status=PENDING,RETRYING,PARKED", hook.id)).await?;
    assert_eq!(waiting["deliveries"], json!([]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_given_up_is_sent_again_once_when_the_receiver_is_well() -> Result<()> {
    let mut setup = Setup::new("repair-escalated").await?;
    setup.policies(&json!({"fast": {"success": [200], "delays_ms": [0]}}));
    let cluster = Cluster::start(setup).await?;
    cluster.receiver.behave("/crew", Behaviour::status(503));
    let extra = json!({
        "profile": "staffing", "policy": "fast", "authentication": {"type": "apiKey", "key": "crew-key"},
    });
    let hook = cluster.subscribe(ACME, KIND, "/crew", &extra).await?;
    let mine = Asker::new(&cluster.setup.api, ACME);
    let published = events("crew", KIND, 12);
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&published)).await?;
    mine.stand(&hook.id, "ESCALATED", 12).await?;
    cluster.receiver.behave("/crew", Behaviour::ok());
    let wish = json!({"subscriptionId": hook.id, "dryRun": true});
    let dry = mine.post("/redeliveries", &wish, 200).await?;
    assert_eq!((&dry["matching"], cluster.receiver.count_on("/crew")), (&json!(12), 24), "{dry}");
    let begun = mine.post("/redeliveries", &json!({"subscriptionId": hook.id}), 202).await?;
    let done = mine.done(&begun).await?;
    assert_eq!(done["progress"]["sent"], 12, "{done}");
    mine.stand(&hook.id, "DELIVERED", 12).await?;
    assert_eq!(mine.get("/escalations").await?["escalations"], json!([]));
    // It is settled: the same wish sends nothing more.
    let begun = mine.post("/redeliveries", &json!({"subscriptionId": hook.id}), 202).await?;
    assert_eq!(mine.done(&begun).await?["progress"]["leftOut"], 12);
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let by_id = cluster.receiver.by_webhook_id("/crew");
    assert!(by_id.len() == 12 && by_id.values().all(|requests| requests.len() == 3), "{by_id:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_goes_on_in_another_api_and_sends_each_once() -> Result<()> {
    const MANY: usize = 240;
    let mut setup = Setup::new("repair-killed").await?;
    setup.set("API__TASK_WAITING_MAX", "20");
    let mut cluster = Cluster::start(setup).await?;
    let hook = cluster.subscribe(ACME, KIND, "/many", &json!({})).await?;
    let mine = Asker::new(&cluster.setup.api, ACME);
    let published = events("many", KIND, MANY);
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&published)).await?;
    mine.stand(&hook.id, "DELIVERED", MANY as u64).await?;
    cluster.receiver.behave("/many", Behaviour::slow(Duration::from_millis(30)));
    let wish = json!({"status": "DELIVERED", "subscriptionId": hook.id});
    let begun = mine.post("/redeliveries", &wish, 202).await?;
    cluster.receiver.wait_for_count("/many", MANY + MANY / 4, PATIENCE).await?;
    cluster.kill9("api").await?;
    let before = cluster.receiver.count_on("/many");
    ensure!(before < 2 * MANY, "it was over before the api was killed");

    let address = format!("127.0.0.1:{}", free_port()?);
    let role = cluster.setup.role("aerogram-api").named("api-2").env("AEROGRAM_API__LISTEN", &address);
    let mut second = role.spawn()?;
    second.wait_ready(PATIENCE).await?;
    let mine = Asker::new(&address, ACME);
    let done = mine.done(&begun).await?;
    assert_eq!(
        (&done["progress"]["seen"], &done["progress"]["leftOut"]),
        (&json!(MANY), &json!(0)),
        "{done}"
    );
    mine.stand(&hook.id, "DELIVERED", 2 * MANY as u64).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let by_id = cluster.receiver.by_webhook_id("/many");
    let twice = by_id.values().filter(|requests| requests.len() == 2).count();
    assert_eq!((by_id.len(), twice), (MANY, MANY), "each once, and once again");

    // All of them once more, until somebody does not want it any more.
    let begun = mine.post("/redeliveries", &wish, 202).await?;
    cluster.receiver.wait_for_count("/many", 2 * MANY + 10, PATIENCE).await?;
    let path = format!("/tasks/{}", begun["id"].as_str().context("a task")?);
    let cancelled = mine.ask(Method::DELETE, &path, None).await?;
    assert_eq!(
        (cancelled.status, &cancelled.json()["state"]),
        (200, &json!("CANCELLED")),
        "{}",
        cancelled.text()
    );
    let last = mine.eventually(&path, |task| task["progress"]["waiting"] == 0).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let sent = cluster.receiver.count_on("/many") - 2 * MANY;
    assert!((10..2 * MANY).contains(&sent), "{sent}, and {last}");
    ensure!(second.terminate(PATIENCE).await?.success(), "the second api did not end well");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_published_before_is_replayed_to_a_new_subscription() -> Result<()> {
    let cluster = Cluster::start(Setup::new("repair-replay").await?).await?;
    let mine = Asker::new(&cluster.setup.api, ACME);
    let published = events("early", KIND, 10);
    let since = jiff::Timestamp::now();
    let topic = cluster.setup.flights();
    cluster.upstream.send_all(&topic, &structured(&published)).await?;
    // One of them once more, which is a repetition, and another type.
    cluster.upstream.send(&topic, &published[3].structured()).await?;
    cluster.upstream.send(&topic, &event("other", "FLIGHT_CANCEL").structured()).await?;
    for one in ["early-9", "other"] {
        mine.eventually(&format!("/events/{one}"), |found| found["events"][0].is_object()).await?;
    }
    let hook = cluster.subscribe(ACME, KIND, "/late", &json!({})).await?;
    let path = format!("/subscriptions/{}/replays", hook.id);
    let mut wish = json!({"since": since.to_string(), "dryRun": true});
    let until = Instant::now() + PATIENCE;
    // What is a repetition is known when fanout has said so.
    let dry = loop {
        let dry = mine.post(&path, &wish, 200).await?;
        if dry["repetitions"] == 1 && dry["matching"] == 11 {
            break dry;
        }
        ensure!(Instant::now() < until, "{dry}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((&dry["wouldBeSent"], &dry["complete"]), (&json!(10), &json!(true)), "{dry}");
    assert_eq!(cluster.receiver.count_on("/late"), 0);
    wish["dryRun"] = json!(false);
    let begun = mine.post(&path, &wish, 202).await?;
    let done = mine.done(&begun).await?;
    assert_eq!(done["progress"]["sent"], 10, "{done}");
    mine.stand(&hook.id, "DELIVERED", 10).await?;
    let again = mine.post(&path, &wish, 202).await?;
    assert_eq!(mine.done(&again).await?["progress"]["sent"], 0);
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let requests = cluster.receiver.requests_on("/late");
    assert_eq!(requests.len(), 10, "{requests:#?}");
    verify_all(&hook.key, &requests)?;
    let mut got: Vec<_> = requests.iter().map(|request| request.json()).collect::<Result<Vec<_>>>()?;
    got.sort_by_key(|body| body["id"].to_string());
    assert_eq!(got[0]["id"], "early-0");
    Ok(())
}

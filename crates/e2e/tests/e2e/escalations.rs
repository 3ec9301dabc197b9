//! What was given up is listed with its whole history to those whose it is, and sent again once, however often it is asked for.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::event;
use crate::rest::{ACME, ACME_2, BLUEJET, Owner, Subscription};
use crate::setup::{ADMIN, PARTITIONS, Setup, token_of};
use aerogram_testkit::ports::free_port;
use aerogram_testkit::{Answer, Behaviour, HttpClient, Process, Reply, Role};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Escalation, Outcome, Reason};
use aerogram_wire::{Message as _, Topic};
use anyhow::{Context, Result, ensure};
use http::Method;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";

/// Someone who asks one of the apis.
struct Asker {
    base: String,
    client: HttpClient,
    headers: Vec<(&'static str, String)>,
}

impl Asker {
    fn pair(address: &str, owner: Owner) -> Self {
        let headers =
            vec![("X-Api-Client-Id", owner.client.to_owned()), ("X-Auth-Token", token_of(owner.operator))];
        Self::new(address, headers)
    }

    fn admin(address: &str) -> Self {
        Self::new(address, vec![("Authorization", format!("Bearer {ADMIN}"))])
    }

    fn new(address: &str, headers: Vec<(&'static str, String)>) -> Self {
        let base = format!("http://{address}/api/v2/webhooks/escalations");
        Self { base, client: HttpClient::new(), headers }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.client.request(method, &format!("{}{path}", self.base), &headers, body).await
    }

    async fn get(&self, path: &str) -> Result<Answer> {
        self.ask(Method::GET, path, None).await
    }

    async fn redeliver(&self, id: &str) -> Result<Answer> {
        self.ask(Method::POST, &format!("/{id}/redeliveries"), None).await
    }

    async fn list(&self, query: &str) -> Result<Vec<Value>> {
        let answer = self.get(query).await?;
        ensure!(answer.status == 200, "{query}: {} {}", answer.status, answer.text());
        Ok(answer.json()["escalations"].as_array().context("a list")?.clone())
    }

    /// Waits until so many are listed.
    async fn listed(&self, query: &str, count: usize) -> Result<Vec<Value>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let listed = self.list(query).await?;
            if listed.len() == count {
                return Ok(listed);
            }
            ensure!(Instant::now() < until, "{count} should be listed, there are {listed:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn ids(listed: &[Value]) -> Vec<&str> {
    listed.iter().filter_map(|one| one["id"].as_str()).collect()
}

/// A second api beside that of the cluster.
struct Second {
    role: Role,
    process: Process,
    address: String,
}

/// All roles, and a second api with such variables.
async fn start(test: &str, more: impl Fn(&Path) -> (&'static str, PathBuf)) -> Result<(Cluster, Second)> {
    let mut setup = Setup::new(test).await?;
    setup.policies(&json!({"fast": {"success": [200, 201], "delays_ms": [0, 0]}}));
    let cluster = Cluster::start(setup).await?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let (name, value) = more(cluster.setup.rig.dir());
    if name == "TMPDIR" {
        fs::create_dir(&value)?;
    }
    let role = cluster.setup.role("aerogram-api").named("api-2");
    let role = role.env("AEROGRAM_API__LISTEN", &address).env(name, value.display().to_string());
    let mut process = role.spawn()?;
    process.wait_ready(PATIENCE).await?;
    Ok((cluster, Second { role, process, address }))
}

async fn subscribe(cluster: &Cluster, path: &str) -> Result<Subscription> {
    let extra = json!({
        "profile": "staffing", "policy": "fast", "authentication": {"type": "apiKey", "key": "crew-key"},
    });
    cluster.subscribe(ACME, KIND, path, &extra).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_shown_to_whose_it_is_and_sent_again_once() -> Result<()> {
    let (mut cluster, second) = start("escalations", |dir| ("TMPDIR", dir.join("temporary"))).await?;
    let address = second.address.clone();
    // Fails for one run and the beginning of the next.
    cluster.receiver.behave(
        "/crew",
        Behaviour::custom(|arrival| match arrival.nth {
            1..=4 => Reply::Full { status: 500, headers: Vec::new(), body: "the kettle is on fire".into() },
            _ => Reply::Status(200),
        }),
    );
    let hook = subscribe(&cluster, "/crew").await?;
    cluster.upstream.send(&cluster.setup.flights(), &event("crew", KIND).structured()).await?;
    let first = cluster.setup.api.clone();
    let (mine, mine_2) = (Asker::pair(&first, ACME), Asker::pair(&address, ACME));
    let listed = mine.listed("", 1).await?;
    // The second knows what the first knew, at once.
    assert_eq!(mine_2.list("").await?, listed);
    assert_eq!(Asker::admin(&address).list("?partner=app-1&operator=acme").await?, listed);
    let one = &listed[0];
    let id = one["id"].as_str().context("an id")?.to_owned();
    let requests = cluster.receiver.requests_on("/crew");
    assert_eq!(Some(id.as_str()), requests[0].webhook_id());
    assert_eq!((one["state"].as_str(), one["fault"].as_str()), (Some("open"), Some("receiver")), "{one}");
    assert_eq!((&one["reason"], &one["attemptsMade"]), (&json!("exhausted"), &json!(3)), "{one}");

    for asker in [&mine, &mine_2, &Asker::admin(&first)] {
        let answer = asker.get(&format!("/{id}")).await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let shown = answer.json();
        assert_eq!(shown["callbackUrl"], cluster.receiver.url("/crew"));
        assert_eq!((&shown["policy"], &shown["event"]["data"]), (&json!("fast"), &json!({"of": "crew"})));
        let attempts = shown["attempts"].as_array().context("attempts")?;
        assert_eq!(attempts.len(), 3, "{shown}");
        for (number, attempt) in (1..).zip(attempts) {
            let told = (&attempt["number"], &attempt["outcome"], &attempt["status"], &attempt["excerpt"]);
            let excerpt = json!("the kettle is on fire");
            assert_eq!(told, (&json!(number), &json!("http_5xx"), &json!(500), &excerpt), "{attempt}");
        }
    }
    for other in [Asker::pair(&first, ACME_2), Asker::pair(&address, BLUEJET)] {
        assert_eq!(other.list("?state=all").await?, Vec::<Value>::new());
        assert_eq!(other.get(&format!("/{id}")).await?.status, 404);
        assert_eq!(other.redeliver(&id).await?.status, 404);
    }

    // The new run has the whole schedule: its first attempt is the fourth request, the second succeeds.
    let admin = Asker::admin(&address);
    let (one, other) = tokio::join!(mine.redeliver(&id), admin.redeliver(&id));
    let (one, other, again) = (one?, other?, mine.redeliver(&id).await?);
    for answer in [&one, &other, &again] {
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(answer.json()["resolution"], again.json()["resolution"]);
    }
    cluster.receiver.wait_for_count("/crew", 5, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let requests = cluster.receiver.requests_on("/crew");
    assert_eq!(requests.len(), 5, "{requests:#?}");
    assert!(requests.iter().all(|request| request.webhook_id() == Some(&id)));
    assert!(requests.windows(2).all(|pair| pair[0].body == pair[1].body));
    aerogram_testkit::verify::verify_all(&hook.key, &requests)?;
    assert_eq!(mine_2.list("").await?, Vec::<Value>::new());
    assert_eq!(ids(&mine.list("?state=redelivered").await?), [id.as_str()]);
    // Also when what the deliverer remembers begins anew.
    cluster.terminate("deliverer-1").await?;
    cluster.start_role("deliverer-1").await?;
    assert_eq!(mine_2.redeliver(&id).await?.json(), again.json());
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!(cluster.receiver.count_on("/crew"), 5);
    // A projection that has no place of its own goes with its process.
    let temporary = cluster.setup.rig.dir().join("temporary");
    assert_eq!(fs::read_dir(&temporary)?.count(), 1);
    ensure!(second.process.terminate(PATIENCE).await?.success(), "the second api did not end well");
    assert_eq!(fs::read_dir(&temporary)?.count(), 0);
    cluster.terminate_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_told_apart_dismissals_say_why_and_a_deleted_projection_comes_back() -> Result<()> {
    let file = |dir: &Path| ("AEROGRAM_API__PROJECTION_PATH", dir.join("projection.sqlite"));
    let (cluster, mut second) = start("escalations-kept", file).await?;
    let address = second.address.clone();
    cluster.receiver.behave("/dead", Behaviour::status(503));
    let hook = subscribe(&cluster, "/dead").await?;
    for id in ["one", "two"] {
        cluster.upstream.send(&cluster.setup.flights(), &event(id, KIND).structured()).await?;
    }
    let first = cluster.setup.api.clone();
    let (mine, mine_2) = (Asker::pair(&first, ACME), Asker::pair(&address, ACME));
    let theirs = mine.listed("", 2).await?;
    let ours = of_ours(&cluster, &hook).await?;
    assert_eq!(ids(&mine_2.list("?fault=platform").await?), [ours.as_str()]);
    assert_eq!(mine_2.list("?fault=receiver").await?, theirs);
    assert_eq!(ids(&mine.list("?reason=platform").await?), [ours.as_str()]);

    // One is given up again, and stands in the list by itself then.
    let id = theirs[0]["id"].as_str().context("an id")?;
    let answer = mine.redeliver(id).await?;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let run = answer.json()["resolution"]["redeliveredAs"].clone();
    let again = mine_2.listed("?fault=receiver", 2).await?;
    let run = run.as_str().context("a run")?;
    assert!(ids(&again).contains(&run) && !ids(&again).contains(&id), "{again:#?}");
    let shown = mine.get(&format!("/{run}")).await?.json();
    let numbers: Vec<_> =
        shown["attempts"].as_array().context("attempts")?.iter().map(|a| &a["number"]).collect();
    assert_eq!(numbers, [1, 2, 3], "{shown}");
    assert_eq!((&shown["webhookId"], &shown["state"]), (&json!(id), &json!("open")), "{shown}");

    // Its subscription deleted, it can't be sent again, but dismissed.
    assert_eq!(cluster.rest.delete(&hook).await?.status, 204);
    let refused = mine_2.redeliver(run).await?;
    assert!(refused.status == 409 && refused.text().contains("deleted"), "{}", refused.text());
    let path = format!("/{run}/dismissal");
    assert_eq!(mine.ask(Method::POST, &path, Some(&json!({}))).await?.status, 400);
    let why = json!({"why": "the receiver was taken down"});
    let dismissed = Asker::admin(&first).ask(Method::POST, &path, Some(&why)).await?;
    assert_eq!(dismissed.status, 200, "{}", dismissed.text());
    let resolution = &mine_2.list("?state=dismissed").await?[0]["resolution"];
    assert_eq!((&resolution["by"], &resolution["why"]), (&json!("admin:e2e"), &why["why"]));

    let before = mine.list("?state=all").await?;
    assert_eq!(before.len(), 4);
    ensure!(second.process.terminate(PATIENCE).await?.success(), "the second api did not end well");
    fs::remove_file(cluster.setup.rig.dir().join("projection.sqlite"))?;
    second.process = second.role.spawn()?;
    second.process.wait_ready(PATIENCE).await?;
    assert_eq!(mine_2.list("?state=all").await?, before);
    let metrics = second.process.metrics().await?;
    assert!(metrics.contains("aerogram_escalations_open{fault=\"platform\"} 1"), "{metrics}");
    Ok(())
}

/// An escalation that was our own fault; to get one by itself takes a day. Answers its id.
async fn of_ours(cluster: &Cluster, hook: &Subscription) -> Result<String> {
    let theirs: Vec<Escalation> =
        crate::topics::wait_for(&cluster.setup, Topic::Escalations, PATIENCE, |found: &[_]| {
            !found.is_empty()
        })
        .await?;
    let mut ours = theirs.into_iter().next().context("no escalation")?;
    let key = RunKey { delivery_id: [7; 16], run: 0 };
    ours.reason = Reason::Platform.into();
    ours.attempts.push(Attempt { number: 9, outcome: Outcome::PlatformError.into(), ..Attempt::default() });
    let delivery = ours.delivery.as_mut().context("no delivery")?;
    delivery.delivery_id = key.delivery_id.to_vec().into();
    let topic = Topic::Escalations.full_name(cluster.setup.rig.prefix());
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", cluster.setup.rig.brokers()).create()?;
    let (key, payload) = (key.encode(), ours.encode_to_vec());
    let record = FutureRecord::to(&topic).key(key.as_ref()).payload(&payload);
    let record = record.partition(hook.partition(PARTITIONS));
    producer.send(record, PATIENCE).await.map_err(|(error, _)| error)?;
    Ok(format!("msg_{}", "07".repeat(16)))
}

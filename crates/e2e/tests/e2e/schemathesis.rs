//! The api does what its own document says, whatever it is sent: Schemathesis makes requests of that document, good ones and bad
//! ones, and judges every answer by it. `schemathesis/schemathesis.toml` has what it does not judge, and why.

use crate::cluster::{Cluster, PATIENCE};
use crate::docs_page::root;
use crate::docs_run::run_within;
use crate::publish::{events, structured};
use crate::rest::{ACME, BLUEJET, Owner, Subscription};
use crate::scale::{percent, scaled};
use crate::setup::{ADMIN, Setup, token_of};
use aerogram_testkit::{Answer, Behaviour, UpstreamEvent};
use anyhow::{Context, Error, Result, anyhow, ensure};
use http::Method;
use serde_json::{Value, json};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Requests that are made up of each call in a phase, good ones and bad ones, at full scale; an administrator makes half as many.
const EXAMPLES: usize = 300;
/// How long calls follow each other, in seconds, at full scale.
const STATEFUL_S: usize = 150;
/// Always the same ones, unless `AEROGRAM_FUZZ_SEED` says others.
const SEED: &str = "7";
/// Packages come over the network the first time.
const INSTALLED_WITHIN: Duration = Duration::from_secs(600);
/// A run with a tenth of the examples.
const RUNS_WITHIN: Duration = Duration::from_secs(300);

/// Of each of these some are published.
const KINDS: [&str; 3] = ["FLIGHT_CREATE", "FLIGHT_CREW_ASSIGNMENT", "FLIGHT_CREW_ADDRESS_UPDATE"];
const EVENTS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_it_is_sent_it_answers_as_its_document_says() -> Result<()> {
    let mut install = Command::new(root().join("scripts/install-schemathesis.sh"));
    let installed = run_within(&mut install, INSTALLED_WITHIN).await?;
    let packages = PathBuf::from(installed.lines().last().context("it did not say where it is")?);
    let mut setup = Setup::new("schemathesis").await?;
    setup.set("API__CLIENT_RATE_PER_MINUTE", "0");
    setup.set("API__FAILED_LOGINS_PER_MINUTE", "0");
    setup.policies(&json!({"twice": {"delays_ms": [0]}}));
    let cluster = Cluster::start(setup).await?;
    something_of_everything(&Pair { cluster: &cluster, owner: BLUEJET, name: "theirs" }).await?;
    let seed = env::var("AEROGRAM_FUZZ_SEED").unwrap_or_else(|_| SEED.to_owned());
    for (caller, runs) in [("acme", of_a_pair()), ("administrator", of_an_administrator())] {
        let pair = Pair { cluster: &cluster, owner: ACME, name: caller };
        let there = something_of_everything(&pair).await?;
        let dir = prepared(&cluster, caller, &there)?;
        for arguments in runs {
            println!("AEROGRAM_FUZZ_SEED={seed}, as {caller}, {arguments:?}");
            let mut command = Command::new("python3");
            command.args(["-m", "schemathesis.cli", "run", "--no-color", "--seed", &seed]).args(arguments);
            command.arg(format!("http://{}/api/v2/webhooks/openapi.json", cluster.setup.api));
            command.current_dir(&dir).env("PYTHONPATH", &packages).env("OPENAPI_CALLER", caller);
            command.env("OPENAPI_CHANGED", &there.changed);
            let within = RUNS_WITHIN * u32::try_from(percent().div_ceil(10))?;
            let report = run_within(&mut command, within).await;
            println!("{}", report.map_err(|error| with_requests_at_the_end(&error))?);
        }
    }
    Ok(())
}

fn of_a_pair() -> Vec<Vec<String>> {
    // A pass of calls that follow each other ends when one is answered otherwise than before, as happens where there is a state. So
    // they go on for a time and not for a number.
    vec![
        arguments("examples,coverage,fuzzing", "--max-examples", scaled(EXAMPLES)),
        arguments("stateful", "--max-time", scaled(STATEFUL_S)),
    ]
}

fn of_an_administrator() -> Vec<Vec<String>> {
    vec![arguments("examples,fuzzing,stateful", "--max-examples", scaled(EXAMPLES / 2))]
}

fn arguments(phases: &str, limit: &str, limited: usize) -> Vec<String> {
    ["--phases", phases, limit].map(str::to_owned).into_iter().chain([limited.to_string()]).collect()
}

/// The report has the requests that found something in its middle.
fn with_requests_at_the_end(report: &Error) -> Error {
    let report = report.to_string();
    let requests: Vec<_> = report.lines().filter(|line| line.trim_start().starts_with("curl ")).collect();
    anyhow!("{report}\nthe requests:\n{}", requests.join("\n"))
}

/// A partner that asks for what there is.
struct Pair<'a> {
    cluster: &'a Cluster,
    owner: Owner,
    /// Of what is made for it now.
    name: &'a str,
}

impl Pair<'_> {
    fn path(&self, name: &str) -> String {
        format!("/{}-{name}", self.name)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let token = token_of(self.owner.operator);
        let headers = [("X-Api-Client-Id", self.owner.client), ("X-Auth-Token", token.as_str())];
        let url = format!("http://{}/api/v2/webhooks{path}", self.cluster.setup.api);
        self.cluster.http.request(method, &url, &headers, body).await
    }

    async fn subscribe(&self, kind: &str, name: &str, extra: &Value) -> Result<Subscription> {
        self.cluster.subscribe(self.owner, kind, &self.path(name), extra).await
    }

    /// Waits until everything that was published for it is listed under `list`; answers the ids, and how the list goes on after
    /// the first.
    async fn listed(
        &self,
        subscription: &Subscription,
        list: &str,
        query: &str,
    ) -> Result<(Vec<Value>, Value)> {
        let until = Instant::now() + PATIENCE;
        let path = format!("/{list}?subscriptionId={}&{query}", subscription.id);
        loop {
            let answer = self.ask(Method::GET, &path, None).await?;
            let all = answer.json()[list].as_array().cloned().unwrap_or_default();
            if all.len() == EVENTS {
                let ids = all.iter().map(|one| one["id"].clone()).collect();
                let first = self.ask(Method::GET, &format!("{path}&limit=1"), None).await?;
                return Ok((ids, first.json()["next"].clone()));
            }
            ensure!(Instant::now() < until, "{EVENTS} should be listed: {} {}", answer.status, answer.text());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A task that was cancelled. Now and then one is done before.
    async fn cancelled(&self, subscription: &Subscription) -> Result<Value> {
        let until = Instant::now() + PATIENCE;
        let replay = json!({"since": "2000-01-01T00:00:00Z", "all": true});
        loop {
            let path = format!("/subscriptions/{}/replays", subscription.id);
            let begun = self.ask(Method::POST, &path, Some(&replay)).await?;
            let task = begun.json()["id"].clone();
            if let Some(id) = task.as_str()
                && self.ask(Method::DELETE, &format!("/tasks/{id}"), None).await?.status == 200
            {
                return Ok(task);
            }
            ensure!(Instant::now() < until, "no task is cancelled: {} {}", begun.status, begun.text());
        }
    }
}

/// What nobody would guess.
struct There {
    /// A subscription.
    changed: String,
    /// Values by the name of their dictionary.
    dictionaries: Vec<(&'static str, Vec<Value>)>,
}

/// Subscriptions of several kinds, deliveries that arrived and that were given up, a task: lists are not empty, and ids are of
/// something.
async fn something_of_everything(pair: &Pair<'_>) -> Result<There> {
    for name in ["fails", "left"] {
        pair.cluster.receiver.behave(&pair.path(name), Behaviour::status(500));
    }
    let [arrives, fails, left] = KINDS;
    let arrives = pair.subscribe(arrives, "arrives", &json!({"name": "arrives"})).await?;
    let fails = pair.subscribe(fails, "fails", &json!({"policy": "twice"})).await?;
    let left = pair.subscribe(left, "left", &json!({"policy": "twice"})).await?;
    let target = json!({"jsonBody": {"order": "{{agwID}}"}, "header": {"x-order": "{{agwID}}"}});
    let bearer = json!({"type": "bearer", "token": "of-the-receiver"});
    let order = json!({
        "httpRequest": target, "authentication": bearer, "limits": {"concurrency": 2}, "status": "INACTIVE", "contractId": "C-1",
    });
    pair.subscribe("OrderCreated", "paused", &order).await?;
    let changed = pair.subscribe("PRODUCT_UPDATED", "changed", &json!({})).await?;
    let mut spare = Vec::new();
    for _ in 0..EVENTS {
        spare.push(json!(pair.subscribe("PRODUCT_ADDED", "spare", &json!({})).await?.id));
    }
    for kind in KINDS {
        let of = |event: UpstreamEvent| UpstreamEvent { operator: pair.owner.operator.to_owned(), ..event };
        let name = format!("{}-{kind}", pair.name);
        let events: Vec<_> = events(&name, kind, EVENTS).into_iter().map(of).collect();
        pair.cluster.upstream.send_all(&pair.cluster.setup.flights(), &structured(&events)).await?;
    }
    let (delivered, deliveries) = pair.listed(&arrives, "deliveries", "status=DELIVERED").await?;
    let (failed, escalations) = pair.listed(&fails, "escalations", "state=open").await?;
    // Nobody can have these sent again, so they stay open.
    let (given_up, _) = pair.listed(&left, "escalations", "state=open").await?;
    ensure!(pair.cluster.rest.delete(&left).await?.status == 204, "a subscription is not deleted");
    let dictionaries = vec![
        ("arrives", vec![json!(arrives.id)]),
        ("spare", spare),
        ("delivered", delivered),
        ("after-deliveries", vec![deliveries]),
        ("failed", failed),
        ("given-up", given_up),
        ("after-escalations", vec![escalations]),
        ("cancelled", vec![pair.cancelled(&arrives).await?]),
    ];
    Ok(There { changed: changed.id, dictionaries })
}

/// The directory of a run, with what it finds there.
fn prepared(cluster: &Cluster, name: &str, there: &There) -> Result<PathBuf> {
    let dir = cluster.setup.rig.dir().join(format!("schemathesis-{name}"));
    fs::create_dir(&dir)?;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/schemathesis");
    for file in ["schemathesis.toml", "hooks.py"] {
        fs::copy(own.join(file), dir.join(file)).with_context(|| format!("copying {file}"))?;
    }
    let pair = |owner: Owner| {
        let headers =
            [("X-Api-Client-Id", owner.client.to_owned()), ("X-Auth-Token", token_of(owner.operator))];
        caller(owner.operator, &headers)
    };
    let administrator = caller("administrator", &[("Authorization", format!("Bearer {ADMIN}"))]);
    let callers = json!({"auth": [pair(ACME), pair(BLUEJET), administrator]});
    fs::write(dir.join("callers.json"), callers.to_string())?;
    cluster.receiver.behave("/fails", Behaviour::status(500));
    let urls = ["/arrives", "/fails"].map(|path| json!(cluster.receiver.url(path)));
    for (name, values) in there.dictionaries.iter().chain([&("callback-urls", urls.to_vec())]) {
        let lines: Vec<_> = values.iter().map(Value::to_string).collect();
        fs::write(dir.join(format!("{name}.dict")), lines.join("\n"))?;
    }
    Ok(dir)
}

fn caller(name: &str, headers: &[(&str, String)]) -> Value {
    let headers: Vec<_> = headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json!({"name": name, "fixedHeaders": headers})
}

//! What the browser's side asks for: events are published, receivers told how to answer, and what they wrote down is read.

use crate::cluster::Cluster;
use crate::docs_run::run;
use aerogram_testkit::verify::verify_request;
use aerogram_testkit::{Behaviour, Record, Reply, UpstreamEvent};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Command;

use super::people;

const DAY_S: i64 = 24 * 60 * 60;

pub struct Asked {
    pub cluster: Cluster,
}

impl Asked {
    /// A question is `{"ask": NAME, …}`; none waits for something to happen, the other side asks again.
    pub async fn answer(&mut self, question: &Value) -> Result<Value> {
        match question["ask"].as_str().context("no question")? {
            "publish" => self.publish(question).await,
            "behave" => self.behave(question),
            "log" => self.log(question),
            "verify" => self.verify(question),
            "restart" => self.restart(question).await,
            "revoke" => {
                people::revoke(&self.cluster.setup, text(question, "token")?)?;
                Ok(json!(true))
            }
            other => bail!("nobody answers {other}"),
        }
    }

    async fn publish(&self, question: &Value) -> Result<Value> {
        let events = question["events"].as_array().context("no events")?;
        let records: Vec<Record> = events.iter().map(record).collect::<Result<_>>()?;
        self.cluster.upstream.send_all(&self.cluster.setup.flights(), &records).await?;
        Ok(json!(records.len()))
    }

    /// From now on a path answers `status` with a `body` and `headers`.
    fn behave(&self, question: &Value) -> Result<Value> {
        let headers = question["headers"].as_object().into_iter().flatten();
        let headers =
            headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        let status = question["status"].as_u64().context("no status")?;
        let reply = Reply::Full {
            status: u16::try_from(status)?,
            headers: headers.collect(),
            body: question["body"].as_str().unwrap_or_default().to_owned().into(),
        };
        self.cluster.receiver.behave(text(question, "path")?, Behaviour::Always(reply));
        Ok(json!(true))
    }

    /// The requests that a path has had.
    fn log(&self, question: &Value) -> Result<Value> {
        let requests = self.cluster.receiver.requests_on(text(question, "path")?);
        let shown = requests.iter().map(|request| {
            let headers = request.headers.iter();
            let headers = headers
                .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))));
            json!({
                "id": request.webhook_id(),
                "nth": request.nth,
                "answered": request.reply.status(),
                "headers": headers.collect::<serde_json::Map<_, _>>(),
                "body": String::from_utf8_lossy(&request.body),
            })
        });
        Ok(shown.collect())
    }

    /// Whether the key made the signature of each request that a path has had.
    fn verify(&self, question: &Value) -> Result<Value> {
        let (path, key) = (text(question, "path")?, text(question, "key")?);
        let requests = self.cluster.receiver.requests_on(path);
        Ok(requests.iter().map(|request| json!(verify_request(key, request).is_ok())).collect())
    }

    /// The api ends and starts again, at the same address; with `laterByDays` its clock is late.
    async fn restart(&mut self, question: &Value) -> Result<Value> {
        let mut api = self.cluster.setup.role("aerogram-api");
        if let Some(days) = question["laterByDays"].as_i64() {
            let library = later(self.cluster.setup.rig.dir()).await?.display().to_string();
            api = api.env("LD_PRELOAD", library).env("LATER_BY_S", (days * DAY_S).to_string());
        }
        self.cluster.terminate("api").await?;
        self.cluster.add("api", api);
        self.cluster.start_role("api").await?;
        Ok(json!(true))
    }
}

fn text<'a>(of: &'a Value, name: &str) -> Result<&'a str> {
    of[name].as_str().with_context(|| format!("no {name} in {of}"))
}

fn record(event: &Value) -> Result<Record> {
    let [id, kind, operator] = ["id", "type", "operator"].map(|name| text(event, name));
    let subject = event["subject"].as_str().unwrap_or("subject");
    let mut record = UpstreamEvent::new(id?, kind?, operator?, subject, event["data"].clone());
    record.contract = event["contract"].as_str().map(str::to_owned);
    record.environment = event["environment"].as_str().map(str::to_owned);
    Ok(record.structured())
}

/// The library that makes a process's wall clock late.
async fn later(dir: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clock/later.c");
    let library = dir.join("later.so");
    let mut compiler = Command::new("cc");
    run(compiler.args(["-std=c17", "-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source)).await?;
    Ok(library)
}

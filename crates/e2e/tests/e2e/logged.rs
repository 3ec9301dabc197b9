//! Requests as a receiver logged them, changed or not, and what verifiers of other languages say about each.

use aerogram_testkit::Request;
use aerogram_testkit::verify::sign;
use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A request as a receiver has it, and whether it comes from us.
#[derive(Clone)]
pub struct Case {
    pub what: String,
    pub key: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    pub genuine: bool,
}

impl Case {
    pub fn genuine(key: &str, request: &Request) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = request.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        Self {
            what: format!("a delivery to {} under {key}", request.path),
            key: key.to_owned(),
            headers: headers.collect(),
            body: request.body.to_vec(),
            genuine: true,
        }
    }

    /// The same with something changed.
    pub fn but(&self, what: &str, genuine: bool, change: impl FnOnce(&mut Self)) -> Self {
        let what = format!("{}, but {what}", self.what);
        let mut case = Self { what, genuine, ..self.clone() };
        change(&mut case);
        case
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.insert(name.to_owned(), value.into());
    }

    /// Signs it anew, as of so many seconds from now.
    pub fn sign_at(&mut self, seconds_from_now: i64) -> Result<()> {
        let timestamp_s = jiff::Timestamp::now().as_second() + seconds_from_now;
        let signature = sign(&self.key, self.header("webhook-id"), timestamp_s, &self.body)?;
        self.set("webhook-timestamp", timestamp_s.to_string());
        self.set("webhook-signature", signature);
        Ok(())
    }
}

/// A file of cases: an array of `key`, `headers` and `body`, the last in base64.
pub fn write(file: &Path, cases: &[Case]) -> Result<()> {
    let all =
        cases.iter().map(|c| json!({"key": c.key, "headers": c.headers, "body": BASE64.encode(&c.body)}));
    Ok(fs::write(file, Value::from_iter(all).to_string())?)
}

/// What a verifier said about each case, a line each, is what is true about it.
pub fn judge(verifier: &str, said: &str, cases: &[Case]) -> Result<()> {
    let lines: Vec<&str> = said.lines().collect();
    ensure!(lines.len() == cases.len(), "{verifier} said {} lines about {} cases", lines.len(), cases.len());
    for (line, case) in lines.iter().zip(cases) {
        ensure!((*line == "ok") == case.genuine, "{verifier} said {line:?} about {}", case.what);
    }
    Ok(())
}

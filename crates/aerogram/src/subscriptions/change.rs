//! From what is there to what should be: the change of one subscription.

use aerogram_domain::toml_reading::Problem;
use serde::Serialize;
use serde_json::{Value, json};

use super::declared::{Declared, Json, Source, Target};
use super::existing::Existing;
use super::request::{Request, complain_of_missing, credential, http_request};
use super::secrets::Secrets;

/// One field that becomes another.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Field {
    pub field: &'static str,
    /// As the api shows it.
    pub old: Value,
    pub new: Value,
}

/// What becomes different.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Change {
    pub fields: Vec<Field>,
    /// Fields whose secrets are set anew.
    pub secrets: Vec<&'static str>,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.secrets.is_empty()
    }

    fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|changed| changed.field == field) || self.secrets.contains(&field)
    }

    fn add(&mut self, field: &'static str, old: Value, new: Value) {
        if old != new {
            self.fields.push(Field { field, old, new });
        }
    }

    /// Whether there is anything for a PATCH: a signing key has a call of its own.
    pub fn needs_patch(&self) -> bool {
        !self.fields.is_empty() || self.secrets.iter().any(|field| *field != SIGNING_KEY)
    }

    pub fn needs_signing_key(&self) -> bool {
        self.secrets.contains(&SIGNING_KEY)
    }
}

pub const SIGNING_KEY: &str = "signingKey";

/// What has to change; `now` as the api writes times.
///
/// # Errors
/// It can't become what it should be, and why.
pub fn change(
    declared: &Declared,
    existing: &Existing,
    set_secrets: bool,
    now: &str,
) -> Result<Change, Vec<String>> {
    let mut why = fixed(declared, existing);
    let mut change = Change::default();
    if declared.name.is_some() {
        change.add("name", json!(existing.name), json!(declared.name));
    }
    change.add("callbackUrl", json!(existing.callback_url), json!(declared.callback_url));
    if let Some(status) = &declared.status {
        if status == "ACTIVE" && existing.is_expired(now) {
            let expired = existing.expiration_date_time.as_deref().unwrap_or_default();
            why.push(format!(
                "it expired at {expired} and can't be made active again; delete it, or use another name"
            ));
        }
        change.add("status", json!(existing.status), json!(status));
    }
    change.add("policy", json!(existing.policy), json!(declared.policy));
    target(declared, existing, set_secrets, &mut change).unwrap_or_else(|detail| why.push(detail));
    change.add("allText", json!(existing.all_text), json!(declared.all_text));
    change.add("limits", json_of(existing.limits.as_ref()), json_of(declared.limits.as_ref()));
    let kind = declared.authentication.as_ref().map(|given| given.kind.as_str());
    change.add("authentication", json!(existing.kind()), json!(kind));
    let whole = declared.authentication.as_ref().is_some_and(|given| given.missing.is_empty());
    if set_secrets && whole && !change.has("authentication") {
        change.secrets.push("authentication");
    }
    if set_secrets && declared.signing_key.is_some() {
        change.secrets.push(SIGNING_KEY);
    }
    if why.is_empty() { Ok(change) } else { Err(why) }
}

fn json_of(json: Option<&Json>) -> Value {
    json.map_or(Value::Null, |json| json.value.clone())
}

/// What an existing subscription can't change.
fn fixed(declared: &Declared, existing: &Existing) -> Vec<String> {
    let profile = declared.profile.as_deref().unwrap_or(&existing.profile);
    let pairs = [
        ("event", existing.event.as_str(), declared.event.as_str()),
        (
            "contract",
            existing.contract_id.as_deref().unwrap_or("none"),
            declared.contract.as_deref().unwrap_or("none"),
        ),
        ("environment", &existing.environment, &declared.environment),
        ("profile", &existing.profile, profile),
    ];
    let differing = pairs.into_iter().filter(|(_, old, new)| old != new);
    differing
        .map(|(field, old, new)| {
            format!(
                "{field} can't be changed ({old} → {new}): delete it and create another, or use another name"
            )
        })
        .collect()
}

/// Values of headers are never shown: their names are compared, where the file has any.
fn target(
    declared: &Declared,
    existing: &Existing,
    set_secrets: bool,
    change: &mut Change,
) -> Result<(), String> {
    let mut there = existing.headers.clone();
    there.sort();
    let wanted = declared.http_request.as_ref();
    let names = wanted.and_then(|target| target.header.as_ref()).map(|header| {
        let mut names: Vec<String> = header.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    });
    let wanted_body = wanted.and_then(|target| target.body.as_ref());
    let same_body = existing.body() == wanted_body;
    let kept = wanted.is_some() && names.is_none();
    if same_body && (kept || names.clone().unwrap_or_default() == there) {
        if set_secrets && names.is_some_and(|names| !names.is_empty()) {
            change.secrets.push("httpRequest");
        }
        return Ok(());
    }
    if kept && !there.is_empty() {
        return Err(format!(
            "httpRequest replaces body and headers together, and the headers {} are not in the file: give their values, \
             or header = {{}} to take them away",
            there.join(", ")
        ));
    }
    let old = shown(existing.body(), &there);
    let new = shown(wanted_body, &names.unwrap_or_default());
    change.add("httpRequest", old, new);
    Ok(())
}

fn shown(body: Option<&Json>, headers: &[String]) -> Value {
    match (body, headers) {
        (None, []) => Value::Null,
        (body, headers) => json!({"jsonBody": body.map(|body| &body.value), "headers": headers}),
    }
}

/// The body of the PATCH.
///
/// # Errors
/// Every secret that it needs and that can't be had.
pub fn patch<'d>(
    declared: &'d Declared,
    change: &Change,
    look: &dyn Fn(&Source) -> Result<String, String>,
) -> Result<Request<'d>, Vec<Problem>> {
    let mut secrets = Secrets::new(look);
    let target = |target: &'d Target, secrets: &mut Secrets<'_>| http_request(target, secrets);
    let request = Request {
        name: declared.name.as_deref().filter(|_| change.has("name")),
        callback_url: change.has("callbackUrl").then_some(declared.callback_url.as_str()),
        status: declared.status.as_deref().filter(|_| change.has("status")),
        policy: change.has("policy").then_some(declared.policy.as_deref()),
        http_request: change
            .has("httpRequest")
            .then(|| declared.http_request.as_ref().and_then(|wanted| target(wanted, &mut secrets))),
        all_text: change.has("allText").then_some(declared.all_text),
        limits: change.has("limits").then(|| declared.limits.as_ref().map(|limits| &*limits.text)),
        authentication: change.has("authentication").then(|| {
            declared.authentication.as_ref().map(|given| {
                complain_of_missing(given, &mut secrets.problems);
                credential(given, &mut secrets)
            })
        }),
        ..Request::default()
    };
    if secrets.problems.is_empty() { Ok(request) } else { Err(secrets.problems) }
}

/// The new signing key.
///
/// # Errors
/// It can't be had.
pub fn new_signing_key(
    declared: &Declared,
    look: &dyn Fn(&Source) -> Result<String, String>,
) -> Result<String, Vec<Problem>> {
    let mut secrets = Secrets::new(look);
    let key = declared.signing_key.as_ref().map(|key| secrets.of(key)).unwrap_or_default();
    if secrets.problems.is_empty() { Ok(key) } else { Err(secrets.problems) }
}

//! From the form to what REST reads.
//!
//! What cannot be said in JSON, such as a limit that is no number, is sent as something that REST refuses there: so all that
//! is wrong is told at once, what was noticed here in the words from here.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::form::{Form, Header};
use crate::rest::{Refused, Wrong};

/// The body of a request. It holds secrets, so none of it has a `Debug`.
#[derive(Default)]
pub struct Written {
    parts: Vec<(&'static str, Part)>,
    /// What REST is going to refuse, told better.
    pub wrong: Vec<Wrong>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part {
    Value(Value),
    Target(Target),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(skip_serializing_if = "Headers::is_empty")]
    header: Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_body: Option<JsonBody>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonBody {
    /// As it is typed: its order and its digits.
    Typed(Box<RawValue>),
    NoJson(String),
}

/// Names as often as they are typed.
struct Headers(Vec<(String, Option<String>)>);

/// A new subscription.
pub fn creation(form: &Form, signing_key: &SecretString) -> Written {
    let mut written = Written::default();
    let some = |text: &str| !text.is_empty();
    written.event(form);
    written.url(form);
    written.put("signingKey", json!(signing_key.expose_secret()));
    written.put("status", status(form));
    written.put("environment", json!(form.environment));
    for (name, value) in [
        ("contractId", &form.contract),
        ("profile", &form.profile),
        ("policy", &form.policy),
        ("name", &form.name),
    ] {
        if some(value) {
            written.put(name, json!(value));
        }
    }
    if form.body == "own" {
        written.target(form);
        written.put("allText", json!(form.all_text));
    }
    written.authentication(form);
    if has_limits(form) {
        written.limits(form);
    }
    written
}

/// What is different from `before`, which is the form as it was made. Contract and event type only where they may be others.
pub fn change(form: &Form, before: &Form, may_move: bool) -> Written {
    let mut written = Written::default();
    let or_null = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    if may_move && form.event != before.event {
        written.event(form);
    }
    if may_move && form.contract != before.contract {
        written.put("contractId", or_null(&form.contract));
    }
    if form.url != before.url {
        written.url(form);
    }
    if form.status != before.status {
        written.put("status", status(form));
    }
    if form.policy != before.policy {
        written.put("policy", or_null(&form.policy));
    }
    if form.name != before.name {
        written.put("name", or_null(&form.name));
    }
    match form.body.as_str() {
        "own" => {
            written.target(form);
            if form.all_text != before.all_text {
                written.put("allText", json!(form.all_text));
            }
        }
        "default" if before.body == "keep" => written.put("httpRequest", Value::Null),
        _ => {}
    }
    match form.auth.as_str() {
        "none" if before.auth == "keep" => written.put("authentication", Value::Null),
        _ => written.authentication(form),
    }
    if limits(form) != limits(before) {
        match has_limits(form) {
            true => written.limits(form),
            false => written.put("limits", Value::Null),
        }
    }
    written
}

/// What would be sent.
pub fn preview(form: &Form) -> Written {
    let mut written = Written::default();
    written.put("event", json!(form.event));
    if form.body == "own" {
        written.target(form);
        written.put("allText", json!(form.all_text));
        // Values are not shown, so they may be missing for as long as nothing is saved.
        for (_, part) in &mut written.parts {
            if let Part::Target(target) = part {
                target.header.0.retain(|(name, _)| !name.is_empty());
                target.header.0.iter_mut().for_each(|(_, value)| _ = value.get_or_insert_default());
            }
        }
        written.wrong.retain(|wrong| wrong.pointer.starts_with("/httpRequest/jsonBody"));
    }
    written
}

impl Written {
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// # Errors
    /// Never; a bug otherwise.
    pub fn text(&self) -> Result<String, Refused> {
        serde_json::to_string(self)
            .map_err(|error| Refused::broken(format!("a form could not be written: {error}")))
    }

    fn put(&mut self, name: &'static str, value: Value) {
        self.parts.push((name, Part::Value(value)));
    }

    fn wrong(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.wrong.push(Wrong { pointer: pointer.into(), parameter: String::new(), detail: detail.into() });
    }

    fn event(&mut self, form: &Form) {
        if form.event.is_empty() {
            self.wrong("/event", "choose an event type");
        }
        self.put("event", json!(form.event));
    }

    fn url(&mut self, form: &Form) {
        if form.url.is_empty() {
            self.wrong("/callbackUrl", "type the URL");
        }
        self.put("callbackUrl", json!(form.url));
    }

    fn target(&mut self, form: &Form) {
        let template = form.template.trim();
        let json_body = match serde_json::from_str::<Box<RawValue>>(template) {
            _ if template.is_empty() => None,
            Ok(json) => Some(JsonBody::Typed(json)),
            Err(error) => {
                self.wrong("/httpRequest/jsonBody", format!("this is not JSON: {error}"));
                Some(JsonBody::NoJson(template.to_owned()))
            }
        };
        if json_body.is_none() && form.headers.is_empty() {
            self.wrong("/httpRequest/jsonBody", "write a body or a header, or choose the standard body");
        }
        let header = |Header { name, value }: &Header| {
            let value = Some(value.expose_secret().to_owned()).filter(|value| !value.is_empty());
            (name.clone(), value)
        };
        let headers: Vec<_> = form.headers.iter().map(header).collect();
        for (name, value) in &headers {
            let pointer = format!("/httpRequest/header/{}", name.replace('~', "~0").replace('/', "~1"));
            match (name.as_str(), value) {
                ("", _) => self.wrong(pointer, "type its name, or take its value away"),
                (_, None) => self.wrong(pointer, "type its value; it is a secret and not kept in this form"),
                _ => {}
            }
        }
        let target = Target { header: Headers(headers), json_body };
        self.parts.push(("httpRequest", Part::Target(target)));
    }

    /// Nothing when none is chosen.
    fn authentication(&mut self, form: &Form) {
        let (kind, members): (_, &[(&str, &str, &str)]) = match form.auth.as_str() {
            "signature" => {
                ("payloadSignature", &[("secret", form.secret.expose_secret(), "type the secret")])
            }
            "key" => ("apiKey", &[("key", form.key.expose_secret(), "type the key")]),
            "basic" => (
                "basic",
                &[
                    ("username", &form.user, "type the user name"),
                    ("password", form.password.expose_secret(), "type the password"),
                ],
            ),
            "bearer" => ("bearer", &[("token", form.token.expose_secret(), "type the token")]),
            _ => return,
        };
        let mut all = Map::from_iter([("type".to_owned(), json!(kind))]);
        for (name, value, says) in members {
            if value.is_empty() {
                self.wrong(format!("/authentication/{name}"), format!("{says}, or choose another way"));
            } else {
                all.insert((*name).to_owned(), json!(value));
            }
        }
        self.put("authentication", Value::Object(all));
    }

    fn limits(&mut self, form: &Form) {
        let mut all = Map::new();
        for (name, typed) in limits(form) {
            if typed.is_empty() {
                continue;
            }
            let value = match typed.parse::<u64>() {
                Ok(number) => json!(number),
                // Too large for any limit: REST says how large it may be.
                Err(_) if typed.bytes().all(|byte| byte.is_ascii_digit()) => json!(u64::MAX),
                Err(_) => {
                    self.wrong(format!("/limits/{name}"), "use a whole number, in digits only");
                    json!(typed)
                }
            };
            all.insert(name.to_owned(), value);
        }
        if !form.burst.is_empty() && form.rate.is_empty() {
            self.wrong("/limits/burst", "fill in the attempts a minute as well, or leave this empty");
        }
        self.put("limits", Value::Object(all));
    }
}

fn status(form: &Form) -> Value {
    json!(form.status.to_uppercase())
}

fn limits(form: &Form) -> [(&'static str, &str); 4] {
    [
        ("ratePerMinute", &form.rate),
        ("burst", &form.burst),
        ("concurrency", &form.open),
        ("timeoutMs", &form.timeout),
    ]
}

fn has_limits(form: &Form) -> bool {
    limits(form).iter().any(|(_, typed)| !typed.is_empty())
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.parts.iter().map(|(name, part)| (name, part)))
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Headers {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;

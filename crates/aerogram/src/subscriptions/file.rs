//! Reading a file of subscriptions: every mistake is told with its line.

mod checks;
mod values;

use aerogram_domain::authentication::Kind;
use aerogram_domain::catalogue::{Catalogue, Environment};
use aerogram_domain::subscription::Profile;
use aerogram_domain::subscription_request::{CALLBACK_URL_MAX_BYTES, NAME_MAX_CHARS, parse_callback_url};
use aerogram_domain::toml_reading::{Problem, Reading, Section};
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::declared::{Credential, Declared, Pair, Place, Secret, Target};
use values::{read_json, read_secret};

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
const ID_CHARS_MAX: usize = 128;
const KNOWN: [&str; 16] = [
    "name",
    "id",
    "partner",
    "operator",
    "event",
    "callbackUrl",
    "profile",
    "environment",
    "contract",
    "policy",
    "status",
    "httpRequest",
    "allText",
    "authentication",
    "limits",
    "signingKey",
];

/// What a file holds.
#[derive(Debug, Default)]
pub struct Contents {
    pub subscriptions: Vec<Declared>,
    /// What may be wrong with it, and may be right for the api.
    pub notes: Vec<Problem>,
}

/// A file with mistakes.
#[derive(Debug)]
pub struct Mistakes {
    /// Each with its place, in the order of the file.
    pub problems: Vec<Problem>,
    /// What could be read nevertheless, as far as it could be.
    pub readable: Vec<Declared>,
}

/// Reads a file.
///
/// # Errors
/// Every mistake that can be found without asking anybody.
pub fn read(text: &str) -> Result<Contents, Mistakes> {
    let mut reading = Reading::new(text);
    let (root, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        reading.problem(&error.span().unwrap_or_default(), "", format!("is not TOML: {}", error.message()));
    }
    let (mut contents, mut wrong) = (Contents::default(), Vec::new());
    // Whatever else would be found wrong could be due to what could not be read.
    if syntax.is_empty() {
        let root = Section::root(root.get_ref());
        root.refuse_unknown(&mut reading, &["subscriptions"]);
        let catalogue = Catalogue::builtin();
        for section in root.sections(&mut reading, "subscriptions", &KNOWN) {
            // By itself, so that what it has wrong is known: the rules of the api are about the rest.
            let mut own = Reading::new(text);
            let declared = read_one(&mut own, &section, &catalogue);
            let found = own.found();
            checks::as_the_api(&mut reading, &section, &declared, &catalogue, &found);
            let has = |name: &str| !found.iter().any(|problem| checks::field_of(&section, problem) == name);
            wrong.extend(found.iter().cloned());
            if has("event") && catalogue.lookup(&declared.event).is_none() {
                let detail = format!(
                    "{:?} is no built-in event type; if it is none of the platform's own either, the api refuses it",
                    declared.event
                );
                let place = Place { path: section.place_of("event"), ..declared.place.clone() };
                contents.notes.push(place.problem(detail));
            }
            if has("partner") && has("operator") {
                contents.subscriptions.push(declared);
            }
        }
        checks::together(&mut reading, &root, &contents.subscriptions);
    }
    let mut problems = reading.found();
    problems.append(&mut wrong);
    problems.sort_by_key(|problem| problem.line);
    match problems.is_empty() {
        true => Ok(contents),
        false => Err(Mistakes { problems, readable: contents.subscriptions }),
    }
}

/// One subscription, as far as it can be read; what is missing is empty.
fn read_one(reading: &mut Reading<'_>, section: &Section<'_, '_>, catalogue: &Catalogue) -> Declared {
    let owned = |text: aerogram_domain::toml_reading::Text<'_>| text.value.to_owned();
    let name = section.maybe_text(reading, "name", NAME_MAX_CHARS).map(owned);
    let id = section.maybe_text(reading, "id", ID_CHARS_MAX).map(owned);
    if section.value("name").is_none() && section.value("id").is_none() {
        let detail = "is required; what exists without a name may have its id instead";
        reading.problem(&section.span, section.place_of("name"), detail);
    }
    let partner = section.text(reading, "partner", ID_CHARS_MAX).map(owned);
    let operator = section.text(reading, "operator", ID_CHARS_MAX).map(owned);
    let event = section.text(reading, "event", ID_CHARS_MAX).map(owned);
    let profile = section.maybe_text(reading, "profile", ID_CHARS_MAX).map(owned);
    let environment = section.maybe_text(reading, "environment", ID_CHARS_MAX).map(owned);
    let contract = section.maybe_text(reading, "contract", ID_CHARS_MAX).map(owned);
    let policy = section.maybe_text(reading, "policy", ID_CHARS_MAX).map(owned);
    let status = section.maybe_text(reading, "status", ID_CHARS_MAX);
    if let Some(status) = status.as_ref().filter(|status| !matches!(status.value, "ACTIVE" | "INACTIVE")) {
        reading.problem(&status.span, &status.place, "must be ACTIVE or INACTIVE");
    }
    let status = status.map(owned);
    let callback_url = section.maybe_text(reading, "callbackUrl", CALLBACK_URL_MAX_BYTES).map(owned);
    let (http_request, url) = read_target(reading, section);
    if section.value("callbackUrl").is_none() && url.is_none() {
        let detail = "is required; it may stand in httpRequest.url instead";
        reading.problem(&section.span, section.place_of("callbackUrl"), detail);
    }
    if let (Some(one), Some(other)) = (&callback_url, &url)
        && one != other
        && let Some(value) = section.value("httpRequest")
    {
        let place = section.place_of("httpRequest.url");
        reading.problem(&value.span(), place, "must be the same as callbackUrl; leave one of them out");
    }
    let callback_url = callback_url.or(url).unwrap_or_default();
    let all_text = section.flag(reading, "allText");
    let authentication = read_authentication(reading, section);
    let limits = section.section(reading, "limits").and_then(|_| section.value("limits"));
    // What a limit may be is said by the rules of the api.
    let limits = limits.and_then(|value| read_json(reading, value, section.place_of("limits")));
    let signing_key = section.value("signingKey");
    let signing_key =
        signing_key.and_then(|value| read_secret(reading, value, section.place_of("signingKey")));
    let [partner, operator, event] = [partner, operator, event].map(Option::unwrap_or_default);
    let effective = match &profile {
        Some(name) => Profile::parse(name),
        None => catalogue.lookup(&event).map(|event| Profile::of_family(event.family)),
    };
    Declared {
        place: Place { line: reading.line(&section.span), path: section.place.clone() },
        pair: Pair { partner, operator },
        name,
        id,
        event,
        // What is wrong with it is told when everything is looked at together.
        callback_url: parse_callback_url(&callback_url).unwrap_or(callback_url),
        profile,
        environment: environment.unwrap_or_else(|| Environment::default().as_str().to_owned()),
        contract,
        policy,
        status,
        http_request,
        all_text,
        authentication,
        limits: limits.filter(|limits| limits.value != Value::Object(Map::new())),
        signing_key,
        needs_signing_key: effective.is_some_and(Profile::needs_signing_key),
    }
}

/// `httpRequest`, and the URL in it.
fn read_target(reading: &mut Reading<'_>, section: &Section<'_, '_>) -> (Option<Target>, Option<String>) {
    let Some(target) = section.section(reading, "httpRequest") else { return (None, None) };
    target.refuse_unknown(reading, &["url", "header", "jsonBody"]);
    let url = target.maybe_text(reading, "url", CALLBACK_URL_MAX_BYTES).map(|url| url.value.to_owned());
    let header = target.section(reading, "header").map(|header| {
        let mut read: Vec<(String, Secret)> = Vec::new();
        for (name, value) in header.entries() {
            if let Some(secret) = read_secret(reading, value, name.place) {
                read.push((name.value.to_owned(), secret));
            }
        }
        read
    });
    let body = target.value("jsonBody");
    let body = body.and_then(|value| read_json(reading, value, target.place_of("jsonBody")));
    (Some(Target { header, body }), url)
}

fn read_authentication(reading: &mut Reading<'_>, section: &Section<'_, '_>) -> Option<Credential> {
    let given = section.section(reading, "authentication")?;
    let kinds = || Kind::ALL.map(Kind::name).join(", ");
    let name = given.text(reading, "type", ID_CHARS_MAX)?;
    let Some(kind) = Kind::parse(name.value) else {
        reading.problem(&name.span, &name.place, format!("must be one of {}", kinds()));
        return None;
    };
    let wanted: &[&'static str] = match kind {
        Kind::PayloadSignature => &["secret"],
        Kind::ApiKey => &["key"],
        Kind::Basic => &["username", "password"],
        Kind::Bearer => &["token"],
    };
    given.refuse_unknown(reading, &[&["type"], wanted].concat());
    let (mut members, mut missing) = (Vec::new(), Vec::new());
    for name in wanted {
        match given.value(name) {
            Some(value) => {
                let secret = read_secret(reading, value, given.place_of(name));
                members.extend(secret.map(|secret| ((*name).to_owned(), secret)));
            }
            None => missing.push(*name),
        }
    }
    let place = Place { line: reading.line(&given.span), path: given.place.clone() };
    Some(Credential { kind: kind.name().to_owned(), members, missing, place })
}

/// Whether a value is a table.
fn is_table(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::Table(_))
}

#[cfg(test)]
mod tests;

//! What is wrong with subscriptions that are each well written: by the rules of the api, and with each other.

use std::collections::BTreeMap;
use std::ops::Range;

use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::subscription::Profile;
use aerogram_domain::subscription_request::{Body, CreateContext, parse_create};
use aerogram_domain::toml_reading::{Problem, Reading, Section};
use toml::Spanned;
use toml::de::DeValue;

use super::super::declared::{Declared, Pair, Secret, Source};
use super::super::request::wish;
use super::super::secrets::Secrets;

/// Stands for a secret that is not known yet.
const SOME_SECRET: &str = "some-secret";

/// Tells what the api would say to a creation, at the place in the file. What depends on the installation is left to it: its
/// contracts, policies, event types of its own, and what it may call. So is what is `wrong` already, and what hangs on it.
pub(super) fn as_the_api(
    reading: &mut Reading<'_>,
    section: &Section<'_, '_>,
    declared: &Declared,
    catalogue: &Catalogue,
    wrong: &[Problem],
) {
    let wrong: Vec<&str> = wrong.iter().map(|problem| field_of(section, problem)).collect();
    if wrong.iter().any(|field| matches!(*field, "event" | "profile")) {
        return;
    }
    let mut whole = declared.clone();
    if let Some(given) = &mut whole.authentication {
        for name in std::mem::take(&mut given.missing) {
            let source = Source::Given(SOME_SECRET.to_owned());
            given.members.push((name.to_owned(), Secret { source, place: given.place.clone() }));
        }
    }
    let look = |source: &Source| match source {
        Source::Given(text) => Ok(text.clone()),
        Source::Env(_) | Source::File(_) => Ok(SOME_SECRET.to_owned()),
    };
    let body = wish(&whole, &mut Secrets::new(&look)).to_json();
    let contracts: Vec<String> = declared.contract.iter().cloned().collect();
    let context = CreateContext {
        catalogue,
        contracts: &contracts,
        policy_exists: &|name| !name.is_empty(),
        url_callable: &|_| Ok(()),
    };
    let found = match Body::parse(body.as_bytes()) {
        Ok(body) => parse_create(&body, &context).err().unwrap_or_default(),
        Err(error) => vec![error],
    };
    for error in found {
        let left_out = declared.signing_key.is_none() && error.pointer == "/signingKey";
        // Said already, or to be said where it matters.
        if left_out || error.pointer == "/event" {
            continue;
        }
        let field = error.pointer.split('/').nth(1).unwrap_or_default();
        let of_url = field == "callbackUrl" && wrong.contains(&"httpRequest");
        if of_url || wrong.contains(&in_the_file(field)) {
            continue;
        }
        let (span, path) = locate(section, &error.pointer);
        reading.problem(&span, path, error.detail);
    }
}

/// The field of a subscription that a mistake is about; empty: none.
pub(super) fn field_of<'p>(section: &Section<'_, '_>, problem: &'p Problem) -> &'p str {
    let rest = problem.place.strip_prefix(&section.place).and_then(|rest| rest.strip_prefix('.'));
    rest.unwrap_or_default().split(['.', '[']).next().unwrap_or_default()
}

/// What the file calls a field of the api.
fn in_the_file(field: &str) -> &str {
    if field == "contractId" { "contract" } else { field }
}

/// Where a JSON pointer of the body leads in the file, as far as it goes.
fn locate(section: &Section<'_, '_>, pointer: &str) -> (Range<usize>, String) {
    let (mut span, mut path) = (section.span.clone(), section.place.clone());
    let mut steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let Some(first) = steps.next() else { return (span, path) };
    let first = in_the_file(&first);
    let in_target = section.value("httpRequest").filter(|_| first == "callbackUrl");
    let mut at: Option<&Spanned<DeValue<'_>>> = section.value(first).or(in_target);
    if at.is_none() {
        path = format!("{path}.{first}");
    }
    let mut step = first.to_owned();
    while let Some(value) = at {
        span = value.span();
        path =
            if step.parse::<usize>().is_ok() { format!("{path}[{step}]") } else { format!("{path}.{step}") };
        let Some(next) = steps.next() else { break };
        at = match value.get_ref() {
            DeValue::Table(table) => {
                table.iter().find(|(name, _)| *name.get_ref() == *next).map(|(_, value)| value)
            }
            DeValue::Array(items) => next.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        if at.is_none() && matches!(value.get_ref(), DeValue::Table(_)) {
            // What is missing is told by its name.
            path = format!("{path}.{next}");
        }
        step = next;
    }
    (span, path)
}

/// Tells what can't all be so.
pub(super) fn together(reading: &mut Reading<'_>, root: &Section<'_, '_>, all: &[Declared]) {
    let mut names: BTreeMap<(&Pair, &str), &Declared> = BTreeMap::new();
    let mut ids: BTreeMap<(&Pair, &str), &Declared> = BTreeMap::new();
    let mut urls: BTreeMap<(&Pair, &str), &Declared> = BTreeMap::new();
    let mut wrong: Vec<(&Declared, &str, String)> = Vec::new();
    for one in all {
        if let Some(name) = &one.name
            && let Some(first) = names.insert((&one.pair, name), one)
        {
            let detail = format!("{name:?} stands in line {} for the same pair", first.place.line);
            wrong.push((one, "name", detail));
        }
        if let Some(id) = &one.id
            && let Some(first) = ids.insert((&one.pair, id), one)
        {
            wrong.push((one, "id", format!("{id:?} stands in line {} for the same pair", first.place.line)));
        }
        let profile = one.profile.as_deref().and_then(Profile::parse);
        let profile = profile.filter(|_| !one.callback_url.is_empty());
        if let Some(profile) = profile.filter(|profile| profile.one_callback_url()) {
            let first = urls.entry((&one.pair, &one.environment)).or_insert(one);
            if first.callback_url != one.callback_url {
                let detail = format!(
                    "the profile {} allows one callbackUrl for {}, and line {} has {:?}",
                    profile.name(),
                    one.environment,
                    first.place.line,
                    first.callback_url
                );
                wrong.push((one, "callbackUrl", detail));
            }
        }
    }
    for (one, field, detail) in wrong {
        let path = format!("{}.{field}", one.place.path);
        // The line of the subscription: where its field is does not matter once it is found.
        reading.problem(&span_of(root, one), path, detail);
    }
}

fn span_of(root: &Section<'_, '_>, one: &Declared) -> Range<usize> {
    let Some(DeValue::Array(items)) = root.value("subscriptions").map(Spanned::get_ref) else { return 0..0 };
    let index = one.place.path.trim_start_matches("subscriptions[").trim_end_matches(']').parse::<usize>();
    index.ok().and_then(|index| items.get(index)).map_or(0..0, Spanned::span)
}

//! The bodies of POST and PATCH.

use std::collections::BTreeMap;

use aerogram_domain::toml_reading::Problem;
use serde::Serialize;
use serde_json::value::RawValue;

use super::declared::{Credential, Declared, Source, Target};
use super::secrets::Secrets;

/// Fields of both; what is not there is not sent, and `Some(None)` is `null`.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Request<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_id: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Option<&'d str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_request: Option<Option<HttpRequest<'d>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_text: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Option<BTreeMap<&'d str, String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Option<&'d RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest<'d> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    header: BTreeMap<&'d str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_body: Option<&'d RawValue>,
}

impl Request<'_> {
    pub fn to_json(&self) -> String {
        // Texts, numbers and JSON always become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A creation.
///
/// # Errors
/// Every secret that it needs and that can't be had.
pub fn creation<'d>(
    declared: &'d Declared,
    look: &dyn Fn(&Source) -> Result<String, String>,
) -> Result<Request<'d>, Vec<Problem>> {
    let mut secrets = Secrets::new(look);
    let request = wish(declared, &mut secrets);
    if let Some(given) = &declared.authentication {
        complain_of_missing(given, &mut secrets.problems);
    }
    if declared.signing_key.is_none() && declared.needs_signing_key {
        let detail = "has no signingKey, and its profile requires one to create it";
        secrets.problems.push(declared.place.problem(detail));
    }
    if secrets.problems.is_empty() { Ok(request) } else { Err(secrets.problems) }
}

/// Everything that a creation says, with the secrets as they are found.
pub fn wish<'d>(declared: &'d Declared, secrets: &mut Secrets<'_>) -> Request<'d> {
    Request {
        name: declared.name.as_deref(),
        event: Some(&declared.event),
        callback_url: Some(&declared.callback_url),
        profile: declared.profile.as_deref(),
        contract_id: declared.contract.as_deref(),
        environment: Some(&declared.environment),
        status: declared.status.as_deref(),
        policy: declared.policy.as_deref().map(Some),
        http_request: declared
            .http_request
            .as_ref()
            .and_then(|target| http_request(target, secrets))
            .map(Some),
        all_text: declared.all_text.then_some(true),
        authentication: declared.authentication.as_ref().map(|given| Some(credential(given, secrets))),
        limits: declared.limits.as_ref().map(|limits| Some(&*limits.text)),
        signing_key: declared.signing_key.as_ref().map(|key| secrets.of(key)),
    }
}

/// `None`: it says nothing that is not so anyway.
pub fn http_request<'d>(target: &'d Target, secrets: &mut Secrets<'_>) -> Option<HttpRequest<'d>> {
    let header = target.header.iter().flatten();
    let header: BTreeMap<&str, String> =
        header.map(|(name, value)| (name.as_str(), secrets.of(value))).collect();
    let json_body = target.body.as_ref().map(|body| &*body.text);
    (json_body.is_some() || !header.is_empty()).then_some(HttpRequest { header, json_body })
}

/// `authentication` with its type.
pub fn credential<'d>(given: &'d Credential, secrets: &mut Secrets<'_>) -> BTreeMap<&'d str, String> {
    let members = given.members.iter().map(|(name, value)| (name.as_str(), secrets.of(value)));
    std::iter::once(("type", given.kind.clone())).chain(members).collect()
}

/// What is left out can only stay as it is.
pub fn complain_of_missing(given: &Credential, problems: &mut Vec<Problem>) {
    for name in &given.missing {
        problems.push(given.place.problem(format!("needs {name} to be set")));
    }
}

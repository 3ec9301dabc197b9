//! How a subscription wants to be delivered to: `httpRequest`, `authentication` and whether they fit together.

use super::UrlCheck;
use super::callback_url::parse_callable_url;
use super::fields::{Fields, pointer_step};
use crate::authentication::{self, Authentication, Kind};
use crate::body::ENVELOPE_FIELDS;
use crate::catalogue::EventType;
use crate::subscription::Profile;
use crate::template::{self, Limits, Source, Template};

/// A valid `httpRequest`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HttpRequest {
    pub(super) url: Option<String>,
    pub(super) template: Template,
}

/// What stands under `httpRequest`, checked against the fields that events of this type have; of an unknown type, as far as
/// that goes. `None`: it is not there, or wrong.
pub(super) fn http_request(
    fields: &mut Fields<'_>,
    event: Option<&EventType>,
    callable: UrlCheck<'_>,
) -> Option<HttpRequest> {
    let written = fields.body.http_request.as_deref()?;
    let names: Vec<&str> = event.into_iter().flat_map(field_names).collect();
    let known = match event {
        Some(_) => template::Fields::Only(&names),
        None => template::Fields::Any,
    };
    let compiled = match Template::compile(Source::HttpRequest(written.get()), known, &Limits::default()) {
        Ok(compiled) => compiled,
        Err(problems) => {
            problems.into_iter().for_each(|found| fields.wrong(found.pointer, found.problem));
            return None;
        }
    };
    let url = compiled.url.as_deref().map(|url| parse_callable_url(url, callable));
    let url = match url.transpose() {
        Ok(url) => url,
        Err(detail) => {
            fields.wrong("/httpRequest/url", detail);
            return None;
        }
    };
    Some(HttpRequest { url, template: compiled.template })
}

/// What a template for events of this type may name.
pub(super) fn field_names(event: &EventType) -> impl Iterator<Item = &str> {
    event.fields.iter().map(|field| field.name.as_str()).chain(ENVELOPE_FIELDS)
}

/// One URL of the two places where it may stand.
pub(super) fn one_url(
    fields: &mut Fields<'_>,
    callback_url: Option<String>,
    http_request: Option<&HttpRequest>,
) -> Option<String> {
    let target = http_request.and_then(|request| request.url.clone());
    if let (Some(callback_url), Some(target)) = (&callback_url, &target)
        && callback_url != target
    {
        fields.wrong("/httpRequest/url", "must be the same as callbackUrl; leave one of them out");
    }
    callback_url.or(target)
}

/// What stands under `authentication`. `None`: it is not there, or wrong.
pub(super) fn authentication(fields: &mut Fields<'_>) -> Option<Authentication> {
    let members = fields.object("authentication")?;
    let at = |name: &str| format!("/authentication/{name}");
    let Some(kind) = members.get("type") else {
        fields.wrong("/authentication", format!("has no type; there are {}", kinds()));
        return None;
    };
    let parse_kind = |name: &str| Kind::parse(name).ok_or_else(|| format!("must be one of {}", kinds()));
    let kind = fields.text(at("type"), kind, parse_kind)?;
    let names: &[&str] = match kind {
        Kind::PayloadSignature => &["secret"],
        Kind::ApiKey => &["key"],
        Kind::Basic => &["username", "password"],
        Kind::Bearer => &["token"],
    };
    // A secret under a name that is not known would be taken for one that is in force.
    for name in members.keys().filter(|name| *name != "type" && !names.contains(&name.as_str())) {
        fields.wrong(
            at(&pointer_step(name)),
            format!("is not known for {}; it takes {}", kind.name(), names.join(" and ")),
        );
    }
    let mut member = |name: &str| {
        let value = members.get(name);
        if value.is_none() {
            fields.wrong("/authentication", format!("{} needs {name}", kind.name()));
        }
        value.map(|value| (at(name), value))
    };
    match kind {
        Kind::PayloadSignature => {
            let (pointer, value) = member("secret")?;
            fields.text(pointer, value, Authentication::payload_signature)
        }
        Kind::ApiKey => {
            let (pointer, value) = member("key")?;
            fields.text(pointer, value, Authentication::api_key)
        }
        Kind::Bearer => {
            let (pointer, value) = member("token")?;
            fields.text(pointer, value, Authentication::bearer)
        }
        Kind::Basic => {
            let (username, password) = (member("username"), member("password"));
            let username =
                username.and_then(|(pointer, value)| fields.text(pointer, value, authentication::username));
            let password =
                password.and_then(|(pointer, value)| fields.text(pointer, value, authentication::password));
            Some(Authentication::basic(username?, password?))
        }
    }
}

/// A profile may ask for certain kinds. What is missing is told unless something else is wrong with it.
pub(super) fn authentication_fits(fields: &mut Fields<'_>, profile: Profile, kind: Option<Kind>) {
    let allowed = profile.authentications();
    let names = || allowed.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
    match kind {
        _ if allowed.is_empty() => {}
        Some(kind) if !allowed.contains(&kind) => {
            let detail = format!("must be {} under the profile {}", names(), profile.name());
            fields.wrong("/authentication/type", detail);
        }
        None if fields.given("authentication").is_none() => {
            let detail = format!("is required by the profile {}: {}", profile.name(), names());
            fields.wrong("/authentication", detail);
        }
        _ => {}
    }
}

/// A header that the authentication sets, and the template too, would be sent as only one of them says. `header_names` are
/// those of the template.
pub(super) fn no_clash<'n>(
    fields: &mut Fields<'_>,
    kind: Option<Kind>,
    mut header_names: impl Iterator<Item = &'n str>,
) {
    let Some(kind) = kind else { return };
    let header = kind.header_name();
    if header_names.any(|name| name == header) {
        // At what the body says; the other one may be from before.
        let pointer = match fields.given("authentication") {
            Some(_) => "/authentication/type",
            None => "/httpRequest/header",
        };
        let detail =
            format!("{header} would be set twice, by header and by authentication; leave one of them out");
        fields.wrong(pointer, detail);
    }
}

fn kinds() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

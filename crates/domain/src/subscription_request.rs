//! The bodies of `POST` and `PATCH /subscriptions`: every wrong field is named, not just the first.

mod body;
mod callback_url;
mod concern;
mod delivery;
mod fields;
mod limits;
mod preview;
mod repeated;
mod signing_key;
#[cfg(test)]
mod tests;
mod values;

pub use body::Body;
pub use callback_url::parse_callback_url;
pub use preview::{HeaderPreview, NoPreview, Preview, PreviewContext, PreviewRequest, parse_preview};
pub use signing_key::{
    KeyRequest, OVERLAP_DEFAULT_HOURS, OVERLAP_MAX_HOURS, SIGNING_KEY_MAX_CHARS, SigningKey, parse_key,
};

use crate::authentication::{Authentication, Kind};
use crate::catalogue::{Catalogue, Environment};
use crate::subscription::Profile;
use crate::template::Template;
use aerogram_wire::v1::{Limits, Status, Subscription};
use callback_url::parse_callable_url;
use fields::Fields;
use serde_json::Value;
use values::{
    parse_contract, parse_environment, parse_event, parse_name, parse_policy, parse_profile, parse_status,
};

/// Longest `callbackUrl`, in bytes.
pub const CALLBACK_URL_MAX_BYTES: usize = 2_048;
/// Longest `name`, in characters.
pub const NAME_MAX_CHARS: usize = 100;

/// The fields of a creation.
const OF_CREATION: [&str; 13] = [
    "event",
    "callbackUrl",
    "signingKey",
    "profile",
    "contractId",
    "environment",
    "policy",
    "name",
    "status",
    "httpRequest",
    "allText",
    "authentication",
    "limits",
];
/// The fields of a change.
const OF_CHANGE: [&str; 10] = [
    "callbackUrl",
    "status",
    "httpRequest",
    "allText",
    "authentication",
    "policy",
    "name",
    "limits",
    "event",
    "contractId",
];

/// One wrong field of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// JSON pointer (RFC 6901); empty: the body itself.
    pub pointer: String,
    /// What is wrong and what is allowed. Never repeats a secret.
    pub detail: String,
}

/// A valid creation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateRequest {
    /// A wire name of the catalogue.
    pub event: String,
    pub callback_url: String,
    /// `None`: one is to be made.
    pub signing_key: Option<SigningKey>,
    pub profile: Profile,
    pub contract: Option<String>,
    pub environment: Environment,
    /// `None`: the profile's.
    pub policy: Option<String>,
    /// `None`: the default body, and no headers.
    pub template: Option<Template>,
    pub all_text: bool,
    pub authentication: Option<Authentication>,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Active or inactive.
    pub status: Status,
    /// `None`: as the profile and the installation say.
    pub limits: Option<Limits>,
}

/// A valid change; at least one of them is there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PatchRequest {
    pub callback_url: Option<String>,
    pub status: Option<Status>,
    /// `Some(None)`: back to the default body, and no headers.
    pub template: Option<Option<Template>>,
    pub all_text: Option<bool>,
    /// `Some(None)`: none any more.
    pub authentication: Option<Option<Authentication>>,
    /// `Some(None)`: the profile's.
    pub policy: Option<Option<String>>,
    /// `Some(None)`: none any more.
    pub name: Option<Option<String>>,
    /// `Some(None)`: as the profile and the installation say.
    pub limits: Option<Option<Limits>>,
    /// A wire name of the catalogue, or the one it has.
    pub event: Option<String>,
    /// `Some(None)`: every contract of the operator.
    pub contract: Option<Option<String>>,
}

impl PatchRequest {
    /// Whether it makes the subscription inactive and changes nothing else of it.
    pub fn only_stops(&self, current: &Subscription) -> bool {
        let mut changes = self.clone();
        changes.event = changes.event.filter(|event| *event != current.event_type);
        changes.contract =
            changes.contract.filter(|wanted| wanted.as_deref().unwrap_or_default() != current.contract);
        changes == Self { status: Some(Status::Inactive), ..Self::default() }
    }
}

/// Whether this installation could ever call a URL, and if not, why: for whoever wrote it.
pub type UrlCheck<'a> = &'a dyn Fn(&str) -> Result<(), String>;

/// What a creation is checked against beside itself.
pub struct CreateContext<'a> {
    /// The event types there are.
    pub catalogue: &'a Catalogue,
    /// The operator's contracts.
    pub contracts: &'a [String],
    /// Whether there is a retry policy of this name.
    pub policy_exists: &'a dyn Fn(&str) -> bool,
    /// What may be called.
    pub url_callable: UrlCheck<'a>,
}

/// What a change is checked against beside itself.
pub struct PatchContext<'a> {
    /// As it is now, with or without its secrets.
    pub current: &'a Subscription,
    /// The event types there are.
    pub catalogue: &'a Catalogue,
    /// The operator's contracts.
    pub contracts: &'a [String],
    /// Whether there is a retry policy of this name.
    pub policy_exists: &'a dyn Fn(&str) -> bool,
    /// What may be called.
    pub url_callable: UrlCheck<'a>,
}

/// Checks the body of a creation. Fields nobody knows are ignored; `null` is the same as left out.
///
/// # Errors
/// Every wrong field.
pub fn parse_create(body: &Body, context: &CreateContext<'_>) -> Result<CreateRequest, Vec<FieldError>> {
    let mut fields = Fields::of(body, &OF_CREATION);
    let event = fields.required("event", |name| parse_event(name, context.catalogue));
    // It may stand in httpRequest instead; where that is wrong, this is not known to be missing.
    let parse_url = |text: &str| parse_callable_url(text, context.url_callable);
    let callback_url = match body.http_request {
        Some(_) => fields.optional("callbackUrl", parse_url),
        None => fields.required("callbackUrl", parse_url),
    };
    let named = fields.given("profile").and_then(Value::as_str).and_then(Profile::parse);
    let profile = named.or_else(|| event.map(|event| Profile::of_family(event.family)));
    let signing_key = match profile.is_none_or(Profile::needs_signing_key) {
        true => fields.required("signingKey", SigningKey::parse),
        false => fields.optional("signingKey", SigningKey::parse),
    };
    fields.optional("profile", parse_profile);
    let contract = fields.optional("contractId", |id| parse_contract(id, context.contracts));
    let environment = fields.optional("environment", parse_environment);
    let policy = fields.optional("policy", |name| parse_policy(name, context.policy_exists));
    let name = fields.optional("name", parse_name);
    let status = fields.optional("status", parse_status);
    let http_request = delivery::http_request(&mut fields, event, context.url_callable);
    let callback_url = delivery::one_url(&mut fields, callback_url, http_request.as_ref());
    if callback_url.is_none() && http_request.is_some() && fields.given("callbackUrl").is_none() {
        fields.wrong("/callbackUrl", "is required where httpRequest has no url");
    }
    let all_text = fields.boolean("allText").unwrap_or_default();
    let authentication = delivery::authentication(&mut fields);
    let limits = limits::limits(&mut fields);
    if let Some(profile) = named {
        delivery::authentication_fits(&mut fields, profile, authentication.as_ref().map(|a| a.kind));
    }
    let template = http_request.map(|request| request.template);
    let kind = authentication.as_ref().map(|authentication| authentication.kind);
    delivery::no_clash(&mut fields, kind, template.iter().flat_map(Template::header_names));
    match (event, callback_url, profile) {
        (Some(event), Some(callback_url), Some(profile)) if fields.errors.is_empty() => Ok(CreateRequest {
            event: event.wire_name.as_ref().to_owned(),
            callback_url,
            signing_key,
            profile,
            contract,
            environment: environment.unwrap_or_default(),
            policy,
            template,
            all_text,
            authentication,
            name,
            status: status.unwrap_or(Status::Active),
            limits,
        }),
        _ => Err(fields.errors),
    }
}

/// Checks the body of a change. A body without any known field is wrong: it would say that it changed something. `null` is
/// the default again where a subscription can do without, and else the same as left out.
///
/// # Errors
/// Every wrong field.
pub fn parse_patch(body: &Body, context: &PatchContext<'_>) -> Result<PatchRequest, Vec<FieldError>> {
    let current = context.current;
    let mut fields = Fields::of(body, &OF_CHANGE);
    let parse_url = |text: &str| parse_callable_url(text, context.url_callable);
    let callback_url = fields.optional("callbackUrl", parse_url);
    let status = fields.optional("status", parse_status);
    let wanted_event = concern::event(&mut fields, context);
    let contract = concern::contract(&mut fields, context);
    let event = context.catalogue.lookup(wanted_event.as_deref().unwrap_or(&current.event_type));
    let http_request = delivery::http_request(&mut fields, event, context.url_callable);
    let callback_url = delivery::one_url(&mut fields, callback_url, http_request.as_ref());
    concern::template_fits(&mut fields, context, event);
    let all_text = fields.names("allText").then(|| fields.boolean("allText").unwrap_or_default());
    let authentication = fields.names("authentication").then(|| delivery::authentication(&mut fields));
    let policy = fields
        .names("policy")
        .then(|| fields.optional("policy", |name| parse_policy(name, context.policy_exists)));
    let name = fields.names("name").then(|| fields.optional("name", parse_name));
    let limits = fields.names("limits").then(|| limits::limits(&mut fields));
    let template = fields.names("httpRequest").then(|| http_request.map(|request| request.template));
    let kind = match &authentication {
        Some(given) => given.as_ref().map(|given| given.kind),
        None => Kind::of(current.authentication.as_ref()),
    };
    if let (Some(_), Some(profile)) = (&authentication, Profile::parse(&current.profile)) {
        delivery::authentication_fits(&mut fields, profile, kind);
    }
    match &template {
        Some(given) => delivery::no_clash(&mut fields, kind, given.iter().flat_map(Template::header_names)),
        None => {
            let names = current.template.iter().flat_map(|template| &template.header_names);
            delivery::no_clash(&mut fields, kind, names.map(String::as_str));
        }
    }
    if !fields.errors.is_empty() {
        return Err(fields.errors);
    }
    let request = PatchRequest {
        callback_url,
        status,
        template,
        all_text,
        authentication,
        policy,
        name,
        limits,
        event: wanted_event,
        contract,
    };
    match request == PatchRequest::default() {
        true => Err(vec![whole_body(format!("must hold at least one of {}", OF_CHANGE.join(", ")))]),
        false => Ok(request),
    }
}

fn whole_body(detail: impl Into<String>) -> FieldError {
    FieldError { pointer: String::new(), detail: detail.into() }
}

//! One HTTP try: body, signature, headers, request, and what came of it.

use crate::failed;
use crate::parts::Parts;
use crate::secrets::{self, BadSecret, Opened, Sent};
use crate::templates::BadTemplate;
use aerogram_domain::authentication::Kind;
use aerogram_domain::body::{BodyError, default_body, event_data, webhook_id};
use aerogram_domain::policy::{Answer, AttemptResult, Remark, retry_after_ms};
use aerogram_domain::request::{self, Says};
use aerogram_domain::signing::{self, BadKey};
use aerogram_domain::subscription::signing_keys;
use aerogram_domain::template::{BadData, BodyTooLarge, Template};
use aerogram_egress::{Failure, Response, callable};
use aerogram_seal::OpenError;
use aerogram_telemetry::wall_ms;
use aerogram_wire::v1::{Delivery, Event, Outcome, Subscription};
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderName, InvalidHeaderValue};
use std::time::{Duration, Instant};

/// Why a request could not be made ready: our own fault, never the receiver's.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error("the record has no event")]
    NoEvent,
    #[error("the subscription has no signing key")]
    NoKey,
    #[error("its signing key {0}")]
    SigningKey(#[source] BadSecret),
    #[error("its authentication {0}")]
    Authentication(#[source] BadSecret),
    #[error("its authentication is of the type {0}, which this version does not know; upgrade this process")]
    UnknownAuthentication(String),
    #[error(transparent)]
    Template(#[from] BadTemplate),
    #[error(transparent)]
    Data(#[from] BadData),
    #[error(transparent)]
    TooLarge(#[from] BodyTooLarge),
    #[error(transparent)]
    Key(#[from] BadKey),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("a header cannot be sent: {0}")]
    Header(#[from] InvalidHeaderValue),
    #[error("a header cannot be sent: {0}")]
    HeaderName(#[from] InvalidHeaderName),
}

impl Unready {
    /// What is wrong with a key is so for every delivery of every subscription sealed with it, and a template that is too
    /// large is so again with each retry: those are said now and then, by this name.
    fn subject<'a>(&'a self, subscription: &'a Subscription) -> Option<&'a str> {
        let secret = match self {
            Unready::SigningKey(secret)
            | Unready::Authentication(secret)
            | Unready::Template(BadTemplate::Secret(secret)) => secret,
            Unready::Template(_) | Unready::TooLarge(_) | Unready::UnknownAuthentication(_) => {
                return Some(&subscription.id);
            }
            _ => return None,
        };
        match secret {
            BadSecret::Sealed(OpenError::UnknownKey { key_id, .. } | OpenError::Refused { key_id }) => {
                Some(key_id)
            }
            _ => None,
        }
    }
}

struct Request {
    headers: HeaderMap,
    body: Bytes,
}

/// Makes attempt number `attempt`; with it comes why there was no answer, unless we were not even ready.
pub async fn attempt(
    parts: &Parts,
    attempt: u32,
    delivery: &Delivery,
    subscription: &Subscription,
    timeout: Duration,
) -> (AttemptResult, Option<Failure>) {
    let (started_at_ms, began) = (wall_ms(), Instant::now());
    let (answer, remark, failure) = match prepare(parts, delivery, subscription, started_at_ms) {
        Ok(request) => post(parts, &subscription.callback_url, request, timeout).await,
        Err(problem) => {
            say(parts, attempt, delivery, subscription, &problem);
            let remark = Remark { problem: problem.to_string(), ..Remark::default() };
            (Answer::Failed(Outcome::PlatformError), remark, None)
        }
    };
    let duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    tracing::debug!(subscription = subscription.id, attempt, ?answer, duration_ms, "attempt");
    (AttemptResult { started_at_ms, duration_ms, answer, remark }, failure)
}

fn say(parts: &Parts, attempt: u32, delivery: &Delivery, subscription: &Subscription, problem: &Unready) {
    let unsaid = match problem.subject(subscription) {
        Some(subject) => parts.said.may_say(subject, Instant::now()),
        None => Some(0),
    };
    if let Some(unsaid) = unsaid {
        tracing::error!(
            subscription = subscription.id, delivery = webhook_id(&delivery.delivery_id), attempt, %problem, unsaid,
            "a request could not be made ready; it is retried as our own fault"
        );
    }
}

fn prepare(
    parts: &Parts,
    delivery: &Delivery,
    subscription: &Subscription,
    now_ms: i64,
) -> Result<Request, Unready> {
    let event = delivery.event.as_ref().ok_or(Unready::NoEvent)?;
    let template = parts.templates.of_subscription(&parts.sealer, subscription)?;
    let Rendered { own, body } = render(template.as_ref(), event, subscription)?;
    let authentication = authenticate(parts, subscription)?;
    let id = webhook_id(&delivery.delivery_id);
    let now_s = now_ms / 1000;
    let signature = signing::sign_with_all(&keys(parts, subscription, now_ms)?, &id, now_s, &body)?;
    let kind = authentication.as_ref().map(|(kind, _)| *kind);
    let names = own.iter().map(|(name, _)| *name);
    let mut headers = HeaderMap::with_capacity(16);
    for (name, says) in request::headers(names, kind, !delivery.traceparent.is_empty()) {
        let value = match says {
            Says::Own => own.iter().find(|(own, _)| *own == name).map(|(_, value)| secret_value(value)),
            Says::Authentication => authentication
                .as_ref()
                .map(|(_, opened)| opened.text().map(secret_value))
                .transpose()
                .map_err(Unready::Authentication)?,
            Says::ContentType => Some(Ok(HeaderValue::from_static(request::CONTENT_TYPE))),
            Says::Id => Some(HeaderValue::from_str(&id)),
            Says::Timestamp => Some(Ok(HeaderValue::from(now_s))),
            Says::Signature => Some(HeaderValue::from_str(&signature)),
            Says::Traceparent => Some(HeaderValue::from_str(&delivery.traceparent)),
            // Put there with those of the connection.
            Says::UserAgent => None,
        };
        if let Some(value) = value.transpose()? {
            headers.insert(HeaderName::try_from(name)?, value);
        }
    }
    Ok(Request { headers, body: body.into() })
}

/// What a subscription wants to be sent of an event.
struct Rendered<'t> {
    /// Its own headers: secrets.
    own: Vec<(&'t str, String)>,
    body: Vec<u8>,
}

fn render<'t>(
    template: Option<&'t Template>,
    event: &Event,
    subscription: &Subscription,
) -> Result<Rendered<'t>, Unready> {
    let default = || default_body(event, &subscription.id);
    let Some(template) = template else { return Ok(Rendered { own: Vec::new(), body: default()? }) };
    let data = event_data(event, &subscription.id)?;
    let own = template.headers(&data);
    let body = match template.body(&data)? {
        Some(body) => body,
        None => default()?,
    };
    Ok(Rendered { own, body })
}

fn authenticate(parts: &Parts, subscription: &Subscription) -> Result<Option<(Kind, Opened)>, Unready> {
    let Some(stored) = &subscription.authentication else { return Ok(None) };
    // Without it the receiver would refuse: nothing is sent rather than something that is not what was asked for.
    let (Some(kind), Some(sealed)) = (Kind::of(Some(stored)), &stored.value) else {
        return Err(Unready::UnknownAuthentication(stored.r#type.clone()));
    };
    let opened = secrets::open(&parts.sealer, sealed, subscription).map_err(Unready::Authentication)?;
    Ok(Some((kind, opened)))
}

/// `Debug` of a header map shows nothing of it.
fn secret_value(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The keys that sign, the one that stays first.
fn keys(parts: &Parts, subscription: &Subscription, now_ms: i64) -> Result<Vec<Vec<u8>>, Unready> {
    if subscription.signing_key.is_none() {
        return Err(Unready::NoKey);
    }
    let key = |sealed| {
        let opened = secrets::open(&parts.sealer, sealed, subscription).map_err(Unready::SigningKey)?;
        Ok(signing::key_bytes(opened.text().map_err(Unready::SigningKey)?)?)
    };
    signing_keys(subscription, now_ms).map(key).collect()
}

async fn post(
    parts: &Parts,
    url: &str,
    request: Request,
    timeout: Duration,
) -> (Answer, Remark, Option<Failure>) {
    let sent = Sent::of(&request.headers);
    match try_post(parts, url, request, timeout).await {
        Ok(response) => {
            let retry_after_ms = response.retry_after.and_then(|value| retry_after_ms(&value, wall_ms()));
            let excerpt = sent.covered(response.excerpt, parts.excerpt_max_bytes);
            let remark = Remark { excerpt, ..Remark::default() };
            (Answer::Status { status: response.status, retry_after_ms }, remark, None)
        }
        Err(failure) => {
            (Answer::Failed(outcome_of(parts, &failure)), failed::remark(&failure), Some(failure))
        }
    }
}

async fn try_post(
    parts: &Parts,
    url: &str,
    request: Request,
    timeout: Duration,
) -> Result<Response, Failure> {
    let uri = callable(url)?;
    parts.egress.post(&uri, request.headers, request.body, timeout).await
}

fn outcome_of(parts: &Parts, failure: &Failure) -> Outcome {
    match failure {
        Failure::Dns(_) => Outcome::Dns,
        // What is not an HTTP answer came from a peer that does not speak with us.
        Failure::Connect(_) | Failure::BadResponse(_) => Outcome::Connect,
        Failure::Tls(_) => Outcome::Tls,
        Failure::Timeout(_) => Outcome::Timeout,
        Failure::Blocked(_) => Outcome::Blocked,
        Failure::Local(problem) => {
            // It concerns every request of this host.
            if let Some(unsaid) = parts.said.may_say("local network", Instant::now()) {
                tracing::error!(
                    problem,
                    unsaid,
                    "a request could not be sent; it is retried as our own fault"
                );
            }
            Outcome::PlatformError
        }
    }
}

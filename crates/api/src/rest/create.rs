//! `POST /subscriptions`

use std::sync::Arc;

use aerogram_domain::subscription::SubscriptionView;
use aerogram_domain::subscription_request::{Body as Fields, CreateContext, CreateRequest, parse_create};
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{Command, Create, Subscription};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::auth::Caller;
use super::idempotency::{self, IdempotencyKey, Ids};
use super::openapi::NewSubscription;
use super::problem::Problem;
use super::secrets::{Key, Sealing};
use super::{Api, BASE, answer, one_url};
use crate::submit::SubmitError;

/// Creates a subscription.
#[utoipa::path(
    post,
    path = "/subscriptions",
    operation_id = "createSubscription",
    tag = "Subscriptions",
    params(IdempotencyKey),
    request_body(
        content = NewSubscription,
        examples(
            ("flight" = (summary = "Changes of a flight", value = json!({
                "event": "FLIGHT_CREATE",
                "callbackUrl": "https://hooks.example.com/flights",
                "signingKey": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            }))),
            ("order" = (summary = "Orders, with a body and headers of its own", value = json!({
                "event": "OrderDisrupted",
                "name": "disruptions of the north",
                "httpRequest": {
                    "url": "https://hooks.example.com/orders",
                    "header": {"x-desk": "7"},
                    "jsonBody": {"order": "{{agwID}}", "text": "Order {{agwID}} is disrupted"},
                },
                "authentication": {"type": "basic", "username": "desk", "password": "secret"},
                "limits": {"ratePerMinute": 1200, "burst": 20, "concurrency": 4, "timeoutMs": 5000},
            }))),
        ),
    ),
    responses(
        (
            status = 201,
            description = "It is in force. `signingKey` is there where one was made, and told only here.",
            body = SubscriptionView,
            headers(
                ("ETag" = String, description = "The version."),
                ("Location" = String, description = "Where it is."),
            ),
        ),
        (
            status = 409,
            description = "There are as many as there may be; the `Idempotency-Key` was used for something else; or the profile \
                allows one URL only, and there is another one.",
        ),
    ),
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let body = api.read_json(&headers, body).await?;
    let request = checked(&api, &caller, &body)?;
    if !caller.subscriber.may_subscribe(&request.event) {
        return Err(not_entitled(&request.event));
    }
    let ids = idempotency::ids(&caller.owner, key, &request);
    let id = ids.subscription_id.to_string();
    // Not brought up to date first: some too many do no harm, and a creation should not wait for it.
    let max = api.settings.subscriptions_max_per_pair;
    if api.table.count(&caller.owner) >= max && api.table.get(&caller.owner, &id).is_none() {
        let detail = format!("there are {max} subscriptions already, the most there may be; delete some");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    one_url::check(&api, &caller, &id, &request).await?;
    // A task of its own: it goes on when the caller hangs up, so that a second callback URL is taken back also then.
    let creating = tokio::spawn(async move { carry_out(&api, &caller, &request, ids).await });
    creating.await.map_err(|_| Problem::from(SubmitError::Unknown))?
}

async fn carry_out(
    api: &Api,
    caller: &Caller,
    request: &CreateRequest,
    ids: Ids,
) -> Result<Response, Problem> {
    let id = ids.subscription_id.to_string();
    let sealing = Sealing { api, subscription_id: &id, operator: &caller.subscriber.operator };
    let key = sealing.signing_key(request.signing_key.as_ref())?;
    let command = command(caller, request, &sealing, &key)?;
    let result = api.submit(caller, &id, ids.command_id, command).await?;
    let created_now = key.is_in_force(&result.signing_key_nonce);
    let mut response =
        answer::with_key(StatusCode::CREATED, result, &key).map_err(|problem| explain(problem, ids))?;
    match created_now {
        true => one_url::settle(api, caller, &id, request).await?,
        false => one_url::repeated(api, caller, &id, request).await?,
    }
    if let Ok(location) = HeaderValue::from_str(&format!("{BASE}/subscriptions/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn checked(api: &Api, caller: &Caller, body: &Fields) -> Result<CreateRequest, Problem> {
    let policy_exists = |name: &str| api.policies.contains(name);
    let contracts = &caller.subscriber.contracts;
    let context = CreateContext {
        catalogue: &api.catalogue,
        contracts,
        policy_exists: &policy_exists,
        url_callable: &|url| api.url_callable(url),
    };
    parse_create(body, &context).map_err(Problem::fields)
}

/// 403 for an event type the token is not entitled to.
pub fn not_entitled(event: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, format!("the token is not entitled to {event}"))
}

fn command(
    caller: &Caller,
    request: &CreateRequest,
    sealing: &Sealing<'_>,
    key: &Key,
) -> Result<Command, Problem> {
    let scope = caller.owner.scope();
    let template = request.template.as_ref().map(|template| sealing.template(template));
    let authentication = request.authentication.as_ref().map(|given| sealing.authentication(given));
    let subscription = Subscription {
        id: sealing.subscription_id.to_owned(),
        profile: request.profile.name().to_owned(),
        event_type: request.event.clone(),
        callback_url: request.callback_url.clone(),
        contract: request.contract.clone().unwrap_or_default(),
        environment: request.environment.as_str().to_owned(),
        signing_key: Some(key.sealed.clone()),
        policy: request.policy.clone().unwrap_or_default(),
        template: template.transpose()?,
        all_text: request.all_text,
        name: request.name.clone().unwrap_or_default(),
        status: request.status.into(),
        authentication: authentication.transpose()?,
        limits: request.limits,
        ..Subscription::default()
    };
    Ok(Command {
        actor: caller.actor.clone(),
        scope: Some(scope),
        expected_version: 0,
        change: Some(Change::Create(Create {
            subscription: Some(subscription),
            lifetime_ms: request.profile.lifetime_ms().unwrap_or_default(),
        })),
    })
}

/// An id from a key exists already when the key was used for another wish, or more than a day ago.
fn explain(problem: Problem, ids: Ids) -> Problem {
    if ids.repeatable && problem.status() == StatusCode::CONFLICT {
        let detail =
            "this Idempotency-Key was used for another creation, or more than a day ago; use a new one";
        return Problem::new(StatusCode::CONFLICT, detail);
    }
    problem
}

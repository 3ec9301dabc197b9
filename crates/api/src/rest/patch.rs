//! `PATCH /subscriptions/{subscriptionId}`

use std::sync::Arc;

use aerogram_domain::subscription::SubscriptionView;
use aerogram_domain::subscription_request::{Body as Fields, PatchContext, PatchRequest, parse_patch};
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{Authentication, Status, Subscription, Template, Update};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::auth::Caller;
use super::create::not_entitled;
use super::openapi::SubscriptionChange;
use super::precondition::{IfMatch, Precondition};
use super::problem::Problem;
use super::secrets::Sealing;
use super::{Api, answer, one_url};

/// Changes a subscription.
#[utoipa::path(
    patch,
    path = "/subscriptions/{subscriptionId}",
    operation_id = "changeSubscription",
    tag = "Subscriptions",
    params(
        ("subscriptionId" = String, Path, format = Uuid),
        IfMatch,
    ),
    request_body(
        content = SubscriptionChange,
        examples(
            ("pause" = (summary = "Paused", value = json!({"status": "INACTIVE"}))),
            ("move" = (summary = "Sent elsewhere, slower", value = json!({
                "callbackUrl": "https://hooks.example.com/moved",
                "limits": {"concurrency": 2},
            }))),
            ("default" = (summary = "Back to the default body, without headers", value = json!({"httpRequest": null}))),
            ("same" = (summary = "With what stays as it is", value = json!({
                "event": "FLIGHT_CREATE",
                "status": "ACTIVE",
            }))),
        ),
    ),
    responses(
        (
            status = 200,
            description = "As it is now. What is so already stays as it is, with its version.",
            body = SubscriptionView,
            headers(("ETag" = String, description = "The version.")),
        ),
        (
            status = 409,
            description = "It has expired and can't be made active, or others change it at the same time.",
        ),
    ),
)]
pub async fn patch(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = api.read_json(&headers, body).await?;
    let current = api.current(&caller.owner, &id).await?;
    let request = checked(&api, &caller, &current, &body)?;
    may_change(&caller, &current, &request)?;
    let expected_version = Precondition::of(&headers).expected_version(current.version)?;
    one_url::may_move(&api, &caller, &current, &request).await?;
    let moves = request.callback_url.is_some();
    let sealing = Sealing { api: &api, subscription_id: &id, operator: &caller.subscriber.operator };
    let update = update(request, &sealing)?;
    let changed = match moves {
        true => one_url::change_and_move(&api, &caller, &current, expected_version, update).await?,
        false => {
            let result = api.change(&caller, &id, expected_version, Change::Update(update)).await?;
            Arc::new(answer::applied(result)?)
        }
    };
    Ok(answer::subscription(StatusCode::OK, &changed))
}

/// Who lost the entitlement can still stop the subscription, but not start it, send it elsewhere or in another way. Nor have it
/// for another type: what waits is sent on.
fn may_change(caller: &Caller, current: &Subscription, request: &PatchRequest) -> Result<(), Problem> {
    if request.only_stops(current) {
        return Ok(());
    }
    let events = [Some(&current.event_type), request.event.as_ref()];
    match events.into_iter().flatten().find(|event| !caller.subscriber.may_subscribe(event)) {
        Some(event) => Err(not_entitled(event)),
        None => Ok(()),
    }
}

fn checked(
    api: &Api,
    caller: &Caller,
    current: &Subscription,
    body: &Fields,
) -> Result<PatchRequest, Problem> {
    let policy_exists = |name: &str| api.policies.contains(name);
    let context = PatchContext {
        current,
        catalogue: &api.catalogue,
        contracts: &caller.subscriber.contracts,
        policy_exists: &policy_exists,
        url_callable: &|url| api.url_callable(url),
    };
    parse_patch(body, &context).map_err(Problem::fields)
}

fn update(request: PatchRequest, sealing: &Sealing<'_>) -> Result<Update, Problem> {
    let template = request.template.map(|template| match template {
        Some(template) => sealing.template(&template),
        None => Ok(Template::default()),
    });
    let authentication = request.authentication.map(|authentication| match authentication {
        Some(authentication) => sealing.authentication(&authentication),
        None => Ok(Authentication::default()),
    });
    Ok(Update {
        callback_url: request.callback_url.unwrap_or_default(),
        status: request.status.unwrap_or(Status::Unspecified).into(),
        template: template.transpose()?,
        all_text: request.all_text,
        authentication: authentication.transpose()?,
        policy: request.policy.map(Option::unwrap_or_default),
        name: request.name.map(Option::unwrap_or_default),
        limits: request.limits.map(Option::unwrap_or_default),
        event_type: request.event.unwrap_or_default(),
        contract: request.contract.map(Option::unwrap_or_default),
    })
}

//! `PATCH /subscriptions/{subscriptionId}`

use std::sync::Arc;

use aerogram_domain::subscription_request::parse_patch;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{Status, Update};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::auth::Caller;
use super::create::not_entitled;
use super::precondition::Precondition;
use super::problem::Problem;
use super::{Api, answer};

pub async fn patch(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = api.read_json(&headers, body).await?;
    let request = parse_patch(&body).map_err(Problem::fields)?;
    let current = api.current(&caller.owner, &id).await?;
    // Who lost the entitlement can still stop the subscription, but not start it or send it elsewhere.
    let only_stops = request.callback_url.is_none() && request.status == Some(Status::Inactive);
    if !only_stops && !caller.subscriber.may_subscribe(&current.event_type) {
        return Err(not_entitled(&current.event_type));
    }
    let expected_version = Precondition::of(&headers).expected_version(current.version)?;
    let update = Update {
        callback_url: request.callback_url.unwrap_or_default(),
        status: request.status.unwrap_or(Status::Unspecified).into(),
    };
    let result = api.change(&caller.owner, &id, expected_version, Change::Update(update)).await?;
    Ok(answer::subscription(StatusCode::OK, &answer::applied(result)?))
}

//! `POST /escalations/{escalationId}/dismissal`

use std::sync::Arc;

use aerogram_domain::escalations::Wish;
use aerogram_domain::subscription_request::FieldError;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::view::Summary;
use super::{Api, Keeper, Problem, resolve};
use crate::rest::openapi::Dismissal;

/// Dismisses what was given up.
///
/// Says that nothing more will be done, and why.
#[utoipa::path(
    post,
    path = "/escalations/{escalationId}/dismissal",
    operation_id = "dismissEscalation",
    tag = "Escalations",
    params(("escalationId" = String, Path, description = "That of the delivery.")),
    request_body(content = Dismissal, examples(
        ("why" = (summary = "With a reason", value = json!({"why": "the partner has it by mail"}))),
    )),
    responses(
        (status = 200, description = "It is dismissed.", body = Summary),
        (status = 409, description = "It was sent again already."),
    ),
)]
pub async fn dismiss(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let why = resolve::why(&api, &headers, body).await?.ok_or_else(|| {
        let detail = "is required: say why nothing more will be done".to_owned();
        Problem::fields(vec![FieldError { pointer: "/why".to_owned(), detail }])
    })?;
    let row = api.escalation(&keeper, &id).await?;
    let row = resolve::resolve(&api, &keeper, row, Wish::Dismiss { why: &why }).await?;
    Ok(Json(Summary::of(&row)).into_response())
}

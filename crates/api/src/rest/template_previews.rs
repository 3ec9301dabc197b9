//! `POST /template-previews`

use std::sync::Arc;

use aerogram_domain::subscription_request::{
    FieldError, NoPreview, Preview, PreviewContext, PreviewRequest, parse_preview,
};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::openapi::TemplatePreview;
use super::problem::Problem;

/// Stands for the subscription that there may be one day.
const SUBSCRIPTION_ID: &str = "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f";

/// What would be sent.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplatePreview, examples(json!({
    "body": "{\"order\":\"A-1\"}",
    "headers": [
        {"name": "x-desk", "value": null},
        {"name": "content-type", "value": "application/json"},
    ],
})))]
pub struct View {
    /// The text of the request.
    body: String,
    /// Those of the connection aside, in the order in which they are sent.
    headers: Vec<HeaderView>,
}

/// A header that would be sent.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplatePreviewHeader)]
struct HeaderView {
    name: String,
    /// `null`: not shown, for it may be a secret, or is made with one.
    #[schema(required)]
    value: Option<String>,
}

/// Shows what a template would send.
///
/// The catalogue's example of the event type, as a subscription with these fields would send it. Nothing is sent and nothing
/// is kept.
#[utoipa::path(
    post,
    path = "/template-previews",
    operation_id = "previewTemplate",
    tag = "Subscriptions",
    request_body(
        content = TemplatePreview,
        examples(
            ("default" = (summary = "The default body", value = json!({"event": "FLIGHT_CREATE"}))),
            ("order" = (summary = "A body and headers of its own", value = json!({
                "event": "OrderDisrupted",
                "profile": "order",
                "httpRequest": {
                    "header": {"x-desk": "7"},
                    "jsonBody": {"order": "{{agwID}}", "text": "Order {{agwID}} is disrupted"},
                },
            }))),
        ),
    ),
    responses((status = 200, description = "What would be sent.", body = View)),
)]
pub async fn preview(
    State(api): State<Arc<Api>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<View>, Problem> {
    let body = api.read_json(&headers, body).await?;
    let context = PreviewContext { catalogue: &api.catalogue, url_callable: &|url| api.url_callable(url) };
    let wish = parse_preview(&body, &context).map_err(Problem::fields)?;
    let preview = made(&api, &wish)?;
    caller.trail.nothing_changed();
    let headers = preview.headers.into_iter();
    let headers = headers.map(|header| HeaderView { name: header.name, value: header.value });
    Ok(Json(View { body: preview.body, headers: headers.collect() }))
}

fn made(api: &Api, wish: &PreviewRequest) -> Result<Preview, Problem> {
    let event_type = api.catalogue.lookup(&wish.event);
    let event_type =
        event_type.ok_or_else(|| Problem::body("names an event type that is not there any more"))?;
    Preview::of(wish, event_type, SUBSCRIPTION_ID, &api.user_agent).map_err(|error| match error {
        NoPreview::TooLarge(too_large) => Problem::fields(vec![FieldError {
            pointer: "/httpRequest/jsonBody".to_owned(),
            detail: too_large.to_string(),
        }]),
        NoPreview::Data(_) | NoPreview::Body(_) => {
            tracing::error!(event_type = wish.event, "the catalogue's example can't be sent: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the example of this event type cannot be shown")
        }
    })
}

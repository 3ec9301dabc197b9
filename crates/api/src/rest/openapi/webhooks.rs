//! What receivers are sent: a webhook for each event type of the catalogue, with the default body.

use aerogram_domain::catalogue::{Catalogue, EventType};
use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, Paths, PathsBuilder, RefOr, Required, ResponseBuilder, Schema, Type,
};

const HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "The delivery: this event for this subscription. The same for every attempt."),
    ("webhook-timestamp", "When this attempt was signed, in seconds since 1970."),
    ("webhook-signature", "One signature or several, separated by blanks (Standard Webhooks)."),
];

const TAKEN: &str = "It was taken. Anything else is a failure, and what becomes of it is said by the subscription's retry policy: under \
    `standard` it is tried again, and a 410 makes the subscription inactive; under `staffing` only 200 and 201 count as taken.";

/// One for each type, by its name.
///
/// # Errors
/// The schema of an event type is none of OpenAPI.
pub fn webhooks(catalogue: &Catalogue) -> Result<Paths, serde_json::Error> {
    let each = catalogue.types().map(|event_type| Ok((event_type.wire_name.as_ref(), webhook(event_type)?)));
    let mut paths = PathsBuilder::new();
    for webhook in each {
        let (name, item) = webhook?;
        paths = paths.path(name, item);
    }
    Ok(paths.build())
}

fn webhook(event_type: &EventType) -> Result<PathItem, serde_json::Error> {
    let name = event_type.wire_name.as_ref();
    let content =
        ContentBuilder::new().schema(Some(body(event_type)?)).example(Some(example(event_type))).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("on{name}")))
        .summary(Some(event_type.title.clone()))
        .description(Some(format!(
            "{} The body is the default one; a subscription may have one of its own (`httpRequest`).",
            event_type.when
        )))
        .security(utoipa::openapi::SecurityRequirement::default())
        .request_body(Some(body.build()))
        .response("2XX", ResponseBuilder::new().description(TAKEN));
    for (name, says) in HEADERS {
        let header = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(says))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation = operation.parameter(header);
    }
    Ok(PathItem::new(HttpMethod::Post, operation))
}

fn body(event_type: &EventType) -> Result<RefOr<Schema>, serde_json::Error> {
    serde_json::from_value(json!({
        "type": "object",
        "required": ["id", "type", "timestamp", "subscriptionId", "data"],
        "properties": {
            "id": {"type": "string", "description": "The event, as its publisher named it."},
            "type": {"type": "string", "enum": [*event_type.wire_name]},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "subscriptionId": {"type": "string", "format": "uuid"},
            "data": event_type.schema(),
        },
    }))
}

fn example(event_type: &EventType) -> Value {
    let event = event_type.example_event();
    json!({
        "id": event["id"],
        "type": event["type"],
        "timestamp": event["time"],
        "subscriptionId": "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f",
        "data": event["data"],
    })
}

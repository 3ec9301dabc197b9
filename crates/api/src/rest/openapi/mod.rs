//! `GET /openapi.json` and `GET /docs/`: what there is to call, out of the code that answers. Every call describes itself where
//! it is written; what is the same for all of them is added here.

mod bodies;
mod serving;
mod shared;
mod webhooks;

use std::sync::Arc;

use aerogram_domain::catalogue::{Catalogue, EventType};
use axum::Router;
use axum::http::HeaderMap;
use axum::middleware::from_fn;
use axum::routing::get;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Document, RefOr, Schema, SecurityRequirement};
use utoipa::{OpenApi, ToSchema as _};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::auth::{CLIENT_ID, OPERATOR, TOKEN};
use super::{Api, BASE};
pub use bodies::{
    Dismissal, NewSigningKey, NewSubscription, Redeliveries, Redelivery, Replay, SubscriptionChange,
    TemplatePreview, TestEvent,
};
use serving::{Served, only_from_here};

/// Names of the security schemes.
const CLIENT: &str = "client";
const PAIR: &str = "token";
const ADMINISTRATOR: &str = "administrator";
const IN_THE_PLACE_OF: &str = "operator";

/// The tag of what only pairs call, and administrators in their place.
const SUBSCRIPTIONS: &str = "Subscriptions";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Aerogram",
        version = "2.4.0",
        description = "Subscriptions to flight and order events, what became of every delivery, and sending again.\n\n\
            A caller is a pair: a partner application (`X-Api-Client-Id`) on behalf of an operator (`X-Auth-Token`). It sees what \
            is its own; what is another pair's answers as if it did not exist. An administrator (`Authorization: Bearer`) acts in \
            the place of the pair that `X-Api-Client-Id` and `X-Operator` name, or looks after everybody's deliveries.\n\n\
            Times are RFC 3339. Fields of requests that are not known are ignored, except within `httpRequest`, `authentication` and \
            `limits`; parameters of a query that are not known are refused. `null` is the same as left out, except that a change \
            takes away with it what a subscription can do without. Answers may get new fields. Errors are problem details \
            (RFC 9457) that name every wrong field and parameter. `GET` needs the scope `read`, everything else `write`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Subscriptions", description = "What is sent where."),
        (name = "Deliveries", description = "What became of every delivery, for as long as history reaches back."),
        (name = "Repair", description = "Sending again, replaying, testing; and the tasks that send many."),
        (name = "Escalations", description = "Deliveries that were given up, for people."),
        (name = "Installation", description = "What everybody may know of this installation."),
    ),
)]
struct Beginning;

/// What the document begins with.
pub fn beginning() -> Document {
    Beginning::openapi()
}

/// With what all calls have in common, and the event types there are.
///
/// # Errors
/// The schema of an event type is none of OpenAPI.
pub fn complete(mut document: Document, catalogue: &Catalogue) -> Result<Document, serde_json::Error> {
    let components = document.components.get_or_insert_with(Components::new);
    if let Some(RefOr::T(Schema::Object(name))) = components.schemas.get_mut(&*EventType::name()) {
        let names = catalogue.types().map(|event| event.wire_name.as_ref().into());
        name.enum_values = Some(names.collect());
    }
    shared::describe(components);
    let header = |name: &str, says: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, says)))
    };
    let schemes = [
        (CLIENT, header(CLIENT_ID, "The partner application.")),
        (PAIR, header(TOKEN, "On behalf of an operator.")),
        (IN_THE_PLACE_OF, header(OPERATOR, "The operator in whose place an administrator acts.")),
        (
            ADMINISTRATOR,
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .description(Some("An administrator."))
                    .build(),
            ),
        ),
    ];
    for (name, scheme) in schemes {
        components.security_schemes.insert(name.to_owned(), scheme.into());
    }
    shared::answers(&mut document.paths);
    let requires = |names: &[&str]| {
        names.iter().fold(SecurityRequirement::default(), |all, name| all.add(*name, [""; 0]))
    };
    let for_a_pair = vec![requires(&[CLIENT, PAIR]), requires(&[ADMINISTRATOR, CLIENT, IN_THE_PLACE_OF])];
    // What is not a pair's subscriptions an administrator may see, and have sent, for everybody.
    let for_keepers = [for_a_pair.clone(), vec![requires(&[ADMINISTRATOR])]].concat();
    for operation in shared::operations(&mut document.paths) {
        let of_a_pair = operation.tags.iter().flatten().any(|tag| tag == SUBSCRIPTIONS);
        operation.security = (!of_a_pair).then(|| for_keepers.clone());
    }
    document.security = Some(for_a_pair);
    document.webhooks = Some(webhooks::webhooks(catalogue)?);
    Ok(document)
}

/// The document, and a page to read it and to try it with that needs nothing from elsewhere.
///
/// # Errors
/// The document is not to be had as JSON.
pub fn routes(document: &Document) -> Result<Router<Arc<Api>>, serde_json::Error> {
    let url = format!("{BASE}/openapi.json");
    let served = Served::of(serde_json::to_vec(document)?);
    let page: Router<Arc<Api>> =
        // Else it would show the document to a validator on the internet.
        SwaggerUi::new(format!("{BASE}/docs")).config(Config::new([url.clone()]).validator_url("none")).into();
    Ok(page
        .layer(from_fn(only_from_here))
        .route(&url, get(async move |headers: HeaderMap| served.to(&headers))))
}

//! `GET /me`

use std::sync::Arc;

use aerogram_domain::schema::SubscriberScope;
use aerogram_domain::subscription::Profile;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::rest::Api;
use crate::rest::auth::Caller;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me, examples(json!({
    "client": "partner-app",
    "operator": "acme-air",
    "token": "partner app, 2026",
    "scopes": ["read", "write"],
    "contracts": ["C-1"],
    "eventTypes": ["FLIGHT_CREATE", "FLIGHT_CANCEL"],
    "profiles": ["flight", "portal", "order", "staffing"],
})))]
pub struct Me {
    /// The partner application.
    client: String,
    operator: String,
    /// What the token is called; `null`: nothing, or an administrator calls.
    #[schema(required)]
    token: Option<String>,
    /// What the token, or the administrator's, is for.
    #[schema(value_type = [SubscriberScope])]
    scopes: Vec<&'static str>,
    /// The operator's.
    contracts: Vec<String>,
    /// Those that may be subscribed to, in the order of the catalogue.
    event_types: Vec<String>,
    #[schema(value_type = [Profile])]
    profiles: [&'static str; Profile::ALL.len()],
}

/// Shows who calls.
///
/// The pair that the credentials stand for, and what it may subscribe to.
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "showMe",
    tag = "Subscriptions",
    responses((status = 200, description = "The pair.", body = Me)),
)]
pub async fn me(State(api): State<Arc<Api>>, caller: Caller) -> Json<Me> {
    let subscriber = caller.subscriber;
    let names = api.catalogue.types().map(|event_type| event_type.wire_name.as_ref());
    let event_types = names.filter(|name| subscriber.may_subscribe(name)).map(str::to_owned).collect();
    Json(Me {
        client: subscriber.partner,
        operator: subscriber.operator.to_string(),
        token: subscriber.token.map(|name| name.to_string()),
        scopes: subscriber.scopes.names(),
        contracts: subscriber.contracts.to_vec(),
        event_types,
        profiles: Profile::ALL.map(Profile::name),
    })
}

//! `GET /egress-addresses`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Api;
use super::auth::Keeper;

#[derive(Serialize)]
pub struct Addresses {
    /// In CIDR form, in the order they are configured in; none: not configured.
    addresses: Vec<String>,
}

/// Where deliveries come from, for allow-lists: what `api.egress_addresses` says, to everyone who may call.
pub async fn egress_addresses(State(api): State<Arc<Api>>, _caller: Keeper) -> Json<Addresses> {
    let addresses = api.settings.egress_addresses.iter().map(ToString::to_string).collect();
    Json(Addresses { addresses })
}

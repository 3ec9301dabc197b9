//! `GET /egress-addresses`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::auth::Keeper;

#[derive(Serialize, ToSchema)]
#[schema(as = EgressAddresses)]
pub struct Addresses {
    /// In CIDR form, in the order they are configured in; none: not configured.
    addresses: Vec<String>,
}

/// Lists the addresses that deliveries come from.
///
/// For allow-lists; everyone who may call may know them.
#[utoipa::path(
    get,
    path = "/egress-addresses",
    operation_id = "listEgressAddresses",
    tag = "Installation",
    responses((status = 200, description = "The addresses.", body = Addresses)),
)]
pub async fn egress_addresses(State(api): State<Arc<Api>>, _caller: Keeper) -> Json<Addresses> {
    let addresses = api.settings.egress_addresses.iter().map(ToString::to_string).collect();
    Json(Addresses { addresses })
}

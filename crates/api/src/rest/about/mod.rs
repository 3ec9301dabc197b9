//! What a caller may do here, and with what: who it is, which event types there are, and which retry policies.

mod event_types;
mod me;
mod policies;
mod words;

pub use event_types::EventTypes;
pub use policies::Policies;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;

pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(me::me))
        .routes(routes!(event_types::event_types))
        .routes(routes!(policies::policies))
}

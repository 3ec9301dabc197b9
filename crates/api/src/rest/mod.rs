//! The REST side of subscriptions, version 2.4.0 of the flight-operations platform's contract.
//!
//! What that contract leaves open is our choice: the list is a bare array, the oldest first; `expirationDateTime` is
//! `null` for what never expires; unknown fields are ignored and `null` is the same as left out, or the default again where a
//! change can take something away; the content type of requests is not looked at; errors are problem+json with a pointer to
//! every wrong field; 403 is a token without entitlement for the event type (who lost it can still stop and delete); making
//! active what has expired is 409, and so is a renewal outside its five days, which else answers 200; a change to what is so
//! already answers 200 and leaves version and times; `If-Match` and `Idempotency-Key` (for a day) are honoured.

pub mod about;
mod answer;
mod audit;
mod auth;
mod body;
mod create;
mod delete;
mod deliveries;
mod egress_addresses;
mod escalations;
mod events;
mod idempotency;
pub mod list;
pub mod observe;
mod one_url;
mod openapi;
mod overview;
mod parameters;
mod patch;
mod precondition;
mod problem;
mod renew;
mod repair;
mod secrets;
mod show;
mod signing_keys;
mod template_previews;
pub mod throttle;

use std::sync::Arc;
use std::time::Duration;

use aerogram_credentials::InForce;
use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::commands::partition::CommandId;
use aerogram_domain::subscription_request::Body as Fields;
use aerogram_egress::UrlGuard;
use aerogram_kafka::Cluster;
use aerogram_seal::Sealer;
use aerogram_settings::ApiSettings;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{Command, CommandResult, Status, Subscription};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::catch_up::{CatchUp, CatchUpError};
use crate::escalations::Escalations;
use crate::history::History;
use crate::repair::Repair;
use crate::submit::{SubmitError, Submitter, now_ms};
use crate::table::{Owner, Table};
use auth::Caller;
use problem::Problem;

/// How long the answer to a change waits until the change can be read.
const VISIBLE_WITHIN: Duration = Duration::from_secs(1);

/// What was changed longer ago than this, in milliseconds, is visible by now, also when the clock of who changed it is behind.
const VISIBLE_LONG_SINCE_MS: i64 = 10_000;

/// Stands before every route.
pub const BASE: &str = "/api/v2/webhooks";

/// What the handlers share.
pub struct Api {
    pub settings: ApiSettings,
    pub cluster: Cluster,
    /// The event types there are.
    pub catalogue: Arc<Catalogue>,
    /// The same, as they are told.
    pub event_types: about::EventTypes,
    pub credentials: InForce,
    pub throttles: throttle::Throttles,
    pub sealer: Sealer,
    /// The retry policies there are.
    pub policies: about::Policies,
    /// What the deliverer would call.
    pub urls: UrlGuard,
    /// What the deliverer calls itself.
    pub user_agent: String,
    /// After failing for so long a receiver's subscription is made inactive, in milliseconds; 0: never.
    pub give_up_after_ms: u64,
    pub table: Arc<Table>,
    /// Those of whose many subscriptions the last deliveries are told.
    pub long_lists: list::LongLists,
    pub catch_up: Arc<CatchUp>,
    pub submitter: Submitter,
    pub escalations: Escalations,
    pub history: History,
    pub repair: Repair,
}

/// All routes, and what they say of themselves.
fn described() -> OpenApiRouter<Arc<Api>> {
    let routes = OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, patch::patch, delete::delete))
        .routes(routes!(signing_keys::replace))
        .routes(routes!(renew::renew))
        .routes(routes!(egress_addresses::egress_addresses))
        .merge(about::routes())
        .routes(routes!(template_previews::preview))
        .merge(escalations::routes())
        .merge(deliveries::routes())
        .merge(events::routes())
        .merge(overview::routes())
        .merge(repair::routes());
    OpenApiRouter::with_openapi(openapi::beginning()).nest(BASE, routes)
}

/// What there is to call, for readers; of an installation with these event types.
///
/// # Errors
/// The schema of an event type is none of OpenAPI.
pub fn document(catalogue: &Catalogue) -> Result<utoipa::openapi::OpenApi, serde_json::Error> {
    openapi::complete(described().into_openapi(), catalogue)
}

/// All that is served.
///
/// # Errors
/// What there is to call can't be described.
pub fn router(api: Arc<Api>) -> Result<Router, serde_json::Error> {
    let (routes, document) = described().split_for_parts();
    let of_itself = openapi::routes(&openapi::complete(document, &api.catalogue)?)?;
    let router = routes
        .merge(of_itself)
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this resource has no such method; Allow names those it has",
            )
        })
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is no such resource"))
        .layer(from_fn(problem::readable_path))
        .layer(from_fn_with_state(Arc::clone(&api), audit::audit))
        .layer(from_fn_with_state(observe::Observer::new(), observe::observe))
        .with_state(api);
    Ok(router)
}

impl Api {
    /// How long anything may take that a request waits for.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.settings.command_timeout_ms)
    }

    async fn read_json(&self, headers: &HeaderMap, body: Body) -> Result<Fields, Problem> {
        body::read_json(headers, body, self.settings.max_body_bytes, self.patience()).await
    }

    /// For whoever wrote the URL: it names nothing of this network that the URL does not name itself.
    fn url_callable(&self, url: &str) -> Result<(), String> {
        self.urls.check(url).map_err(|refused| refused.to_string())
    }

    async fn caught_up(
        &self,
        reading: impl Future<Output = Result<(), CatchUpError>>,
    ) -> Result<(), Problem> {
        match tokio::time::timeout(self.patience(), reading).await {
            Ok(reached) => Ok(reached?),
            Err(_) => Err(CatchUpError::TooLate.into()),
        }
    }

    /// The owner's subscription as it is now.
    async fn current(&self, owner: &Owner, id: &str) -> Result<Arc<Subscription>, Problem> {
        // Only what looks like one of our ids may cost anything.
        if Uuid::try_parse(id).is_err() {
            return Err(Problem::no_such_subscription());
        }
        self.caught_up(self.catch_up.partition(self.cluster.subscription_partition(id))).await?;
        self.table.get(owner, id).ok_or_else(Problem::no_such_subscription)
    }

    async fn change(
        &self,
        caller: &Caller,
        id: &str,
        expected_version: u64,
        change: Change,
    ) -> Result<CommandResult, Problem> {
        let (scope, actor) = (caller.owner.scope(), caller.actor.clone());
        let command = Command { scope: Some(scope), expected_version, actor, change: Some(change) };
        Ok(self.submit(caller, id, Uuid::new_v4().into_bytes(), command).await?)
    }

    /// The result of a command, told when the change can be read. A transaction becomes visible partition by partition, the
    /// result perhaps before the state; until then nobody could know that a read, here or in another process, comes too early.
    async fn submit(
        &self,
        caller: &Caller,
        id: &str,
        command_id: CommandId,
        command: Command,
    ) -> Result<CommandResult, SubmitError> {
        let result = self.submitter.submit(command_id, id, command).await?;
        if let Some(Outcome::Applied(state)) = &result.outcome {
            caller.trail.changed(id, state.version);
            let is_there = || match (self.table.get(&caller.owner, id), state.status()) {
                (known, Status::Deleted) => known.is_none(),
                (known, _) => known.is_some_and(|known| known.version >= state.version),
            };
            let partition = self.cluster.subscription_partition(id);
            // Of a creation that is repeated, what was created may be deleted since. What was visible long ago is known to
            // whoever has read all there is now.
            let long_since = now_ms().saturating_sub(state.updated_at_ms) > VISIBLE_LONG_SINCE_MS;
            let visible = async {
                tokio::select! {
                    biased;
                    seen = self.catch_up.until(partition, is_there) => seen,
                    Ok(()) = self.catch_up.partition(partition), if long_since => Ok(()),
                }
            };
            // It is in force all the same.
            if tokio::time::timeout(VISIBLE_WITHIN.min(self.patience()), visible).await.is_err() {
                tracing::debug!(subscription_id = id, "a change is in force and can't be read yet");
            }
        }
        Ok(result)
    }
}

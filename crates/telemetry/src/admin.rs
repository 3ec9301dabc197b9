//! The admin server: `/livez`, `/readyz`, `/metrics`, `/top`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::health::Health;
use crate::recorder::Recorder;
use crate::top::Top;

/// How often histograms are moved into their buckets when nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Rows of `/top` when nobody says how many.
const TOP_ROWS: usize = 20;
/// Conditions of `/readyz` that it shows, at most.
const TROUBLES_MAX: usize = 20;

/// The admin server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Something else listens there.
    #[error("the admin address {0} is in use; stop what listens there or set telemetry.admin_listen")]
    InUse(String),
    /// Not possible for another reason.
    #[error("cannot listen at the admin address {address}: {error}; check telemetry.admin_listen")]
    Listen {
        /// As it was given.
        address: String,
        /// Why not.
        error: io::Error,
    },
}

/// A running admin server; stops when dropped.
#[derive(Debug)]
pub struct AdminServer {
    address: SocketAddr,
    _server: AbortOnDropHandle<()>,
}

#[derive(Clone)]
struct Shown {
    health: Health,
    recorder: Recorder,
}

impl AdminServer {
    /// Listens at `HOST:PORT` (port 0 takes a free one) and serves until dropped; logs `admin listening` with the
    /// field `address`. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn start(listen: &str, health: Health, recorder: Recorder) -> Result<Self, AdminError> {
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => AdminError::InUse(listen.to_owned()),
            _ => AdminError::Listen { address: listen.to_owned(), error },
        };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        tracing::info!(%address, "admin listening");
        let router = Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/top", get(top))
            .with_state(Shown { health, recorder: recorder.clone() });
        let server = tokio::spawn(async move {
            let upkeep = async {
                let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
                loop {
                    ticks.tick().await;
                    recorder.upkeep();
                }
            };
            tokio::select! {
                served = axum::serve(listener, router).into_future() => {
                    tracing::error!(%address, ?served, "the admin server ended");
                }
                () = upkeep => {}
            }
        });
        Ok(Self { address, _server: AbortOnDropHandle::new(server) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn readyz(State(shown): State<Shown>) -> Response {
    let status = if shown.health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(shown.health.report())).into_response()
}

async fn metrics(State(shown): State<Shown>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shown.recorder.render()).into_response()
}

#[derive(Deserialize)]
struct Asked {
    limit: Option<usize>,
}

async fn top(State(shown): State<Shown>, Query(asked): Query<Asked>) -> Response {
    let mut page = Top::of_process().page(asked.limit.unwrap_or(TOP_ROWS));
    page.troubles = shown.health.troubles();
    page.troubles.truncate(TROUBLES_MAX);
    Json(page).into_response()
}

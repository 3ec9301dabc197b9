//! `POST /v1/events`: publishing over HTTP. `/v1/rejected`: what was rejected, for those who run the platform.

mod login;
mod problem;
mod publish;
mod rejected;

pub use publish::Publishing;

use crate::rejected::Rejections;
use aerogram_telemetry::names;
use anyhow::Context as _;
use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use ipnet::IpNet;
use login::Door;
use problem::Problem;
use rejected::Administration;
use std::{net::SocketAddr, sync::Arc, time::Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const EVENTS: &str = "/v1/events";
const REJECTED: &str = "/v1/rejected";
const REJECTED_ONE: &str = "/v1/rejected/{offset}";
const RETRIES: &str = "/v1/rejected/{offset}/retries";

/// The server, bound to its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    rejections: Arc<Rejections>,
}

impl Server {
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(publishing: Publishing, rejections: Arc<Rejections>) -> anyhow::Result<Self> {
        let listen = publishing.options.listen.clone();
        let listener = TcpListener::bind(&listen).await.with_context(|| {
            format!("ingest.listen {listen} cannot be bound; choose a free address of this machine")
        })?;
        let address = listener.local_addr()?;
        let options = &publishing.options;
        let trusted: Arc<[IpNet]> = options.trusted_proxies.clone().into();
        let door = Door::new(options.credentials.clone(), options.failed_logins_per_minute);
        let administration =
            Administration::new(Arc::clone(&rejections), door.clone(), publishing.leaving.clone());
        let only = |allowed: &'static str| async move { Problem::wrong_method(allowed) };
        let publishing = Router::new()
            .route(EVENTS, post(publish::publish).fallback(move || only("POST")))
            .with_state(Arc::new(publish::Shared::new(publishing, door)));
        let administration = Router::new()
            .route(REJECTED, get(rejected::list).fallback(move || only("GET")))
            .route(REJECTED_ONE, get(rejected::show).fallback(move || only("GET")))
            .route(RETRIES, post(rejected::retry).fallback(move || only("POST")))
            .with_state(Arc::new(administration));
        let router = publishing
            .merge(administration)
            .fallback(nothing_here)
            .layer(middleware::from_fn_with_state(trusted, login::locate))
            .layer(middleware::from_fn(measure));
        Ok(Self { listener, address, router, rejections })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `closing`, then until open requests are answered.
    pub async fn serve(self, closing: CancellationToken) {
        tracing::info!(address = %self.address, "listening for events");
        let router = self.router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(closing.cancelled_owned());
        tokio::select! {
            served = serving => {
                if let Err(error) = served {
                    tracing::error!("the HTTP server stopped: {error}");
                }
            }
            () = self.rejections.tidy() => {}
        }
    }
}

async fn nothing_here() -> Problem {
    Problem::nothing_here(EVENTS)
}

async fn measure(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let route = matched.as_ref().map_or("other", MatchedPath::as_str).to_owned();
    let began = Instant::now();
    let response = next.run(request).await;
    let labels = [("route", route), ("status", response.status().as_str().to_owned())];
    metrics::histogram!(names::HTTP_SERVER_DURATION_SECONDS, &labels).record(began.elapsed().as_secs_f64());
    response
}

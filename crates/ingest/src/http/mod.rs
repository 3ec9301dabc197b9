//! `POST /v1/events`: publishing over HTTP.

mod problem;
mod publish;

pub use publish::Publishing;

use aerogram_telemetry::names;
use anyhow::Context as _;
use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::post,
};
use problem::Problem;
use std::{net::SocketAddr, sync::Arc, time::Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const ROUTE: &str = "/v1/events";

/// The server, bound to its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Server {
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(publishing: Publishing) -> anyhow::Result<Self> {
        let listen = publishing.listen().to_owned();
        let listener = TcpListener::bind(&listen).await.with_context(|| {
            format!("ingest.listen {listen} cannot be bound; choose a free address of this machine")
        })?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route(ROUTE, post(publish::publish).fallback(wrong_method))
            .fallback(nothing_here)
            .with_state(Arc::new(publishing))
            .layer(middleware::from_fn(measure));
        Ok(Self { listener, address, router })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `closing`, then until open requests are answered.
    pub async fn serve(self, closing: CancellationToken) {
        tracing::info!(address = %self.address, "listening for events");
        let closed = closing.cancelled_owned();
        if let Err(error) = axum::serve(self.listener, self.router).with_graceful_shutdown(closed).await {
            tracing::error!("the HTTP server stopped: {error}");
        }
    }
}

async fn wrong_method() -> Problem {
    Problem::wrong_method()
}

async fn nothing_here() -> Problem {
    Problem::nothing_here(ROUTE)
}

async fn measure(request: Request, next: Next) -> Response {
    let route = if request.uri().path() == ROUTE { ROUTE } else { "other" };
    let began = Instant::now();
    let response = next.run(request).await;
    let labels = [("route", route.to_owned()), ("status", response.status().as_str().to_owned())];
    metrics::histogram!(names::HTTP_SERVER_DURATION_SECONDS, &labels).record(began.elapsed().as_secs_f64());
    response
}

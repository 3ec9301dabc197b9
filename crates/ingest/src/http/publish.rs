//! One request to publish: who, what, written, acknowledged, answered.

use super::problem::Problem;
use crate::{
    clock,
    decide::{Outgoing, count_refused},
    options::HttpOptions,
};
use aerogram_domain::{
    credentials::Publisher,
    intake::{Policy, accept_json, media_type},
};
use aerogram_kafka::{Cluster, WriteError, Writer};
use aerogram_wire::{
    headers,
    v1::{Envelope, Origin},
};
use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

/// Requests whose body is in memory; with the cap of a body this bounds the memory.
const REQUESTS_MAX: usize = 64;
/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// What requests share.
pub struct Publishing {
    options: HttpOptions,
    cluster: Cluster,
    writer: Writer,
    room: Semaphore,
    leaving: CancellationToken,
}

impl Publishing {
    pub fn new(options: HttpOptions, cluster: Cluster, writer: Writer, leaving: CancellationToken) -> Self {
        Self { options, cluster, writer, room: Semaphore::new(REQUESTS_MAX), leaving }
    }

    pub(super) fn listen(&self) -> &str {
        &self.options.listen
    }
}

/// The whole of `POST /v1/events`.
pub(super) async fn publish(
    State(shared): State<Arc<Publishing>>,
    request: Request,
) -> Result<Response, Problem> {
    if shared.leaving.is_cancelled() {
        return Err(Problem::busy("this instance is stopping; send it again"));
    }
    let (head, body) = request.into_parts();
    let policy = shared.authenticate(&head.headers)?;
    check_media_type(&head.headers)?;
    let Ok(_room) = shared.room.try_acquire() else {
        return Err(Problem::busy("too many requests are being served; send it again"));
    };
    let body = read(body, shared.options.max_body_bytes).await?;
    let origin = Origin { topic: "http".to_owned(), partition: 0, offset: 0 };
    let envelopes = accept_json(&policy, &body, &origin, clock::now_ms()).map_err(|refusal| {
        count_refused(&refusal);
        Problem::refused(&refusal)
    })?;
    let traceparent = head.headers.get(headers::TRACEPARENT).map(|value| value.as_bytes());
    match timeout(shared.options.acknowledge_within, shared.write(&envelopes, traceparent)).await {
        Ok(Ok(())) => Ok(accepted(&envelopes)),
        Ok(Err(error)) => {
            tracing::warn!("a publisher was asked to repeat: {error}");
            Err(Problem::not_acknowledged())
        }
        Err(_) => Err(Problem::not_acknowledged()),
    }
}

impl Publishing {
    fn authenticate(&self, headers: &HeaderMap) -> Result<Policy, Problem> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let publisher = token.and_then(|token| self.options.credentials.publisher(token));
        let Publisher { scope, operators } = publisher.ok_or_else(Problem::unauthenticated)?;
        Ok(Policy {
            scope: scope.as_ref().to_owned(),
            operators: operators.clone(),
            max_event_bytes: self.options.max_event_bytes,
        })
    }

    /// Writes all in their order; returns when all are acknowledged.
    async fn write(&self, envelopes: &[Envelope], traceparent: Option<&[u8]>) -> Result<(), WriteError> {
        let mut acks = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            let outgoing = Outgoing::event(&self.cluster, envelope, traceparent);
            let headers = outgoing.headers();
            acks.push(self.writer.enqueue(outgoing.out(&headers)).await?);
        }
        for ack in acks {
            ack.await?;
        }
        Ok(())
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(media_type);
    match stated.as_deref() {
        Some("application/cloudevents+json" | "application/cloudevents-batch+json" | "application/json") => {
            Ok(())
        }
        Some(_) | None => Err(Problem::unsupported_media_type()),
    }
}

async fn read(body: Body, max_bytes: usize) -> Result<Bytes, Problem> {
    match timeout(BODY_WITHIN, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(max_bytes)),
        Ok(Err(_)) | Err(_) => Err(Problem::slow_or_broken_body()),
    }
}

fn accepted(envelopes: &[Envelope]) -> Response {
    #[derive(serde::Serialize)]
    struct Accepted<'a> {
        ids: Vec<&'a str>,
    }
    let ids = envelopes.iter().filter_map(|envelope| envelope.event.as_ref()).map(|event| event.id.as_str());
    (StatusCode::ACCEPTED, Json(Accepted { ids: ids.collect() })).into_response()
}

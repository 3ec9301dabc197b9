//! Accepts connections, reads requests, writes them down, answers.

use super::body::AnswerBody;
use super::{Arrival, Reply, Request, Shared};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Serves until its task is aborted; the connections are its children and end with it.
pub(super) async fn accept(listener: TcpListener, tls: ServerConfig, shared: Arc<Shared>) {
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(serve(stream, acceptor.clone(), shared.clone()));
                }
                // Out of file handles, most likely: some may be closed a moment later.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let handshake = async {
        stream.set_nodelay(true)?;
        acceptor.accept(stream).await
    };
    let Ok(stream) = handshake.await else {
        shared.failed_handshakes.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let service = service_fn(|request| answer(request, &shared));
    // An error here is the client's leaving or a `Close` that was asked for; both are in the log already.
    let _ended =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: hyper::Request<Incoming>, shared: &Shared) -> io::Result<Response<AnswerBody>> {
    let (arrived, arrived_unix_ms) = (Instant::now(), unix_ms());
    let (head, body) = request.into_parts();
    let (body, complete) = match body.collect().await {
        Ok(body) => (body.to_bytes(), true),
        Err(_) => (Bytes::new(), false),
    };
    let path = head.uri.path();
    let webhook_id = head.headers.get("webhook-id").cloned();
    let nth = shared.log.count(path, webhook_id.as_ref().and_then(|id| id.to_str().ok()));
    let reply = decide(shared, &Arrival { path, headers: &head.headers, body: &body, nth });
    let entry = Arc::new(Request {
        arrived,
        arrived_unix_ms,
        path: path.to_owned(),
        method: head.method,
        headers: if shared.lean { only_webhook_id(webhook_id) } else { head.headers },
        body_bytes: body.len(),
        body: if shared.lean { Bytes::new() } else { body },
        complete,
        nth,
        reply: reply.clone(),
        ended: OnceLock::new(),
    });
    shared.log.push(entry.clone());
    // Dropped when the answer is made, and also when hyper drops this future because the client has gone.
    let _end = Ending(entry);
    respond(reply).await
}

fn decide(shared: &Shared, arrival: &Arrival<'_>) -> Reply {
    let behaviour = {
        let behaviours = shared.behaviours.read().unwrap_or_else(PoisonError::into_inner);
        behaviours.by_path.get(arrival.path).unwrap_or(&behaviours.otherwise).clone()
    };
    behaviour.reply(arrival)
}

async fn respond(mut reply: Reply) -> io::Result<Response<AnswerBody>> {
    while let Reply::After(delay, then) = reply {
        tokio::time::sleep(delay).await;
        reply = *then;
    }
    let (status, headers, body) = match reply {
        Reply::Status(status) => (status, Vec::new(), AnswerBody::whole(Bytes::new())),
        Reply::Full { status, headers, body } => (status, headers, AnswerBody::whole(body)),
        Reply::Endless(status) => (status, Vec::new(), AnswerBody::Endless),
        Reply::Dripping(status) => (status, Vec::new(), AnswerBody::dripping()),
        Reply::CutShort(status) => (status, Vec::new(), AnswerBody::CutShort { begun: false }),
        Reply::Hang | Reply::After(..) => std::future::pending().await,
        Reply::Close => return Err(io::Error::other("told to close the connection")),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(io::Error::other)
}

struct Ending(Arc<Request>);

impl Drop for Ending {
    fn drop(&mut self) {
        // Set once, here; the cell is never filled before.
        let _first = self.0.ended.set(Instant::now());
    }
}

/// A copy: the header as it came shares the connection's whole read buffer, which would be kept with it.
fn only_webhook_id(webhook_id: Option<HeaderValue>) -> HeaderMap {
    let copied = webhook_id.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok());
    copied.into_iter().map(|id| (http::HeaderName::from_static("webhook-id"), id)).collect()
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

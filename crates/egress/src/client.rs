//! One POST.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use aerogram_settings::DelivererSettings;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderName, PROXY_AUTHORIZATION, RETRY_AFTER,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connect::{CheckedConnector, LimitedConnector, server_name};
use crate::dial::Dialer;
use crate::excerpt::Excerpt;
use crate::failure::Failure;
use crate::lookup::{Resolve, SystemResolver};
use crate::proxy::Proxy;
use crate::target;
use crate::tls::{EgressConfigError, RootProblem, client_config};
use crate::url_guard::UrlGuard;

/// Idle connections are closed after this long: sooner than common servers close theirs (the shortest default is 5 s),
/// so that a request is not written into a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(4);
/// Largest head of a response, in bytes.
const HEAD_MAX_BYTES: usize = 65_536;
/// Headers that belong to the connection and are set here alone, whatever a subscription asks for.
const OURS: [HeaderName; 9] =
    [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, TE, TRAILER, UPGRADE, EXPECT, PROXY_AUTHORIZATION];

type Connector = LimitedConnector<HttpsConnector<CheckedConnector>>;

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` as it came; `None` also when it is not text.
    pub retry_after: Option<String>,
    /// The beginning of the body for people to read, up to `deliverer.excerpt_max_bytes`: text in which nothing acts on a
    /// terminal, `(compressed)` when the receiver compressed it, empty when there is none.
    pub excerpt: String,
}

/// Reads the URL of a request. What the URL standard allows beyond RFC 3986, such as a host in Unicode, is encoded.
///
/// # Errors
/// `Failure::Blocked` when it is none that [`EgressClient::post`] would call. Addresses and ports are judged there alone.
pub fn callable(url: &str) -> Result<Uri, Failure> {
    Ok(target::read(url).and_then(|url| target::normalised(&url))?)
}

/// Sends deliveries; cheap to clone, all clones share one pool of connections.
#[derive(Clone)]
pub struct EgressClient {
    client: Client<Connector, Full<Bytes>>,
    user_agent: HeaderValue,
    response_max_bytes: usize,
    excerpt_max_bytes: usize,
}

impl EgressClient {
    /// Sets up trust, address guard and pool.
    ///
    /// # Errors
    /// All that is wrong with the settings, at once.
    pub fn new(settings: &DelivererSettings) -> Result<Self, EgressConfigError> {
        Self::with_resolver(settings, Arc::new(SystemResolver))
    }

    pub(crate) fn with_resolver(
        settings: &DelivererSettings,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, EgressConfigError> {
        let mut problems = Vec::new();
        let user_agent = HeaderValue::from_str(&settings.user_agent);
        if user_agent.is_err() {
            problems.push(RootProblem::UserAgent);
        }
        let proxy = settings.proxy.as_ref().map(Proxy::parse).transpose();
        let proxy = proxy.unwrap_or_else(|problem| {
            problems.push(RootProblem::Proxy(problem));
            None
        });
        let bind = settings.bind_address;
        if let Some(address) = bind
            && let Err(error) = TcpListener::bind(SocketAddr::new(address, 0))
        {
            problems.push(RootProblem::BindAddress { address, error });
        }
        let tls = client_config(&settings.ca_files, &mut problems);
        let (Ok(user_agent), Some(tls), true) = (user_agent, tls, problems.is_empty()) else {
            return Err(EgressConfigError(problems));
        };
        let timeout = Duration::from_millis(settings.request_timeout_ms);
        let guard = UrlGuard::new(settings);
        let connector = CheckedConnector::new(guard, Dialer { bind, proxy, resolver }, timeout);
        let https = HttpsConnector::new(connector, tls, true, Arc::new(server_name));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.lane_concurrency)
            .http1_max_buf_size(HEAD_MAX_BYTES)
            .build(LimitedConnector::new(https, timeout));
        let (response_max_bytes, excerpt_max_bytes) =
            (settings.response_max_bytes, settings.excerpt_max_bytes);
        Ok(Self { client, user_agent, response_max_bytes, excerpt_max_bytes })
    }

    /// Posts `body` to `url` and reads the answer, all within `timeout`. Redirects are answers like any other.
    /// Headers of the connection (`Host`, `Content-Length`, …) are set here; those given are ignored.
    ///
    /// # Errors
    /// When there is no complete answer; a body longer than the cap is complete at the cap.
    pub async fn post(
        &self,
        url: &Uri,
        mut headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let url = target::normalised(url)?;
        for name in OURS {
            headers.remove(name);
        }
        headers.entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url;
        *request.headers_mut() = headers;
        let late = || Failure::Timeout(format!("no complete response within {} ms", timeout.as_millis()));
        tokio::time::timeout(timeout, self.exchange(request)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response, Failure> {
        let response = self.client.request(request).await.map_err(|error| Failure::of_request(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let compressed = response.headers().get_all(CONTENT_ENCODING).iter().any(|v| v != "identity");
        let excerpt = self.read(response.into_body(), compressed).await?;
        Ok(Response { status, retry_after, excerpt })
    }

    /// Reads to the end, so that the connection can be used again, or to the cap, and then drops the connection.
    async fn read(&self, mut body: Incoming, compressed: bool) -> Result<String, Failure> {
        let mut excerpt = Excerpt::new(self.excerpt_max_bytes, compressed);
        let mut read_bytes = 0;
        while read_bytes < self.response_max_bytes && !body.is_end_stream() {
            let Some(frame) = body.frame().await else { break };
            let frame = frame.map_err(|error| Failure::of_body(&error))?;
            if let Some(data) = frame.data_ref() {
                excerpt.add(&data[..data.len().min(self.response_max_bytes - read_bytes)]);
                read_bytes += data.len();
            }
        }
        Ok(excerpt.text())
    }
}

//! A small HTTP(S) client for what the roles serve to administrators and publishers.

mod problem;
mod tls;

pub use problem::Problem;
#[cfg(test)]
pub use problem::Wrong;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// For one request and its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
const TOKEN_BYTES_MAX: u64 = 4096;
/// How often a 503 or 429 is taken for "ask again", and how long that may mean.
const TRIES_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Holds a token where `--token-file` does not.
const TOKEN_VARIABLE: &str = "AEROGRAM_TOKEN";

/// How somebody proves who he is, and whom he trusts. Flatten it into a command.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Access {
    /// File that holds the bearer token [default: the variable AEROGRAM_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// PEM file of certificate authorities to trust beside the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A client of one server.
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: Url,
    token: SecretString,
    /// Whose token it is, if it is that of a partner application.
    client_id: Option<String>,
}

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Call<'a> {
    pub method: Method,
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    /// Beside those that say who calls.
    pub headers: &'a [(&'a str, &'a str)],
    /// With its content type.
    pub body: Option<(&'a str, Bytes)>,
}

impl Access {
    /// # Errors
    /// There is no token, or its file cannot be read.
    fn token(&self) -> anyhow::Result<SecretString> {
        let token = match &self.token_file {
            Some(file) => {
                let shown = file.display();
                let bytes = std::fs::metadata(file).with_context(|| format!("--token-file {shown}"))?.len();
                ensure!(bytes <= TOKEN_BYTES_MAX, "--token-file {shown} has {bytes} bytes; that is no token");
                std::fs::read_to_string(file).with_context(|| format!("--token-file {shown}"))?
            }
            None => std::env::var(TOKEN_VARIABLE).unwrap_or_default(),
        };
        let token = token.trim();
        ensure!(
            !token.is_empty(),
            "there is no token: set {TOKEN_VARIABLE}, or name a file with --token-file"
        );
        ensure!(
            token.bytes().all(|b| b.is_ascii_graphic() || b == b' '),
            "the token holds characters that no header can carry"
        );
        Ok(SecretString::from(token))
    }
}

impl Http {
    /// A client of the server at `base`: `https://HOST[:PORT][/PATH]`, or `http://…`.
    ///
    /// # Errors
    /// It is no such address, there is no token, or nobody to trust.
    pub fn new(base: &str, access: &Access) -> anyhow::Result<Self> {
        let base = parse_base(base)?;
        let token = access.token()?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(access.ca.as_deref())?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, base, token, client_id: None })
    }

    /// The same, if there is an id, as that partner application: the token is then that of the operator.
    #[must_use]
    pub fn on_behalf(self, client_id: Option<String>) -> Self {
        Self { client_id, ..self }
    }

    /// Where it calls.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks for `path` with a query; asks again while the answer is 503.
    ///
    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.patiently(&Call { path, query, ..Call::default() }).await
    }

    /// Posts a JSON body to `path`; posts it again while the answer is 503.
    ///
    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn post(&self, path: &str, content_type: &str, body: Bytes) -> anyhow::Result<Answer> {
        let body = Some((content_type, body));
        self.patiently(&Call { method: Method::POST, path, body, ..Call::default() }).await
    }

    /// Sends a request again while the answer is 503: only for what may be done twice.
    ///
    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn patiently(&self, call: &Call<'_>) -> anyhow::Result<Answer> {
        let mut tries = 1;
        loop {
            let answer = self.once(call).await?;
            if answer.status != 503 || tries >= TRIES_MAX {
                return Ok(answer);
            }
            tries += 1;
            tokio::time::sleep(answer.retry_after()).await;
        }
    }

    /// Sends a request; again only while the answer is 429, for then nothing was done.
    ///
    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn once(&self, call: &Call<'_>) -> anyhow::Result<Answer> {
        let mut tries = 1;
        loop {
            let answer = self.send(call).await?;
            if answer.status != 429 || tries >= TRIES_MAX {
                return Ok(answer);
            }
            tries += 1;
            tokio::time::sleep(answer.retry_after()).await;
        }
    }

    async fn send(&self, call: &Call<'_>) -> anyhow::Result<Answer> {
        let method = &call.method;
        let mut url = Url::parse(&format!("{}{}", self.base(), call.path))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::USER_AGENT, concat!("aerogram/", env!("CARGO_PKG_VERSION")));
        request = match &self.client_id {
            None => request.header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose_secret())),
            Some(id) => {
                request.header("x-api-client-id", id).header("x-auth-token", self.token.expose_secret())
            }
        };
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        let body = match &call.body {
            Some((content_type, body)) => {
                request = request.header(header::CONTENT_TYPE, *content_type);
                body.clone()
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).context("the request cannot be made")?;
        let exchange = async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body =
                Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| match error
                    .is::<LengthLimitError>(
                ) {
                    true => anyhow::anyhow!("the answer is larger than {ANSWER_BYTES_MAX} bytes"),
                    false => anyhow::anyhow!(error),
                })?;
            anyhow::Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        };
        match tokio::time::timeout(ANSWER_WITHIN, exchange).await {
            Ok(answered) => answered.with_context(|| format!("{method} {url} was not answered")),
            Err(_) => bail!("{method} {url} was not answered within {} s", ANSWER_WITHIN.as_secs()),
        }
    }
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a success.
    ///
    /// # Errors
    /// It is no success, or not the JSON that was expected.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> anyhow::Result<T> {
        if !self.is_success() {
            bail!("{}", self.problem());
        }
        serde_json::from_slice(&self.body)
            .context("the answer is not what was expected; is that an Aerogram?")
    }

    /// What an answer that is no success says.
    pub fn problem(&self) -> Problem {
        Problem::read(self.status, &self.body)
    }

    fn retry_after(&self) -> Duration {
        let stated =
            self.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        stated.map_or(PAUSE, Duration::from_secs).min(PAUSE_MAX)
    }
}

fn parse_base(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("{text:?} is no address; write http://HOST:PORT"))?;
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    ensure!(
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain,
        "{text:?} is no address of a server; write http://HOST:PORT or https://HOST:PORT"
    );
    Ok(url)
}

/// The address at which something that listens there is reached from this machine.
pub fn url_of_listener(listen: &str) -> String {
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, "80"));
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        other => other,
    };
    format!("http://{host}:{port}")
}

/// Certificates are checked by one provider, whatever other crates of the process brought along.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_without_anything_more() {
        for good in ["http://127.0.0.1:8081", "https://ingest.example/base/", "http://[::1]:1"] {
            assert!(parse_base(good).is_ok(), "{good}");
        }
        for bad in ["127.0.0.1:8081", "ftp://x", "http://me:secret@x", "http://x/?a=b", ""] {
            assert!(parse_base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_on_this_machine() {
        for (listen, url) in [
            ("127.0.0.1:8081", "http://127.0.0.1:8081"),
            ("0.0.0.0:1", "http://127.0.0.1:1"),
            ("[::]:1", "http://[::1]:1"),
            ("ingest:8081", "http://ingest:8081"),
        ] {
            assert_eq!(url_of_listener(listen), url);
        }
    }

    #[test]
    fn a_token_comes_from_a_file_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        let access = Access { token_file: Some(file.clone()), ca: None };
        assert!(access.token().is_err());
        std::fs::write(&file, "secret token\n").unwrap();
        assert_eq!(access.token().unwrap().expose_secret(), "secret token");
        for wrong in ["", " \n", "two\nlines", "é"] {
            std::fs::write(&file, wrong).unwrap();
            assert!(access.token().is_err(), "{wrong:?}");
        }
    }
}

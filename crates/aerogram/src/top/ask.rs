//! Whom to ask, at all their addresses, and what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use aerogram_telemetry::top::{ROWS_MAX, TopPage};
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;

use aerogram_settings::Role;

/// For finding the addresses of a name, and again for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Of one process, at most.
const TROUBLES_MAX: usize = 20;
/// Processes asked, at most.
const ADDRESSES_MAX: usize = 1_000;
/// Asked or looked up at the same time, at most.
const AT_ONCE_MAX: usize = 64;

/// Processes to be asked: a name, and one port or those that are tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    host: String,
    /// `None`: whichever roles listen there on their usual ports.
    port: Option<u16>,
}

/// Who did not answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Unreached {
    /// As it was given.
    pub from: String,
    /// One of its addresses; none: the name could not be resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    pub error: String,
}

/// What all of them say.
#[derive(Default)]
pub struct Asked {
    /// Each process once, in one order.
    pub pages: Vec<TopPage>,
    /// What is wrong with some of them, each with its address.
    pub troubles: Vec<String>,
    pub unreached: Vec<Unreached>,
}

/// Asks; keeps connections.
pub struct Asker {
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Source {
    /// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no HOST:PORT, such as aerogram-deliverer:9103");
        let text = text.trim();
        let colons = text.matches(':').count();
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            // An IPv6 address without brackets has no port.
            None if colons > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port
            .map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong))
            .transpose()?;
        let legal =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%');
        if host.is_empty() || !host.bytes().all(legal) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// What listens at this address of the settings, seen from this machine; empty: at those that the roles have by
    /// default.
    pub fn of_listener(listen: &str) -> Self {
        match Self::parse(listen) {
            Ok(source) if source.host == "0.0.0.0" => Self { host: "127.0.0.1".into(), ..source },
            Ok(source) if source.host == "::" => Self { host: "::1".into(), ..source },
            Ok(source) => source,
            Err(_) => Self { host: "127.0.0.1".into(), port: None },
        }
    }

    fn ports(&self) -> Vec<u16> {
        let of = |role: Role| role.admin_listen().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        match self.port {
            Some(port) => vec![port],
            None => [Role::All, Role::Deliverer, Role::Scheduler].into_iter().filter_map(of).collect(),
        }
    }

    /// All addresses of the name, with each port.
    async fn addresses(&self) -> anyhow::Result<BTreeSet<SocketAddr>> {
        let found = timeout(ANSWER_WITHIN, tokio::net::lookup_host((self.host.as_str(), 0)))
            .await
            .context("its name was not resolved in time")?
            .context("its name cannot be resolved")?;
        let ports = self.ports();
        let all: BTreeSet<SocketAddr> = found
            .flat_map(|found| ports.iter().map(move |port| SocketAddr::new(found.ip(), *port)))
            .collect();
        ensure!(!all.is_empty(), "its name has no address");
        Ok(all)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (None, _) => f.write_str(&self.host),
        }
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) if address.to_string() != self.from => {
                write!(f, "{address} ({}): {}", self.from, self.error)
            }
            _ => write!(f, "{}: {}", self.from, self.error),
        }
    }
}

impl Asker {
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(ANSWER_WITHIN));
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Asks all of them at all their addresses, which are looked up anew: processes come and go.
    pub async fn ask(&mut self, sources: &[Source]) -> Asked {
        let mut asked = Asked::default();
        let mut who: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        for (index, found) in looked_up(sources).await {
            match found {
                Ok(found) => found.into_iter().for_each(|address| {
                    who.entry(address).or_insert(index);
                }),
                Err(error) => asked.unreached.push(unreached(&sources[index], None, &error)),
            }
        }
        let beyond = who.len().saturating_sub(ADDRESSES_MAX);
        let (mut answers, mut tasks) = (Vec::new(), JoinSet::new());
        for (address, index) in who.into_iter().take(ADDRESSES_MAX) {
            if tasks.len() >= AT_ONCE_MAX {
                answers.extend(tasks.join_next().await.and_then(Result::ok));
            }
            let client = self.client.clone();
            tasks.spawn(async move { (index, address, page(&client, address).await) });
        }
        while let Some(answer) = tasks.join_next().await {
            answers.extend(answer.ok());
        }
        answers.sort_by_key(|(index, address, _)| (*index, *address));
        let reached: BTreeSet<usize> =
            answers.iter().filter(|(.., page)| page.is_ok()).map(|(index, ..)| *index).collect();
        let mut known = BTreeSet::new();
        for (index, address, answer) in answers {
            let source = &sources[index];
            match answer {
                // One process may be reached at several addresses.
                Ok(page) if known.insert(page.process.clone()) => {
                    asked.troubles.extend(page.troubles.iter().map(|text| format!("{address}: {text}")));
                    asked.pages.push(page);
                }
                Ok(_) => {}
                Err(error) if reached.contains(&index) && need_not_be_there(source, address, &error) => {}
                Err(error) => asked.unreached.push(unreached(source, Some(address), &error)),
            }
        }
        if beyond > 0 {
            let error = format!("there are more than {ADDRESSES_MAX} addresses; {beyond} were not asked");
            asked.unreached.push(Unreached { from: "--from".into(), address: None, error });
        }
        asked
    }
}

/// The addresses of all names, or why there are none, in the order of the sources.
async fn looked_up(sources: &[Source]) -> Vec<(usize, anyhow::Result<BTreeSet<SocketAddr>>)> {
    let (mut found, mut tasks) = (Vec::new(), JoinSet::new());
    for (index, source) in sources.iter().cloned().enumerate() {
        if tasks.len() >= AT_ONCE_MAX {
            found.extend(tasks.join_next().await.and_then(Result::ok));
        }
        tasks.spawn(async move { (index, source.addresses().await) });
    }
    while let Some(one) = tasks.join_next().await {
        found.extend(one.ok());
    }
    found.sort_by_key(|(index, _)| *index);
    found
}

/// At a port that was only tried nobody need listen, nor does a process of this machine at both of its addresses. Who listens
/// and does not answer as he should is there, and what he knows is missing.
fn need_not_be_there(source: &Source, address: SocketAddr, error: &anyhow::Error) -> bool {
    let refused = error
        .root_cause()
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    refused && (source.port.is_none() || address.ip().is_loopback())
}

fn unreached(source: &Source, address: Option<SocketAddr>, error: &anyhow::Error) -> Unreached {
    // The last cause is what somebody can do something about: `connection refused`.
    let error = match address {
        Some(_) => error.root_cause().to_string(),
        None => format!("{error:#}"),
    };
    Unreached { from: source.to_string(), address, error }
}

async fn page(client: &Client<HttpConnector, Empty<Bytes>>, address: SocketAddr) -> anyhow::Result<TopPage> {
    let request = Request::builder()
        .uri(format!("http://{address}/top?limit={ROWS_MAX}"))
        .header(header::USER_AGENT, concat!("aerogram/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())?;
    let exchange = async {
        let (head, body) = client.request(request).await?.into_parts();
        ensure!(
            head.status.is_success(),
            "its answer is {}; is that the admin server of an Aerogram of this version?",
            head.status
        );
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(anyhow::Error::from_boxed)?;
        let mut page: TopPage = serde_json::from_slice(&body.to_bytes())
            .map_err(|_| anyhow::anyhow!("its answer is not what was expected; is that an Aerogram?"))?;
        page.sending.truncate(ROWS_MAX);
        page.parked.truncate(ROWS_MAX);
        page.troubles.truncate(TROUBLES_MAX);
        Ok(page)
    };
    timeout(ANSWER_WITHIN, exchange)
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {} s", ANSWER_WITHIN.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<(String, Vec<u16>)> {
        Source::parse(text).ok().map(|source| (source.to_string(), source.ports()))
    }

    #[test]
    fn a_source_is_a_name_with_a_port_or_with_those_that_are_usual() {
        for (text, is, ports) in [
            ("deliverer:9103", "deliverer:9103", vec![9103]),
            ("10.0.0.1", "10.0.0.1", vec![9100, 9103, 9104]),
            ("[::1]:9103", "[::1]:9103", vec![9103]),
            ("::1", "::1", vec![9100, 9103, 9104]),
            ("[::1]", "::1", vec![9100, 9103, 9104]),
        ] {
            assert_eq!(shown(text), Some((is.to_owned(), ports)), "{text}");
        }
        for wrong in ["", ":9103", "x:", "x:0", "x:99999", "http://x:1", "x:1/top", "a b", "[::1]9103"] {
            assert!(Source::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_listens_everywhere_is_asked_on_this_machine() {
        for (listen, is) in
            [("0.0.0.0:9103", "127.0.0.1:9103"), ("[::]:9103", "[::1]:9103"), ("", "127.0.0.1")]
        {
            assert_eq!(Source::of_listener(listen).to_string(), is);
        }
    }

    /// A process that answers at all addresses of this machine; its port.
    async fn process(name: &str) -> u16 {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let page = serde_json::json!({"process": name, "troubles": ["store: away"], "of a later version": 1})
            .to_string();
        let answer =
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{page}", page.len());
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4_096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    #[tokio::test]
    async fn a_process_counts_once_whatever_addresses_it_has() {
        let (one, other) = (process("one").await, process("other").await);
        let sources = [("127.0.0.1", one), ("127.0.0.2", one), ("127.0.0.1", other)];
        let sources = sources.map(|(host, port)| Source { host: host.into(), port: Some(port) });
        let asked = Asker::new().ask(&sources).await;
        let names: Vec<&str> = asked.pages.iter().map(|page| page.process.as_str()).collect();
        assert_eq!((names, asked.unreached), (vec!["one", "other"], vec![]));
        assert_eq!(asked.troubles[0], format!("127.0.0.1:{one}: store: away"));
        assert_eq!(asked.troubles.len(), 2);
    }

    #[tokio::test]
    async fn only_a_port_that_was_tried_and_at_which_nobody_listens_need_not_be_there() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let error = page(&Asker::new().client, address).await.unwrap_err();
        let elsewhere: SocketAddr = "10.0.0.1:9103".parse().unwrap();
        let (tried, named) = (Source::parse("x").unwrap(), Source::parse("x:9103").unwrap());
        assert!(need_not_be_there(&tried, elsewhere, &error), "{error:#}");
        assert!(need_not_be_there(&named, address, &error), "{error:#}");
        assert!(!need_not_be_there(&named, elsewhere, &error), "{error:#}");
        let hangs = anyhow::anyhow!("no answer within 3 s");
        assert!(!need_not_be_there(&tried, address, &hangs));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_named() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let sources =
            [Source::parse(&address.to_string()).unwrap(), Source::parse("no-such-host.invalid:1").unwrap()];
        let asked = Asker::new().ask(&sources).await;
        assert!(asked.pages.is_empty());
        assert_eq!(asked.unreached.len(), 2);
        let told: Vec<String> = asked.unreached.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("no-such-host.invalid:1: its name "), "{told:?}");
        assert!(told[1].starts_with(&format!("{address}: ")), "{told:?}");
    }
}

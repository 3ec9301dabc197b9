//! Where everything listens: the usual ports, or free ones where those are taken.

use crate::options::{Options, PortChoice, Stack};
use aerogram_testkit::ports::free_port;
use anyhow::Result;
use std::net::TcpListener;

/// What listens on 127.0.0.1, as `host:port`.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub api: String,
    pub ingest: String,
    /// `/metrics` and `/readyz`, by role.
    pub admin: Vec<(&'static str, String)>,
    pub kafka: String,
    /// What differs from the usual, for people.
    pub notes: Vec<String>,
}

/// Roles with a process of their own, and the usual ports of their metrics.
pub const ROLES: [(&str, u16); 5] =
    [("ingest", 9101), ("fanout", 9102), ("deliverer", 9103), ("scheduler", 9104), ("api", 9105)];
/// All roles in one process.
pub const ALL_ROLES: (&str, u16) = ("aerogram", 9100);
const API: u16 = 8080;
const INGEST: u16 = 8081;
const EMBEDDED_KAFKA: u16 = 29_092;

impl Addresses {
    /// # Errors
    /// There are no free ports.
    pub fn choose(options: &Options) -> Result<Self> {
        let mut notes = Vec::new();
        let mut at = |what: &str, usual: u16| -> Result<String> {
            let port = match options.ports {
                PortChoice::Usual if TcpListener::bind(("127.0.0.1", usual)).is_ok() => usual,
                PortChoice::Usual => {
                    let port = free_port()?;
                    notes.push(format!("port {usual} is taken: {what} on {port}"));
                    port
                }
                PortChoice::Free => free_port()?,
            };
            Ok(format!("127.0.0.1:{port}"))
        };
        let api = at("the api", API)?;
        let ingest = at("ingest", INGEST)?;
        let roles: &[_] = if options.stack == Stack::Real { &ROLES } else { &[ALL_ROLES] };
        let admin = roles
            .iter()
            .map(|(role, port)| Ok((*role, at(&format!("metrics of {role}"), *port)?)))
            .collect::<Result<_>>()?;
        let kafka = match &options.kafka {
            Some(kafka) => kafka.clone(),
            None => at("the embedded Kafka", EMBEDDED_KAFKA)?,
        };
        Ok(Self { api, ingest, admin, kafka, notes })
    }

    /// Base URL of the subscription API.
    pub fn subscriptions_url(&self) -> String {
        format!("http://{}/api/v2/webhooks/subscriptions", self.api)
    }

    /// Where people look after webhooks.
    pub fn portal_url(&self) -> String {
        format!("http://{}/portal/", self.api)
    }

    /// Where events are published over HTTP.
    pub fn events_url(&self) -> String {
        format!("http://{}/v1/events", self.ingest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn options(more: &[&str]) -> Options {
        Options::parse_from(["aerogram-demo", "--dir", "d"].iter().chain(more))
    }

    #[test]
    fn a_taken_port_is_replaced_and_said() {
        // Whoever holds it, it is taken.
        let _held = TcpListener::bind(("127.0.0.1", API));
        let addresses = Addresses::choose(&options(&[])).unwrap();
        assert_ne!(addresses.api, format!("127.0.0.1:{API}"));
        let port = addresses.api.rsplit_once(':').unwrap().1;
        let said = format!("port 8080 is taken: the api on {port}");
        assert!(addresses.notes.contains(&said), "{:?}", addresses.notes);
    }

    #[test]
    fn free_ports_need_no_note_and_a_given_kafka_stays() {
        let addresses = Addresses::choose(&options(&["--ports", "free", "--kafka", "127.0.0.1:7"])).unwrap();
        assert!(addresses.notes.is_empty());
        assert_eq!((addresses.kafka.as_str(), addresses.admin.len()), ("127.0.0.1:7", 1));
        assert_ne!(addresses.api, addresses.ingest);
    }
}

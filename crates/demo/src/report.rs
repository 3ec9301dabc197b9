//! What other programs read about a run: where everything is, who may call, and how it went.

use crate::addresses::Addresses;
use crate::credentials::Credentials;
use crate::customers::{CUSTOMERS, OWN_KEY, OWN_PATH, Subscription};
use crate::ledger::Figures;
use crate::options::Options;
use crate::system::{FLIGHTS, ORDERS};
use aerogram_testkit::{Ca, Receiver};
use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::PathBuf;

/// The log of everything the receiver saw, in the run's directory.
pub const DELIVERIES: &str = "deliveries.jsonl";

/// The report and the files it is written to.
pub struct Report {
    value: Value,
    files: Vec<PathBuf>,
}

impl Report {
    /// # Errors
    /// A customer has no token.
    pub fn new(
        options: &Options,
        addresses: &Addresses,
        credentials: &Credentials,
        (receiver, ca): (&Receiver, &Ca),
        subscriptions: &[Subscription],
        processes: &[(String, i32)],
    ) -> Result<Self> {
        let customers = CUSTOMERS.iter().map(|customer| {
            let token = credentials.of(customer.operator)?;
            let (name, client, operator) = (customer.name, customer.client, customer.operator);
            Ok(json!({"name": name, "clientId": client, "operator": operator, "token": token}))
        });
        let subscriptions: Vec<Value> = subscriptions
            .iter()
            .map(|s| {
                json!({
                    "id": s.id, "event": s.event, "operator": s.operator, "subscriber": s.subscriber,
                    "path": s.path, "signingKey": s.key,
                })
            })
            .collect();
        let metrics: Map<String, Value> = addresses
            .admin
            .iter()
            .map(|(role, address)| ((*role).to_owned(), json!(format!("http://{address}/metrics"))))
            .collect();
        let value = json!({
            "state": "running",
            "stack": options.stack.name(),
            "embeddedBroker": options.kafka.is_none(),
            "processes": processes.iter().cloned().map(|(name, id)| (name, json!(id))).collect::<Map<_, _>>(),
            "kafka": addresses.kafka,
            "topics": {"flights": FLIGHTS, "orders": ORDERS},
            "api": addresses.subscriptions_url(),
            "ingest": addresses.events_url(),
            "metrics": metrics,
            "receiver": receiver.url(""),
            "ownPath": OWN_PATH,
            "ownSigningKey": OWN_KEY,
            "caFile": ca.pem_path(),
            "deliveriesLog": options.dir.join(DELIVERIES),
            "directory": options.dir,
            "publisherToken": credentials.publisher,
            "customers": customers.collect::<Result<Vec<_>>>()?,
            "subscriptions": subscriptions,
        });
        let files = [Some(options.dir.join("report.json")), options.report.clone()];
        Ok(Self { value, files: files.into_iter().flatten().collect() })
    }

    /// Writes it as it is at the start.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self) -> Result<()> {
        for file in &self.files {
            // Whoever waits for the file must never see half of it.
            let part = file.with_extension("part");
            fs::write(&part, format!("{:#}\n", self.value))
                .and_then(|()| fs::rename(&part, file))
                .with_context(|| format!("writing {}", file.display()))?;
        }
        Ok(())
    }

    /// Writes it with the figures of the end.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(&mut self, figures: &Figures) -> Result<()> {
        let of_the_end = json!({
            "state": "ended", "events": figures.events, "deliveries": figures.deliveries, "retries": figures.retries,
            "missing": figures.missing, "repeated": figures.repeated, "unexpected": figures.unexpected,
            "signaturesChecked": figures.checked, "signaturesFailed": figures.failed_signatures, "own": figures.own,
        });
        for (name, value) in of_the_end.as_object().into_iter().flatten() {
            self.value[name] = value.clone();
        }
        self.write()
    }
}

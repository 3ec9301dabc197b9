//! The roles, and what differs between them before they run.

/// A process Aerogram consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Accepts events.
    Ingest,
    /// Matches events with subscriptions.
    Fanout,
    /// Sends.
    Deliverer,
    /// Fires what waits.
    Scheduler,
    /// The control plane.
    Api,
    /// All of them in one process.
    All,
}

impl Role {
    /// The name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Fanout => "fanout",
            Self::Deliverer => "deliverer",
            Self::Scheduler => "scheduler",
            Self::Api => "api",
            Self::All => "aerogram",
        }
    }

    /// The name of its binary.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Ingest => "aerogram-ingest",
            Self::Fanout => "aerogram-fanout",
            Self::Deliverer => "aerogram-deliverer",
            Self::Scheduler => "aerogram-scheduler",
            Self::Api => "aerogram-api",
            Self::All => "aerogram",
        }
    }

    /// Where its admin server listens unless `telemetry.admin_listen` says otherwise; different for each role so
    /// that all can run on one machine.
    #[must_use]
    pub fn admin_listen(self) -> &'static str {
        match self {
            Self::All => "127.0.0.1:9100",
            Self::Ingest => "127.0.0.1:9101",
            Self::Fanout => "127.0.0.1:9102",
            Self::Deliverer => "127.0.0.1:9103",
            Self::Scheduler => "127.0.0.1:9104",
            Self::Api => "127.0.0.1:9105",
        }
    }
}

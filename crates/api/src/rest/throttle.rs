//! Limits on who calls: how often in a minute, and how often with a wrong token. Each process counts for itself.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use aerogram_credentials::{Login, Logins};
use aerogram_domain::credentials::throttle::{Later, Throttle};
use aerogram_domain::limits::Rate;
use aerogram_settings::ApiSettings;
use aerogram_telemetry::names;

use super::problem::Problem;

/// Clients that are remembered, at most: some 4 MB.
const CLIENTS_MAX: usize = 65_536;

/// Who counts as one client.
#[derive(Clone, Copy, Hash)]
pub enum Client<'a> {
    /// A partner on behalf of an operator, whichever of its tokens it uses.
    Pair { partner: &'a str, operator: &'a str },
    /// By name, in whose place ever.
    Administrator(&'a str),
}

/// The counts of a process.
pub struct Throttles {
    pub logins: Logins,
    clients: Mutex<Throttle>,
    began: Instant,
}

impl Throttles {
    pub fn new(settings: &ApiSettings) -> Self {
        // The rules of the settings keep both below these.
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let clients = Rate::new(number(settings.client_rate_per_minute), number(settings.client_burst));
        Self {
            logins: Logins::new(settings.failed_logins_per_minute),
            clients: Mutex::new(Throttle::new(clients, CLIENTS_MAX)),
            began: Instant::now(),
        }
    }

    /// Whether a token is looked at.
    ///
    /// # Errors
    /// 429: too many were wrong.
    pub fn may_log_in(&self, login: Login<'_>) -> Result<(), Problem> {
        self.logins.may(login).map_err(|later| {
            too_many("too many requests with wrong credentials came from this address for this client", later)
        })
    }

    /// One request of a client.
    ///
    /// # Errors
    /// 429: there were too many.
    pub fn request(&self, client: Client<'_>) -> Result<(), Problem> {
        // Counts are changed as a whole, so a panic elsewhere leaves nothing half done.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.take(&client, self.now_us()).map_err(|later| {
            metrics::counter!(names::REQUESTS_LIMITED_TOTAL, "kind" => "client").increment(1);
            too_many("this client sends too many requests", later)
        })
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

fn too_many(what: &str, later: Later) -> Problem {
    let seconds = later.seconds();
    Problem::too_many(format!("{what}; try again in {seconds} s"), seconds)
}

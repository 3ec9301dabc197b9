//! Limits on who calls: how often in a minute, and how often with a wrong token. Each process counts for itself.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aerogram_domain::credentials::throttle::{Guesser, Later, Throttle};
use aerogram_domain::limits::Rate;
use aerogram_settings::ApiSettings;
use aerogram_telemetry::{Said, names};

use super::problem::Problem;

/// Guessers and clients that are remembered, at most, each: some 2 MB.
const ENTRIES_MAX: usize = 65_536;

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
    logins: Mutex<Throttle>,
    clients: Mutex<Throttle>,
    began: Instant,
    said: Said,
}

impl Throttles {
    pub fn new(settings: &ApiSettings) -> Self {
        // The rules of the settings keep both below these.
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let logins = number(settings.failed_logins_per_minute);
        let clients = Rate::new(number(settings.client_rate_per_minute), number(settings.client_burst));
        Self {
            // Whoever mistypes does so several times in a row: a minute's worth may come at once.
            logins: Mutex::new(Throttle::new(Rate::new(logins, logins), ENTRIES_MAX)),
            clients: Mutex::new(Throttle::new(clients, ENTRIES_MAX)),
            began: Instant::now(),
            said: Said::default(),
        }
    }

    /// Whether tokens of this client from this address are looked at.
    ///
    /// # Errors
    /// 429: too many were wrong.
    pub fn may_log_in(&self, peer: IpAddr, client_id: &str) -> Result<(), Problem> {
        locked(&self.logins).look(&Guesser::new(peer, client_id), self.now_us()).map_err(|later| {
            let what = "too many requests with wrong credentials came from this address for this client";
            refused("logins", what, later)
        })
    }

    /// A token was wrong.
    pub fn login_failed(&self, peer: IpAddr, client_id: &str, kind: &'static str, why: &str) {
        locked(&self.logins).charge(&Guesser::new(peer, client_id), self.now_us());
        metrics::counter!(names::LOGINS_FAILED_TOTAL, "kind" => kind).increment(1);
        if let Some(times_unsaid) = self.said.may_say(&peer.to_string(), Instant::now()) {
            tracing::warn!(%peer, kind, times_unsaid, "a caller is not let in: {why}");
        }
    }

    /// One request of a client.
    ///
    /// # Errors
    /// 429: there were too many.
    pub fn request(&self, client: Client<'_>) -> Result<(), Problem> {
        locked(&self.clients)
            .take(&client, self.now_us())
            .map_err(|later| refused("client", "this client sends too many requests", later))
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

fn refused(kind: &'static str, what: &str, later: Later) -> Problem {
    metrics::counter!(names::REQUESTS_LIMITED_TOTAL, "kind" => kind).increment(1);
    let seconds = later.seconds();
    Problem::too_many(format!("{what}; try again in {seconds} s"), seconds)
}

/// Counts are changed as a whole, so a panic elsewhere leaves nothing half done.
fn locked(throttle: &Mutex<Throttle>) -> MutexGuard<'_, Throttle> {
    throttle.lock().unwrap_or_else(PoisonError::into_inner)
}

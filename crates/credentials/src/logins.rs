//! Who tries tokens that are wrong: counted, told, and asked to wait. Each process counts for itself.

use aerogram_domain::credentials::throttle::{Guesser, Later, Throttle};
use aerogram_domain::credentials::{ADMIN_ACTOR, AuthError};
use aerogram_domain::limits::Rate;
use aerogram_telemetry::{Said, names};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Guessers that are remembered, at most: some 4 MB.
const GUESSERS_MAX: usize = 65_536;
/// Of a client id in the log.
const CHARS_MAX: usize = 128;

/// Who tries to come in, before it is known whether he may.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    peer: IpAddr,
    kind: &'static str,
    client_id: Option<&'a str>,
}

impl<'a> Login<'a> {
    /// A partner application, by the client id it calls with.
    pub const fn subscriber(peer: IpAddr, client_id: &'a str) -> Self {
        Self { peer, kind: "subscriber", client_id: Some(client_id) }
    }

    /// Somebody who publishes.
    pub const fn publisher(peer: IpAddr) -> Self {
        Self { peer, kind: "publisher", client_id: None }
    }

    /// An administrator. In whose place he acts is the guesser's choice, so it is not part of who he is.
    pub const fn admin(peer: IpAddr) -> Self {
        Self { peer, kind: "admin", client_id: None }
    }

    fn guesser(&self) -> Guesser<'a> {
        // No client id is one of these.
        let other = if self.kind == "admin" { ADMIN_ACTOR } else { "" };
        Guesser::new(self.peer, self.client_id.unwrap_or(other))
    }
}

/// The counts of a process.
pub struct Logins {
    throttle: Mutex<Throttle>,
    began: Instant,
    said: Said,
}

impl Logins {
    /// So many wrong tokens in a minute, from one address under one client id; 0: as many as there are.
    pub fn new(failed_per_minute: u64) -> Self {
        // The rules of the settings keep it below this. Whoever mistypes does so several times in a row: a minute's worth may
        // come at once.
        let failed = u32::try_from(failed_per_minute).unwrap_or(u32::MAX);
        Self {
            throttle: Mutex::new(Throttle::new(Rate::new(failed, failed), GUESSERS_MAX)),
            began: Instant::now(),
            said: Said::default(),
        }
    }

    /// Whether a token is looked at.
    ///
    /// # Errors
    /// Too many were wrong: 429.
    pub fn may(&self, login: Login<'_>) -> Result<(), Later> {
        self.throttle().look(&login.guesser(), self.now_us()).inspect_err(|_| {
            metrics::counter!(names::REQUESTS_LIMITED_TOTAL, "kind" => "logins").increment(1);
        })
    }

    /// A token was wrong. Only one that nobody has is a guess, and it is one guess however often it is repeated: a partner has
    /// one client id and a token for each operator, and an old one of them must not keep out the others.
    pub fn failed(&self, login: Login<'_>, token: &str, why: &AuthError) {
        let Login { peer, kind, client_id } = login;
        metrics::counter!(names::LOGINS_FAILED_TOTAL, "kind" => kind).increment(1);
        let client_id = match why {
            AuthError::Unknown => {
                self.throttle().charge_other(&login.guesser(), &token, self.now_us());
                // Who mixes up the headers sends his token as client id.
                None
            }
            AuthError::Expired(_) | AuthError::Client(_) => client_id,
        };
        if let Some(times_unsaid) = self.said.may_say(&format!("{peer} {kind} {why}"), Instant::now()) {
            let client_id = client_id.map(|id| id.chars().take(CHARS_MAX).collect::<String>());
            tracing::warn!(%peer, kind, client_id, times_unsaid, "a caller is not let in: {why}");
        }
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// Counts are changed as a whole, so a panic elsewhere leaves nothing half done.
    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn only_different_guesses_make_wait() {
        let logins = Logins::new(2);
        let app = Login::subscriber(PEER, "app");
        for _ in 0..9 {
            logins.failed(app, "old", &AuthError::Expired("token".into()));
            logins.failed(app, "another's", &AuthError::Client("token".into()));
            logins.failed(app, "forgotten", &AuthError::Unknown);
        }
        assert_eq!(logins.may(app), Ok(()), "what is repeated is tried once");
        logins.failed(app, "guess", &AuthError::Unknown);
        assert!(logins.may(app).is_err_and(|later| (1..=30).contains(&later.seconds())));
        for other in [Login::subscriber(PEER, "other"), Login::admin(PEER), Login::publisher(PEER)] {
            assert_eq!(logins.may(other), Ok(()));
        }
    }
}

//! Looking names up, and whose fault it is when that fails.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType};
use tokio::sync::Semaphore;

/// Names looked up at the same time. A lookup holds a thread until the resolver answers, also when nobody waits for it
/// any more; without a limit of its own, dead names would use up the threads that everything else needs.
const LOOKUPS_MAX: usize = 64;
static LOOKUPS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LOOKUPS_MAX)));
/// How often the resolver has said something definite, be it that a name does not exist.
static ANSWERS: AtomicU64 = AtomicU64::new(0);

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookupFailure {
    /// There is none, or the name's own servers give none.
    OfTheName(String),
    /// The resolver that this host asks gives no answer, or this host cannot ask.
    Ours(String),
}

/// How names get their addresses. Whoever asks connects to what the answer says and does not ask again.
pub(crate) trait Resolve: Send + Sync {
    /// Waits at most `within`.
    fn resolve(&self, host: String, port: u16, within: Duration) -> Resolving;
}

pub(crate) type Resolving = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, LookupFailure>> + Send>>;

/// By this host's own means.
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: String, port: u16, within: Duration) -> Resolving {
        Box::pin(async move { look_up(&host, port, within).await })
    }
}

/// The addresses of a name. Waits at most `within`, for room among the lookups as well.
pub(crate) async fn look_up(
    host: &str,
    port: u16,
    within: Duration,
) -> Result<Vec<SocketAddr>, LookupFailure> {
    let answers_before = ANSWERS.load(Ordering::Relaxed);
    let looking = async {
        let ours = |text: String| LookupFailure::Ours(text);
        let permit = LOOKUPS.clone().acquire_owned().await.map_err(|closed| ours(closed.to_string()))?;
        let (name, service) = (host.to_owned(), port.to_string());
        let asking = tokio::task::spawn_blocking(move || {
            let found = ask(&name, &service);
            drop(permit);
            found
        });
        match asking.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(judge(error, answers_before)),
            Err(error) => Err(ours(error.to_string())),
        }
    };
    match tokio::time::timeout(within, looking).await {
        Ok(found) => found,
        Err(_) => Err(unanswered(format!("no answer within {} ms", within.as_millis()), answers_before)),
    }
}

fn ask(host: &str, service: &str) -> Result<Vec<SocketAddr>, LookupError> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found: Vec<SocketAddr> = dns_lookup::getaddrinfo(Some(host), Some(service), Some(hints))?
        .filter_map(|address| address.ok().map(|address| address.sockaddr))
        .collect();
    ANSWERS.fetch_add(1, Ordering::Relaxed);
    Ok(found)
}

fn judge(error: LookupError, answers_before: u64) -> LookupFailure {
    let kind = error.kind();
    let text = io::Error::from(error).to_string();
    match kind {
        LookupErrorKind::Again => unanswered(text, answers_before),
        LookupErrorKind::Memory | LookupErrorKind::System => LookupFailure::Ours(text),
        _ => {
            ANSWERS.fetch_add(1, Ordering::Relaxed);
            LookupFailure::OfTheName(text)
        }
    }
}

/// "Try again" comes from a resolver that is down or out of reach as well as from the servers of one name that fail. While
/// others are answered it is the name.
fn unanswered(text: String, answers_before: u64) -> LookupFailure {
    if ANSWERS.load(Ordering::Relaxed) == answers_before {
        LookupFailure::Ours(text)
    } else {
        LookupFailure::OfTheName(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_answers_nobody_is_our_own_fault() {
        let text = || "try again".to_owned();
        // Other tests look names up, too, so the numbers are made up.
        let now = ANSWERS.load(Ordering::Relaxed);
        assert_eq!(
            unanswered(text(), now + 1_000_000),
            LookupFailure::OfTheName(text()),
            "others were answered"
        );
        let again = |before| judge(LookupError::new(libc_again()), before);
        assert!(matches!(again(now + 1_000_000), LookupFailure::OfTheName(_)));
        while !matches!(again(ANSWERS.load(Ordering::Relaxed)), LookupFailure::Ours(_)) {}
    }

    /// EAI_AGAIN of Linux.
    fn libc_again() -> i32 {
        -3
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_the_names_fault() {
        let within = Duration::from_secs(60);
        let failure = look_up("receiver.invalid", 443, within).await.unwrap_err();
        assert!(matches!(failure, LookupFailure::OfTheName(_)), "{failure:?}");
        let found = look_up("localhost", 8443, within).await.unwrap();
        assert!(
            found.iter().all(|address| address.ip().is_loopback() && address.port() == 8443),
            "{found:?}"
        );
    }
}

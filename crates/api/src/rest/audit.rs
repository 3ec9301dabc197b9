//! Who changed what, in the log: a line for every subscription that was changed, and one for every other request that had
//! something done. Nothing of bodies and headers stands there.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerogram_credentials::peer_of;
use aerogram_portal::ViaPortal;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Extensions, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::Api;

/// What the portal is called there.
const PORTAL: &str = "portal";

/// A request on its way, and who makes it once that is known; cheap to clone.
#[derive(Clone)]
pub struct Trail {
    inner: Arc<Inner>,
}

struct Inner {
    method: Method,
    route: String,
    path: String,
    peer: IpAddr,
    /// Where it was asked for, if not here.
    via: Option<&'static str>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    who: Option<Who>,
    /// There is nothing left to say.
    told: bool,
}

#[derive(Clone)]
struct Who {
    actor: String,
    operator: Option<String>,
    /// What the token is called.
    token: Option<Arc<str>>,
}

/// Around every request.
pub async fn audit(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = peer_of(connected, request.headers(), &api.settings.trusted_proxies);
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let inner = Inner {
        method: request.method().clone(),
        route: route.to_owned(),
        path: request.uri().path().to_owned(),
        peer,
        via: request.extensions().get::<ViaPortal>().map(|_| PORTAL),
        seen: Mutex::default(),
    };
    let trail = Trail { inner: Arc::new(inner) };
    request.extensions_mut().insert(trail.clone());
    let mut waiting = Waiting { trail, answered: false };
    let response = next.run(request).await;
    waiting.answered = true;
    waiting.trail.answered(response.status());
    response
}

/// Somebody waits for an answer. What he asked for may go on without him.
struct Waiting {
    trail: Trail,
    answered: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.answered {
            self.trail
                .uncertain("a caller did not wait for the answer; what was asked for may have been done");
        }
    }
}

impl Trail {
    /// That of a request; every request has one.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().cloned()
    }

    pub fn peer(&self) -> IpAddr {
        self.inner.peer
    }

    pub fn method(&self) -> &Method {
        &self.inner.method
    }

    /// It is known who calls: `actor` as in records, the operator a partner speaks for, and what its token is called.
    pub fn made_by(&self, actor: &str, operator: Option<&str>, token: Option<Arc<str>>) {
        let operator = operator.map(str::to_owned);
        self.seen().who = Some(Who { actor: actor.to_owned(), operator, token });
    }

    /// A subscription was changed, and has this version now.
    pub fn changed(&self, subscription_id: &str, version: u64) {
        let Inner { method, route, peer, via, .. } = &*self.inner;
        let who = {
            let mut seen = self.seen();
            seen.told = true;
            seen.who.clone()
        };
        let (actor, operator, token_name) = parts(who.as_ref());
        tracing::info!(
            actor, operator, token_name, via, %method, route, subscription_id, version, %peer,
            "a subscription was changed"
        );
    }

    /// What was asked for was only looked at, such as a dry run.
    pub fn nothing_changed(&self) {
        self.seen().told = true;
    }

    fn answered(&self, status: StatusCode) {
        if status.is_success() {
            self.done(status.as_u16());
        } else if status.is_server_error() {
            // Such as a change that was written and not confirmed in time.
            self.uncertain("what was asked for was not confirmed; it may have been done, or may still be");
        }
    }

    /// It was answered with success.
    fn done(&self, status: u16) {
        let Some(who) = self.untold() else { return };
        let Inner { method, route, path, peer, via, .. } = &*self.inner;
        let (actor, operator, token_name) = parts(who.as_ref());
        tracing::info!(
            actor, operator, token_name, via, %method, route, path, status, %peer, "what was asked for was done"
        );
    }

    /// Nobody knows, or nobody waits to hear it.
    fn uncertain(&self, what: &str) {
        let Some(who @ Some(_)) = self.untold() else { return };
        let Inner { method, route, path, peer, via, .. } = &*self.inner;
        let (actor, operator, token_name) = parts(who.as_ref());
        tracing::info!(
            actor, operator, token_name, via, %method, route, path, %peer, "{what}"
        );
    }

    /// Who asked for something of which nothing was said yet. Which subscriptions were changed was said already.
    fn untold(&self) -> Option<Option<Who>> {
        let seen = self.seen();
        (!self.inner.method.is_safe() && !seen.told).then(|| seen.who.clone())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parts(who: Option<&Who>) -> (Option<&str>, Option<&str>, Option<&str>) {
    let Some(Who { actor, operator, token }) = who else { return (None, None, None) };
    (Some(actor), operator.as_deref(), token.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::Write;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn trail() -> Trail {
        trail_of(Method::PATCH)
    }

    fn trail_of(method: Method) -> Trail {
        let inner = Inner {
            method,
            route: "/subscriptions/{subscription_id}".to_owned(),
            path: "/subscriptions/s-1".to_owned(),
            peer: "192.0.2.7".parse().unwrap(),
            via: None,
            seen: Mutex::default(),
        };
        Trail { inner: Arc::new(inner) }
    }

    fn logged(act: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, act);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_subscription_that_was_changed_has_a_line_and_the_request_no_other() {
        let lines = logged(|| {
            let trail = trail();
            trail.made_by("partner-app", Some("acme"), Some("spring".into()));
            trail.changed("s-1", 7);
            trail.changed("s-2", 3);
            trail.done(200);
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        let expected = [
            ("level", "INFO"),
            ("actor", "partner-app"),
            ("operator", "acme"),
            ("token_name", "spring"),
            ("method", "PATCH"),
            ("route", "/subscriptions/{subscription_id}"),
            ("subscription_id", "s-1"),
            ("peer", "192.0.2.7"),
        ];
        for (field, value) in expected {
            assert_eq!(lines[0][field], value, "{field}");
        }
        assert_eq!((&lines[0]["version"], &lines[1]["version"]), (&Value::from(7), &Value::from(3)));
    }

    #[test]
    fn what_was_asked_for_in_the_portal_says_so() {
        let lines = logged(|| {
            for via in [Some(PORTAL), None] {
                let trail = |method| {
                    let Inner { route, path, peer, .. } = &*trail_of(Method::GET).inner;
                    let (route, path, peer) = (route.clone(), path.clone(), *peer);
                    Trail {
                        inner: Arc::new(Inner { method, route, path, peer, via, seen: Mutex::default() }),
                    }
                };
                trail(Method::PATCH).changed("s-1", 7);
                trail(Method::POST).done(202);
                let known = trail(Method::POST);
                known.made_by("partner-app", Some("acme"), None);
                known.uncertain("nobody knows");
            }
        });
        let via: Vec<_> = lines.iter().map(|line| line.get("via").and_then(Value::as_str)).collect();
        assert_eq!(via, [Some("portal"), Some("portal"), Some("portal"), None, None, None], "{lines:?}");
    }

    #[test]
    fn who_does_not_wait_has_a_line_once_it_is_known_who() {
        let lines = logged(|| {
            let known = trail();
            known.made_by("partner-app", Some("acme"), None);
            drop(Waiting { trail: known.clone(), answered: false });
            drop(Waiting { trail: known, answered: true });
            drop(Waiting { trail: trail(), answered: false });
            let looks = trail_of(Method::GET);
            looks.made_by("partner-app", Some("acme"), None);
            looks.done(200);
            drop(Waiting { trail: looks, answered: false });
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0]["message"].as_str().unwrap().contains("did not wait"), "{lines:?}");
    }

    #[test]
    fn what_was_not_confirmed_has_a_line() {
        let lines = logged(|| {
            for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::CONFLICT] {
                let known = trail();
                known.made_by("partner-app", Some("acme"), None);
                known.answered(status);
                trail().answered(status);
            }
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0]["message"].as_str().unwrap().contains("not confirmed"), "{lines:?}");
        assert_eq!(lines[0]["actor"], "partner-app");
    }

    #[test]
    fn what_changes_no_subscription_has_a_line_unless_it_was_only_looked_at() {
        let lines = logged(|| {
            let done = trail();
            done.made_by("admin:platform", None, None);
            done.done(202);
            let looked_at = trail();
            looked_at.made_by("admin:platform", None, None);
            looked_at.nothing_changed();
            looked_at.done(200);
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!((&lines[0]["actor"], &lines[0]["status"]), (&"admin:platform".into(), &202.into()));
        assert_eq!(lines[0]["path"], "/subscriptions/s-1");
        assert_eq!((lines[0].get("operator"), lines[0].get("token_name")), (None, None));
    }
}

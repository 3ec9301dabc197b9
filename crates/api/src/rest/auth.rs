//! Who calls: `X-Api-Client-Id` and `X-Auth-Token`; or an administrator with `Authorization: Bearer`, for everybody, or for
//! the pair that `X-Api-Client-Id` and `X-Operator` name.

use std::sync::Arc;

use aerogram_domain::credentials::{ADMIN_ACTOR, AuthError, Credentials, Scope, Scopes, Subscriber};
use aerogram_domain::escalations::Reader;
use aerogram_telemetry::wall_ms;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};

use super::Api;
use super::audit::Trail;
use super::problem::Problem;
use super::throttle::Client;
use crate::table::Owner;

const CLIENT_ID: &str = "X-Api-Client-Id";
const TOKEN: &str = "X-Auth-Token";
const OPERATOR: &str = "X-Operator";

/// An authenticated caller: a partner application on behalf of an operator, or an administrator in its place. Its token has the
/// scope that the request's method needs, and it is within its limits.
pub struct Caller {
    pub subscriber: Subscriber,
    pub owner: Owner,
    /// Who did it, in records: the partner application, or `admin:` and the administrator's name.
    pub actor: String,
    /// Where what it changes is told.
    pub trail: Trail,
}

/// Who may look after deliveries that were given up.
pub struct Keeper {
    pub actor: String,
    /// Whose they are; `None`: everybody's, for an administrator.
    pub owner: Option<Owner>,
    /// What it is entitled to; `None`: to everything, for an administrator by itself.
    pub subscriber: Option<Subscriber>,
    /// What may be told of our own network; an administrator in the place of a pair stays one.
    pub reader: Reader,
    /// Where what it has done is told.
    pub trail: Trail,
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let door = Door::of(parts, api)?;
        match door.admin()? {
            None => door.pair(),
            Some(name) => door.in_the_place_of(&name),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Keeper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let door = Door::of(parts, api)?;
        let (caller, reader) = match door.admin()? {
            None => (door.pair()?, Reader::Subscriber),
            Some(name) if [CLIENT_ID, OPERATOR].iter().all(|header| !parts.headers.contains_key(*header)) => {
                let (reader, trail) = (Reader::Administrator, door.trail);
                return Ok(Self { actor: actor(&name), owner: None, subscriber: None, reader, trail });
            }
            Some(name) => (door.in_the_place_of(&name)?, Reader::Administrator),
        };
        let Caller { subscriber, owner, actor, trail } = caller;
        Ok(Self { actor, owner: Some(owner), subscriber: Some(subscriber), reader, trail })
    }
}

impl Keeper {
    /// Whether events of this type are for it to read and to have sent.
    pub fn may_have(&self, event_type: &str) -> bool {
        self.subscriber.as_ref().is_none_or(|subscriber| subscriber.may_subscribe(event_type))
    }
}

/// Where a request is let in, or is not.
struct Door<'a> {
    headers: &'a HeaderMap,
    api: &'a Api,
    /// Those of this moment.
    credentials: Arc<Credentials>,
    trail: Trail,
}

impl<'a> Door<'a> {
    fn of(parts: &'a Parts, api: &'a Api) -> Result<Self, Problem> {
        let Some(trail) = Trail::of(&parts.extensions) else {
            tracing::error!("a request came past its beginning; this is a bug");
            return Err(Problem::unavailable("this instance cannot answer"));
        };
        Ok(Self { headers: &parts.headers, api, credentials: api.credentials.now(), trail })
    }

    /// A partner with its own token.
    fn pair(self) -> Result<Caller, Problem> {
        let (Some(client_id), Some(token)) = (single(self.headers, CLIENT_ID), single(self.headers, TOKEN))
        else {
            return Err(Problem::unauthenticated());
        };
        let (throttles, peer) = (&self.api.throttles, self.trail.peer());
        throttles.may_log_in(peer, client_id)?;
        let subscriber = self.credentials.subscriber(client_id, token, wall_ms()).map_err(|why| {
            throttles.login_failed(peer, client_id, "subscriber", &why.to_string());
            Problem::unauthenticated()
        })?;
        throttles.request(Client::Pair { partner: &subscriber.partner, operator: &subscriber.operator })?;
        self.may(subscriber.scopes)?;
        let actor = subscriber.partner.clone();
        Ok(self.let_in(subscriber, actor))
    }

    /// The name of the administrator who calls; `None`: it is not one who says to be an administrator.
    ///
    /// # Errors
    /// 400 when both kinds of credentials are given: which of them counts could be one thing here and another to a proxy. 401 when
    /// there is no such administrator, 403 when it may only look, 429.
    fn admin(&self) -> Result<Option<Arc<str>>, Problem> {
        let headers = self.headers;
        if !headers.get_all(AUTHORIZATION).iter().any(|value| bearer(value.as_bytes()).is_some()) {
            return Ok(None);
        }
        if headers.contains_key(TOKEN) {
            let detail = "X-Auth-Token and Authorization: Bearer are given; give the one that says who calls";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        let token = single(headers, AUTHORIZATION.as_str()).and_then(|value| bearer(value.as_bytes()));
        let Some(token) = token.and_then(|token| std::str::from_utf8(token).ok()) else {
            return Err(Problem::no_administrator());
        };
        // In whose place he acts is the guesser's choice, so it is not part of who he is.
        let (throttles, peer) = (&self.api.throttles, self.trail.peer());
        throttles.may_log_in(peer, ADMIN_ACTOR)?;
        let admin = self.credentials.admin(token.trim(), wall_ms()).map_err(|why: AuthError| {
            throttles.login_failed(peer, ADMIN_ACTOR, "admin", &why.to_string());
            Problem::no_administrator()
        })?;
        throttles.request(Client::Administrator(&admin.name))?;
        self.may(admin.scopes)?;
        self.trail.made_by(&actor(&admin.name), None, None);
        Ok(Some(Arc::clone(&admin.name)))
    }

    /// Only pairs that could call themselves: what is done for them must be theirs to see and to undo.
    fn in_the_place_of(self, admin: &str) -> Result<Caller, Problem> {
        let named = |header| {
            single(self.headers, header).filter(|value| !value.is_empty()).ok_or_else(|| {
                let detail = format!("an administrator acts for a pair: {header} must name it, once");
                Problem::new(StatusCode::FORBIDDEN, detail)
            })
        };
        let (client_id, operator) = (named(CLIENT_ID)?, named(OPERATOR)?);
        let subscriber = self.credentials.pair(client_id, operator).map_err(|missing| {
            let detail =
                format!("an administrator cannot act for {client_id:?} on behalf of {operator:?}: {missing}");
            Problem::new(StatusCode::FORBIDDEN, detail)
        })?;
        Ok(self.let_in(subscriber, actor(admin)))
    }

    fn let_in(self, subscriber: Subscriber, actor: String) -> Caller {
        self.trail.made_by(&actor, Some(&subscriber.operator), subscriber.token.clone());
        let owner = Owner::new(&subscriber.partner, &subscriber.operator);
        Caller { subscriber, owner, actor, trail: self.trail }
    }

    /// What the method asks for must be among what the token is for.
    fn may(&self, scopes: Scopes) -> Result<(), Problem> {
        let scope = scope_of(self.trail.method());
        if scopes.include(scope) {
            return Ok(());
        }
        let detail = format!("this needs the scope {scope}, which this token does not have");
        Err(Problem::new(StatusCode::FORBIDDEN, detail))
    }
}

/// Everything but looking changes something, or has something sent.
fn scope_of(method: &Method) -> Scope {
    if method.is_safe() { Scope::Read } else { Scope::Write }
}

fn actor(admin: &str) -> String {
    format!("{ADMIN_ACTOR}{admin}")
}

/// What follows `Bearer`.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// A header given twice could mean one thing here and another to a proxy, so it counts as missing.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_an_administrators() {
        assert_eq!(bearer(b"bearer abc"), Some(b"abc".as_slice()));
        assert_eq!(bearer(b"Bearer "), Some(b"".as_slice()));
        for other in [b"Basic abc".as_slice(), b"Bearer", b"", b"Bearerabc "] {
            assert_eq!(bearer(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn looking_is_reading_and_all_else_is_writing() {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(scope_of(&method), Scope::Read);
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(scope_of(&method), Scope::Write);
        }
    }

    #[test]
    fn what_is_given_twice_counts_as_missing() {
        let mut headers = HeaderMap::new();
        headers.append(OPERATOR, "acme".parse().unwrap());
        assert_eq!(single(&headers, OPERATOR), Some("acme"));
        headers.append(OPERATOR, "acme".parse().unwrap());
        assert_eq!(single(&headers, OPERATOR), None);
    }
}

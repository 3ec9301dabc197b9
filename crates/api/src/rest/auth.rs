//! Who calls: `X-Api-Client-Id` and `X-Auth-Token`; or an administrator with `Authorization: Bearer`, for everybody, or for
//! the pair that `X-Api-Client-Id` and `X-Operator` name.

use std::sync::Arc;

use aerogram_domain::credentials::{ADMIN_ACTOR, Subscriber};
use aerogram_domain::escalations::Reader;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use super::Api;
use super::problem::Problem;
use crate::table::Owner;

const CLIENT_ID: &str = "X-Api-Client-Id";
const TOKEN: &str = "X-Auth-Token";
const OPERATOR: &str = "X-Operator";

/// An authenticated caller: a partner application on behalf of an operator, or an administrator in its place.
pub struct Caller {
    pub subscriber: Subscriber,
    pub owner: Owner,
    /// Who did it, in records: the partner application, or `admin:` and the administrator's name.
    pub actor: String,
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
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        match admin(&parts.headers, api)? {
            None => Self::with_token(&parts.headers, api),
            Some(name) => Self::in_the_place_of(&parts.headers, api, &name),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Keeper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let (caller, reader) = match admin(&parts.headers, api)? {
            None => (Caller::with_token(&parts.headers, api)?, Reader::Subscriber),
            Some(name) if [CLIENT_ID, OPERATOR].iter().all(|header| !parts.headers.contains_key(*header)) => {
                let reader = Reader::Administrator;
                return Ok(Self { actor: actor(&name), owner: None, subscriber: None, reader });
            }
            Some(name) => (Caller::in_the_place_of(&parts.headers, api, &name)?, Reader::Administrator),
        };
        let (owner, subscriber) = (Some(caller.owner), Some(caller.subscriber));
        Ok(Self { actor: caller.actor, owner, subscriber, reader })
    }
}

impl Keeper {
    /// Whether events of this type are for it to read and to have sent.
    pub fn may_have(&self, event_type: &str) -> bool {
        self.subscriber.as_ref().is_none_or(|subscriber| subscriber.may_subscribe(event_type))
    }
}

impl Caller {
    fn with_token(headers: &HeaderMap, api: &Api) -> Result<Self, Problem> {
        let (Some(client_id), Some(token)) = (single(headers, CLIENT_ID), single(headers, TOKEN)) else {
            return Err(Problem::unauthenticated());
        };
        match api.credentials.subscriber(client_id, token) {
            Ok(subscriber) => {
                let actor = subscriber.partner.clone();
                Ok(Self::new(subscriber, actor))
            }
            Err(error) => {
                tracing::debug!("a caller is not let in: {error}");
                Err(Problem::unauthenticated())
            }
        }
    }

    /// Only pairs that could call themselves: what is done for them must be theirs to see and to undo.
    fn in_the_place_of(headers: &HeaderMap, api: &Api, admin: &str) -> Result<Self, Problem> {
        let named = |header| {
            single(headers, header).filter(|value| !value.is_empty()).ok_or_else(|| {
                let detail = format!("an administrator acts for a pair: {header} must name it, once");
                Problem::new(StatusCode::FORBIDDEN, detail)
            })
        };
        let (client_id, operator) = (named(CLIENT_ID)?, named(OPERATOR)?);
        let subscriber = api.credentials.pair(client_id, operator).map_err(|missing| {
            let detail =
                format!("an administrator cannot act for {client_id:?} on behalf of {operator:?}: {missing}");
            Problem::new(StatusCode::FORBIDDEN, detail)
        })?;
        Ok(Self::new(subscriber, actor(admin)))
    }

    fn new(subscriber: Subscriber, actor: String) -> Self {
        let owner = Owner::new(&subscriber.partner, &subscriber.operator);
        Self { subscriber, owner, actor }
    }
}

fn actor(admin: &str) -> String {
    format!("{ADMIN_ACTOR}{admin}")
}

/// The name of the administrator who calls; `None`: it is not one who says to be an administrator.
///
/// # Errors
/// 400 when both kinds of credentials are given: which of them counts could be one thing here and another to a proxy. 401 when
/// there is no such administrator.
fn admin(headers: &HeaderMap, api: &Api) -> Result<Option<Arc<str>>, Problem> {
    if !headers.get_all(AUTHORIZATION).iter().any(|value| bearer(value.as_bytes()).is_some()) {
        return Ok(None);
    }
    if headers.contains_key(TOKEN) {
        let detail = "X-Auth-Token and Authorization: Bearer are given; give the one that says who calls";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let token = single(headers, AUTHORIZATION.as_str()).and_then(|value| bearer(value.as_bytes()));
    let token = token.and_then(|token| std::str::from_utf8(token).ok());
    let name = token.and_then(|token| api.credentials.admin(token.trim()));
    name.cloned().map(Some).ok_or_else(Problem::no_administrator)
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
    fn what_is_given_twice_counts_as_missing() {
        let mut headers = HeaderMap::new();
        headers.append(OPERATOR, "acme".parse().unwrap());
        assert_eq!(single(&headers, OPERATOR), Some("acme"));
        headers.append(OPERATOR, "acme".parse().unwrap());
        assert_eq!(single(&headers, OPERATOR), None);
    }
}

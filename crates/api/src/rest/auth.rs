//! Who calls: `X-Api-Client-Id` and `X-Auth-Token`; or an administrator with `Authorization: Bearer`, for everybody, or for
//! the pair that `X-Api-Client-Id` and `X-Operator` name.

use std::sync::Arc;

use aerogram_credentials::Login;
use aerogram_credentials::headers::{bearer, has_bearer, single};
use aerogram_domain::credentials::{ADMIN_ACTOR, Administrator, Credentials, Scope, Scopes, Subscriber};
use aerogram_domain::escalations::Reader;
use aerogram_telemetry::wall_ms;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};

use super::Api;
use super::audit::Trail;
use super::problem::Problem;
use super::throttle::Client;
use crate::table::Owner;

pub const CLIENT_ID: &str = "X-Api-Client-Id";
pub const TOKEN: &str = "X-Auth-Token";
pub const OPERATOR: &str = "X-Operator";

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
            Some(admin) => door.in_the_place_of(&admin),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Keeper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let door = Door::of(parts, api)?;
        let (caller, reader) = match door.admin()? {
            None => (door.pair()?, Reader::Subscriber),
            Some(admin)
                if [CLIENT_ID, OPERATOR].iter().all(|header| !parts.headers.contains_key(*header)) =>
            {
                let (reader, trail) = (Reader::Administrator, door.trail);
                return Ok(Self { actor: actor(&admin.name), owner: None, subscriber: None, reader, trail });
            }
            Some(admin) => (door.in_the_place_of(&admin)?, Reader::Administrator),
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
        let (throttles, login) = (&self.api.throttles, Login::subscriber(self.trail.peer(), client_id));
        throttles.may_log_in(login)?;
        let subscriber = self.credentials.subscriber(client_id, token, wall_ms()).map_err(|why| {
            throttles.logins.failed(login, token, &why);
            Problem::unauthenticated()
        })?;
        throttles.request(Client::Pair { partner: &subscriber.partner, operator: &subscriber.operator })?;
        self.may(subscriber.scopes)?;
        let actor = subscriber.partner.clone();
        Ok(self.let_in(subscriber, actor))
    }

    /// The administrator who calls; `None`: it is not one who says to be an administrator.
    ///
    /// # Errors
    /// 400 when both kinds of credentials are given: which of them counts could be one thing here and another to a proxy. 401 when
    /// there is no such administrator, 403 when it may only look, 429.
    fn admin(&self) -> Result<Option<Administrator>, Problem> {
        let headers = self.headers;
        if !has_bearer(headers) {
            return Ok(None);
        }
        if headers.contains_key(TOKEN) {
            let detail = "X-Auth-Token and Authorization: Bearer are given; give the one that says who calls";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        let token = bearer(headers).ok_or_else(Problem::no_administrator)?;
        let (throttles, login) = (&self.api.throttles, Login::admin(self.trail.peer()));
        throttles.may_log_in(login)?;
        let admin = self.credentials.admin(token, wall_ms()).map_err(|why| {
            throttles.logins.failed(login, token, &why);
            Problem::no_administrator()
        })?;
        throttles.request(Client::Administrator(&admin.name))?;
        self.may(admin.scopes)?;
        self.trail.made_by(&actor(&admin.name), None, None);
        Ok(Some(admin.clone()))
    }

    /// Only pairs that could call themselves: what is done for them must be theirs to see and to undo.
    fn in_the_place_of(self, admin: &Administrator) -> Result<Caller, Problem> {
        let named = |header| {
            single(self.headers, header).filter(|value| !value.is_empty()).ok_or_else(|| {
                let detail = format!("an administrator acts for a pair: {header} must name it, once");
                Problem::new(StatusCode::FORBIDDEN, detail)
            })
        };
        let (client_id, operator) = (named(CLIENT_ID)?, named(OPERATOR)?);
        let mut subscriber = self.credentials.pair(client_id, operator).map_err(|missing| {
            let detail =
                format!("an administrator cannot act for {client_id:?} on behalf of {operator:?}: {missing}");
            Problem::new(StatusCode::FORBIDDEN, detail)
        })?;
        // What it may do is what the administrator may.
        subscriber.scopes = admin.scopes;
        Ok(self.let_in(subscriber, actor(&admin.name)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_is_reading_and_all_else_is_writing() {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(scope_of(&method), Scope::Read);
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(scope_of(&method), Scope::Write);
        }
    }
}

//! Who calls, by the token of a request.

use super::problem::Problem;
use aerogram_credentials::{InForce, Login, Logins, headers::bearer, peer_of};
use aerogram_domain::credentials::{Publisher, Scope};
use aerogram_telemetry::wall_ms;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Where a request comes from; every request has one.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub IpAddr);

/// Around every request.
pub(super) async fn locate(
    State(trusted): State<Arc<[IpNet]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = Peer(peer_of(connected, request.headers(), &trusted));
    request.extensions_mut().insert(peer);
    next.run(request).await
}

/// Who is let in, and how often one may be wrong; cheap to clone.
#[derive(Clone)]
pub(super) struct Door {
    credentials: InForce,
    logins: Arc<Logins>,
}

impl Door {
    pub fn new(credentials: InForce, failed_logins_per_minute: u64) -> Self {
        Self { credentials, logins: Arc::new(Logins::new(failed_logins_per_minute)) }
    }

    /// # Errors
    /// 401, 429.
    pub fn publisher(&self, Peer(peer): Peer, headers: &HeaderMap) -> Result<Publisher, Problem> {
        let token = bearer(headers).ok_or_else(Problem::unauthenticated)?;
        let login = Login::publisher(peer);
        self.logins.may(login).map_err(Problem::too_many_guesses)?;
        let credentials = self.credentials.now();
        let publisher = credentials.publisher(token, wall_ms());
        publisher.cloned().map_err(|why| {
            self.logins.failed(login, token, &why);
            Problem::unauthenticated()
        })
    }

    /// The administrator's name.
    ///
    /// # Errors
    /// 401, 429; 403 without the scope.
    pub fn admin(&self, Peer(peer): Peer, headers: &HeaderMap, scope: Scope) -> Result<Arc<str>, Problem> {
        let token = bearer(headers).ok_or_else(Problem::no_administrator)?;
        let login = Login::admin(peer);
        self.logins.may(login).map_err(Problem::too_many_guesses)?;
        let credentials = self.credentials.now();
        let admin = credentials.admin(token, wall_ms()).map_err(|why| {
            self.logins.failed(login, token, &why);
            Problem::no_administrator()
        })?;
        if !admin.scopes.include(scope) {
            return Err(Problem::no_scope(scope));
        }
        Ok(Arc::clone(&admin.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::credentials::Credentials;
    use axum::{
        http::{StatusCode, header},
        response::IntoResponse as _,
    };

    #[test]
    fn whoever_guesses_has_to_wait() {
        let door = Door::new(InForce::fixed(Credentials::default()), 2);
        let ask = |address: &str, token: &str| {
            let headers = [(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())];
            let peer = Peer(address.parse().unwrap());
            door.publisher(peer, &headers.into_iter().collect()).unwrap_err().into_response()
        };
        for guess in ["one", "one", "two"] {
            assert_eq!(ask("192.0.2.1", guess).status(), StatusCode::UNAUTHORIZED);
        }
        let waits = ask("192.0.2.1", "three");
        assert_eq!(waits.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(waits.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(ask("192.0.2.2", "three").status(), StatusCode::UNAUTHORIZED);
    }
}

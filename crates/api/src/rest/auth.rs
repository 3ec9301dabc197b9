//! Who calls: `X-Api-Client-Id` and `X-Auth-Token`.

use std::sync::Arc;

use aerogram_domain::credentials::Subscriber;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::Api;
use super::problem::Problem;
use crate::table::Owner;

const CLIENT_ID: &str = "x-api-client-id";
const TOKEN: &str = "x-auth-token";

/// An authenticated caller: a partner application on behalf of an operator.
pub struct Caller {
    pub subscriber: Subscriber,
    pub owner: Owner,
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let (Some(client_id), Some(token)) = (single(parts, CLIENT_ID), single(parts, TOKEN)) else {
            return Err(Problem::unauthenticated());
        };
        match api.credentials.subscriber(client_id, token) {
            Ok(subscriber) => {
                let owner = Owner::new(&subscriber.partner, &subscriber.operator);
                Ok(Self { subscriber, owner })
            }
            Err(error) => {
                tracing::debug!("a caller is not let in: {error}");
                Err(Problem::unauthenticated())
            }
        }
    }
}

/// A header given twice could mean one thing here and another to a proxy, so it counts as missing.
fn single<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let mut values = parts.headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}

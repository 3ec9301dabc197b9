//! Who is signed in, and how they see things.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::timeout;

use crate::rest::{Refused, Rest};
use crate::session::Session;
use crate::zone::Zone;

/// How long a page waits to know how many escalations are open.
const COUNTED_WITHIN: Duration = Duration::from_millis(200);

/// Of one request.
pub struct Viewer {
    pub rest: Rest,
    pub me: Me,
    pub zone: Zone,
    /// When the request came.
    pub now: Timestamp,
    /// Only parts of a page are asked for, by htmx.
    pub wants_part: bool,
    /// Which part: the id of the element that it goes into.
    pub target: Option<String>,
    /// Not asked for when only a part of a page is wanted, nor when something is to be done.
    pub open_escalations: Option<Total>,
    session: Session,
}

/// `GET /me`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    pub client: String,
    pub operator: String,
    pub scopes: Vec<String>,
    pub contracts: Vec<String>,
    /// Those that may be subscribed.
    pub event_types: Vec<String>,
    pub profiles: Vec<String>,
}

/// How many there are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    #[serde(default)]
    pub total: u64,
    #[serde(default)]
    pub total_is_at_least: bool,
}

impl Viewer {
    /// Asks REST who this is.
    ///
    /// # Errors
    /// When the session's credentials do not count any more, or it cannot be asked.
    pub async fn of(rest: Rest, session: Session, zone: Zone, parts: &Parts) -> Result<Self, Refused> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let wants_part = text("hx-request").is_some();
        let is_page = parts.method == Method::GET && !wants_part;
        let open = async {
            // Who may not see them, or cannot now, still sees the page.
            Ok(if is_page {
                timeout(COUNTED_WITHIN, open_escalations(&rest)).await.ok().flatten()
            } else {
                None
            })
        };
        // In this order: for credentials that do not count, nothing else is asked.
        let (me, open_escalations) = tokio::try_join!(biased; rest.get::<Me>("/me"), open)?;
        let target = text("hx-target").map(str::to_owned);
        Ok(Self { rest, me, zone, now: Timestamp::now(), wants_part, target, open_escalations, session })
    }

    pub fn csrf(&self) -> &str {
        self.session.csrf()
    }

    pub fn is_its_csrf(&self, given: &str) -> bool {
        self.session.is_its_csrf(given)
    }

    /// Whether anything may be changed; REST decides, this only spares who may not a form.
    pub fn may_write(&self) -> bool {
        self.me.scopes.iter().any(|scope| scope == "write")
    }

    /// Only the rows of a list are wanted.
    pub fn wants_rows(&self) -> bool {
        self.wants_part && self.target.as_deref() == Some("rows")
    }
}

async fn open_escalations(rest: &Rest) -> Option<Total> {
    rest.get("/escalations?state=open&limit=1&total=true").await.ok()
}

/// As a handler takes it: `Viewing(viewer): Viewing`.
pub struct Viewing(pub Arc<Viewer>);

impl<S: Sync> FromRequestParts<S> for Viewing {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let viewer = parts.extensions.get::<Arc<Viewer>>().cloned();
        viewer
            .map(Self)
            .ok_or_else(|| Refused::broken("a page is served past the session; this is a bug".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    const COUNT: &str = "GET /escalations?state=open&limit=1&total=true";

    #[tokio::test]
    async fn only_a_page_counts_what_is_open() {
        let world = World::of(Vec::new());
        world.part("/portal/catalogue", "list").await;
        world.post("/portal/deliveries/redeliver", &[]).await;
        assert!(world.was_asked("GET /me") && !world.was_asked(COUNT));
        world.get("/portal/catalogue").await;
        assert!(world.was_asked(COUNT));
    }
}

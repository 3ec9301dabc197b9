//! Signing in with the credentials of the API, and signing out.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::header::{HOST, LOCATION, REFERER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::cookie::{self, Session};
use crate::assets::Assets;
use crate::error::{self, in_a_while, words};
use crate::frame::html;
use crate::rest::{Credentials, Refused, Rest, query_of};
use crate::viewer::Me;
use crate::{BASE, Portal};

/// htmx goes there instead of putting the answer into the page.
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
/// The page that htmx asks from.
const HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");
/// Has a browser forget the pages that it kept.
const CLEAR_SITE_DATA: (HeaderName, &str) = (HeaderName::from_static("clear-site-data"), "\"cache\"");

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Page {
    assets: &'static Assets,
    /// Where who signs in came from.
    to: String,
    client: String,
    says: Says,
}

#[derive(Clone, PartialEq, Eq)]
enum Says {
    Nothing,
    Ended,
    /// What was posted is lost.
    Unsaved,
    Left,
    Wrong,
    Elsewhere(String),
}

#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    to: String,
    #[serde(default)]
    says: String,
}

#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    client: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    to: String,
}

/// The page to sign in.
pub async fn show(Query(asked): Query<Asked>) -> Response {
    let says = match asked.says.as_str() {
        "ended" => Says::Ended,
        "unsaved" => Says::Unsaved,
        "left" => Says::Left,
        _ => Says::Nothing,
    };
    html(StatusCode::OK, &page(asked.to, String::new(), says))
}

/// Whether these are credentials REST says; the session begins with them.
pub async fn sign_in(State(portal): State<Arc<Portal>>, parts: Parts, Form(given): Form<Given>) -> Response {
    let Given { client, token, to } = given;
    let client = client.trim().to_owned();
    let credentials = Credentials { client: client.clone(), token: SecretString::from(token.trim()) };
    let asked = match Rest::of(&portal.api, &parts, &credentials) {
        Some(rest) => rest.get::<Me>("/me").await,
        None => Err(Refused::Unauthenticated),
    };
    let (status, says, retry_after_s) = match asked {
        Ok(me) => match Session::new(credentials, Timestamp::now()).cookie(&portal.sealer) {
            Some(cookie) => {
                note(&me, &parts);
                return (StatusCode::SEE_OTHER, [(LOCATION, back_to(&to)), (SET_COOKIE, cookie)])
                    .into_response();
            }
            None => {
                let says = "These credentials are too long for a browser to keep.".to_owned();
                (StatusCode::BAD_REQUEST, Says::Elsewhere(says), None)
            }
        },
        Err(refused) => (refused.status(), Says::of(&refused), refused.retry_after_s()),
    };
    in_a_while(html(status, &page(to, client, says)), retry_after_s)
}

impl Says {
    fn is_error(&self) -> bool {
        matches!(self, Self::Wrong | Self::Elsewhere(_))
    }

    fn of(refused: &Refused) -> Self {
        match (refused, refused.retry_after_s()) {
            (Refused::Unauthenticated, _) => Self::Wrong,
            (Refused::TooMany { .. }, Some(seconds)) => {
                Self::Elsewhere(format!("There were too many attempts. Try again in {seconds} seconds."))
            }
            _ => Self::Elsewhere(words(refused).says),
        }
    }
}

/// Who came in. `forwarded_for` is what the request says, and true only if a proxy of yours wrote it.
fn note(me: &Me, parts: &Parts) {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let peer = peer.map_or_else(String::new, |peer| peer.to_string());
    let forwarded_for = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let Me { client, operator, .. } = me;
    tracing::info!(client, operator, peer, forwarded_for, "somebody signed in to the portal");
}

/// Takes the session from the browser. Who has one says so from a page of it; who has none is signed out already.
pub async fn sign_out(State(portal): State<Arc<Portal>>, headers: HeaderMap, form: Bytes) -> Response {
    let session = Session::of(&headers, &portal.sealer, Timestamp::now());
    let csrf = url::form_urlencoded::parse(&form).find(|(name, _)| name == "csrf").map(|(_, value)| value);
    if session.is_some_and(|session| !session.is_its_csrf(csrf.as_deref().unwrap_or_default())) {
        return error::still_signed_in();
    }
    let mut response = Redirect::to("/portal/sign-in?says=left").into_response();
    if let Some(none) = cookie::none() {
        response.headers_mut().insert(SET_COOKIE, none);
    }
    let (name, value) = CLEAR_SITE_DATA;
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// Instead of a page: to where one signs in, and from there back to it.
pub fn to_sign_in(parts: &Parts, ended: bool) -> Response {
    let at_work = parts.headers.contains_key("hx-request");
    let wanted = parts.uri.path_and_query().map(|path| format!("{BASE}{path}")).unwrap_or_default();
    // What htmx wanted is no page, nor may that be which was posted to; the page that it came from is.
    let to = match parts.method == Method::GET {
        _ if at_work => own_page(&parts.headers, &HX_CURRENT_URL),
        true => Some(wanted),
        false => own_page(&parts.headers, &REFERER),
    };
    let says = match ended {
        _ if !parts.method.is_safe() => "unsaved",
        true => "ended",
        false => "",
    };
    let query = query_of([("says", says), ("to", to.as_deref().unwrap_or_default())]);
    let address = format!("{BASE}/sign-in?{query}");
    match HeaderValue::try_from(&address) {
        Ok(address) if at_work => [(HX_REDIRECT, address)].into_response(),
        _ => Redirect::to(&address).into_response(),
    }
}

/// The path and query of a page of the portal that a header names, with the host that was asked.
fn own_page(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let page = Url::parse(headers.get(name)?.to_str().ok()?).ok()?;
    let host = match page.port() {
        Some(port) => format!("{}:{port}", page.host_str()?),
        None => page.host_str()?.to_owned(),
    };
    let is_ours = host.eq_ignore_ascii_case(headers.get(HOST)?.to_str().ok()?);
    let query = page.query().map(|query| format!("?{query}")).unwrap_or_default();
    (is_ours && page.path().starts_with("/portal/")).then(|| format!("{}{query}", page.path()))
}

/// Only to a page of the portal, wherever somebody else may want to lead.
fn back_to(to: &str) -> HeaderValue {
    let is_ours =
        to.starts_with("/portal/") && !to.contains(['\\', '\r', '\n']) && !to.starts_with("/portal/sign-");
    let ours = HeaderValue::try_from(to).ok().filter(|_| is_ours);
    ours.unwrap_or_else(|| HeaderValue::from_static("/portal/webhooks"))
}

fn page(to: String, client: String, says: Says) -> Page {
    Page { assets: Assets::get(), to, client, says }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn who_signs_in_is_led_back_into_the_portal_and_nowhere_else() {
        assert_eq!(back_to("/portal/deliveries?status=PARKED"), "/portal/deliveries?status=PARKED");
        for elsewhere in [
            "",
            "//evil.example",
            "https://evil.example/portal/",
            "/portal",
            "/portal/\\evil",
            "/portal/sign-out",
            "/api/",
        ] {
            assert_eq!(back_to(elsewhere), "/portal/webhooks", "{elsewhere}");
        }
    }

    fn sealer() -> aerogram_seal::Sealer {
        let keys = [("k1".to_owned(), SecretString::from(aerogram_seal::new_key().unwrap()))].into();
        let keys = aerogram_settings::SealSettings { keys, current: "k1".to_owned() };
        aerogram_seal::Sealer::from_settings(&keys).unwrap()
    }

    fn portal(me: fn() -> Response) -> Router {
        let rest = Router::new().route("/api/v2/webhooks/me", get(async move || me()));
        crate::routes(rest, sealer(), 65_536, std::time::Duration::from_secs(10))
    }

    async fn signed_in(me: fn() -> Response) -> (StatusCode, Option<String>) {
        let request = axum::http::Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(axum::body::Body::from("client=app&token=t"));
        let response = portal(me).oneshot(request.unwrap()).await.unwrap();
        let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (response.status(), after)
    }

    #[tokio::test]
    async fn what_is_answered_says_why_nobody_is_signed_in() {
        const ME: &str =
            r#"{"client":"app","operator":"OPX","scopes":[],"contracts":[],"eventTypes":[],"profiles":[]}"#;
        assert_eq!(signed_in(|| ME.into_response()).await, (StatusCode::SEE_OTHER, None));
        assert_eq!(
            signed_in(|| StatusCode::UNAUTHORIZED.into_response()).await,
            (StatusCode::UNAUTHORIZED, None)
        );
        assert_eq!(signed_in(|| StatusCode::FORBIDDEN.into_response()).await, (StatusCode::FORBIDDEN, None));
        let often = || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")]).into_response();
        assert_eq!(signed_in(often).await, (StatusCode::TOO_MANY_REQUESTS, Some("7".to_owned())));
        let (status, after) = signed_in(|| StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
        assert!(status == StatusCode::SERVICE_UNAVAILABLE && after.is_some());
    }

    fn led(method: Method, ended: bool, headers: &[(&'static str, &str)]) -> String {
        let mut request = axum::http::Request::builder().method(method).uri("/webhooks/w-1/edit?x=1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let led = to_sign_in(&parts, ended);
        let to = led.headers().get(LOCATION).or_else(|| led.headers().get(&HX_REDIRECT)).unwrap();
        to.to_str().unwrap().replacen("/portal/sign-in?", "", 1)
    }

    #[test]
    fn who_must_sign_in_comes_back_to_the_page_where_they_were() {
        const HOST: (&str, &str) = ("host", "a.example:8443");
        const LIST: &str = "https://a.example:8443/portal/deliveries?status=PARKED#rows";
        let list = "to=%2Fportal%2Fdeliveries%3Fstatus%3DPARKED";
        let page = "to=%2Fportal%2Fwebhooks%2Fw-1%2Fedit%3Fx%3D1";
        assert_eq!(led(Method::GET, false, &[HOST, ("referer", LIST)]), page);
        assert_eq!(led(Method::GET, true, &[HOST]), format!("says=ended&{page}"));
        let at_work = ("hx-request", "true");
        let from_list =
            [HOST, at_work, ("hx-current-url", LIST), ("referer", "https://a.example:8443/portal/x")];
        assert_eq!(led(Method::GET, true, &from_list), format!("says=ended&{list}"));
        assert_eq!(led(Method::POST, true, &from_list), format!("says=unsaved&{list}"));
        assert_eq!(led(Method::POST, false, &[HOST, ("referer", LIST)]), format!("says=unsaved&{list}"));
        for elsewhere in [
            "https://evil.example:8443/portal/deliveries",
            "https://a.example/portal/deliveries",
            "https://a.example:8443@evil.example/portal/deliveries",
            "https://a.example:8443/portal/../api/",
            "https://a.example:8443/portal",
            "/portal/deliveries",
            "",
        ] {
            assert_eq!(
                led(Method::POST, true, &[HOST, ("referer", elsewhere)]),
                "says=unsaved",
                "{elsewhere}"
            );
            let from_there = [HOST, at_work, ("hx-current-url", elsewhere)];
            assert_eq!(led(Method::GET, true, &from_there), "says=ended", "{elsewhere}");
        }
        assert_eq!(
            led(Method::POST, true, &[("referer", LIST)]),
            "says=unsaved",
            "it is not known which host"
        );
    }

    #[test]
    fn who_must_sign_in_is_told_what_was_lost_and_where_to_type() {
        let drawn =
            |to: &str, client: &str, says| page(to.to_owned(), client.to_owned(), says).render().unwrap();
        let focused = |page: &str| {
            let (before, _) = page.split_once(" autofocus").unwrap();
            before.rsplit_once("<input id=\"").unwrap().1.split('"').next().unwrap().to_owned()
        };
        let ended = drawn("/portal/events", "", Says::Ended);
        assert!(ended.contains("back where you were") && !ended.contains("was not saved"), "{ended}");
        assert!(!drawn("", "", Says::Ended).contains("back where you were"));
        let unsaved = drawn("/portal/events", "", Says::Unsaved);
        assert!(unsaved.contains("What you typed was not saved"), "{unsaved}");
        assert_eq!((focused(&ended).as_str(), ended.matches(" autofocus").count()), ("client", 1));
        let wrong = drawn("", "app", Says::Wrong);
        assert_eq!((focused(&wrong).as_str(), wrong.matches(" autofocus").count()), ("token", 1));
        assert!(wrong.contains("aria-describedby=\"sign-error\" autofocus"), "{wrong}");
        assert_eq!(focused(&drawn("", "", Says::Wrong)), "client");
    }

    #[tokio::test]
    async fn blanks_around_a_token_are_none_of_it() {
        let rest = Router::new().fallback(async |headers: HeaderMap| {
            let is_it = headers.get("x-auth-token").is_some_and(|token| token == "t k");
            let me = r#"{"client":"app","operator":"OPX","scopes":[],"contracts":[],"eventTypes":[],"profiles":[]}"#;
            if is_it { me.into_response() } else { StatusCode::UNAUTHORIZED.into_response() }
        });
        let portal = crate::routes(rest, sealer(), 65_536, std::time::Duration::from_secs(10));
        let request = axum::http::Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(axum::body::Body::from("client=app&token=%20t+k%0D%0A"));
        assert_eq!(portal.oneshot(request.unwrap()).await.unwrap().status(), StatusCode::SEE_OTHER);
    }

    #[tokio::test]
    async fn who_signs_out_does_so_from_a_page_of_the_session_and_leaves_nothing() {
        let sealer = sealer();
        let credentials = Credentials { client: "app".to_owned(), token: "t".to_owned().into() };
        let session = Session::new(credentials, Timestamp::now());
        let cookie = session.cookie(&sealer).unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
        let portal = crate::routes(Router::new(), sealer, 65_536, std::time::Duration::from_secs(10));
        let leave = async |cookie: &str, form: String| {
            let request = axum::http::Request::post("/sign-out")
                .header("sec-fetch-site", "same-origin")
                .header("cookie", cookie)
                .body(axum::body::Body::from(form));
            portal.clone().oneshot(request.unwrap()).await.unwrap()
        };
        for wrong in ["", "csrf=", "csrf=x", "csrf=x&csrf=y"] {
            let stayed = leave(&cookie, wrong.to_owned()).await;
            assert_eq!((stayed.status(), stayed.headers().get(SET_COOKIE)), (StatusCode::FORBIDDEN, None));
        }
        for (cookie, form) in [
            (cookie.as_str(), format!("csrf={}", session.csrf())),
            ("", String::new()),
            ("__Host-aerogram=a.b.c", "csrf=x".to_owned()),
        ] {
            let left = leave(cookie, form).await;
            assert_eq!(left.status(), StatusCode::SEE_OTHER, "{cookie}");
            assert_eq!(left.headers()[LOCATION], "/portal/sign-in?says=left");
            assert_eq!(left.headers()["clear-site-data"], "\"cache\"");
            assert!(left.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
        }
    }
}

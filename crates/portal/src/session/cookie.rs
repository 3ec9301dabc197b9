//! The cookie of a session.

use aerogram_seal::{Sealed, Sealer};
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::rest::Credentials;

/// The prefix has browsers take it from this host alone, over TLS (or from the own machine), and for no other.
const NAME: &str = "__Host-aerogram";
/// What the seal is for: what is sealed for a subscription opens no session, nor the other way round.
const PURPOSE: &str = "a session of the portal";
/// A session without a click ends after so many seconds.
const IDLE_S: i64 = 60 * 60;
/// Every session ends after so many seconds.
const LIFETIME_S: i64 = 12 * 60 * 60;
/// A click is noted when the last one that was is so many seconds ago.
const NOTED_S: i64 = 60;
/// What browsers keep of one.
const COOKIE_BYTES_MAX: usize = 4_096;

/// Of who is signed in. `Debug` shows nothing that opens anything.
#[derive(Clone, Debug)]
pub struct Session {
    pub credentials: Credentials,
    /// Stands in every form; who does not see the page does not know it.
    csrf: SecretString,
    begun_at: Timestamp,
    seen_at: Timestamp,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Contents {
    client: String,
    token: String,
    csrf: String,
    begun_at_s: i64,
    seen_at_s: i64,
}

impl Session {
    pub fn new(credentials: Credentials, now: Timestamp) -> Self {
        let csrf = SecretString::from(Uuid::new_v4().simple().to_string());
        Self { credentials, csrf, begun_at: now, seen_at: now }
    }

    /// That of a browser; `None`: it has none, or it has ended.
    pub fn of(headers: &HeaderMap, sealer: &Sealer, now: Timestamp) -> Option<Self> {
        let session = Self::open(&sealed(headers)?, sealer)?;
        let since = |time: Timestamp| now.as_second().saturating_sub(time.as_second());
        (since(session.begun_at) < LIFETIME_S && since(session.seen_at) < IDLE_S).then_some(session)
    }

    pub fn csrf(&self) -> &str {
        self.csrf.expose_secret()
    }

    pub fn is_its_csrf(&self, given: &str) -> bool {
        self.csrf().as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// With this click; `None`: one was noted a moment ago.
    pub fn seen(&self, now: Timestamp) -> Option<Self> {
        let noted = now.as_second().saturating_sub(self.seen_at.as_second()) < NOTED_S;
        (!noted).then(|| Self { seen_at: now, ..self.clone() })
    }

    /// For `Set-Cookie`; `None`: it cannot be sealed, or no browser would keep it.
    pub fn cookie(&self, sealer: &Sealer) -> Option<HeaderValue> {
        let contents = Contents {
            client: self.credentials.client.clone(),
            token: self.credentials.token.expose_secret().to_owned(),
            csrf: self.csrf().to_owned(),
            begun_at_s: self.begun_at.as_second(),
            seen_at_s: self.seen_at.as_second(),
        };
        let plain = serde_json::to_vec(&contents).ok()?;
        let Sealed { key_id, nonce, ciphertext } = sealer.seal(&plain, PURPOSE, "").ok()?;
        let value =
            [key_id.as_bytes(), &nonce, &ciphertext].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        header(Cookie::new(NAME, value)).filter(|header| header.len() <= COOKIE_BYTES_MAX)
    }

    fn open(value: &str, sealer: &Sealer) -> Option<Self> {
        let parts: Vec<_> =
            value.split('.').map(|part| URL_SAFE_NO_PAD.decode(part)).collect::<Result<_, _>>().ok()?;
        let [key_id, nonce, ciphertext] = <[Vec<u8>; 3]>::try_from(parts).ok()?;
        let sealed = Sealed { key_id: String::from_utf8(key_id).ok()?, nonce, ciphertext };
        let plain = sealer.open(&sealed, PURPOSE, "").ok()?;
        let contents: Contents = serde_json::from_slice(plain.expose_secret()).ok()?;
        Some(Self {
            credentials: Credentials { client: contents.client, token: SecretString::from(contents.token) },
            csrf: SecretString::from(contents.csrf),
            begun_at: Timestamp::from_second(contents.begun_at_s).ok()?,
            seen_at: Timestamp::from_second(contents.seen_at_s).ok()?,
        })
    }
}

/// Takes the cookie away.
pub fn none() -> Option<HeaderValue> {
    let mut cookie = Cookie::new(NAME, "");
    cookie.make_removal();
    header(cookie)
}

/// It ends with the browser, if it did not end before.
fn header(mut cookie: Cookie<'_>) -> Option<HeaderValue> {
    cookie.set_http_only(true);
    cookie.set_secure(true);
    cookie.set_same_site(SameSite::Strict);
    cookie.set_path("/");
    HeaderValue::try_from(cookie.to_string()).ok()
}

fn sealed(headers: &HeaderMap) -> Option<String> {
    value(headers, NAME)
}

/// The value of a cookie.
pub fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut cookies = all.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// Whether there is one, whatever it is worth.
pub fn is_there(headers: &HeaderMap) -> bool {
    sealed(headers).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_seal::new_key;
    use aerogram_settings::SealSettings;
    use jiff::ToSpan as _;

    fn sealer(key: &str) -> Sealer {
        let keys = [("k1".to_owned(), SecretString::from(key.to_owned()))].into();
        Sealer::from_settings(&SealSettings { keys, current: "k1".to_owned() }).unwrap()
    }

    fn headers(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        [(COOKIE, HeaderValue::try_from(format!("tz=UTC; {pair}; other=1")).unwrap())].into_iter().collect()
    }

    fn session(now: Timestamp) -> Session {
        let token = SecretString::from("a \"token\"; with=signs".to_owned());
        Session::new(Credentials { client: "partner-app".to_owned(), token }, now)
    }

    #[test]
    fn a_session_is_what_it_was_until_it_ends() {
        let (sealer, now) = (sealer(&new_key().unwrap()), Timestamp::from_second(1_800_000_000).unwrap());
        let begun = session(now);
        let cookie = begun.cookie(&sealer).unwrap();
        let text = cookie.to_str().unwrap();
        for flag in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
            assert!(text.contains(flag), "{text}");
        }
        assert!(!text.contains("token") && !text.contains("partner"), "{text}");
        let again = Session::of(&headers(&cookie), &sealer, now + 59.minutes()).unwrap();
        assert_eq!(again.credentials.token.expose_secret(), begun.credentials.token.expose_secret());
        assert!(again.is_its_csrf(begun.csrf()) && !again.is_its_csrf("") && !again.is_its_csrf("x"));
        assert!(
            Session::of(&headers(&cookie), &sealer, now + 60.minutes()).is_none(),
            "nobody clicked for an hour"
        );
        let mut clicking = begun;
        for minutes in (30..12 * 60).step_by(30) {
            clicking = clicking.seen(now + minutes.minutes()).unwrap();
        }
        let cookie = clicking.cookie(&sealer).unwrap();
        assert!(Session::of(&headers(&cookie), &sealer, now + (12 * 60 - 1).minutes()).is_some());
        assert!(
            Session::of(&headers(&cookie), &sealer, now + 12.hours()).is_none(),
            "twelve hours are all there is"
        );
    }

    #[test]
    fn nobody_makes_a_session_of_their_own() {
        let (ours, now) = (sealer(&new_key().unwrap()), Timestamp::from_second(1_800_000_000).unwrap());
        let theirs = session(now).cookie(&sealer(&new_key().unwrap())).unwrap();
        assert!(Session::of(&headers(&theirs), &ours, now).is_none());
        let good = session(now).cookie(&ours).unwrap();
        let good = good.to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(Session::of(&headers(&HeaderValue::try_from(&good).unwrap()), &ours, now).is_some());
        for bad in [
            good[..good.len() - 2].to_owned(),
            format!("{good}.x"),
            format!("{NAME}="),
            format!("{NAME}=a.b.c"),
        ] {
            assert!(
                Session::of(&headers(&HeaderValue::try_from(&bad).unwrap()), &ours, now).is_none(),
                "{bad}"
            );
        }
        assert!(Session::of(&HeaderMap::new(), &ours, now).is_none());
    }

    #[test]
    fn a_session_gets_into_no_log() {
        let session = session(Timestamp::UNIX_EPOCH);
        let shown = format!("{session:?}");
        assert!(!shown.contains(session.csrf()) && !shown.contains("signs"), "{shown}");
    }

    #[test]
    fn a_click_is_noted_once_a_minute() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert!(session(now).seen(now + 59.seconds()).is_none());
        assert_eq!(session(now).seen(now + 60.seconds()).unwrap().seen_at, now + 60.seconds());
    }
}

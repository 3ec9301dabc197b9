//! How a receiver knows who calls, beside the signature: one header with a secret value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;

/// Longest value of the header, in bytes; with the 4 KiB that many servers give one header line.
pub const VALUE_MAX_BYTES: usize = 4_096;

/// The ways there are. A subscription has one of them or none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    PayloadSignature,
    ApiKey,
    Basic,
    Bearer,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::PayloadSignature, Kind::ApiKey, Kind::Basic, Kind::Bearer];

    /// As in `authentication.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::PayloadSignature => "payloadSignature",
            Kind::ApiKey => "apiKey",
            Kind::Basic => "basic",
            Kind::Bearer => "bearer",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a subscription has; `None`: nothing, or something this version does not know.
    pub fn of(stored: Option<&aerogram_wire::v1::Authentication>) -> Option<Self> {
        Self::parse(&stored?.r#type)
    }

    /// In lower case.
    pub const fn header_name(self) -> &'static str {
        match self {
            Kind::PayloadSignature => "x-payload-signature",
            Kind::ApiKey => "x-api-key",
            Kind::Basic | Kind::Bearer => "authorization",
        }
    }
}

/// A kind and the secret value of its header; `Debug` shows the kind only.
#[derive(Clone, PartialEq, Eq)]
pub struct Authentication {
    pub kind: Kind,
    value: String,
}

impl Authentication {
    /// The header's value.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// A secret that is sent as it is.
    ///
    /// # Errors
    /// It is no header value; what is wrong repeats nothing of it.
    pub fn payload_signature(secret: &str) -> Result<Self, String> {
        Ok(Self { kind: Kind::PayloadSignature, value: sendable(secret)?.to_owned() })
    }

    /// A key that is sent as it is.
    ///
    /// # Errors
    /// As [`Self::payload_signature`].
    pub fn api_key(key: &str) -> Result<Self, String> {
        Ok(Self { kind: Kind::ApiKey, value: sendable(key)?.to_owned() })
    }

    /// RFC 6750. Its own alphabet is not insisted on, but a blank would end the token.
    ///
    /// # Errors
    /// As [`Self::payload_signature`].
    pub fn bearer(token: &str) -> Result<Self, String> {
        if token.contains(' ') {
            return Err("must hold no blanks".to_owned());
        }
        let value = format!("Bearer {}", sendable(token)?);
        Ok(Self { kind: Kind::Bearer, value: sendable(&value)?.to_owned() })
    }

    /// RFC 7617, in UTF-8. `username` and `password` are valid by [`username`] and [`password`].
    pub fn basic(username: &str, password: &str) -> Self {
        let value = format!("Basic {}", BASE64.encode(format!("{username}:{password}")));
        Self { kind: Kind::Basic, value }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Longest user name and longest password, in bytes: both, encoded, stay under [`VALUE_MAX_BYTES`].
const BASIC_PART_MAX_BYTES: usize = 1_024;

/// A user name for [`Authentication::basic`].
///
/// # Errors
/// It can't be sent so; what is wrong repeats nothing of it.
pub fn username(text: &str) -> Result<&str, String> {
    match basic_part(text)?.contains(':') {
        true => Err("must hold no colon: the password begins after the first".to_owned()),
        false => Ok(text),
    }
}

/// A password for [`Authentication::basic`]; may be empty.
///
/// # Errors
/// As [`username`].
pub fn password(text: &str) -> Result<&str, String> {
    basic_part(text)
}

fn basic_part(text: &str) -> Result<&str, String> {
    if text.len() > BASIC_PART_MAX_BYTES {
        return Err(format!("must have at most {BASIC_PART_MAX_BYTES} bytes"));
    }
    match text.chars().any(char::is_control) {
        true => Err("must hold no line ends or other controls".to_owned()),
        false => Ok(text),
    }
}

/// What arrives as it was sent: proxies and servers drop blanks at the ends and disagree about what is not ASCII.
fn sendable(text: &str) -> Result<&str, String> {
    if text.is_empty() || text.len() > VALUE_MAX_BYTES {
        return Err(format!("must have 1 to {VALUE_MAX_BYTES} bytes"));
    }
    if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err("must hold visible ASCII characters and blanks only".to_owned());
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("must not begin or end with a blank".to_owned());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_has_its_header() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
        assert_eq!(Kind::parse("Basic"), None);
        let names = Kind::ALL.map(Kind::header_name);
        assert_eq!(names, ["x-payload-signature", "x-api-key", "authorization", "authorization"]);
        assert_eq!(
            Authentication::basic("Aladdin", "open sesame").expose(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(Authentication::basic("test", "123£").expose(), "Basic dGVzdDoxMjPCow==");
        assert_eq!(Authentication::bearer("abc.def").unwrap().expose(), "Bearer abc.def");
        assert_eq!(Authentication::api_key("a {{key}}").unwrap().expose(), "a {{key}}");
    }

    #[test]
    fn what_could_not_be_sent_is_refused() {
        for wrong in ["", " ", "a ", " a", "a\r\nb", "a\tb", "ключ", "a\0", &"a".repeat(VALUE_MAX_BYTES + 1)]
        {
            assert!(Authentication::payload_signature(wrong).is_err(), "{wrong:?}");
            assert!(Authentication::api_key(wrong).is_err(), "{wrong:?}");
            assert!(Authentication::bearer(wrong).is_err(), "{wrong:?}");
        }
        assert!(Authentication::bearer("a b").is_err());
        assert!(Authentication::bearer(&"a".repeat(VALUE_MAX_BYTES)).is_err());
        assert!(username("a:b").is_err() && password("a:b").is_ok() && password("").is_ok());
        assert!(username("a\nb").is_err() && password("a\nb").is_err());
        let long = "a".repeat(BASIC_PART_MAX_BYTES);
        assert!(Authentication::basic(&long, &long).expose().len() <= VALUE_MAX_BYTES);
        assert!(username(&format!("{long}a")).is_err() && password(&format!("{long}a")).is_err());
    }

    proptest! {
        #[test]
        fn what_is_taken_is_a_header_value_and_no_message_shows_it(secret in "\\PC{4,40}|[ -~\n]{4,40}") {
            let made = [
                Authentication::payload_signature(&secret),
                Authentication::api_key(&secret),
                Authentication::bearer(&secret),
                username(&secret).map(|name| Authentication::basic(name, name)),
            ];
            for made in made {
                match made {
                    Ok(made) => {
                        let shown = format!("{made:?}");
                        prop_assert!(!shown.contains(&secret));
                        prop_assert!(made.expose().bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
                    }
                    Err(why) => prop_assert!(!why.contains(&secret)),
                }
            }
        }
    }
}

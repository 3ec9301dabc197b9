//! What a request says of who calls. A header given twice could mean one thing here and another to a proxy, so it counts as
//! missing.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The text of a header that is there once.
pub fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}

/// What follows `Bearer` in the `Authorization` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = single(headers, AUTHORIZATION.as_str())?;
    after_bearer(value.as_bytes()).and_then(|token| std::str::from_utf8(token).ok()).map(str::trim)
}

/// Whether any `Authorization` header says `Bearer`, also where [`bearer`] finds no token.
pub fn has_bearer(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().any(|value| after_bearer(value.as_bytes()).is_some())
}

fn after_bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorizations: &[&str]) -> HeaderMap {
        authorizations.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn only_what_follows_bearer_is_a_token() {
        assert_eq!(bearer(&headers(&["bearer  abc "])), Some("abc"));
        assert_eq!(after_bearer(b"Bearer "), Some(b"".as_slice()));
        for other in ["Basic abc", "Bearer", "", "Bearerabc "] {
            assert_eq!(bearer(&headers(&[other])), None, "{other}");
        }
    }

    #[test]
    fn what_is_given_twice_counts_as_missing() {
        let one = headers(&["Bearer abc"]);
        assert_eq!((bearer(&one), has_bearer(&one)), (Some("abc"), true));
        for twice in [["Bearer abc", "Bearer abc"], ["Basic abc", "Bearer abc"]] {
            let twice = headers(&twice);
            assert_eq!((bearer(&twice), has_bearer(&twice)), (None, true));
            assert_eq!(single(&twice, "authorization"), None);
        }
    }
}

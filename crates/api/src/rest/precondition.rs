//! `ETag` and `If-Match`: a subscription's version.

use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use utoipa::IntoParams;

use super::problem::Problem;

/// The entity tag of a version.
pub fn etag(version: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{version}\"")).ok()
}

/// For readers of the document; [`Precondition::of`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "nothing is ever made of it")]
pub struct IfMatch {
    /// Only if the subscription is at this version: what `ETag` said.
    #[param(rename = "If-Match", nullable = false)]
    if_match: Option<String>,
}

/// What `If-Match` demands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Precondition {
    /// Nothing, or `*`.
    None,
    /// One of these versions; none of the tags named may be one of ours.
    OneOf(Vec<u64>),
}

impl Precondition {
    /// Weak tags never match, as RFC 9110 has it for `If-Match`; nor do tags we never gave out.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut versions = Vec::new();
        let mut given = false;
        for value in headers.get_all(IF_MATCH) {
            given = true;
            for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
                if tag == "*" {
                    return Precondition::None;
                }
                let version = tag.strip_prefix('"').and_then(|t| t.strip_suffix('"')).map(str::parse);
                versions.extend(version.and_then(Result::ok).filter(|version: &u64| *version != 0));
            }
        }
        if given { Precondition::OneOf(versions) } else { Precondition::None }
    }

    /// The version a command must name: the one that is there, if it is one of those demanded. 0: none in particular.
    ///
    /// # Errors
    /// 412.
    pub fn expected_version(&self, current: u64) -> Result<u64, Problem> {
        match self {
            Precondition::None => Ok(0),
            Precondition::OneOf(versions) if versions.contains(&current) => Ok(current),
            Precondition::OneOf(_) => {
                let detail = format!("the subscription is at \"{current}\", which If-Match does not name");
                Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail))
            }
        }
    }
}

impl Precondition {
    /// As [`Self::expected_version`], of a request that may repeat one that was carried out and changed the version: only
    /// whoever decides remembers that, so it is asked with a version that was demanded.
    ///
    /// # Errors
    /// 412 when no version of ours is demanded.
    pub fn expected_version_or_earlier(&self, current: u64) -> Result<u64, Problem> {
        self.expected_version(current).or_else(|problem| match self {
            Precondition::OneOf(versions) => versions.first().copied().ok_or(problem),
            Precondition::None => Err(problem),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Precondition {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_str(value).unwrap());
        }
        Precondition::of(&headers)
    }

    #[test]
    fn tags_are_versions() {
        assert_eq!(etag(7).unwrap(), "\"7\"");
        assert_eq!(of(&[]), Precondition::None);
        assert_eq!(of(&["*"]), Precondition::None);
        assert_eq!(of(&["\"7\""]), Precondition::OneOf(vec![7]));
        assert_eq!(of(&["\"7\", \"9\"", "\"11\""]), Precondition::OneOf(vec![7, 9, 11]));
        for never in ["W/\"7\"", "7", "\"x\"", "\"0\"", "\"-1\"", "", "\""] {
            assert_eq!(of(&[never]), Precondition::OneOf(vec![]), "{never}");
        }
    }

    #[test]
    fn the_version_must_be_one_of_those_named() {
        assert_eq!(of(&[]).expected_version(3).unwrap(), 0);
        assert_eq!(of(&["\"2\", \"3\""]).expected_version(3).unwrap(), 3);
        assert!(of(&["\"2\""]).expected_version(3).is_err());
        assert!(of(&["W/\"3\""]).expected_version(3).is_err());
        let or_earlier = |tags: &[&str]| of(tags).expected_version_or_earlier(3).map_err(drop);
        assert_eq!((or_earlier(&[]), or_earlier(&["*"])), (Ok(0), Ok(0)));
        assert_eq!((or_earlier(&["\"2\", \"3\""]), or_earlier(&["\"2\""])), (Ok(3), Ok(2)));
        assert_eq!(or_earlier(&["W/\"3\""]), Err(()));
    }
}

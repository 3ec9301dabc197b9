//! The headers of a request: which there are, in the order in which they are sent. Whoever sends one fills in what they say,
//! and whoever shows one leaves out what is secret.

use crate::authentication::Kind;
use crate::signing::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use aerogram_wire::headers::TRACEPARENT;

pub const CONTENT_TYPE_HEADER: &str = "content-type";
/// The content type of every body.
pub const CONTENT_TYPE: &str = "application/json";
pub const USER_AGENT_HEADER: &str = "user-agent";

/// Where what a header says comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Says {
    /// From the subscription's own headers, in their order: a secret.
    Own,
    /// From its authentication: a secret.
    Authentication,
    /// [`CONTENT_TYPE`].
    ContentType,
    /// The `webhook-id`.
    Id,
    /// When this attempt began, in seconds since 1970.
    Timestamp,
    /// The signature of body, id and timestamp.
    Signature,
    /// What the event's publisher gave.
    Traceparent,
    /// Who sends, as the installation calls itself: put there by whoever sends.
    UserAgent,
}

/// The headers of a request of a subscription with these own ones and this authentication; those of the connection, such as `host`
/// and `content-length`, come after them. None of its own takes the place of one of ours: where both would be of one name, the
/// later one counts, in the place of the first.
pub fn headers<'a>(
    own: impl IntoIterator<Item = &'a str>,
    authentication: Option<Kind>,
    is_traced: bool,
) -> Vec<(&'a str, Says)> {
    let mut headers: Vec<(&'a str, Says)> = own.into_iter().map(|name| (name, Says::Own)).collect();
    let mut then = |name: &'static str, says: Says| match headers.iter_mut().find(|(there, _)| *there == name)
    {
        Some((_, there)) if says != Says::UserAgent => *there = says,
        Some(_) => {}
        None => headers.push((name, says)),
    };
    if let Some(kind) = authentication {
        then(kind.header_name(), Says::Authentication);
    }
    then(CONTENT_TYPE_HEADER, Says::ContentType);
    then(ID_HEADER, Says::Id);
    then(TIMESTAMP_HEADER, Says::Timestamp);
    then(SIGNATURE_HEADER, Says::Signature);
    if is_traced {
        then(TRACEPARENT, Says::Traceparent);
    }
    then(USER_AGENT_HEADER, Says::UserAgent);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(headers: &[(&'a str, Says)]) -> Vec<&'a str> {
        headers.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn ours_come_after_the_subscriptions_own() {
        let ours = ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"];
        let plain = headers([], None, false);
        assert_eq!(names(&plain), [&ours[..], &["user-agent"]].concat());
        let all = headers(["x-flight", "cookie"], Some(Kind::Bearer), true);
        let own = ["x-flight", "cookie", "authorization"];
        assert_eq!(names(&all), [&own[..], &ours, &["traceparent", "user-agent"]].concat());
        let says: Vec<_> = all.iter().map(|(_, says)| *says).collect();
        assert_eq!(says[..4], [Says::Own, Says::Own, Says::Authentication, Says::ContentType]);
        assert_eq!(
            says[4..],
            [Says::Id, Says::Timestamp, Says::Signature, Says::Traceparent, Says::UserAgent]
        );
    }

    #[test]
    fn no_name_is_there_twice_and_only_the_user_agent_may_be_the_subscriptions() {
        let own = ["authorization", "webhook-id", "user-agent"];
        let headers = headers(own, Some(Kind::Basic), false);
        assert_eq!(
            headers[..3],
            [("authorization", Says::Authentication), ("webhook-id", Says::Id), ("user-agent", Says::Own)]
        );
        let mut once = names(&headers);
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), headers.len());
    }
}

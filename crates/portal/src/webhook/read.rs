//! The webhook that a page is about.

use axum::http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::html::indented_whole;
use crate::model::Subscription;
use crate::rest::{Refused, path};
use crate::viewer::Viewer;

/// A longer body of its own stands in the form as it was written: a form posts it back whether or not it is changed, and laid
/// out it may be more than anybody takes.
const LAID_OUT_BYTES_MAX: usize = 16 * 1_024;

/// With its version.
pub struct Webhook {
    pub subscription: Subscription,
    /// Its own body as it was written; laid out, unless it is long.
    pub template: Option<String>,
    pub etag: String,
}

/// What stands in an answer in an order of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    http_request: Option<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    json_body: Option<Box<RawValue>>,
}

impl Webhook {
    /// # Errors
    /// It is not there, or somebody else's.
    pub async fn read(viewer: &Viewer, id: &str) -> Result<Self, Refused> {
        let answer = viewer.rest.send(Method::GET, &path(&["subscriptions", id]), None, &[]).await?;
        let written: Written = answer.read()?;
        let body = written.http_request.and_then(|target| target.json_body);
        Ok(Self {
            subscription: answer.read()?,
            template: body.map(|body| in_form(body.get())),
            etag: answer.etag.unwrap_or_default(),
        })
    }

    /// As people call it.
    pub fn short(&self) -> &str {
        self.subscription.called()
    }
}

fn in_form(body: &str) -> String {
    indented_whole(body, LAID_OUT_BYTES_MAX).unwrap_or_else(|| body.to_owned())
}

/// Spares who may not a form that could not be sent.
///
/// # Errors
/// The token is not for changes.
pub fn may_write(viewer: &Viewer) -> Result<(), Refused> {
    match viewer.may_write() {
        true => Ok(()),
        false => Err(Refused::Forbidden("this token may look at webhooks, not change them".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_is_posted_back_no_longer_than_it_is() {
        assert_eq!(in_form(r#"{"a":1}"#), "{\n  \"a\": 1\n}");
        let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        let flat = format!("[{}0]", "0,".repeat(30_000));
        for long in [nested, flat] {
            assert_eq!(in_form(&long), long);
        }
    }
}

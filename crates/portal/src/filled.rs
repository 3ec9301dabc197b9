//! A form as it was filled in.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequest, RawForm, Request};
use axum::response::{IntoResponse as _, Response};

use crate::error;
use crate::rest::Refused;
use crate::viewer::Viewer;

/// Fields of a form that was posted from a page of this session. `Debug` shows their names alone: there are secrets among them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Filled {
    fields: Vec<(String, String)>,
}

impl Filled {
    /// The first field of this name; empty when it was left empty, or is not there.
    pub fn get(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A box that was ticked, or the button that was pressed.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }
}

impl fmt::Debug for Filled {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_list().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}

impl FromIterator<(String, String)> for Filled {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

/// Refuses what does not hold the session's token: another site made it up, or the page is of a session before.
impl<S: Send + Sync> FromRequest<S> for Filled {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let Some(viewer) = request.extensions().get::<Arc<Viewer>>().cloned() else {
            let bug = "a form is read past the session; this is a bug".to_owned();
            return Err(Refused::broken(bug).into_response());
        };
        let RawForm(bytes) = RawForm::from_request(request, state)
            .await
            .map_err(|refused| error::unreadable_form(Some(&viewer), refused.status()))?;
        let filled: Self = url::form_urlencoded::parse(&bytes).into_owned().collect();
        if viewer.is_its_csrf(filled.get("csrf")) { Ok(filled) } else { Err(error::another_session(&viewer)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_gets_into_no_log() {
        let fields = [("csrf", "s3cret"), ("password", "hunter2")];
        let filled: Filled =
            fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        assert_eq!(format!("{filled:?}"), r#"["csrf", "password"]"#);
    }
}

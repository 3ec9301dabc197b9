//! The page with the form: for a new webhook, and to change one.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::about::About;
use super::choices::{self, Choice, Group};
use super::form::Form;
use super::mistakes::Mistakes;
use super::of_subscription::Kept;
use super::once::Once;
use super::places::Fold;
use super::preview::Preview;
use super::twin::Twin;
use crate::filled::Filled;
use crate::frame::{Frame, html};
use crate::model::{EventTypes, Policies, Policy};
use crate::rest::Refused;
use crate::viewer::Viewer;

/// What the form is for.
pub enum Subject {
    New(Blank),
    Old { id: String, short: String, etag: String, kept: Kept },
}

/// The form for a new one.
pub struct Blank {
    pub once: Once,
    pub opened: Timestamp,
    /// There is one that is sent the same already.
    pub twin: Option<Twin>,
}

impl Blank {
    /// # Errors
    /// The system has no randomness.
    pub fn new(now: Timestamp) -> Result<Self, Refused> {
        Ok(Self { once: Once::new()?, opened: now, twin: None })
    }

    /// That of the form that was posted; one that does not say when it was opened was opened now.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn posted(filled: &Filled, now: Timestamp) -> Result<Self, Refused> {
        let opened = filled.get("opened").parse().unwrap_or(now);
        Ok(Self { once: Once::posted(filled)?, opened, twin: None })
    }
}

#[derive(Template)]
#[template(path = "webhook-form.html")]
struct FormPage {
    frame: Frame,
    subject: Subject,
    form: Form,
    mistakes: Mistakes,
    contracts: Vec<Choice>,
    events: Vec<Group>,
    profiles: Vec<Choice>,
    policies: Vec<Choice>,
    policy_notes: Vec<Policy>,
    environments: Vec<Choice>,
    about: Option<About>,
    /// What the event type is called.
    title: String,
    preview: Preview,
    is_part: bool,
    kept: Kept,
}

/// With what was typed, or with what is there.
///
/// # Errors
/// What the form needs cannot be read.
pub async fn page(
    viewer: &Arc<Viewer>,
    subject: Subject,
    form: Form,
    mistakes: Mistakes,
    status: StatusCode,
) -> Result<Response, Refused> {
    let types: EventTypes = viewer.rest.get("/event-types").await?;
    let policies: Policies = viewer.rest.get("/policies").await?;
    let preview = Preview::of(&viewer.rest, &form).await?;
    let (is_new, kept, heading) = match &subject {
        Subject::New(_) => (true, Kept { may_move: true, ..Kept::default() }, "Add webhook"),
        Subject::Old { kept, .. } => (false, kept.clone(), "Edit webhook"),
    };
    let event = types.of(&form.event);
    let profile = match form.profile.as_str() {
        "" => choices::profile_of(event),
        named => named,
    };
    let page = FormPage {
        frame: Frame::new(viewer, "webhooks", heading),
        contracts: choices::contracts(&viewer.me, &form.contract),
        events: choices::events(&types, &form.event),
        profiles: choices::profiles(&viewer.me, &form.profile, is_new),
        policies: choices::policies(&policies, profile, &form.policy),
        policy_notes: policies.policies,
        environments: choices::environments(&form.environment),
        about: event.map(About::of),
        title: types.title(&form.event).to_owned(),
        is_part: false,
        subject,
        mistakes,
        preview,
        kept,
        form,
    };
    Ok(html(status, &page))
}

impl FormPage {
    /// With a mistake, or something that is not as it is by itself.
    fn is_open(&self, fold: Fold) -> bool {
        let form = &self.form;
        let has_own = match fold {
            Fold::None => true,
            Fold::Name => !form.name.is_empty() || form.environment != "production",
            Fold::Profile => !form.policy.is_empty() || self.is_new() && !form.profile.is_empty(),
            Fold::Body => form.body != "default",
            Fold::Authentication => form.auth != "none",
            Fold::Limits => self.has_limits(),
        };
        has_own || self.mistakes.are_in(fold)
    }

    fn is_new(&self) -> bool {
        matches!(self.subject, Subject::New(_))
    }

    /// There is one that is sent the same already.
    fn twin(&self) -> Option<&Twin> {
        match &self.subject {
            Subject::New(blank) => blank.twin.as_ref(),
            Subject::Old { .. } => None,
        }
    }

    fn has_limits(&self) -> bool {
        let Form { rate, burst, open, timeout, .. } = &self.form;
        [rate, burst, open, timeout].iter().any(|limit| !limit.is_empty())
    }

    fn status_described_by(&self) -> &'static str {
        if self.kept.inactive_because.is_some() { "status-why" } else { "" }
    }

    fn profile_in_short(&self) -> String {
        let or =
            |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
        let profile = or(&self.form.profile, "that of the event type");
        let policy = if self.form.policy.is_empty() { "its" } else { &self.form.policy };
        format!("{profile}, {policy} retries")
    }

    fn body_in_short(&self) -> &'static str {
        match self.form.body.as_str() {
            "default" => "the standard body",
            _ => "a body or headers of its own",
        }
    }

    fn authentication_in_short(&self) -> &'static str {
        self.form.authentication().or(self.kept.authentication).unwrap_or("signature only")
    }
}

#[cfg(test)]
mod tests;

//! Which deliveries are to be sent again.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::filters::rfc3339;
use crate::filled::Filled;
use crate::html::{State, shortened};
use crate::model::EventTypes;
use crate::rest::Refused;
use crate::zone::{When, Zone};

/// Whether a list can be sent again as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redelivery {
    /// Nothing of it, or only a part, has ended.
    Nothing,
    /// Filters of these columns cannot be told to who would send it.
    InTheWay(Vec<&'static str>),
    Offered(Scope),
}

/// All that fit everything that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub statuses: Vec<String>,
    pub webhook: Option<String>,
    pub event_type: Option<String>,
    pub subject: Option<String>,
    pub since: Option<Timestamp>,
    /// Before; what is issued later is not meant.
    pub until: Option<Timestamp>,
}

/// The same for people.
#[derive(Clone, Debug)]
pub struct ScopeFacts {
    pub states: Vec<State>,
    pub webhook: Option<String>,
    pub event_type: Option<String>,
    pub subject: Option<String>,
    pub since: Option<When>,
    pub until: Option<When>,
}

impl Scope {
    /// With an end, so that what is asked about and what is sent are the same.
    pub fn until(self, now: Timestamp) -> Self {
        Self { until: Some(self.until.map_or(now, |until| until.min(now))), ..self }
    }

    /// As [`Self::fields`] wrote it; what cannot be is left to the API to refuse.
    ///
    /// # Errors
    /// Without what cannot be read, more would be sent than was asked about.
    pub fn of(filled: &Filled) -> Result<Self, Refused> {
        let incomplete =
            || Refused::Invalid { detail: "the form is not complete".to_owned(), wrong: Vec::new() };
        let text = |name| Some(filled.get(name)).filter(|text| !text.is_empty());
        let owned = |name| text(name).map(str::to_owned);
        let time = |name| text(name).map(str::parse).transpose().map_err(|_| incomplete());
        let statuses: Vec<_> = filled.all("status").map(str::to_owned).collect();
        let (since, until) = (time("since")?, time("until")?);
        if statuses.is_empty() || until.is_none() {
            return Err(incomplete());
        }
        Ok(Self {
            statuses,
            webhook: owned("webhook"),
            event_type: owned("type"),
            subject: owned("subject"),
            since,
            until,
        })
    }

    /// Hidden fields of the form that asks.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields: Vec<_> = self.statuses.iter().map(|status| ("status", status.clone())).collect();
        for (name, value) in
            [("webhook", &self.webhook), ("type", &self.event_type), ("subject", &self.subject)]
        {
            fields.extend(value.clone().map(|value| (name, value)));
        }
        for (name, time) in [("since", self.since), ("until", self.until)] {
            fields.extend(time.map(|time| (name, rfc3339(time))));
        }
        fields
    }

    /// The body of `POST /redeliveries`.
    pub fn body(&self, dry_run: bool) -> Value {
        let mut body = Map::new();
        body.insert("status".to_owned(), json!(self.statuses));
        for (name, value) in
            [("subscriptionId", &self.webhook), ("eventType", &self.event_type), ("subject", &self.subject)]
        {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        for (name, time) in [("since", self.since), ("until", self.until)] {
            if let Some(time) = time {
                body.insert(name.to_owned(), json!(rfc3339(time)));
            }
        }
        if dry_run {
            body.insert("dryRun".to_owned(), json!(true));
        }
        Value::Object(body)
    }

    /// `url` is that of the webhook, if there is one that was not deleted.
    pub fn facts(&self, zone: &Zone, types: &EventTypes, url: Option<&str>) -> ScopeFacts {
        ScopeFacts {
            states: self.statuses.iter().map(|status| State::of_delivery(status)).collect(),
            webhook: self.webhook.as_deref().map(|id| match url {
                Some(url) => shortened(url).to_owned(),
                None => format!("Deleted: {id}"),
            }),
            event_type: self.event_type.as_deref().map(|name| types.title(name).to_owned()),
            subject: self.subject.clone(),
            since: self.since.map(|time| zone.second(time)),
            until: self.until.map(|time| zone.second(time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            statuses: vec!["ESCALATED".to_owned(), "EXPIRED".to_owned()],
            webhook: Some("w-1".to_owned()),
            event_type: None,
            subject: Some("<AB1>".to_owned()),
            since: None,
            until: Some("2026-11-21T10:52:00.123456Z".parse().unwrap()),
        }
    }

    fn read(fields: Vec<(&str, String)>) -> Result<Scope, Refused> {
        Scope::of(&fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    #[test]
    fn a_form_that_cannot_be_read_sends_nothing() {
        for (name, value) in
            [("until", ""), ("until", "now"), ("since", "yesterday"), ("since", "2026-13-01T00:00:00Z")]
        {
            let mut fields = scope().fields();
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value.to_owned()));
            assert!(matches!(read(fields), Err(Refused::Invalid { .. })), "{name}={value}");
        }
        let mut fields = scope().fields();
        fields.retain(|(name, _)| *name != "status");
        assert!(read(fields).is_err());
    }

    #[test]
    fn what_is_asked_about_is_what_is_sent() {
        let asked = read(scope().fields()).unwrap();
        let expected = json!({
            "status": ["ESCALATED", "EXPIRED"], "subscriptionId": "w-1", "subject": "<AB1>",
            "until": "2026-11-21T10:52:00.123Z",
        });
        assert_eq!((scope().body(false), asked.body(false)), (expected.clone(), expected));
        assert_eq!(scope().body(true)["dryRun"], true);
    }

    #[test]
    fn it_ends_no_later_than_now() {
        let now: Timestamp = "2026-11-21T11:00:00Z".parse().unwrap();
        assert_eq!(scope().until(now).until, scope().until);
        assert_eq!(Scope { until: None, ..scope() }.until(now).until, Some(now));
        let later = "2027-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(Scope { until: Some(later), ..scope() }.until(now).until, Some(now));
    }
}

//! What is said about each subscription, for people and for programs.

use serde::Serialize;
use serde_json::Value;

use super::change::{Field, SIGNING_KEY};
use super::plan::Step;
use crate::table::cut;

const VALUE_CHARS_MAX: usize = 300;
const NAME_CHARS_MAX: usize = 100;

/// What is wanted of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Update,
    Delete,
    None,
}

/// How far it got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// To be done; nothing was.
    Planned,
    Done,
    Failed,
    Unchanged,
    /// Not deleted, because something else did not work.
    Kept,
    /// Can't become what the file says.
    Impossible,
}

/// One subscription.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub action: Action,
    pub state: State,
    pub partner: String,
    pub operator: String,
    pub name: Option<String>,
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Fields whose secrets are set anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// One that was made, told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[serde(skip)]
    about: String,
}

impl Line {
    /// A step before anything is done; `now` as the api writes times.
    pub fn of(step: &Step<'_>, now: &str) -> Self {
        let (pair, name, id, about) = match step {
            Step::Create(one) => {
                (&one.pair, &one.name, one.id.clone(), format!("{} → {}", one.event, one.callback_url))
            }
            Step::Update { declared, existing, .. } | Step::Unchanged(declared, existing) => {
                (&declared.pair, &declared.name, Some(existing.id.clone()), String::new())
            }
            Step::Prune(pair, existing) | Step::Keep { pair, existing, .. } => {
                let about = format!("{} → {}", existing.event, existing.callback_url);
                (*pair, &existing.name, Some(existing.id.clone()), about)
            }
            Step::Cannot { declared, existing, .. } => {
                let id = existing.map(|existing| existing.id.clone()).or_else(|| declared.id.clone());
                (&declared.pair, &declared.name, id, String::new())
            }
        };
        let (action, state) = match step {
            Step::Create(_) => (Action::Create, State::Planned),
            Step::Update { .. } => (Action::Update, State::Planned),
            Step::Prune(..) => (Action::Delete, State::Planned),
            Step::Keep { .. } => (Action::Delete, State::Kept),
            Step::Unchanged(..) => (Action::None, State::Unchanged),
            Step::Cannot { .. } => (Action::None, State::Impossible),
        };
        let (fields, secrets) = match step {
            Step::Update { change, .. } => (change.fields.clone(), change.secrets.clone()),
            _ => (Vec::new(), Vec::new()),
        };
        let why = match step {
            Step::Cannot { why, .. } => why.clone(),
            Step::Keep { why, .. } => vec![why.clone()],
            _ => Vec::new(),
        };
        Self {
            action,
            state,
            partner: pair.partner.clone(),
            operator: pair.operator.clone(),
            name: name.clone(),
            id,
            fields,
            secrets,
            why,
            signing_key: None,
            notes: moved(step).into_iter().chain(inactive(step)).chain(expired(step, now)).collect(),
            about,
        }
    }

    const fn verb(&self) -> &'static str {
        match (self.state, self.action) {
            (State::Failed, _) => "failed",
            (State::Impossible, _) => "impossible",
            (State::Kept, _) => "kept",
            (State::Unchanged, _) | (_, Action::None) => "unchanged",
            (State::Planned, Action::Create) => "create",
            (State::Planned, Action::Update) => "update",
            (State::Planned, Action::Delete) => "delete",
            (State::Done, Action::Create) => "created",
            (State::Done, Action::Update) => "updated",
            (State::Done, Action::Delete) => "deleted",
        }
    }

    /// Whether a repeat would make the key before worthless.
    pub fn sets_signing_key(&self) -> bool {
        self.secrets.contains(&SIGNING_KEY)
    }

    /// Whether people want to see it.
    pub fn is_news(&self) -> bool {
        self.state != State::Unchanged || !self.notes.is_empty()
    }

    pub fn render(&self) -> String {
        let label = self.name.as_deref().or(self.id.as_deref()).unwrap_or_default();
        let [partner, operator, label] =
            [&self.partner, &self.operator, label].map(|text| cut(text, NAME_CHARS_MAX));
        let mut lines = vec![format!("{:10}  {partner} {operator}  {label}", self.verb())];
        if !self.about.is_empty() {
            lines.push(format!("    {}", cut(&self.about, VALUE_CHARS_MAX)));
        }
        for Field { field, old, new } in &self.fields {
            lines.push(format!("    {field}: {} → {}", shown(old), shown(new)));
        }
        for field in &self.secrets {
            lines.push(format!("    {field}: its secrets are set anew"));
        }
        for why in &self.why {
            lines.extend(why.lines().map(|line| format!("    {}", cut(line, 1_000))));
        }
        if let Some(key) = &self.signing_key {
            lines.push(format!("    its signing key, shown this once: {key}"));
        }
        lines.extend(self.notes.iter().map(|note| format!("    {note}")));
        lines.join("\n")
    }
}

/// What has expired looks as if all were well, and nothing is sent to it.
fn expired(step: &Step<'_>, now: &str) -> Option<String> {
    let (Step::Unchanged(declared, existing) | Step::Update { declared, existing, .. }) = step else {
        return None;
    };
    if !existing.is_expired(now) || declared.status.as_deref() == Some("INACTIVE") {
        return None;
    }
    let at = cut(existing.expiration_date_time.as_deref().unwrap_or_default(), 30);
    Some(format!("it expired at {at}, and nothing is sent to it; once it is deleted, apply creates it again"))
}

/// What gets the new URL without a line that says so.
fn moved(step: &Step<'_>) -> Option<String> {
    let Step::Update { moves, .. } = step else { return None };
    let names: Vec<String> = moves.iter().map(|one| cut(one.label(), NAME_CHARS_MAX)).collect();
    (!names.is_empty()).then(|| format!("also moves {}", names.join(", ")))
}

/// What a receiver's answer stopped: whoever starts it again should know.
fn inactive(step: &Step<'_>) -> Option<String> {
    let (Step::Unchanged(declared, existing) | Step::Update { declared, existing, .. }) = step else {
        return None;
    };
    let reason = cut(existing.status_reason.as_deref()?, VALUE_CHARS_MAX);
    match declared.status.as_deref() {
        None => Some(format!("it was made inactive: {reason}; status = \"ACTIVE\" makes it active again")),
        Some("ACTIVE") => Some(format!("it was made inactive: {reason}; this makes it active again")),
        Some(_) => None,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => cut(text, VALUE_CHARS_MAX),
        other => cut(&other.to_string(), VALUE_CHARS_MAX),
    }
}

/// How many of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Summary {
    pub created: usize,
    pub updated: usize,
    pub deleted: usize,
    pub unchanged: usize,
    pub failed: usize,
    pub impossible: usize,
    /// Not deleted, because of those.
    pub kept: usize,
    /// Still to be done.
    pub planned: usize,
}

impl Summary {
    pub fn of(lines: &[Line]) -> Self {
        let mut summary = Self::default();
        for line in lines {
            *match (line.state, line.action) {
                (State::Planned, _) => &mut summary.planned,
                (State::Failed, _) => &mut summary.failed,
                (State::Impossible, _) => &mut summary.impossible,
                (State::Kept, _) => &mut summary.kept,
                (State::Done, Action::Create) => &mut summary.created,
                (State::Done, Action::Update) => &mut summary.updated,
                (State::Done, Action::Delete) => &mut summary.deleted,
                (State::Unchanged, _) | (State::Done, Action::None) => &mut summary.unchanged,
            } += 1;
        }
        summary
    }

    pub const fn is_good(&self) -> bool {
        self.failed == 0 && self.impossible == 0
    }

    pub fn render(&self) -> String {
        let parts = [
            (self.planned, "to be done"),
            (self.created, "created"),
            (self.updated, "updated"),
            (self.deleted, "deleted"),
            (self.failed, "failed"),
            (self.impossible, "impossible"),
            (self.kept, "not deleted"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        match parts.is_empty() {
            true => format!("nothing to do: {} as the file says", self.unchanged),
            false => format!("{}; {} unchanged", parts.join(", "), self.unchanged),
        }
    }
}

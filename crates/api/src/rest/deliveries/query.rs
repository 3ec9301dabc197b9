//! What a list is asked for.

use aerogram_domain::escalations::{NO_OUTCOME, OUTCOMES, outcome_name, parse_outcome};
use aerogram_domain::history::Status;
use aerogram_domain::schema::LastOutcome;
use aerogram_projection::DeliveryQuery;
use utoipa::{IntoParams, ToSchema};

use crate::rest::parameters::{self, LIMIT_DEFAULT, limit, one_of, time};
use crate::rest::problem::Parameter;
use crate::table::Owner;

/// Nobody makes more.
const ATTEMPTS_MAX: u32 = 1_000_000;

/// What may be asked for: read by [`parse`], which tells more about what is wrong; these describe it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "nothing is ever made of it")]
pub struct Parameters {
    /// Any of these; several with commas, or one parameter each.
    #[param(style = Form, explode = false, min_items = 1, example = json!(["DELIVERED", "ESCALATED"]))]
    status: Option<Vec<Status>>,
    #[param(min_length = 1)]
    subscription_id: Option<String>,
    #[param(min_length = 1, example = "FLIGHT_CREATE")]
    event_type: Option<String>,
    /// A flight or an order.
    #[param(min_length = 1, example = "AB1")]
    subject: Option<String>,
    /// The publisher's.
    #[param(min_length = 1)]
    event_id: Option<String>,
    /// How the last attempt ended, any of these; several with commas. `none`: no attempt was made.
    #[param(style = Form, explode = false, min_items = 1, inline, example = json!(["delivered", "none"]))]
    last_outcome: Option<Vec<LastOutcome>>,
    /// So many attempts were made, or more.
    #[param(minimum = 0, maximum = 1_000_000, example = 0)]
    attempts_min: Option<u32>,
    /// So many attempts were made, or fewer.
    #[param(minimum = 0, maximum = 1_000_000)]
    attempts_max: Option<u32>,
    /// Issued then or later.
    #[param(format = DateTime, example = "2026-11-21T10:30:00Z")]
    since: Option<String>,
    /// Issued before.
    #[param(format = DateTime)]
    until: Option<String>,
    /// The newest first unless it is `issueDate`.
    #[param(inline, example = "issueDate")]
    sort: Option<IssueOrder>,
    /// What `next` said: the page after that.
    #[param(pattern = "^[0-9A-Za-z_.~-]+$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50, example = 20)]
    limit: Option<u32>,
    /// Whether they are to be counted.
    #[param(example = true)]
    total: Option<bool>,
    /// For administrators.
    #[param(min_length = 1)]
    partner: Option<String>,
    /// For administrators.
    #[param(min_length = 1)]
    operator: Option<String>,
}

/// By when they were issued, the oldest or the newest first.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
enum IssueOrder {
    #[schema(rename = "issueDate")]
    OldestFirst,
    #[schema(rename = "-issueDate")]
    NewestFirst,
}

impl IssueOrder {
    const ALL: [Self; 2] = [Self::OldestFirst, Self::NewestFirst];

    const fn name(self) -> &'static str {
        match self {
            Self::OldestFirst => "issueDate",
            Self::NewestFirst => "-issueDate",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == word)
    }
}

/// A page, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub query: DeliveryQuery,
    /// How many there are on all pages.
    pub total: bool,
}

/// Reads the parameters; `owner` sees only what is its own.
///
/// # Errors
/// Every parameter that is wrong, unknown or given twice; of very many the first.
pub fn parse(given: Vec<(String, String)>, owner: Option<&Owner>) -> Result<Wanted, Vec<Parameter>> {
    let scope = owner.map(Owner::scope);
    let query = DeliveryQuery {
        partner: scope.as_ref().map(|scope| scope.partner.clone()),
        operator: scope.map(|scope| scope.operator),
        limit: LIMIT_DEFAULT,
        ..DeliveryQuery::default()
    };
    let mut wanted = Wanted { query, total: false };
    parameters::read_all(given, "status", |name, value| read(&mut wanted, name, value, owner.is_none()))?;
    Ok(wanted)
}

fn read(wanted: &mut Wanted, name: &str, value: &str, everybodys: bool) -> Result<(), String> {
    let query = &mut wanted.query;
    match name {
        "status" => {
            for word in value.split(',') {
                let status = one_of(word, Status::parse(word), &Status::ALL.map(Status::name), "")?;
                if !query.statuses.contains(&status) {
                    query.statuses.push(status);
                }
            }
        }
        "subscriptionId" => query.subscription_id = Some(value.to_owned()),
        "eventType" => query.event_type = Some(value.to_owned()),
        "subject" => query.subject = Some(value.to_owned()),
        "eventId" => query.event_id = Some(value.to_owned()),
        "lastOutcome" => {
            let words = OUTCOMES.map(outcome_name);
            for word in value.split(',') {
                let known = if word == NO_OUTCOME { Some(None) } else { parse_outcome(word).map(Some) };
                let outcome = one_of(word, known, &words, NO_OUTCOME)?;
                if !query.last_outcomes.contains(&outcome) {
                    query.last_outcomes.push(outcome);
                }
            }
        }
        "attemptsMin" => query.attempts_min = Some(attempts(value)?),
        "attemptsMax" => query.attempts_max = Some(attempts(value)?),
        "since" => query.issued_from_ms = Some(time(value)?),
        "until" => query.issued_until_ms = Some(time(value)?),
        "sort" => {
            let order = one_of(value, IssueOrder::parse(value), &IssueOrder::ALL.map(IssueOrder::name), "")?;
            query.ascending = order == IssueOrder::OldestFirst;
        }
        "after" => {
            query.after = Some(value.parse().map_err(|_| "must be what next said".to_owned())?);
        }
        "limit" => query.limit = limit(value)?,
        "total" => wanted.total = one_of(value, value.parse().ok(), &["true", "false"], "")?,
        "partner" | "operator" if !everybodys => return Err(parameters::not_everybodys()),
        "partner" => query.partner = Some(value.to_owned()),
        "operator" => query.operator = Some(value.to_owned()),
        _ => {
            return Err("is unknown; known are status, subscriptionId, eventType, subject, eventId, lastOutcome, attemptsMin, \
                        attemptsMax, since, until, sort, after, limit, total, and for administrators partner, operator"
                .to_owned());
        }
    }
    Ok(())
}

fn attempts(value: &str) -> Result<u32, String> {
    let attempts = value.parse().ok().filter(|attempts| *attempts <= ATTEMPTS_MAX);
    attempts.ok_or_else(|| format!("must be 0 to {ATTEMPTS_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::Outcome;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_newest_are_listed_first_unless_something_else_is_asked_for() {
        let owner = Owner::new("app-1", "acme");
        let wanted = parse(Vec::new(), Some(&owner)).unwrap();
        let query = wanted.query;
        assert_eq!((query.partner.as_deref(), query.operator.as_deref()), (Some("app-1"), Some("acme")));
        assert!(
            (query.limit, query.ascending, wanted.total) == (50, false, false) && query.statuses.is_empty()
        );
        let wanted = parse(
            given(&[
                ("status", "PENDING,RETRYING"),
                ("status", "PARKED"),
                ("status", "PENDING"),
                ("subscriptionId", "s"),
                ("eventType", "FLIGHT_CREATE"),
                ("subject", "AB1"),
                ("eventId", "e-1"),
                ("lastOutcome", "tls,none,tls"),
                ("attemptsMin", "2"),
                ("attemptsMax", "1000000"),
                ("since", "2024-01-15T10:30:00Z"),
                ("until", "2024-01-15T12:30:00.001+02:00"),
                ("sort", "issueDate"),
                ("limit", "200"),
                ("total", "true"),
                ("partner", "app-2"),
                ("operator", "bluejet"),
            ]),
            None,
        );
        let Wanted { query, total } = wanted.unwrap();
        assert_eq!(query.statuses, [Status::Pending, Status::Retrying, Status::Parked]);
        assert_eq!((query.subject.as_deref(), query.event_id.as_deref()), (Some("AB1"), Some("e-1")));
        assert_eq!(
            (query.issued_from_ms, query.issued_until_ms),
            (Some(1_705_314_600_000), Some(1_705_314_600_001))
        );
        assert_eq!((query.ascending, query.limit, total), (true, 200, true));
        assert_eq!(query.last_outcomes, [Some(Outcome::Tls), None]);
        assert_eq!((query.attempts_min, query.attempts_max), (Some(2), Some(1_000_000)));
        assert_eq!((query.partner.as_deref(), query.operator.as_deref()), (Some("app-2"), Some("bluejet")));
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let wrong = [
            ("status", "PENDING,pending"),
            ("lastOutcome", "none,nothing"),
            ("attemptsMin", "-1"),
            ("attemptsMax", "1000001"),
            ("since", "yesterday"),
            ("until", "2024-01-15"),
            ("sort", "status"),
            ("after", "o7"),
            ("limit", "201"),
            ("total", "1"),
            ("eventType", ""),
            ("partner", "app-2"),
            ("colour", "red"),
            ("limit", "5"),
        ];
        let owner = Owner::new("app-1", "acme");
        let told = parse(given(&wrong), Some(&owner)).unwrap_err();
        let names: Vec<_> = told.iter().map(|wrong| wrong.parameter.as_str()).collect();
        assert_eq!(names, wrong.map(|(name, _)| name));
        assert!(told[0].detail.contains("PENDING, RETRYING, PARKED, "), "{told:?}");
        assert!(told[1].detail.ends_with("platform_error, none, not \"nothing\""), "{told:?}");
    }
}

//! What a list is asked for.

use aerogram_domain::escalations::{Fault, REASONS, State, parse_reason, reason_name};
use aerogram_domain::schema::{AnyEscalationState, KnownEscalationReason};
use aerogram_projection::Query;
use utoipa::IntoParams;

use crate::rest::parameters::{self, LIMIT_DEFAULT, limit, one_of, time};
use crate::rest::problem::Parameter;
use crate::table::Owner;

/// What may be asked for: read by [`parse`], which tells more about what is wrong; these describe it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "nothing is ever made of it")]
pub struct Parameters {
    /// `open` unless given; `all` for all.
    #[param(inline, example = "all")]
    state: Option<AnyEscalationState>,
    #[param(inline, example = "exhausted")]
    reason: Option<KnownEscalationReason>,
    #[param(example = "receiver")]
    fault: Option<Fault>,
    #[param(min_length = 1)]
    subscription_id: Option<String>,
    #[param(min_length = 1)]
    event_type: Option<String>,
    /// Given up then or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Given up before.
    #[param(format = DateTime)]
    until: Option<String>,
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

/// A page, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub query: Query,
    /// How many there are on all pages.
    pub total: bool,
}

/// Reads the parameters; `owner` sees only what is its own.
///
/// # Errors
/// Every parameter that is wrong, unknown or given twice; of very many the first.
pub fn parse(given: Vec<(String, String)>, owner: Option<&Owner>) -> Result<Wanted, Vec<Parameter>> {
    let scope = owner.map(Owner::scope);
    let query = Query {
        partner: scope.as_ref().map(|scope| scope.partner.clone()),
        operator: scope.map(|scope| scope.operator),
        state: Some(State::Open),
        limit: LIMIT_DEFAULT,
        ..Query::default()
    };
    let mut wanted = Wanted { query, total: false };
    parameters::read_all(given, "", |name, value| read(&mut wanted, name, value, owner.is_none()))?;
    Ok(wanted)
}

fn read(wanted: &mut Wanted, name: &str, value: &str, everybodys: bool) -> Result<(), String> {
    let query = &mut wanted.query;
    match name {
        "state" if value == "all" => query.state = None,
        "state" => {
            query.state = Some(one_of(value, State::parse(value), &State::ALL.map(State::name), "all")?);
        }
        "reason" => query.reason = Some(one_of(value, parse_reason(value), &REASONS.map(reason_name), "")?),
        "fault" => query.fault = Some(one_of(value, Fault::parse(value), &Fault::ALL.map(Fault::name), "")?),
        "subscriptionId" => query.subscription_id = Some(value.to_owned()),
        "eventType" => query.event_type = Some(value.to_owned()),
        "since" => query.since_ms = Some(time(value)?),
        "until" => query.until_ms = Some(time(value)?),
        "after" => {
            query.after = Some(value.parse().map_err(|_| "must be what next said".to_owned())?);
        }
        "limit" => query.limit = limit(value)?,
        "total" => wanted.total = one_of(value, value.parse().ok(), &["true", "false"], "")?,
        "partner" | "operator" if !everybodys => return Err(parameters::not_everybodys()),
        "partner" => query.partner = Some(value.to_owned()),
        "operator" => query.operator = Some(value.to_owned()),
        _ => {
            return Err("is unknown; known are state, subscriptionId, eventType, reason, fault, since, until, after, \
                        limit, total, and for administrators partner, operator"
                .to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::Reason;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_open_is_listed_unless_something_else_is_asked_for() {
        let Wanted { query, total } = parse(Vec::new(), None).unwrap();
        assert_eq!((query.state, query.limit, query.partner, total), (Some(State::Open), 50, None, false));
        let owner = Owner::new("app-1", "acme");
        let all = given(&[("state", "all"), ("limit", "200"), ("total", "true")]);
        let Wanted { query, total } = parse(all, Some(&owner)).unwrap();
        assert_eq!((query.state, query.limit, total), (None, 200, true));
        assert_eq!((query.partner.as_deref(), query.operator.as_deref()), (Some("app-1"), Some("acme")));
        let query = parse(
            given(&[
                ("state", "dismissed"),
                ("subscriptionId", "s"),
                ("eventType", "FLIGHT_CREATE"),
                ("reason", "gone"),
                ("fault", "platform"),
                ("since", "2024-01-15T10:30:00Z"),
                ("until", "2024-01-15T12:30:00.001+02:00"),
                ("partner", "app-2"),
                ("operator", "bluejet"),
            ]),
            None,
        );
        let query = query.unwrap().query;
        assert_eq!((query.state, query.reason), (Some(State::Dismissed), Some(Reason::Gone)));
        assert_eq!(
            (query.fault, query.event_type.as_deref()),
            (Some(Fault::Platform), Some("FLIGHT_CREATE"))
        );
        assert_eq!((query.since_ms, query.until_ms), (Some(1_705_314_600_000), Some(1_705_314_600_001)));
        assert_eq!((query.partner.as_deref(), query.operator.as_deref()), (Some("app-2"), Some("bluejet")));
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let wrong = [
            ("state", "closed"),
            ("reason", "other"),
            ("fault", "ours"),
            ("since", "yesterday"),
            ("until", "2024-01-15"),
            ("after", "o7"),
            ("limit", "201"),
            ("total", "yes"),
            ("eventType", ""),
            ("partner", "app-2"),
            ("colour", "red"),
            ("limit", "5"),
        ];
        let owner = Owner::new("app-1", "acme");
        let told = parse(given(&wrong), Some(&owner)).unwrap_err();
        let names: Vec<_> = told.iter().map(|wrong| wrong.parameter.as_str()).collect();
        assert_eq!(names, wrong.map(|(name, _)| name));
        assert!(told[0].detail.contains("open, dismissed, redelivering, redelivered, all"), "{told:?}");
        assert!(parse(given(&[("limit", "0")]), None).is_err());
    }
}

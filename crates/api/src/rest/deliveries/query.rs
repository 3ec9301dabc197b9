//! What a list is asked for.

use aerogram_domain::history::Status;
use aerogram_domain::schema::IssueOrder;
use aerogram_projection::DeliveryQuery;
use utoipa::IntoParams;

use crate::rest::parameters::{self, LIMIT_DEFAULT, limit, one_of, time};
use crate::rest::problem::Parameter;
use crate::table::Owner;

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
        "since" => query.issued_from_ms = Some(time(value)?),
        "until" => query.issued_until_ms = Some(time(value)?),
        "sort" => {
            let ascending = ["issueDate", "-issueDate"].iter().position(|word| *word == value);
            query.ascending = one_of(value, ascending, &["issueDate", "-issueDate"], "")? == 0;
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
            return Err("is unknown; known are status, subscriptionId, eventType, subject, eventId, since, until, sort, after, \
                        limit, total, and for administrators partner, operator"
                .to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!((query.partner.as_deref(), query.operator.as_deref()), (Some("app-2"), Some("bluejet")));
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let wrong = [
            ("status", "PENDING,pending"),
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
    }
}

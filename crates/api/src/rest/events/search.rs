//! `GET /events`: events by what people call them.

use std::collections::BTreeMap;
use std::sync::Arc;

use aerogram_domain::catalogue::Environment;
use aerogram_domain::time::iso_millis;
use aerogram_projection::{Entitled, EventSearch, FoundEvent};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::view::PositionView;
use super::{Api, Keeper, Problem};
use crate::rest::parameters::{self, LIMIT_DEFAULT, limit};
use crate::rest::problem::Parameter;
use crate::submit::now_ms;
use crate::table::Owner;

/// What may be asked for: read by [`parse`], which tells more about what is wrong; these describe it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "nothing is ever made of it")]
struct Parameters {
    /// An event's id or subject, or a flight number, PNR, record locator, or order, booking, flight or product id of its data. All of
    /// it; letters of ASCII in either case.
    #[param(min_length = 1, example = "EXA101")]
    search: String,
    /// What `next` said: the page after that.
    #[param(pattern = "^[0-9a-f]+$")]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50, example = 20)]
    limit: Option<u32>,
    /// For administrators.
    #[param(min_length = 1)]
    operator: Option<String>,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = Events)]
pub struct Found {
    /// Newest first. There may be fewer than fit on the page, although there is a next one.
    events: Vec<EventSummary>,
    /// Where the next page begins, for `after`; `null`: this is the last.
    #[schema(required)]
    next: Option<String>,
    /// What was accepted before is not found.
    #[schema(format = DateTime)]
    history_since_date_time: String,
}

/// As a list has it.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
struct EventSummary {
    /// The publisher's.
    event_id: String,
    r#type: String,
    subject: String,
    operator: String,
    /// Left out when there is none, or it is not known without a look at the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    contract: Option<String>,
    #[schema(value_type = Environment)]
    environment: String,
    #[schema(format = DateTime)]
    accepted_at_date_time: String,
    /// The event that had been accepted before; nothing was sent for this one.
    #[schema(required)]
    repeats: Option<PositionView>,
    /// How many of the caller's deliveries stand so, by status.
    #[schema(value_type = BTreeMap<String, u64>, example = json!({"DELIVERED": 2, "RETRYING": 1}))]
    deliveries: BTreeMap<&'static str, u64>,
    /// There are more than were counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deliveries_are_at_least: bool,
}

/// Finds events.
///
/// A page of the events that are called so, newest first. A test is none of them. Events of a type that the caller is not entitled to
/// (any more) are found by id and subject only, and only those that it has deliveries of.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "searchEvents",
    tag = "Deliveries",
    params(Parameters),
    responses((status = 200, description = "A page, as far as the caller may know of them.", body = Found)),
)]
pub async fn search(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    given: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Found>, Problem> {
    let Query(given) =
        given.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the query is not readable"))?;
    let mut wanted = parse(given, keeper.owner.as_ref()).map_err(Problem::parameters)?;
    let (rows, names) =
        tokio::join!(api.caught_up(api.history.rows.all()), api.caught_up(api.history.names.all()));
    rows.and(names)?;
    // Afterwards: what was read may have told that it reaches less far.
    wanted.not_before_ms = api.history.since_ms(now_ms());
    let since_ms = wanted.not_before_ms;
    wanted.entitled = Entitled::new(move |event_type| keeper.may_have(event_type));
    let found = api.projected(api.history.projection.search_events(wanted)).await?;
    Ok(Json(Found {
        events: found.events.into_iter().map(EventSummary::of).collect(),
        next: found.next.map(|next| next.to_string()),
        history_since_date_time: iso_millis(since_ms),
    }))
}

/// Reads the parameters; `owner` sees only what is its own. Nobody is entitled to anything by that.
///
/// # Errors
/// Every parameter that is wrong, unknown, missing or given twice; of very many the first.
fn parse(given: Vec<(String, String)>, owner: Option<&Owner>) -> Result<EventSearch, Vec<Parameter>> {
    let scope = owner.map(Owner::scope);
    let mut wanted = EventSearch {
        text: String::new(),
        operator: scope.as_ref().map(|scope| scope.operator.clone()),
        partner: scope.map(|scope| scope.partner),
        entitled: Entitled::new(|_| false),
        after: None,
        limit: LIMIT_DEFAULT,
        not_before_ms: i64::MAX,
    };
    let is_given = given.iter().any(|(name, _)| name == "search");
    let read = parameters::read_all(given, "", |name, value| {
        match name {
            "search" if value.trim().is_empty() => return Err("must have more than blanks".to_owned()),
            "search" => wanted.text = value.trim().to_owned(),
            "after" => {
                let place = value.parse().ok();
                wanted.after = Some(place.ok_or("must be what `next` of this list said")?);
            }
            "limit" => wanted.limit = limit(value)?,
            "operator" if owner.is_some() => return Err(parameters::not_everybodys()),
            "operator" => wanted.operator = Some(value.to_owned()),
            _ => {
                return Err(
                    "is unknown; known are search, after, limit, and for administrators operator".to_owned()
                );
            }
        }
        Ok(())
    });
    let missing = || Parameter {
        parameter: "search".to_owned(),
        detail: "is required: an id, a subject, or a text such as a flight number or a PNR".to_owned(),
    };
    let mut wrong = read.err().unwrap_or_default();
    if !is_given {
        wrong.insert(0, missing());
    }
    if wrong.is_empty() { Ok(wanted) } else { Err(wrong) }
}

impl EventSummary {
    fn of(event: FoundEvent) -> Self {
        Self {
            event_id: event.event_id,
            r#type: event.event_type,
            subject: event.subject,
            operator: event.operator,
            contract: event.contract.filter(|contract| !contract.is_empty()),
            environment: event.environment,
            accepted_at_date_time: iso_millis(event.accepted_at_ms),
            repeats: event.repeats.map(PositionView::of),
            deliveries: event.deliveries.into_iter().map(|(status, count)| (status.name(), count)).collect(),
            deliveries_are_at_least: event.deliveries_are_at_least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_pair_searches_its_own_and_an_administrator_everybodys() {
        let owner = Owner::new("app-1", "acme");
        let own = parse(given(&[("search", " EXA101 ")]), Some(&owner)).unwrap();
        assert_eq!((own.text.as_str(), own.limit, own.after), ("EXA101", 50, None));
        assert_eq!((own.operator.as_deref(), own.partner.as_deref()), (Some("acme"), Some("app-1")));
        let any = parse(given(&[("search", "x"), ("limit", "200"), ("operator", "bluejet")]), None).unwrap();
        assert_eq!((any.operator.as_deref(), any.partner, any.limit), (Some("bluejet"), None, 200));
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let owner = Owner::new("app-1", "acme");
        let wrong = [
            ("after", "o7"),
            ("limit", "201"),
            ("operator", "acme"),
            ("colour", "red"),
            ("search", " "),
            ("search", "x"),
        ];
        let told = parse(given(&wrong), Some(&owner)).unwrap_err();
        let names: Vec<_> = told.iter().map(|wrong| wrong.parameter.as_str()).collect();
        assert_eq!(names, wrong.map(|(name, _)| name));
        let told = parse(given(&[("limit", "0")]), Some(&owner)).unwrap_err();
        let names: Vec<_> = told.iter().map(|wrong| wrong.parameter.as_str()).collect();
        assert_eq!(names, ["search", "limit"]);
    }
}

//! What the list of subscriptions is asked for.

use std::collections::BTreeSet;

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::rest::parameters::one_of;
use crate::rest::problem::Parameter;

/// Subscriptions that may be named, at most.
pub const IDS_MAX: usize = 200;

/// What may be asked for: read by [`parse`], which tells more about what is wrong; these describe it. Others never mattered
/// here, so they do not.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "nothing is ever made of it")]
pub struct Parameters {
    /// What is to be told besides.
    #[param(inline, style = Form, explode = false, min_items = 1, example = json!(["lastDelivery"]))]
    include: Option<Vec<Include>>,
    /// What is to be left out: a list of many may be large for what nobody reads.
    #[param(inline, style = Form, explode = false, min_items = 1, example = json!(["httpRequest"]))]
    omit: Option<Vec<Omit>>,
    /// Only these, those of the pair among them; several with commas.
    #[param(style = Form, explode = false, min_items = 1, max_items = 200)]
    id: Option<Vec<Uuid>>,
}

/// What may be told besides.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
enum Include {
    LastDelivery,
}

impl Include {
    const NAME: &str = "lastDelivery";

    fn parse(word: &str) -> Option<Self> {
        (word == Self::NAME).then_some(Self::LastDelivery)
    }
}

/// What may be left out.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
enum Omit {
    HttpRequest,
}

impl Omit {
    const NAME: &str = "httpRequest";

    fn parse(word: &str) -> Option<Self> {
        (word == Self::NAME).then_some(Self::HttpRequest)
    }
}

/// Which subscriptions, and what of them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wanted {
    /// With the newest delivery of each.
    pub last_delivery: bool,
    pub without_http_request: bool,
    /// `None`: all.
    pub ids: Option<BTreeSet<String>>,
}

/// # Errors
/// Every parameter that is known here and wrong.
pub fn parse(given: &[(String, String)]) -> Result<Wanted, Vec<Parameter>> {
    let mut wanted = Wanted::default();
    let mut wrong: Vec<Parameter> = Vec::new();
    for (name, value) in given {
        if wrong.iter().any(|wrong| wrong.parameter == *name) {
            continue;
        }
        if let Err(detail) = read(&mut wanted, name, value) {
            wrong.push(Parameter { parameter: name.clone(), detail });
        }
    }
    if wrong.is_empty() { Ok(wanted) } else { Err(wrong) }
}

fn read(wanted: &mut Wanted, name: &str, value: &str) -> Result<(), String> {
    for word in value.split(',') {
        match name {
            "include" => match one_of(word, Include::parse(word), &[Include::NAME], "")? {
                Include::LastDelivery => wanted.last_delivery = true,
            },
            "omit" => match one_of(word, Omit::parse(word), &[Omit::NAME], "")? {
                Omit::HttpRequest => wanted.without_http_request = true,
            },
            "id" => {
                let id = Uuid::try_parse(word).map_err(|_| "must be ids of subscriptions".to_owned())?;
                let ids = wanted.ids.get_or_insert_default();
                ids.insert(id.to_string());
                if ids.len() > IDS_MAX {
                    return Err(format!("must be {IDS_MAX} ids at most; ask for the others then"));
                }
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192d3a4-0000-7000-8000-0000000000ff";

    fn parsed(given: &[(&str, &str)]) -> Result<Wanted, Vec<Parameter>> {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        parse(&given.collect::<Vec<_>>())
    }

    #[test]
    fn all_is_listed_with_all_unless_less_is_asked_for() {
        assert_eq!(parsed(&[]), Ok(Wanted::default()));
        assert_eq!(parsed(&[("colour", ""), ("limit", "-1"), ("status", "x,y")]), Ok(Wanted::default()));
        let other = ID.replace("ff", "fe");
        let both = format!("{},{other}", ID.to_uppercase());
        let wanted =
            parsed(&[("include", "lastDelivery"), ("id", &both), ("omit", "httpRequest"), ("id", ID)]);
        let ids = Some([ID.to_owned(), other].into());
        assert_eq!(wanted, Ok(Wanted { last_delivery: true, without_http_request: true, ids }));
    }

    #[test]
    fn every_wrong_parameter_is_named_once() {
        let wrong = parsed(&[
            ("include", "lastDelivery,colour"),
            ("id", ""),
            ("omit", ""),
            ("id", "s-1"),
            ("colour", "red"),
        ]);
        let names: Vec<_> = wrong.unwrap_err().into_iter().map(|wrong| wrong.parameter).collect();
        assert_eq!(names, ["include", "id", "omit"]);
    }

    #[test]
    fn so_many_may_be_named_and_no_more() {
        let ids =
            |count: u128| (0..count).map(|n| Uuid::from_u128(n).to_string()).collect::<Vec<_>>().join(",");
        let named = parsed(&[("id", &ids(200))]).unwrap().ids.map(|ids| ids.len());
        assert_eq!(named, Some(IDS_MAX));
        let wrong = parsed(&[("id", &ids(201))]).unwrap_err();
        assert!(wrong[0].detail.starts_with("must be 200 ids at most"), "{wrong:?}");
    }
}

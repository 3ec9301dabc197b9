//! Single values of a body.

use super::NAME_MAX_CHARS;
use crate::catalogue::{Catalogue, Environment, EventType};
use crate::subscription::Profile;
use aerogram_wire::v1::Status;

pub(super) fn parse_event<'c>(name: &str, catalogue: &'c Catalogue) -> Result<&'c EventType, String> {
    catalogue
        .lookup(name)
        .ok_or_else(|| "is not an event type of the catalogue; names are case-sensitive".to_owned())
}

pub(super) fn parse_profile(name: &str) -> Result<Profile, String> {
    Profile::parse(name).ok_or_else(|| {
        let names = Profile::ALL.map(Profile::name).join(", ");
        format!("must be one of {names}")
    })
}

pub(super) fn parse_contract(id: &str, contracts: &[String]) -> Result<String, String> {
    match contracts.iter().any(|c| c == id) {
        true => Ok(id.to_owned()),
        false => Err("is not one of the operator's contracts".to_owned()),
    }
}

pub(super) fn parse_environment(name: &str) -> Result<Environment, String> {
    // Events may leave it empty; a request that names it means something by it.
    Some(name)
        .filter(|name| !name.is_empty())
        .and_then(Environment::parse)
        .ok_or_else(|| "must be production or non-production".to_owned())
}

pub(super) fn parse_policy(name: &str, exists: &dyn Fn(&str) -> bool) -> Result<String, String> {
    match !name.is_empty() && exists(name) {
        true => Ok(name.to_owned()),
        false => {
            Err("is not a retry policy of this installation; standard and staffing always are".to_owned())
        }
    }
}

pub(super) fn parse_status(name: &str) -> Result<Status, String> {
    match name {
        "ACTIVE" => Ok(Status::Active),
        "INACTIVE" => Ok(Status::Inactive),
        _ => Err("must be ACTIVE or INACTIVE".to_owned()),
    }
}

pub(super) fn parse_name(text: &str) -> Result<String, String> {
    match text.is_empty() || text.chars().count() > NAME_MAX_CHARS || text.chars().any(char::is_control) {
        true => Err(format!("must have 1 to {NAME_MAX_CHARS} characters, none of them a control character")),
        false => Ok(text.to_owned()),
    }
}

//! Which events a subscription is for: its event type and its contract, which some profiles let a change move elsewhere. Under
//! the others a change does not know these fields, as version 2.4.0 has it: what it does not know it ignores.

use super::PatchContext;
use super::delivery::field_names;
use super::fields::Fields;
use super::values::{parse_contract, parse_event};
use crate::catalogue::EventType;
use crate::subscription::Profile;
use crate::template::{self, Template};
use aerogram_wire::v1::Subscription;

/// The event type that a change names.
pub(super) fn event(fields: &mut Fields<'_>, context: &PatchContext<'_>) -> Option<String> {
    let current = context.current;
    if !may_change(current) {
        return None;
    }
    fields.optional("event", |name| match name == current.event_type {
        // Also one that is not in the catalogue any more.
        true => Ok(name.to_owned()),
        false => parse_event(name, context.catalogue).map(|event| event.wire_name.as_ref().to_owned()),
    })
}

/// The contract that a change names; `Some(None)`: every contract of the operator.
pub(super) fn contract(fields: &mut Fields<'_>, context: &PatchContext<'_>) -> Option<Option<String>> {
    let current = context.current;
    if !may_change(current) {
        return None;
    }
    if fields.names("contractId") && fields.given("contractId").is_none() {
        return Some(None);
    }
    let contract = fields.optional("contractId", |id| match !id.is_empty() && id == current.contract {
        true => Ok(id.to_owned()),
        false => parse_contract(id, context.contracts),
    });
    contract.map(Some)
}

/// Whether what is sent today can be sent of events of the type that is to be. Told at the event, because the template is not
/// in the body.
pub(super) fn template_fits(fields: &mut Fields<'_>, context: &PatchContext<'_>, event: Option<&EventType>) {
    let (current, Some(event)) = (context.current, event) else { return };
    let Some(template) = &current.template else { return };
    if *event.wire_name == *current.event_type || fields.names("httpRequest") {
        return;
    }
    let name = &event.wire_name;
    let lacks = |field: &str| !field_names(event).any(|known| known == field);
    let body = Some(template.body.as_str()).filter(|body| !body.is_empty());
    let body = body.and_then(|body| Template::restore(None, Some(body), &template::Limits::default()).ok());
    let missing: Vec<_> = body.iter().flat_map(Template::fields).filter(|field| lacks(field)).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let detail =
            format!("{name} has no field {missing}, which jsonBody names; give httpRequest for {name} too");
        fields.wrong("/event", detail);
        return;
    }
    // Their values are sealed: which fields they name is not known here.
    let before = context.catalogue.lookup(&current.event_type);
    let may_lack = before.is_none_or(|before| field_names(before).any(lacks));
    if !template.header_names.is_empty() && may_lack {
        let detail = format!(
            "header may name fields that {name} does not have, and its values are sealed; give httpRequest for {name} too"
        );
        fields.wrong("/event", detail);
    }
}

fn may_change(current: &Subscription) -> bool {
    Profile::parse(&current.profile).is_some_and(Profile::changes_concern)
}

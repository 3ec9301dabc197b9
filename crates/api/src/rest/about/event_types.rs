//! `GET /event-types`

use std::sync::Arc;

use aerogram_domain::catalogue::{Catalogue, EventType, Family, Field, FieldType, Kind};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::rest::Api;
use crate::rest::auth::Keeper;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventTypes)]
struct Listed<'a> {
    event_types: Vec<View<'a>>,
}

/// An event type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventTypeDetail)]
struct View<'a> {
    name: &'a str,
    /// In a few words.
    title: &'a str,
    #[schema(value_type = Family)]
    family: &'static str,
    #[schema(value_type = Kind)]
    kind: &'static str,
    /// When it happens, in a sentence or two.
    when: &'a str,
    /// The field that says what an event is about; `null`: each stands for itself.
    #[schema(required)]
    subject: Option<&'a str>,
    /// What `data` holds, each field followed by those in it; there may always be more.
    fields: &'a [FieldView],
    /// A realistic `data`, its fields in the order of `fields`.
    #[schema(value_type = serde_json::Value)]
    example: &'a RawValue,
    /// When the event of the example happened.
    #[schema(format = DateTime)]
    example_time: &'a str,
    /// Whether the caller may subscribe to it.
    entitled: bool,
}

/// A field of `data`, or of something in it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventTypeField)]
struct FieldView {
    /// With a dot what is in an object, with `[].` what is in each of a list: `legs[].origin`.
    name: String,
    /// `string`, `integer`, `number`, `boolean`, `date`, `date-time`, `object`, or `array of` one of them.
    r#type: String,
    /// What it means.
    says: String,
    /// Whether it is always there.
    required: bool,
    /// The texts it may be; left out: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    one_of: Vec<String>,
}

/// All there are, with what is to be said of each ready to be said.
pub struct EventTypes(Vec<Ready>);

struct Ready {
    fields: Vec<FieldView>,
    example: Box<RawValue>,
}

impl EventTypes {
    /// # Errors
    /// The example of an event type is no JSON.
    pub fn of(catalogue: &Catalogue) -> Result<Self, serde_json::Error> {
        let ready = |event_type: &EventType| {
            let mut fields = Vec::new();
            flatten(&mut fields, "", &event_type.fields);
            Ok(Ready { fields, example: RawValue::from_string(event_type.example_text())? })
        };
        catalogue.types().map(ready).collect::<Result<_, _>>().map(Self)
    }
}

fn flatten(all: &mut Vec<FieldView>, parent: &str, fields: &[Field]) {
    for field in fields {
        let name = format!("{parent}{}", field.name);
        let within = if matches!(field.field_type, FieldType::Array(_)) { "[]." } else { "." };
        let within = format!("{name}{within}");
        all.push(FieldView {
            name,
            r#type: kind(&field.field_type),
            says: field.meaning.clone(),
            required: field.required,
            one_of: field.field_type.one_of().to_vec(),
        });
        flatten(all, &within, field.field_type.fields());
    }
}

fn kind(field_type: &FieldType) -> String {
    match field_type {
        FieldType::Array(items) => format!("array of {}", kind(items)),
        plain => plain.name().to_owned(),
    }
}

/// Lists event types.
///
/// All of the catalogue, in its order, and which of them the caller may subscribe to.
#[utoipa::path(
    get,
    path = "/event-types",
    operation_id = "listEventTypes",
    tag = "Installation",
    responses((status = 200, description = "All of them.", body = Listed)),
)]
pub async fn event_types(State(api): State<Arc<Api>>, keeper: Keeper) -> Response {
    let views = api.catalogue.types().zip(&api.event_types.0).map(|(event_type, ready)| View {
        name: &event_type.wire_name,
        title: &event_type.title,
        family: event_type.family.name(),
        kind: event_type.kind.name(),
        when: &event_type.when,
        subject: event_type.subject.as_deref(),
        fields: &ready.fields,
        example: &ready.example,
        example_time: &event_type.example_time,
        entitled: keeper.may_have(&event_type.wire_name),
    });
    Json(Listed { event_types: views.collect() }).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_followed_by_those_in_them() {
        let own = include_str!("../../../../domain/catalogue/own-types.example.toml").to_owned();
        let catalogue = Catalogue::with_files(&[("own.toml".to_owned(), own)]).unwrap();
        let ready = EventTypes::of(&catalogue).unwrap();
        assert_eq!(ready.0.len(), catalogue.types().count());
        let place = catalogue.types().position(|known| &*known.wire_name == "FLIGHT_BAGS_REPORT").unwrap();
        let fields = &ready.0[place].fields;
        let at = |name: &str| fields.iter().position(|field| field.name == name).unwrap();
        assert!(at("bags[].weightKg") > at("bags"));
        assert_eq!(fields[at("bags")].r#type, "array of object");
        let weight = &fields[at("bags[].weightKg")];
        assert_eq!(
            (weight.r#type.as_str(), weight.required, fields[at("bags")].required),
            ("number", false, true)
        );
        assert_eq!(fields[at("bags[].status")].one_of, ["MISSING", "FOUND"]);
    }
}

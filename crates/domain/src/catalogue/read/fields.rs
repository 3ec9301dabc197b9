//! The definitions of fields, each once, and the lists of types that name them.

use super::{DEPTH_MAX, ENUM_MAX, FIELDS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX, is_name};
use crate::{
    catalogue::{Field, FieldType, field::example_of, schema::mistakes},
    toml_reading::{Reading, Section, Text, to_json},
};

const TYPES: &str = "string, integer, number, boolean, date, date-time, object, array";

/// The fields that types of a file may refer to.
pub(super) struct Definitions<'e> {
    /// By name; `None`: its definition is wrong, and that was said.
    own: Vec<(String, Option<Field>)>,
    inherited: &'e [Field],
}

impl<'e> Definitions<'e> {
    pub fn read(reading: &mut Reading<'_>, root: &Section<'_, '_>, inherited: &'e [Field]) -> Self {
        let own = root.section(reading, "fields").map(|section| read_all(reading, &section, 1));
        Self { own: own.unwrap_or_default(), inherited }
    }

    /// Those of the file itself.
    pub fn into_own(self) -> Vec<Field> {
        self.own.into_iter().filter_map(|(_, field)| field).collect()
    }

    /// The fields that the lists `required` and `optional` of `section` name.
    pub fn named_in(&self, reading: &mut Reading<'_>, section: &Section<'_, '_>) -> Vec<Field> {
        let required = section.texts(reading, "required", NAME_CHARS_MAX).unwrap_or_default();
        let optional = section.texts(reading, "optional", NAME_CHARS_MAX).unwrap_or_default();
        for name in optional.iter().filter(|o| required.iter().any(|r| r.value == o.value)) {
            reading.problem(&name.span, &name.place, format!("{:?} is required already", name.value));
        }
        let of = |names: Vec<Text<'_>>, required: bool, reading: &mut Reading<'_>| -> Vec<Field> {
            names
                .iter()
                .filter_map(|name| self.find(reading, name))
                .map(|field| Field { required, ..field })
                .collect()
        };
        let mut fields = of(required, true, reading);
        fields.extend(of(optional, false, reading));
        fields
    }

    fn find(&self, reading: &mut Reading<'_>, name: &Text<'_>) -> Option<Field> {
        if let Some((_, field)) = self.own.iter().find(|(own, _)| own == name.value) {
            return field.clone();
        }
        let inherited = self.inherited.iter().find(|field| field.name == name.value);
        if inherited.is_none() {
            let detail = format!("there is no field {:?}; define it in [fields]", name.value);
            reading.problem(&name.span, &name.place, detail);
        }
        inherited.cloned()
    }
}

/// All fields in a table, in the order of the file.
fn read_all(
    reading: &mut Reading<'_>,
    section: &Section<'_, '_>,
    depth: usize,
) -> Vec<(String, Option<Field>)> {
    let entries = section.entries();
    if entries.len() > FIELDS_MAX && depth > 1 {
        let detail = format!("has {} fields, at most {FIELDS_MAX} are allowed", entries.len());
        reading.problem(&section.span, &section.place, detail);
        return Vec::new();
    }
    let mut fields = Vec::new();
    for (name, value) in entries {
        if !is_name(name.value, &['_', '-']) || name.value.len() > NAME_CHARS_MAX {
            let detail = format!(
                "{:?} is no name of a field: a letter, then letters, digits, _ and -, at most {NAME_CHARS_MAX} in all",
                name.value
            );
            reading.problem(&name.span, &name.place, detail);
            continue;
        }
        let section = Section::of(reading, value, name.place);
        let field = section.and_then(|section| read_one(reading, &section, name.value, depth));
        fields.push((name.value.to_owned(), field));
    }
    fields
}

fn read_one(reading: &mut Reading<'_>, section: &Section<'_, '_>, name: &str, depth: usize) -> Option<Field> {
    const KNOWN: [&str; 7] = ["type", "meaning", "example", "enum", "items", "fields", "optional"];
    // Whether a field at the top is there is said by each type.
    section.refuse_unknown(reading, if depth > 1 { &KNOWN } else { &KNOWN[..6] });
    let meaning = section.text(reading, "meaning", TEXT_CHARS_MAX);
    let optional = depth > 1 && section.flag(reading, "optional");
    let field_type = read_type(reading, section, depth)?;
    let example = read_example(reading, section, &field_type);
    Some(Field {
        name: name.to_owned(),
        field_type,
        meaning: meaning?.value.to_owned(),
        required: !optional,
        example: example?,
    })
}

fn read_type(reading: &mut Reading<'_>, section: &Section<'_, '_>, depth: usize) -> Option<FieldType> {
    let name = section.text(reading, "type", NAME_CHARS_MAX)?;
    if name.value != "array" {
        refuse(reading, section, "items", "belongs to type = \"array\"");
        return read_plain(reading, section, &name, depth);
    }
    if section.value("items").is_none() {
        let detail = "is required for an array: what each of its items is";
        reading.problem(&section.span, section.place_of("items"), detail);
        return None;
    }
    let items = section.text(reading, "items", NAME_CHARS_MAX)?;
    if items.value == "array" {
        reading.problem(&items.span, &items.place, "must not be array; make it an object that holds one");
        return None;
    }
    let items = read_plain(reading, section, &items, depth)?;
    Some(FieldType::Array(Box::new(items)))
}

/// Everything but an array.
fn read_plain(
    reading: &mut Reading<'_>,
    section: &Section<'_, '_>,
    name: &Text<'_>,
    depth: usize,
) -> Option<FieldType> {
    if name.value != "string" {
        refuse(reading, section, "enum", "belongs to texts: type or items = \"string\"");
    }
    if name.value != "object" {
        refuse(reading, section, "fields", "belongs to objects: type or items = \"object\"");
    }
    match name.value {
        "string" => {
            let texts = section.texts(reading, "enum", NAME_CHARS_MAX).unwrap_or_default();
            if texts.len() > ENUM_MAX {
                let detail = format!("holds {} texts, at most {ENUM_MAX} are allowed", texts.len());
                reading.problem(&section.span, section.place_of("enum"), detail);
            }
            Some(FieldType::String { one_of: texts.iter().map(|text| text.value.to_owned()).collect() })
        }
        "integer" => Some(FieldType::Integer),
        "number" => Some(FieldType::Number),
        "boolean" => Some(FieldType::Boolean),
        "date" => Some(FieldType::Date),
        "date-time" => Some(FieldType::DateTime),
        "object" => read_object(reading, section, depth),
        other => {
            let detail = format!("is {other:?}, must be one of {TYPES}");
            reading.problem(&name.span, &name.place, detail);
            None
        }
    }
}

fn read_object(reading: &mut Reading<'_>, section: &Section<'_, '_>, depth: usize) -> Option<FieldType> {
    let place = section.place_of("fields");
    if depth >= DEPTH_MAX {
        reading.problem(
            &section.span,
            place,
            format!("goes deeper than {DEPTH_MAX} fields; make the data flatter"),
        );
        return None;
    }
    if section.value("fields").is_none() {
        reading.problem(&section.span, place, "is required for an object: the fields in it");
        return None;
    }
    let inner = section.section(reading, "fields")?;
    let fields = read_all(reading, &inner, depth + 1);
    if fields.is_empty() {
        reading.problem(&section.span, place, "must hold at least one field");
    }
    // One wrong field spoils the object: an example of the rest would be taken for wrong.
    fields.into_iter().map(|(_, field)| field).collect::<Option<_>>().map(FieldType::Object)
}

/// What it says, or for objects what the fields in them say.
fn read_example(
    reading: &mut Reading<'_>,
    section: &Section<'_, '_>,
    field_type: &FieldType,
) -> Option<serde_json::Value> {
    let place = section.place_of("example");
    let Some(value) = section.value("example") else {
        let assembled = match field_type {
            FieldType::Object(fields) => Some(example_of(fields)),
            FieldType::Array(items) => match &**items {
                FieldType::Object(fields) => Some(vec![example_of(fields)].into()),
                _ => None,
            },
            _ => None,
        };
        if assembled.is_none() {
            reading.problem(&section.span, place, "is required: a value it may have");
        }
        return assembled;
    };
    let example = to_json(value.get_ref());
    let mistakes = mistakes(field_type, &example);
    for (pointer, mistake) in &mistakes {
        reading.problem(&value.span(), format!("{place}{pointer}"), format!("does not fit: {mistake}"));
    }
    mistakes.is_empty().then_some(example)
}

fn refuse(reading: &mut Reading<'_>, section: &Section<'_, '_>, name: &str, why: &str) {
    if let Some(value) = section.value(name) {
        reading.problem(&value.span(), section.place_of(name), why);
    }
}

//! `aerogram catalogue`: which events there are.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use aerogram_domain::catalogue::{Catalogue, EventType, Field, FieldType};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::table::Table;
use crate::{FAILED, WRONG_CONFIGURATION, complain, say};

#[derive(Subcommand)]
pub enum CatalogueCommand {
    /// List all event types
    List(ListArgs),
    /// Show a type: when it happens, its fields, and a whole event as a publisher sends it
    Show(ShowArgs),
    /// Print the JSON Schema of a type's data
    Schema(SchemaArgs),
    /// Print the JSON Schema of the event around the data, as a publisher sends it
    Envelope(Files),
    /// Write the pages about events and the schema of the envelope below a directory
    Docs(DocsArgs),
}

/// The built-in types need no file and no configuration.
#[derive(Args)]
pub struct Files {
    /// File of event types of your own, as in catalogue.files; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    files: Files,
    /// Print JSON: an array with an object for each type
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ShowArgs {
    /// Name of the type, case and all
    #[arg(value_name = "TYPE")]
    name: String,
    #[command(flatten)]
    files: Files,
    /// Print JSON: one object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct SchemaArgs {
    /// Name of the type, case and all
    #[arg(value_name = "TYPE")]
    name: String,
    #[command(flatten)]
    files: Files,
}

#[derive(Args)]
pub struct DocsArgs {
    /// Where to write: events/ and schemas/ below it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    files: Files,
}

/// Runs the command; 1: no such type, or nothing could be written, 2: a file of event types is wrong.
pub fn run(command: &CatalogueCommand) -> ExitCode {
    let (CatalogueCommand::List(ListArgs { files, .. })
    | CatalogueCommand::Show(ShowArgs { files, .. })
    | CatalogueCommand::Schema(SchemaArgs { files, .. })
    | CatalogueCommand::Envelope(files)
    | CatalogueCommand::Docs(DocsArgs { files, .. })) = command;
    let catalogue = match Catalogue::load(&files.files, |path| std::fs::read_to_string(path)) {
        Ok(catalogue) => catalogue,
        Err(problems) => return complain(WRONG_CONFIGURATION, &problems),
    };
    match answer(command, &catalogue) {
        Ok(text) => say(&text),
        Err(error) => complain(FAILED, &format!("{error:#}")),
    }
}

fn answer(command: &CatalogueCommand, catalogue: &Arc<Catalogue>) -> anyhow::Result<String> {
    Ok(match command {
        CatalogueCommand::List(args) if args.json => {
            pretty(&catalogue.types().map(|t| Value::Object(head(t))).collect::<Vec<_>>().into())?
        }
        CatalogueCommand::List(_) => list(catalogue),
        CatalogueCommand::Show(args) if args.json => pretty(&describe(find(catalogue, &args.name)?))?,
        CatalogueCommand::Show(args) => show(find(catalogue, &args.name)?),
        CatalogueCommand::Schema(args) => find(catalogue, &args.name)?.schema_text(),
        CatalogueCommand::Envelope(_) => catalogue.envelope_schema_text(),
        CatalogueCommand::Docs(args) => write(catalogue, &args.dir)?,
    })
}

fn find<'c>(catalogue: &'c Catalogue, name: &str) -> anyhow::Result<&'c EventType> {
    catalogue.lookup(name).with_context(|| {
        let alike = catalogue.types().find(|t| t.wire_name.eq_ignore_ascii_case(name));
        match alike {
            Some(alike) => {
                format!("there is no event type {name:?}; names are case-sensitive: {}", alike.wire_name)
            }
            None => {
                format!("there is no event type {name:?}; `aerogram catalogue list` lists those there are")
            }
        }
    })
}

fn list(catalogue: &Catalogue) -> String {
    let mut table = Table::new(&["TYPE", "FAMILY", "KIND", "WHAT HAPPENED"]);
    for found in catalogue.types() {
        let (name, title) = (found.wire_name.as_ref().to_owned(), found.title.clone());
        table.push(
            vec![name, found.family.name().to_owned(), found.kind.name().to_owned(), title],
            Vec::new(),
        );
    }
    table.render()
}

fn show(found: &EventType) -> String {
    let mut table = Table::new(&["FIELD", "TYPE", "REQUIRED", "MEANING"]);
    for field in &found.fields {
        rows(&mut table, "", field);
    }
    let subject = found.subject.as_deref().map_or("none: each event stands for itself", |field| field);
    format!(
        "{}: {}\n{}\nfamily {}, {}, subject {subject}\n\n{}\n\n{}",
        found.wire_name,
        found.title,
        found.when,
        found.family.name(),
        found.kind.name(),
        table.render(),
        found.example_event_text(),
    )
}

fn rows(table: &mut Table, parent: &str, field: &Field) {
    let path = format!("{parent}{}", field.name);
    let required = if field.required { "yes" } else { "no" };
    let one_of = field.field_type.one_of();
    let meaning = match one_of.is_empty() {
        true => field.meaning.clone(),
        false => format!("{} One of {}.", field.meaning, one_of.join(", ")),
    };
    table.push(vec![path.clone(), type_name(&field.field_type), required.to_owned(), meaning], Vec::new());
    let below = if matches!(field.field_type, FieldType::Array(_)) { "[]." } else { "." };
    for inner in field.field_type.fields() {
        rows(table, &format!("{path}{below}"), inner);
    }
}

fn type_name(field_type: &FieldType) -> String {
    match field_type {
        FieldType::Array(items) => format!("array of {}", type_name(items)),
        other => other.name().to_owned(),
    }
}

fn head(found: &EventType) -> Map<String, Value> {
    let entries = [
        ("name", Value::from(found.wire_name.as_ref())),
        ("family", found.family.name().into()),
        ("kind", found.kind.name().into()),
        ("title", found.title.as_str().into()),
        ("when", found.when.as_str().into()),
        ("subject", found.subject.as_deref().into()),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn describe(found: &EventType) -> Value {
    let mut described = head(found);
    described.insert("fields".to_owned(), found.fields.iter().map(describe_field).collect());
    described.insert("event".to_owned(), found.example_event());
    described.insert("schema".to_owned(), found.schema());
    Value::Object(described)
}

fn describe_field(field: &Field) -> Value {
    json!({
        "name": field.name,
        "type": type_name(&field.field_type),
        "required": field.required,
        "meaning": field.meaning,
        "oneOf": field.field_type.one_of(),
        "fields": field.field_type.fields().iter().map(describe_field).collect::<Vec<_>>(),
        "example": field.example,
    })
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)?)
}

fn write(catalogue: &Catalogue, dir: &Path) -> anyhow::Result<String> {
    let mut written = Vec::new();
    for page in catalogue.pages() {
        let path = dir.join(&page.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("{} cannot be made", parent.display()))?;
        }
        std::fs::write(&path, &page.text).with_context(|| format!("{} cannot be written", path.display()))?;
        written.push(format!("wrote {}", path.display()));
    }
    Ok(written.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(arguments: &[&str]) -> anyhow::Result<String> {
        use clap::Parser as _;
        let all = ["aerogram", "catalogue"].iter().chain(arguments);
        let crate::options::Command::Catalogue { command } =
            crate::options::Options::try_parse_from(all)?.command
        else {
            anyhow::bail!("another command");
        };
        answer(&command, &Catalogue::builtin())
    }

    #[test]
    fn every_type_can_be_listed_shown_and_checked() {
        assert_eq!(answered(&["list"]).unwrap().lines().count(), 60);
        let listed: Vec<Value> = serde_json::from_str(&answered(&["list", "--json"]).unwrap()).unwrap();
        assert_eq!(listed.len(), 59);
        for found in listed {
            let name = found["name"].as_str().unwrap();
            let shown: Value = serde_json::from_str(&answered(&["show", name, "--json"]).unwrap()).unwrap();
            let schema: Value = serde_json::from_str(&answered(&["schema", name]).unwrap()).unwrap();
            assert_eq!((&shown["kind"], &shown["schema"]), (&found["kind"], &schema));
            let text = answered(&["show", name]).unwrap();
            for field in shown["fields"].as_array().unwrap() {
                assert!(text.contains(field["meaning"].as_str().unwrap()), "{text}");
            }
        }
    }

    #[test]
    fn a_type_that_is_not_there_is_told_of() {
        let told = |name| answered(&["show", name]).unwrap_err().to_string();
        assert!(told("FLIGHT_UPDATE").contains("`aerogram catalogue list`"));
        assert!(told("ordercreated").ends_with("names are case-sensitive: OrderCreated"));
    }

    #[test]
    fn the_documentation_is_written_below_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        answered(&["docs", dir.path().to_str().unwrap()]).unwrap();
        for page in Catalogue::builtin().pages() {
            assert_eq!(std::fs::read_to_string(dir.path().join(page.path)).unwrap(), page.text);
        }
        let envelope: Value = serde_json::from_str(&answered(&["envelope"]).unwrap()).unwrap();
        let written = std::fs::read_to_string(dir.path().join("schemas/event.schema.json")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), envelope);
    }
}

//! What may be accepted, and how it is read: the catalogue, the schemas, the upstream topics.

use aerogram_domain::{
    catalogue::Catalogue,
    credentials::Operators,
    intake::{Format, Mapping, MappingConfig, Policy, SchemaCheck, Schemas},
};
use aerogram_settings::{MappingSettings, SchemaCheck as Strictness, Settings, SourceFormat, SourceSettings};
use std::{fmt, sync::Arc};

/// The rules of intake as the settings have them.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The event types there are.
    pub catalogue: Arc<Catalogue>,
    /// The schemas of all of them.
    pub schemas: Arc<Schemas>,
    /// The upstream topics.
    pub sources: Vec<Arc<Source>>,
    /// What becomes of what comes over HTTP and does not fit its schema.
    pub http_schema_check: SchemaCheck,
    /// Largest event, in bytes.
    pub max_event_bytes: usize,
}

/// An upstream topic.
#[derive(Clone, Debug)]
pub struct Source {
    pub topic: String,
    pub format: Format,
    pub policy: Policy,
}

/// Everything that is wrong with the settings of intake; shown one per line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct IntakeProblems(pub Vec<String>);

impl fmt::Display for IntakeProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rules of intake hold mistakes:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl Intake {
    /// Reads the files of event types and checks the mappings against them.
    ///
    /// # Errors
    /// All that is wrong; without a catalogue nothing can be compared with it, so mistakes in there come first.
    pub fn from_settings(settings: &Settings) -> Result<Self, IntakeProblems> {
        let catalogue = Catalogue::load(&settings.catalogue.files, |path| std::fs::read_to_string(path))
            .map_err(|problems| IntakeProblems(vec![problems.to_string()]))?;
        let schemas = Schemas::of(&catalogue)
            .map_err(|problems| IntakeProblems(problems.iter().map(ToString::to_string).collect()))?;
        let mut intake = Self {
            catalogue,
            schemas: Arc::new(schemas),
            sources: Vec::new(),
            http_schema_check: SchemaCheck::Off,
            max_event_bytes: settings.ingest.max_event_bytes,
        };
        intake.http_schema_check = intake.schema_check(settings.ingest.http_schema_check);
        let mut problems = Vec::new();
        for (index, source) in settings.ingest.sources.iter().enumerate() {
            match intake.source(source) {
                Ok(source) => intake.sources.push(Arc::new(source)),
                Err(wrong) => {
                    problems.extend(wrong.iter().map(|wrong| format!("ingest.sources[{index}].{wrong}")));
                }
            }
        }
        if problems.is_empty() { Ok(intake) } else { Err(IntakeProblems(problems)) }
    }

    /// The configured source of a topic.
    pub fn source_of(&self, topic: &str) -> Option<&Arc<Source>> {
        self.sources.iter().find(|source| source.topic == topic)
    }

    /// The rules for a publisher of `POST /v1/events`.
    pub fn http_policy(&self, scope: &str, operators: Operators) -> Policy {
        Policy {
            scope: scope.to_owned(),
            operators,
            max_event_bytes: self.max_event_bytes,
            catalogue: Arc::clone(&self.catalogue),
            schema_check: self.http_schema_check.clone(),
        }
    }

    fn source(&self, settings: &SourceSettings) -> Result<Source, Vec<String>> {
        let operators = Operators::from_list(&settings.operators);
        let format = match (settings.format, &settings.mapping) {
            (SourceFormat::CloudEvents, _) => Format::CloudEvents,
            (SourceFormat::Protobuf, _) => Format::Protobuf,
            (SourceFormat::Json, None) => {
                return Err(vec!["mapping: is required with format \"json\"".to_owned()]);
            }
            (SourceFormat::Json, Some(mapping)) => {
                let mapping = Mapping::new(&mapping_config(mapping), &operators, &self.catalogue);
                Format::Json(Arc::new(mapping.map_err(|problems| {
                    problems.iter().map(|problem| format!("mapping.{problem}")).collect::<Vec<_>>()
                })?))
            }
        };
        let policy = Policy {
            scope: settings.scope.clone(),
            operators,
            max_event_bytes: self.max_event_bytes,
            catalogue: Arc::clone(&self.catalogue),
            schema_check: self.schema_check(settings.schema_check),
        };
        Ok(Source { topic: settings.topic.clone(), format, policy })
    }

    fn schema_check(&self, strictness: Strictness) -> SchemaCheck {
        match strictness {
            Strictness::Off => SchemaCheck::Off,
            Strictness::Warn => SchemaCheck::Warn(Arc::clone(&self.schemas)),
            Strictness::Reject => SchemaCheck::Reject(Arc::clone(&self.schemas)),
        }
    }
}

fn mapping_config(settings: &MappingSettings) -> MappingConfig {
    MappingConfig {
        id: settings.id.clone(),
        event_type: settings.r#type.clone(),
        time: settings.time.clone(),
        subject: settings.subject.clone(),
        operator: settings.operator.clone(),
        contract: settings.contract.clone(),
        environment: settings.environment.clone(),
        source: settings.source.clone(),
        data: Some(settings.data.clone()),
        types: settings.types.0.clone().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::intake::{Incoming, accept};
    use aerogram_settings::RoleArgs;
    use aerogram_wire::v1::Origin;
    use bytes::Bytes;
    use serde_json::json;
    use std::path::PathBuf;

    fn intake(args: &RoleArgs) -> Result<Intake, IntakeProblems> {
        Intake::from_settings(&Settings::load_from(args, []).unwrap())
    }

    #[test]
    fn the_example_of_the_deploy_folder_works() {
        let example =
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/aerogram.example.toml"));
        let intake = intake(&RoleArgs { config: Some(example), ..RoleArgs::default() }).unwrap();
        assert!(matches!(intake.http_schema_check, SchemaCheck::Warn(_)));
        let source = intake.source_of("ops.movements").unwrap();
        let leg = &intake.catalogue.lookup("FLIGHT_MOVEMENT_UPDATE").unwrap().example;
        let document = json!({"msg": {"no": 4711, "kind": "OUT", "at": 1_777_880_040_000_i64}, "leg": leg});
        let payload = Bytes::from(document.to_string());
        let incoming = Incoming { key: None, payload: Some(&payload), headers: &[] };
        let origin = Origin { topic: source.topic.clone(), partition: 0, offset: 0 };
        let event =
            accept(&source.policy, &source.format, incoming, origin, 0).unwrap().envelope.event.unwrap();
        let found =
            (event.id.as_str(), event.r#type.as_str(), event.operator.as_str(), event.subject.as_str());
        assert_eq!(found, ("4711", "FLIGHT_MOVEMENT_UPDATE", "OPX", "FL-20318"));
    }

    #[test]
    fn names_that_the_catalogue_does_not_know_are_told_at_start() {
        let source = |topic: &str, to: &str| {
            format!(
                r#"{{"topic":"{topic}","scope":"s","format":"json","operators":["A"],
                    "mapping":{{"id":"/id","type":"/t","types":{{"X":"{to}","Y":"FLIGHT_CREATE"}}}}}}"#
            )
        };
        let sources =
            format!("ingest.sources=[{},{}]", source("a", "FLIGHT_UPDATE"), source("b", "OrderCancelled"));
        let problems = intake(&RoleArgs { set: vec![sources], ..RoleArgs::default() }).unwrap_err();
        let expected = [
            "ingest.sources[0].mapping.types.\"X\": \"FLIGHT_UPDATE\" is not in the catalogue of event types",
            "ingest.sources[1].mapping.types.\"X\": \"OrderCancelled\" is not in the catalogue of event types",
        ];
        assert_eq!(problems.0, expected);
    }
}

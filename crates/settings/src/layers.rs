//! The layers above the defaults: file, environment, flags.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use crate::error::SettingError;
use crate::hosts;

/// The prefix of every environment variable.
const PREFIX: &str = "AEROGRAM_";
/// Names the configuration file when `--config` does not.
pub(crate) const CONFIG_VARIABLE: &str = "AEROGRAM_CONFIG";

/// The environment variable of a dotted key.
pub(crate) fn env_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// One layer, already read; its values know where they came from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer(pub Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    /// Reads a TOML file.
    pub fn file(path: &Path, errors: &mut Vec<SettingError>) -> Self {
        match File::from(path).format(FileFormat::Toml).required(true).collect() {
            Ok(mut table) => {
                hosts::join_names(&mut table);
                Self(table)
            }
            Err(error) => {
                errors.push(file_error(path, &error));
                Self::default()
            }
        }
    }

    /// Takes the variables with our prefix. Every setting stands in a section, so a variable without `__` is none of
    /// ours (Kubernetes adds `AEROGRAM_API_PORT` for a service called aerogram-api), unless it is one misspelt.
    pub fn environment(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        keys: &[String],
        errors: &mut Vec<SettingError>,
    ) -> Self {
        let mut layer = Self::default();
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();
        let ours: BTreeSet<String> = keys.iter().map(|key| env_name(key)).collect();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            let rest = &name[PREFIX.len()..];
            if !rest.contains("__") && !ours.contains(name) {
                let meant = ours.iter().find(|known| known.replace("__", "_") == name);
                if let Some(meant) = meant.filter(|_| name != CONFIG_VARIABLE) {
                    let problem = "sets nothing: section and setting are separated by two underscores";
                    errors.push(variable_error(name, problem, meant));
                }
                continue;
            }
            let Some(text) = value.to_str() else {
                errors.push(variable_error(name, "its value is not UTF-8", "UTF-8 text"));
                continue;
            };
            let key = rest.to_ascii_lowercase().replace("__", ".");
            layer.set(&key, &format!("environment variable {name}"), text, errors);
        }
        hosts::join_names(&mut layer.0);
        layer
    }

    /// Takes `KEY=VALUE` flags; a later one wins.
    pub fn flags(flags: &[String], errors: &mut Vec<SettingError>) -> Self {
        Self::pairs(flags, "--set", errors)
    }

    /// Takes the defaults of one command, in the form of flags.
    pub fn own_defaults(defaults: &[String], errors: &mut Vec<SettingError>) -> Self {
        Self::pairs(defaults, "the command's default of", errors)
    }

    fn pairs(pairs: &[String], origin: &str, errors: &mut Vec<SettingError>) -> Self {
        let mut layer = Self::default();
        for flag in pairs {
            match flag.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => {
                    layer.set(key.trim(), &format!("{origin} {}", key.trim()), value, errors);
                }
                _ => errors.push(SettingError {
                    key: "--set".to_owned(),
                    origin: None,
                    problem: format!("{:?} sets nothing", flag.split('=').next().unwrap_or_default()),
                    allowed: "KEY=VALUE, such as kafka.brokers=127.0.0.1:9092".to_owned(),
                }),
            }
        }
        hosts::join_names(&mut layer.0);
        layer
    }

    /// What is set as a whole can't be set in part as well in the same layer: neither says that it goes before the other.
    fn set(&mut self, key: &str, origin: &str, text: &str, errors: &mut Vec<SettingError>) {
        let value = Value::new(Some(&origin.to_owned()), text);
        let mut path: Vec<&str> = key.split('.').collect();
        // `split` yields at least one part.
        let last = path.pop().unwrap_or_default();
        let mut table = &mut self.0;
        for part in path {
            let slot = table.entry(part.to_owned()).or_default();
            match slot.kind {
                ValueKind::Table(_) => {}
                ValueKind::Nil => {
                    *slot = Value::new(Some(&origin.to_owned()), Map::<String, Value>::new());
                }
                _ => return errors.push(twice(key, origin, slot)),
            }
            let ValueKind::Table(inner) = &mut slot.kind else { return };
            table = inner;
        }
        match table.get(last) {
            Some(parts) if matches!(parts.kind, ValueKind::Table(_)) => {
                errors.push(twice(key, origin, parts));
            }
            _ => drop(table.insert(last.to_owned(), value)),
        }
    }
}

fn twice(key: &str, origin: &str, before: &Value) -> SettingError {
    SettingError {
        key: key.to_owned(),
        origin: Some(origin.to_owned()),
        problem: format!(
            "is set here and by {}, as a whole and in part",
            before.origin().unwrap_or("another")
        ),
        allowed: "one of the two".to_owned(),
    }
}

fn variable_error(name: &str, problem: &str, allowed: &str) -> SettingError {
    SettingError {
        key: name.to_owned(),
        origin: Some("the environment".to_owned()),
        problem: problem.to_owned(),
        allowed: allowed.to_owned(),
    }
}

/// A parser's message quotes the line it failed on, which may hold a secret: only its position and reason are kept.
fn file_error(path: &Path, error: &ConfigError) -> SettingError {
    let text = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or("cannot be read").to_owned();
    let problem = match lines.next_back().filter(|line| !line.contains(" | ")) {
        Some(last) => format!("{first}: {last}"),
        None => first,
    };
    SettingError {
        key: "--config".to_owned(),
        origin: Some(path.display().to_string()),
        problem,
        allowed: format!("a readable TOML file, named by --config or {CONFIG_VARIABLE}"),
    }
}

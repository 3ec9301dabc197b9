//! What is wrong with a configuration, all of it.

use std::fmt;

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The dotted key, or what was given in its place when it could not be read as one.
    pub key: String,
    /// The file, variable or flag it came from; `None` for what is missing everywhere.
    pub origin: Option<String>,
    /// What is wrong; never holds the value of a secret.
    pub problem: String,
    /// What would be right; may be empty.
    pub allowed: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(origin) = &self.origin {
            write!(f, " (from {origin})")?;
        }
        write!(f, ": {}", self.problem)?;
        if !self.allowed.is_empty() {
            write!(f, "; allowed: {}", self.allowed)?;
        }
        Ok(())
    }
}

/// Every mistake found in one reading of the configuration; shown one per line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsErrors(pub Vec<SettingError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} error{}:", if count == 1 { "" } else { "s" })?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        write!(f, "\n--print-settings lists every key with its default and environment variable")
    }
}

//! From layers to settings.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use config::Config;

use crate::args::RoleArgs;
use crate::checks;
use crate::error::{SettingError, SettingsErrors};
use crate::layers::{CONFIG_VARIABLE, Layer};
use crate::leaf::{At, Leaf};
use crate::sections::Settings;

/// One entry of the list of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The dotted key; `[]` stands for each item of a list, `<name>` for a name of the user's choice.
    pub key: String,
    /// Its environment variable; `None` inside lists and named tables.
    pub env: Option<String>,
    /// What kind of value it takes.
    pub kind: &'static str,
    /// The default as TOML, secrets redacted; `None` when it has none.
    pub default: Option<String>,
    /// What is allowed beyond the kind.
    pub allowed: String,
    /// What it does.
    pub doc: String,
}

impl Settings {
    /// Reads the configuration of this process: defaults, file, environment, flags.
    ///
    /// # Errors
    /// All mistakes of all layers at once.
    pub fn load(args: &RoleArgs) -> Result<Self, SettingsErrors> {
        Self::load_from(args, std::env::vars_os())
    }

    /// As [`Settings::load`], with the environment given.
    ///
    /// # Errors
    /// All mistakes of all layers at once.
    pub fn load_from(
        args: &RoleArgs,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsErrors> {
        Self::load_above(&[], args, environment)
    }

    /// As [`Settings::load_from`], above defaults of the caller's own: `KEY=VALUE` each.
    ///
    /// # Errors
    /// All mistakes of all layers at once.
    pub fn load_above(
        defaults: &[String],
        args: &RoleArgs,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsErrors> {
        let environment: Vec<_> = environment.into_iter().collect();
        let named =
            environment.iter().find(|(name, _)| name == CONFIG_VARIABLE).map(|(_, file)| PathBuf::from(file));
        let mut errors = Vec::new();
        let keys: Vec<String> = Self::list().into_iter().map(|setting| setting.key).collect();
        let mut builder = Config::builder().add_source(Layer::own_defaults(defaults, &mut errors));
        if let Some(path) = args.config.clone().or(named) {
            builder = builder.add_source(Layer::file(&path, &mut errors));
        }
        builder = builder.add_source(Layer::environment(environment, &keys, &mut errors));
        builder = builder.add_source(Layer::flags(&args.set, &mut errors));
        let read = match builder.build() {
            Ok(merged) => Self::read(merged.cache, &At { key: "", allowed: "" }, &mut errors),
            Err(error) => {
                errors.push(SettingError {
                    key: "configuration".to_owned(),
                    origin: None,
                    problem: error.to_string(),
                    allowed: String::new(),
                });
                None
            }
        };
        let settings = read.unwrap_or_default();
        checks::across(&settings, &mut errors);
        if errors.is_empty() { Ok(settings) } else { Err(SettingsErrors(errors)) }
    }

    /// The effective configuration as TOML, secrets redacted.
    #[must_use]
    pub fn redacted(&self) -> String {
        let mut text = self.lines().join("\n");
        text.push('\n');
        text
    }

    /// Every setting there is, in the order of declaration.
    #[must_use]
    pub fn list() -> Vec<Setting> {
        let mut out = Vec::new();
        Self::describe("", &mut out);
        out
    }

    /// The list of settings for people.
    #[must_use]
    pub fn list_text() -> String {
        let mut text = String::new();
        for setting in Self::list() {
            let default = setting.default.as_deref().unwrap_or("none");
            // Writing to a String does not fail.
            let _ = writeln!(text, "{}\n    {}", setting.key, setting.doc);
            let _ = writeln!(text, "    default: {default}; allowed: {}", setting.allowed);
            if let Some(env) = setting.env {
                let _ = writeln!(text, "    environment: {env}");
            }
        }
        text
    }
}

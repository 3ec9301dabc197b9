//! The one home of Aerogram's configuration: every key, its default, its range and its environment variable.
//!
//! Layers, later ones win: built-in defaults, a TOML file (`--config FILE` or `AEROGRAM_CONFIG`), the environment
//! (`AEROGRAM_KAFKA__BROKERS` sets `kafka.brokers`), and `--set kafka.brokers=...`. A run reports every mistake at
//! once, each with its key, where it was written and what is allowed.

mod args;
mod checks;
mod collections;
mod declare;
mod error;
mod hosts;
mod layers;
mod leaf;
mod load;
mod ports;
mod profiles;
mod role;
mod rules;
mod sections;
#[cfg(test)]
mod tests;
mod values;

pub use args::{RoleArgs, Start};
pub use error::{SettingError, SettingsErrors};
pub use hosts::Hosts;
pub use load::Setting;
pub use ports::Ports;
pub use profiles::{HostSettings, PolicySettings, ProfileSettings};
pub use role::Role;
pub use sections::{
    ApiSettings, CatalogueSettings, CredentialsSettings, DelivererSettings, EmbeddedSettings, FanoutSettings,
    IngestSettings, KafkaSettings, MappingSettings, RedisSettings, SchedulerSettings, SealSettings, Settings,
    SourceSettings, TelemetrySettings, TopicsSettings,
};
pub use values::{LogFormat, Properties, SchemaCheck, SourceFormat, StatusMatch, Store, TypeNames};

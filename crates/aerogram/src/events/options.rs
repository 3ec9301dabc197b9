//! The command line of `aerogram events`.

use std::path::PathBuf;

use aerogram_settings::RoleArgs;
use clap::{ArgGroup, Args, Subcommand};

use crate::http::Access;

#[derive(Subcommand)]
pub enum EventsCommand {
    /// Say what would become of events, without publishing them
    Validate(ValidateArgs),
    /// Publish events to a Kafka topic or over HTTP
    Publish(PublishArgs),
}

#[derive(Args)]
#[command(after_help = "\
By default events are judged as CloudEvents in JSON, as POST /v1/events takes them, from a publisher that may speak for all
operators: whether yours may speak for those of the events is not looked at. With --source it is, by the operators of the source.

A file holds one JSON event, an array of them, or one after another (JSON lines). The findings of a schema are told in any case;
whether they lead to a rejection is what ingest.http_schema_check, or schema_check of the source, says.

Exit status: 0 all would be accepted; 1 one would be rejected, or a file cannot be read; 2 the command line or the configuration
is wrong.")]
pub struct ValidateArgs {
    /// Files of events; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Read them as records of this upstream topic of ingest.sources, with its mapping and rules
    #[arg(long, value_name = "TOPIC")]
    pub source: Option<String>,
    /// Print JSON: an array with an object for each event
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub role: RoleArgs,
}

#[derive(Args)]
#[command(group = ArgGroup::new("to").required(true).args(["topic", "http"]))]
#[command(after_help = "\
A file holds one JSON event, an array of them, or one after another (JSON lines).

To a topic they are written as CloudEvents in structured mode, with the subject as key; to a topic that ingest.sources reads as
json, as they are. They are validated first, and nothing is published if one would be rejected. Acknowledged means that
Kafka has them; with --unchecked, ingest may still reject them. Over HTTP they go in batches; what
ingest refuses is left out of its batch and told.

Exit status: 0 all are acknowledged; 1 one is not; 2 the command line or the configuration is wrong.")]
pub struct PublishArgs {
    /// Files of events; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Kafka topic to write to, at kafka.brokers
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Where ingest listens, such as http://127.0.0.1:8081; needs the token of a publisher
    #[arg(long, value_name = "URL")]
    pub http: Option<String>,
    /// Write to the topic what would be rejected as well
    #[arg(long, requires = "topic")]
    pub unchecked: bool,
    /// Print JSON: an array with an object for each event
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub role: RoleArgs,
}

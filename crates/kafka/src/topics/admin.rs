//! Asking brokers to make and describe topics.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode;

use super::TopicsError;
use super::wanted::Wanted;
use crate::client::{Clients, Context};

/// How long one request may take.
const ASK: Duration = Duration::from_secs(30);

/// Values of a topic by name.
pub(super) type Values = HashMap<String, String>;

fn client(clients: &Clients) -> Result<AdminClient<Context>, TopicsError> {
    clients
        .asking("read_committed")
        .create_with_context(Context::new("admin"))
        .map_err(|error| TopicsError::broker("making a client", error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK))
}

/// Makes the topics; one that appeared meanwhile is left as it is.
pub(super) async fn create_topics(clients: &Clients, missing: &[&Wanted]) -> Result<(), TopicsError> {
    if missing.is_empty() {
        return Ok(());
    }
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|wanted| {
            let topic =
                NewTopic::new(&wanted.name, wanted.partitions, TopicReplication::Fixed(wanted.replication));
            wanted.config.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    create(clients, &topics).await
}

/// Makes topics that are nothing special; one that exists is left as it is.
pub(super) async fn create_plain(
    clients: &Clients,
    names: &[String],
    partitions: i32,
    retention_ms: u64,
) -> Result<(), TopicsError> {
    let retention_ms = retention_ms.to_string();
    let topic = |name| NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let topics: Vec<NewTopic<'_>> =
        names.iter().map(|name| topic(name).set("retention.ms", &retention_ms)).collect();
    create(clients, &topics).await
}

async fn create(clients: &Clients, topics: &[NewTopic<'_>]) -> Result<(), TopicsError> {
    let results = client(clients)?.create_topics(topics, &options()).await;
    for result in results.map_err(|error| TopicsError::broker("creating topics", error))? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, error)) => return Err(TopicsError::broker(format!("creating {topic}"), error)),
        }
    }
    Ok(())
}

/// The properties of the topics, by topic.
pub(super) async fn configs(
    clients: &Clients,
    topics: &[&Wanted],
) -> Result<HashMap<String, Values>, TopicsError> {
    if topics.is_empty() {
        return Ok(HashMap::new());
    }
    let resources: Vec<_> = topics.iter().map(|wanted| ResourceSpecifier::Topic(&wanted.name)).collect();
    let results = client(clients)?.describe_configs(&resources, &options()).await;
    let mut configs = HashMap::new();
    for result in results.map_err(|error| TopicsError::broker("describing topics", error))? {
        let resource = result.map_err(|error| TopicsError::broker("describing a topic", error))?;
        if let OwnedResourceSpecifier::Topic(name) = resource.specifier {
            let values = resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?)));
            configs.insert(name, values.collect());
        }
    }
    Ok(configs)
}

//! The first offsets of the groups: afterwards a missing offset is always an error.

use std::time::{Duration, Instant};

use aerogram_settings::Settings;
use aerogram_wire::{Layout, Topic};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::report::GroupLine;
use super::{TopicsError, wanted};
use crate::client::{Clients, Consumer, Context, is_transient};

/// How long one question may take, and all of them for a group.
const ASK: Duration = Duration::from_secs(5);
const ASK_MAX: Duration = Duration::from_secs(30);

/// Looks which partitions of the driver topics have no committed offset, and commits 0 for them when `commit` says so.
pub(super) async fn first_offsets(
    clients: &Clients,
    settings: &Settings,
    layout: &Layout,
    commit: bool,
) -> Result<Vec<GroupLine>, TopicsError> {
    // Each waits for its group's coordinator, which takes a while; together they take as long as one.
    let looking = wanted::first_offsets(settings).into_iter().map(|(group, topic)| {
        let (clients, group, layout) = (clients.clone(), group.to_owned(), layout.clone());
        tokio::task::spawn_blocking(move || first_offset(&clients, &group, topic, &layout, commit))
    });
    let looked = futures::future::join_all(looking).await.into_iter();
    looked
        .map(|line| line.map_err(|error| TopicsError::broker("committing the first offsets", error))?)
        .collect()
}

fn first_offset(
    clients: &Clients,
    group: &str,
    topic: Topic,
    layout: &Layout,
    commit: bool,
) -> Result<GroupLine, TopicsError> {
    let name = topic.full_name(&clients.kafka().topic_prefix);
    let failed =
        |error: KafkaError| TopicsError::broker(format!("the offsets of group {group} on {name}"), error);
    let context = Context::new("first-offsets");
    context.begin_closing();
    let consumer: Consumer = clients.member(group, false).create_with_context(context).map_err(failed)?;
    let partitions = layout.partitions_of(topic);
    let missing = without_offset(&consumer, &name, partitions).map_err(failed)?;
    let mut line =
        GroupLine { group: group.to_owned(), topic: name.clone(), partitions, missing, committed: 0 };
    if !commit || line.missing.is_empty() {
        return Ok(line);
    }
    let mut list = TopicPartitionList::with_capacity(line.missing.len());
    for partition in &line.missing {
        list.add_partition_offset(&name, *partition, Offset::Offset(0)).map_err(failed)?;
    }
    match consumer.commit(&list, CommitMode::Sync) {
        Ok(()) => {}
        // Only members may commit while a group has any.
        Err(KafkaError::ConsumerCommit(
            RDKafkaErrorCode::UnknownMemberId | RDKafkaErrorCode::IllegalGeneration,
        )) => {
            let (group, topic, partitions) = (line.group, line.topic, line.missing);
            return Err(TopicsError::GroupRuns { group, topic, partitions });
        }
        Err(error) => return Err(failed(error)),
    }
    line.committed = line.missing.len();
    line.missing = without_offset(&consumer, &name, partitions).map_err(failed)?;
    Ok(line)
}

fn without_offset(consumer: &Consumer, topic: &str, partitions: i32) -> KafkaResult<Vec<i32>> {
    let begun = Instant::now();
    loop {
        let mut list = TopicPartitionList::new();
        (0..partitions).for_each(|partition| {
            list.add_partition(topic, partition);
        });
        let answer = consumer.committed_offsets(list, ASK).and_then(|answer| {
            answer.elements().iter().try_for_each(|element| element.error()).map(|()| answer)
        });
        match answer {
            Ok(answer) => {
                let committed = |p: &i32| {
                    let element = answer.find_partition(topic, *p);
                    element.is_some_and(|element| matches!(element.offset(), Offset::Offset(_)))
                };
                return Ok((0..partitions).filter(|p| !committed(p)).collect());
            }
            Err(error) if is_transient(&error) && begun.elapsed() < ASK_MAX => {
                tracing::debug!("asking for committed offsets: {error}");
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => return Err(error),
        }
    }
}

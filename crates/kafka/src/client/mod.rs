//! What all clients share: their properties, their callbacks, and the thread that serves them.

mod config;
mod context;
mod served;

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

pub(crate) use config::{Clients, record_bytes_max};
pub(crate) use context::{Context, release};
pub(crate) use served::Served;

pub(crate) type Consumer = BaseConsumer<Context>;

/// Whether asking again may help without anybody doing anything: brokers that restart, leaders that move.
pub(crate) fn is_transient(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    error.rdkafka_error_code().is_some_and(|code| {
        matches!(
            code,
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::Resolve
                | Code::OperationTimedOut
                | Code::TimedOutQueue
                | Code::RequestTimedOut
                | Code::NetworkException
                | Code::WaitingForCoordinator
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::BrokerNotAvailable
                | Code::ReplicaNotAvailable
                | Code::OffsetNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::KafkaStorageError
                | Code::UnstableOffsetCommit
                | Code::RebalanceInProgress
                | Code::NotEnoughReplicas
                | Code::NotEnoughReplicasAfterAppend
                | Code::Outdated
                | Code::Retry
        )
    })
}

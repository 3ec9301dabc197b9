//! Writing.

use std::time::Duration;

use aerogram_kafka::{Cluster, From, Item, Out, WriteError};
use aerogram_wire::Topic;
use tokio_util::sync::CancellationToken;

use crate::proxy::Proxy;
use crate::rig::{self, numbers_to_end, out, soon};

#[tokio::test]
async fn what_is_written_is_read_in_order() {
    let (_, cluster) = rig::cluster("write").await;
    let writer = cluster.writer().unwrap();
    let headers: [(&str, &[u8]); 3] = [("a", b"1"), ("a", b"2"), ("empty", b"")];
    let first = Out {
        topic: Topic::Deliveries,
        partition: 2,
        key: Some(b"k"),
        payload: Some(b"v"),
        headers: &headers,
    };
    let tombstone = Out { payload: None, headers: &[], ..first };
    assert_eq!(writer.write(first).await.unwrap().offset, 0);
    assert_eq!(writer.write(tombstone).await.unwrap().offset, 1);

    let mut reader = cluster.companions().unwrap().read(Topic::Deliveries, 2, From::Beginning).await.unwrap();
    let Item::Record(record) = soon("reading", reader.next()).await.unwrap() else { panic!("no record") };
    assert_eq!(
        (record.offset, record.key.as_deref(), record.payload.as_deref()),
        (0, Some(&b"k"[..]), Some(&b"v"[..]))
    );
    assert_eq!(record.header("a"), Some(&b"2"[..]));
    assert_eq!(record.header("empty"), Some(&b""[..]));
    assert_eq!(record.header("absent"), None);
    assert_eq!(record.headers.len(), 3);
    assert!(record.timestamp_ms > 0);
    let Item::Record(record) = soon("reading", reader.next()).await.unwrap() else { panic!("no record") };
    assert_eq!((record.offset, record.payload), (1, None));
}

#[tokio::test]
async fn a_record_that_can_never_be_written_is_a_permanent_error() {
    let (_, cluster) = rig::cluster("permanent").await;
    let writer = cluster.writer().unwrap();
    let large = vec![0; 64 * 1024 * 1024];
    let error = writer.write(out(Topic::Events, 0, &large)).await.unwrap_err();
    assert!(matches!(error, WriteError::Permanent { by_the_record: true, .. }), "{error}");
    let error = soon("the error", writer.write(out(Topic::Events, 99, b"1"))).await.unwrap_err();
    assert!(matches!(error, WriteError::Permanent { by_the_record: false, .. }), "{error}");
    writer.write(out(Topic::Events, 0, b"1")).await.unwrap();
}

#[tokio::test]
async fn an_expired_record_does_not_stop_the_writer_and_a_durable_one_waits() {
    let (mut settings, _) = rig::cluster("expire").await;
    let way = Proxy::start().await;
    settings.kafka.brokers = way.address.clone();
    settings.kafka.write_expiry_ms = 1_000;
    let cluster = Cluster::connect(&settings, &CancellationToken::new()).await.unwrap();
    let (durable, expiring) = (cluster.writer().unwrap(), cluster.expiring_writer().unwrap());
    let first = async {
        // Introducing itself to the broker may take a new producer longer than the expiry.
        while expiring.write(out(Topic::Pending, 0, b"0")).await.is_err() {}
    };
    soon("the first write", first).await;
    durable.write(out(Topic::Pending, 1, b"0")).await.unwrap();

    way.hold();
    let mut waiting = Box::pin(durable.write(out(Topic::Pending, 1, b"1")));
    for _ in 0..2 {
        let expired = soon("expiry", expiring.write(out(Topic::Pending, 0, b"9"))).await;
        assert_eq!(expired, Err(WriteError::Expired));
    }
    let waited = tokio::time::timeout(Duration::from_millis(10), &mut waiting).await;
    assert!(waited.is_err(), "the durable write ended: {waited:?}");

    way.release();
    assert_eq!(soon("the durable write", waiting).await.unwrap().offset, 1);
    soon("the next write", expiring.write(out(Topic::Pending, 0, b"1"))).await.unwrap();
    let companions = cluster.companions().unwrap();
    let mut reader = companions.read(Topic::Pending, 0, From::Beginning).await.unwrap();
    let numbers = numbers_to_end(&mut reader).await;
    // What expired may have been written nevertheless, late, but never after what came next.
    assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&1)));
    assert!(numbers.iter().filter(|number| **number == 9).count() <= 2, "{numbers:?}");
}

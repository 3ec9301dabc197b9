//! Partitions read by hand, and ends.

use aerogram_kafka::{From, Item, ReadError};
use aerogram_wire::Topic;

use crate::rig::{self, number, numbers_to_end, out, soon, write_numbers};

#[tokio::test]
async fn the_end_is_said_after_everything_and_again_after_more() {
    let (_, cluster) = rig::cluster("end").await;
    let (writer, companions) = (cluster.writer().unwrap(), cluster.companions().unwrap());
    let mut reader = companions.read(Topic::Attempts, 1, From::Beginning).await.unwrap();
    assert_eq!(numbers_to_end(&mut reader).await, Vec::<u32>::new());
    assert_eq!(reader.try_next().unwrap(), None);

    write_numbers(&writer, Topic::Attempts, 1, 0..500).await;
    soon("a wake-up", reader.ready()).await;
    let mut numbers = Vec::new();
    while numbers.len() < 500 {
        numbers.extend(number(&soon("reading", reader.next()).await.unwrap()));
    }
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    assert_eq!(numbers_to_end(&mut reader).await, Vec::<u32>::new());

    write_numbers(&writer, Topic::Attempts, 1, 500..501).await;
    assert_eq!(numbers_to_end(&mut reader).await, vec![500]);
    let ends = cluster.ends().unwrap();
    assert_eq!(ends.last_stable(Topic::Attempts, &[1, 0]).await.unwrap(), vec![501, 0]);
    assert_eq!(ends.all_last_stable(Topic::Attempts).await.unwrap(), vec![0, 501, 0]);
}

#[tokio::test]
async fn a_reader_seeks_and_another_follows_it() {
    let (_, cluster) = rig::cluster("seek").await;
    let companions = cluster.companions().unwrap();
    write_numbers(&cluster.writer().unwrap(), Topic::Pending, 0, 0..50).await;
    let mut reader = companions.read(Topic::Pending, 0, From::Offset(40)).await.unwrap();
    assert_eq!(numbers_to_end(&mut reader).await, (40..50).collect::<Vec<_>>());
    reader.seek(45).await.unwrap();
    assert_eq!(numbers_to_end(&mut reader).await, (45..50).collect::<Vec<_>>());
    reader.seek(0).await.unwrap();
    assert_eq!(number(&soon("reading", reader.next()).await.unwrap()), Some(0));

    let twice = companions.read(Topic::Pending, 0, From::Beginning).await;
    assert!(matches!(twice, Err(ReadError::Client { .. })));
    drop(reader);
    let mut again = companions.read(Topic::Pending, 0, From::Offset(48)).await.unwrap();
    assert_eq!(numbers_to_end(&mut again).await, vec![48, 49]);
    // A reader may outlive what it came from.
    drop(companions);
    write_numbers(&cluster.writer().unwrap(), Topic::Pending, 0, 50..51).await;
    assert_eq!(numbers_to_end(&mut again).await, vec![50]);
}

#[tokio::test]
async fn an_offset_that_does_not_exist_is_an_error() {
    let (_, cluster) = rig::cluster("range").await;
    write_numbers(&cluster.writer().unwrap(), Topic::Pending, 0, 0..5).await;
    let companions = cluster.companions().unwrap();
    let mut reader = companions.read(Topic::Pending, 0, From::Offset(6)).await.unwrap();
    let error = soon("the error", reader.next()).await.unwrap_err();
    assert!(matches!(error, ReadError::OffsetOutOfRange { partition: 0, offset: 6, .. }), "{error}");
    drop(reader);
    let mut reader = companions.read(Topic::Pending, 0, From::Offset(5)).await.unwrap();
    assert_eq!(numbers_to_end(&mut reader).await, Vec::<u32>::new());
}

#[tokio::test]
async fn reading_from_a_time_begins_with_the_first_record_at_or_after_it() {
    let (_, cluster) = rig::cluster("time").await;
    let (writer, companions) = (cluster.writer().unwrap(), cluster.companions().unwrap());
    let mut times_ms = Vec::new();
    let mut reader = companions.read(Topic::Attempts, 0, From::Beginning).await.unwrap();
    for number in 0..3 {
        write_numbers(&writer, Topic::Attempts, 0, number..number + 1).await;
        while times_ms.len() <= number as usize {
            if let Item::Record(record) = soon("reading", reader.next()).await.unwrap() {
                times_ms.push(record.timestamp_ms);
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    drop(reader);
    for (first, time_ms) in [(0, 0), (1, times_ms[1]), (2, times_ms[1] + 1), (3, times_ms[2] + 1)] {
        let mut reader = companions.read(Topic::Attempts, 0, From::Time(time_ms)).await.unwrap();
        assert_eq!(numbers_to_end(&mut reader).await, (first..3).collect::<Vec<_>>(), "from {time_ms}");
    }
    // With none at or after it, what is written from now on is read.
    let mut reader = companions.read(Topic::Attempts, 0, From::Time(times_ms[2] + 1)).await.unwrap();
    writer.write(out(Topic::Attempts, 0, b"3")).await.unwrap();
    while number(&soon("reading", reader.next()).await.unwrap()) != Some(3) {}
}

//! A Redis whose memory is limited: payloads give way to positions, and those to nothing.

use crate::harness::Subject;
use crate::ops::*;
use crate::server::Server;
use aerogram_domain::store::{Change, Entry, Guard, Keep, Payload, Payloads, Picked, StoreOp, StoreReply};
use bytes::Bytes;
use redis::aio::MultiplexedConnection;

const LANES: usize = 100;

fn key(n: usize) -> Bytes {
    // As those of pending: a hash of 16 bytes, run 0 of 8, seq 1 of 4.
    let hash = (n as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).swap_bytes();
    [&hash.to_be_bytes()[..], &[0; 8], &[0, 0, 0, 1]].concat().into()
}

/// As long as the id of a subscription.
fn lane(n: usize) -> Bytes {
    format!("{:036}", n % LANES).into()
}

fn parked(n: usize, payload: Payload) -> Change {
    let entry =
        Entry { due_at_ms: 1_790_000_000_000, offset: n as i64, payload, lane: Some(lane(n)), first: true };
    Change::Put { key: key(n), entry }
}

async fn used_memory(connection: &mut MultiplexedConnection) -> u64 {
    let info: String = redis::cmd("INFO").arg("memory").query_async(connection).await.unwrap();
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().trim().parse().unwrap()
}

fn payloads(reply: &StoreReply) -> Payloads {
    match reply {
        StoreReply::Applied { payloads, .. } => *payloads,
        other => panic!("{other:?}"),
    }
}

/// What a limit of memory is computed by.
#[tokio::test]
async fn a_position_takes_less_than_250_bytes() {
    const ENTRIES: usize = 100_000;
    const BATCH: usize = 250;
    let server = Server::start(&[]).await;
    let mut connection = server.connection().await;
    let subject = Subject::redis_at(&server.url()).await;
    subject.begin(vec![], 0).await;
    // The first call of a script makes Redis remember it.
    let nothing = subject.run(apply(guard(OWNER, 10), 0, 10, vec![])).await;
    assert_eq!(nothing, applied(0));
    let before = used_memory(&mut connection).await;
    for first in (0..ENTRIES).step_by(BATCH) {
        let changes = (first..first + BATCH).map(|n| parked(n, Payload::InLog { bytes: 2_048 })).collect();
        let reply = subject.run(apply(guard(OWNER, 10), 0, 10, changes)).await;
        assert!(
            matches!(reply, StoreReply::Applied { pending, .. } if pending == first + BATCH),
            "{reply:?}"
        );
    }
    let each = (used_memory(&mut connection).await - before) / ENTRIES as u64;
    println!("{each} bytes each");
    assert!(each <= 250, "{each} bytes each");
}

/// Fills a Redis of so many bytes with so many entries as the scheduler does: what the store would not keep is not sent.
async fn fill(subject: &Subject, entries: usize, keep: Keep) -> Payloads {
    const BATCH: usize = 256;
    let (mut first, mut room) = (0, u64::MAX);
    let mut last = Payloads::default();
    while first < entries {
        let batch = first..(first + BATCH).min(entries);
        let changes = batch.clone().map(|n| {
            let value = Payload::Here(vec![n as u8; 2_048].into());
            let fits = room >= 2_048;
            room = room.saturating_sub(2_048);
            parked(n, if fits { value } else { value.in_log() })
        });
        let changes = changes.collect();
        let op = apply_keeping(guard(OWNER, 10), 0, 10, changes, keep);
        last = payloads(&subject.run_whole(op).await);
        assert!(last.kept + last.in_log >= batch.end, "{last:?}");
        (first, room) = (batch.end, last.room_bytes);
    }
    last
}

#[tokio::test]
async fn above_the_mark_payloads_give_way_to_positions() {
    const ENTRIES: usize = 20_000;
    let server = Server::start(&["--maxmemory", "8mb"]).await;
    let mut connection = server.connection().await;
    let subject = Subject::redis_at(&server.url()).await;
    subject.begin(vec![], 0).await;
    let keep = Keep { high_water_percent: 50, drop_max: 512, ..KEEP };
    // At first there is room for payloads, in the end not for all positions below the mark.
    let few = fill(&subject, 500, keep).await;
    assert!(few.kept == 500 && few.room_bytes > 0, "{few:?}");
    let all = fill(&subject, ENTRIES, keep).await;
    assert_eq!((all.kept, all.in_log, all.room_bytes), (0, ENTRIES, 0));
    let used = used_memory(&mut connection).await;
    assert!(used < 8 << 20, "{used} bytes used");
    // Everything is there, in order, with its position.
    let under = under(guard(OWNER, 10), 5);
    let wants = (0..LANES).map(|n| (lane(n), ENTRIES)).collect();
    let StoreReply::Parked(found) =
        subject.run(StoreOp::PickParked { under, wants, bytes_max: usize::MAX }).await
    else {
        panic!()
    };
    let expected = (0..LANES).flat_map(|lane| {
        // Since the same time, so the lowest key is first.
        let mut keys: Vec<_> = (lane..ENTRIES).step_by(LANES).map(|n| (key(n), n)).collect();
        keys.sort_unstable();
        keys
    });
    let expected = expected.map(|(key, n)| match parked(n, Payload::InLog { bytes: 2_048 }) {
        Change::Put { entry, .. } => Picked { key, entry },
        Change::Remove { .. } => panic!(),
    });
    assert!(found.into_iter().eq(expected));
}

#[tokio::test]
async fn a_lower_limit_lets_go_of_a_few_at_a_time() {
    crate::harness::on_both(async |subject: &mut Subject| {
        let changes = (0..10).map(|n| parked(n, Payload::Here(Bytes::from_static(b"12345")))).collect();
        subject.begin(changes, 10).await;
        let places = |kept, in_log, room_bytes| Payloads { kept, in_log, room_bytes };
        let lower = async |bytes_max| {
            let keep = Keep { bytes_max, drop_max: 4, ..KEEP };
            payloads(&subject.run_whole(apply_keeping(guard(OWNER, 10), 0, 10, vec![], keep)).await)
        };
        assert_eq!(lower(60).await, places(10, 0, 10));
        assert_eq!(lower(42).await, places(8, 2, 2));
        assert_eq!(lower(7).await, places(4, 6, 0));
        assert_eq!(lower(7).await, places(1, 9, 2));
        assert_eq!(lower(60).await, places(1, 9, 55), "what was let go of does not come back");
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_does_not_tell_its_memory_keeps_what_the_other_limit_allows() {
    let server = Server::start(&["--maxmemory", "100mb"]).await;
    let mut admin = server.connection().await;
    redis::cmd("ACL")
        .arg(&["SETUSER", "roller", "on", ">hunter2", "~*", "+@all", "-info"])
        .exec_async(&mut admin)
        .await
        .unwrap();
    let subject = Subject::redis_at(&format!("redis://roller:hunter2@127.0.0.1:{}", server.port)).await;
    subject.begin(vec![put("a", 1, "va"), put("b", 1, "vb")], 2).await;
    let keep = Keep { bytes_max: 5, ..KEEP };
    let op = apply_keeping(guard(OWNER, 10), 5, 11, vec![put("c", 1, "vc")], keep);
    let told = payloads(&subject.run_whole(op).await);
    assert_eq!(told, Payloads { kept: 2, in_log: 1, room_bytes: 1 });
}

#[tokio::test]
async fn a_full_redis_has_room_for_positions_while_there_are_payloads_and_then_can_be_emptied() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let subject = Subject::redis_at(&server.url()).await;
    let due = vec![put("a", 1, "va"), put("b", 2, "vb"), put("h", 9, "vh")];
    let waiting = vec![park("p", 1, "vp", "lane"), park("q", 2, "vq", "lane"), park("r", 3, "vr", "lane")];
    subject.begin([due, waiting].concat(), 6).await;
    server.set_config("maxmemory", "1").await;
    // The payloads make room.
    let told = payloads(&subject.run_whole(apply(guard(OWNER, 10), 5, 11, vec![put("s", 9, "vs")])).await);
    assert_eq!(told, Payloads { kept: 0, in_log: 7, room_bytes: 0 });
    let guarded = |applied| -> Guard { guard(OWNER, applied) };
    let changes = vec![put("c", 3, "vc"), remove("a")];
    assert_eq!(subject.run(apply(guarded(11), 5, 12, changes.clone())).await, StoreReply::Full);
    // One that replaces is new, too.
    for change in [put("a", 1, "vc"), park("p", 1, "vp", "lane"), park("a", 1, "va", "lane")] {
        assert_eq!(subject.run(apply(guarded(11), 5, 12, vec![change])).await, StoreReply::Full);
    }
    // All that leads to tombstones, and these themselves, goes on.
    assert_eq!(subject.run(take_over(OWNER, 0)).await, taken_over_with(11, 0, &[("lane", 3)], &[]));
    let lean = |reply| match reply {
        StoreReply::Picked(all) => StoreReply::Picked(all.into_iter().map(without_payload).collect()),
        StoreReply::Parked(all) => StoreReply::Parked(all.into_iter().map(without_payload).collect()),
        other => other,
    };
    let first = lean(crate::ops::parked(&[("p", 1, "vp", "lane")]));
    assert_eq!(subject.run(pick_parked(guarded(11), 5, &[("lane", 1)])).await, first);
    let mark = mark_fired_by(guarded(11), 5, &[("p", "lane")]);
    assert_eq!(subject.run(mark).await, marked(&[("lane", 2)]));
    assert_eq!(subject.run(mark_fired(guarded(11), 5, &["unknown"])).await, marked(&[]));
    assert_eq!(subject.run(hold(guarded(11), 5, &[("h", "new lane")])).await, held(&[("new lane", 1)]));
    let due = lean(picked(&[("a", 1, "va"), ("b", 2, "vb")]));
    assert_eq!(subject.run(pick(guarded(11), 5, 10)).await, due);
    assert_eq!(subject.run(mark_fired(guarded(11), 5, &["b"])).await, marked(&[]));
    // Without changes: the position was seen to be the log's end.
    assert_eq!(subject.run(apply(guarded(11), 5, 11, vec![])).await, applied(7));
    let tombstones = vec![remove("b"), remove("h"), remove("p"), remove("q"), remove("r"), remove("s")];
    let lanes = [("lane", 0), ("new lane", 0)];
    assert_eq!(subject.run(apply(guarded(11), 5, 12, tombstones)).await, applied_in(1, &lanes));
    server.set_config("maxmemory", "0").await;
    assert_eq!(subject.run(apply(guarded(12), 5, 14, changes)).await, applied(1));
    assert_eq!(subject.run(pick(guarded(14), 5, 10)).await, picked(&[("c", 3, "vc")]));
}

fn without_payload(picked: Picked) -> Picked {
    Picked { entry: in_log(picked.entry), ..picked }
}

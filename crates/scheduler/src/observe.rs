//! What the metrics, the log and `/readyz` are told of a partition.

use aerogram_domain::scheduler::{Backlog, Room};
use aerogram_telemetry::{Condition, Health, names};
use metrics::gauge;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What one partition adds to the gauges, which are sums over the partitions of the process.
pub struct Shown {
    partition: i32,
    /// `None`: nothing yet.
    backlog: Option<Backlog>,
    rooms: Arc<Rooms>,
}

impl Shown {
    pub fn new(partition: i32, rooms: Arc<Rooms>) -> Self {
        Self { partition, backlog: None, rooms }
    }

    pub fn set(&mut self, backlog: Backlog) {
        let before = self.backlog.replace(backlog);
        self.count(before.unwrap_or_default(), backlog);
        let room = before.map(|before| before.room);
        if room != Some(backlog.room) {
            room.into_iter().for_each(|room| partitions(room, -1.0));
            partitions(backlog.room, 1.0);
            self.say(room.unwrap_or_default(), backlog.room);
            self.rooms.set(self.partition, Some(backlog.room));
        }
    }

    fn count(&self, before: Backlog, now: Backlog) {
        let by = |now: usize, before: usize| now as f64 - before as f64;
        gauge!(names::PENDING, "state" => "waiting").increment(by(now.entries, before.entries));
        gauge!(names::PENDING_PAYLOADS, "where" => "store").increment(by(now.kept, before.kept));
        gauge!(names::PENDING_PAYLOADS, "where" => "log").increment(by(now.in_log, before.in_log));
        gauge!(names::LANES, "state" => "paced").increment(by(now.paced, before.paced));
        gauge!(names::LANES, "state" => "shut").increment(by(now.shut, before.shut));
    }

    fn say(&self, before: Room, now: Room) {
        let partition = self.partition;
        match (before, now) {
            // The store itself says when it does not answer, and when it does again.
            (_, Room::Away) | (Room::Away, Room::Enough) | (Room::Enough, Room::Enough) => {}
            (_, Room::Full) => tracing::error!(
                partition,
                "the store has no room, not even for positions: nothing new of pending is taken in, and soon nothing is fired. \
                 Nothing is lost; raise Redis' maxmemory, or take out of it what else fills it"
            ),
            (Room::Full, _) => tracing::info!(partition, "the store has room again; pending is read on"),
            (_, Room::Positions) => tracing::info!(
                partition,
                "the store keeps no more payloads; those of what waits are read back from pending when it is due"
            ),
            (_, Room::Enough) => {
                tracing::info!(partition, "every payload of what waits is in the store again");
            }
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(backlog) = self.backlog.take() {
            self.count(backlog, Backlog::default());
            partitions(backlog.room, -1.0);
        }
        self.rooms.set(self.partition, None);
    }
}

fn partitions(room: Room, by: f64) {
    let state = match room {
        Room::Enough => "enough",
        Room::Positions => "positions",
        Room::Full => "full",
        Room::Away => "away",
    };
    gauge!(names::STORE_PARTITIONS, "state" => state).increment(by);
}

/// How the stores of all partitions of the process are doing, for `/readyz`. A store that has grown too small is told
/// and takes nobody out of service: another instance would find no more room.
pub struct Rooms {
    condition: Condition,
    rooms: Mutex<BTreeMap<i32, Room>>,
}

impl Rooms {
    pub fn new(health: &Health) -> Self {
        let condition = health.notice("store has room");
        condition.set(true, "every payload is kept");
        Self { condition, rooms: Mutex::default() }
    }

    fn set(&self, partition: i32, room: Option<Room>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        match room {
            Some(room) => rooms.insert(partition, room),
            None => rooms.remove(&partition),
        };
        let of = |wanted| {
            let found = rooms.iter().filter(move |(_, room)| **room == wanted).map(|(p, _)| p.to_string());
            found.collect::<Vec<_>>().join(", ")
        };
        let (full, positions) = (of(Room::Full), of(Room::Positions));
        let text = match (full.is_empty(), positions.is_empty()) {
            (true, true) => "every payload is kept".to_owned(),
            (true, false) => format!("some payloads are only in the log, of partitions {positions}"),
            (false, _) => format!("no room for what waits, of partitions {full}: raise Redis' maxmemory"),
        };
        self.condition.set(full.is_empty(), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_is_told_until_its_partition_has_room_or_goes() {
        let health = Health::new();
        let rooms = Arc::new(Rooms::new(&health));
        let mut shown = [3, 5].map(|partition| Shown::new(partition, rooms.clone()));
        let told = || health.report()["conditions"][0].clone();
        let backlog = |room| Backlog { room, ..Backlog::default() };
        shown[0].set(backlog(Room::Full));
        shown[1].set(backlog(Room::Full));
        let condition = told();
        assert_eq!((&condition["ok"], &condition["required"]), (&false.into(), &false.into()));
        assert!(condition["text"].as_str().is_some_and(|text| text.contains("3, 5")), "{condition}");
        shown[0].set(backlog(Room::Positions));
        assert!(told()["text"].as_str().is_some_and(|text| text.contains("of partitions 5")));
        let [first, second] = shown;
        drop(second);
        assert_eq!(told()["ok"], true);
        assert!(told()["text"].as_str().is_some_and(|text| text.contains("of partitions 3")));
        drop(first);
        assert_eq!(told()["text"], "every payload is kept");
    }
}

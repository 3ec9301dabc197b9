//! Deliveries that were given up: a row a run. What is shown of one in full is read back from Kafka by its position.

mod apply;
mod cap;
mod query;
mod row;

pub use apply::{Open, drop_before, insert, open, resolve};
pub use cap::Cap;
pub use query::{Cursor, NoCursor, Page, Query, count, count_open, find, list};
pub use row::Row;

/// `states` counts the rows, so that neither the cap nor the metrics have to. An index ends with the primary key, if nothing else, and
/// so all of them are in the order of the list; by subscription the open ones are counted in it alone.
pub const TABLES: &str = "
CREATE TABLE escalations (
    delivery_id BLOB NOT NULL,
    run INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    escalated_at_ms INTEGER NOT NULL,
    partner TEXT NOT NULL,
    operator TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    environment TEXT NOT NULL,
    reason INTEGER NOT NULL,
    last_outcome INTEGER,
    last_status INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    ours INTEGER NOT NULL,
    state INTEGER NOT NULL,
    resolution_kind INTEGER NOT NULL,
    resolved_by TEXT NOT NULL,
    resolved_at_ms INTEGER NOT NULL,
    why TEXT NOT NULL,
    new_run INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX escalations_by_time ON escalations (escalated_at_ms);
CREATE INDEX escalations_by_state ON escalations (state, escalated_at_ms);
CREATE INDEX escalations_by_owner ON escalations (partner, operator, escalated_at_ms);
CREATE INDEX escalations_by_owner_and_state ON escalations (partner, operator, state, escalated_at_ms);
CREATE INDEX escalations_by_subscription ON escalations (subscription_id, escalated_at_ms, delivery_id, run, state);
CREATE INDEX escalations_by_place ON escalations (partition, offset);
CREATE TABLE escalation_states (
    state INTEGER NOT NULL,
    ours INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (state, ours)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER escalations_inserted AFTER INSERT ON escalations BEGIN
    INSERT INTO escalation_states VALUES (new.state, new.ours, 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER escalations_deleted AFTER DELETE ON escalations BEGIN
    UPDATE escalation_states SET rows = rows - 1 WHERE state = old.state AND ours = old.ours;
END;
CREATE TRIGGER escalations_updated AFTER UPDATE OF state ON escalations BEGIN
    UPDATE escalation_states SET rows = rows - 1 WHERE state = old.state AND ours = old.ours;
    INSERT INTO escalation_states VALUES (new.state, new.ours, 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
";

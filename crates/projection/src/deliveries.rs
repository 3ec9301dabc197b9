//! History: a row a run of a delivery, with what became of it.
//!
//! A run of which only lines were read has no owner (0), and no list shows it.

mod apply;
mod drop;
mod find;
mod hours;
mod issued;
mod kept;
mod last;
mod names;
mod overview;
mod place;
mod query;
mod reach;
mod row;
mod runs;
mod span;
mod stretches;
mod tries;
mod without;

use aerogram_wire::Topic;

pub use apply::Changes;
pub use drop::{drop_old, drop_oldest, drop_torn};
pub use hours::{TABLES as HOURS, drop_old as drop_old_hours, forget as forget_hours};
pub use issued::{About, Issued};
pub use kept::code;
pub use last::{LastDelivery, LastQuery};
pub use names::Names;
pub use overview::{Overview, OverviewQuery, Waiting};
pub use place::DeliveryCursor;
pub use query::{Counted, DeliveryPage, DeliveryQuery, count, find, page};
pub use reach::{begin_generations, followed, generation, make_anew, since_ms, untold, untold_until_ms};
pub use row::DeliveryRow;
pub use runs::runs_of;

/// Topics that the runs are made of.
pub const TOPICS: [Topic; 3] = [Topic::Deliveries, Topic::Attempts, Topic::Pending];

/// What repeats is written once. The indexes of lists begin with what a list is of and the status, so that each of them is read
/// in its order whatever is asked for; what follows the tie is only looked at. Those of subjects and ids are searched without
/// regard to case, so that who wants one exactly has to say so twice. `tries` and `last_outcome` say of `attempts` what is asked
/// for; -1: none was made.
pub const TABLES: &str = "
CREATE TABLE owners (
    id INTEGER PRIMARY KEY,
    partner TEXT NOT NULL,
    operator TEXT NOT NULL,
    UNIQUE (partner, operator)
) STRICT;
CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    owner INTEGER NOT NULL,
    UNIQUE (name, owner)
) STRICT;
CREATE TABLE kinds (
    id INTEGER PRIMARY KEY,
    event_type TEXT NOT NULL,
    owner INTEGER NOT NULL,
    environment TEXT NOT NULL,
    UNIQUE (event_type, owner, environment)
) STRICT;
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    delivery_id BLOB NOT NULL,
    run INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    subscription INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    status INTEGER NOT NULL,
    issued_at_ms INTEGER NOT NULL,
    tie INTEGER NOT NULL,
    event_id TEXT,
    subject TEXT,
    event_partition INTEGER NOT NULL,
    event_offset INTEGER NOT NULL,
    once INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    settled INTEGER,
    failed BLOB,
    attempts BLOB,
    attempts_made INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    last_outcome INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    UNIQUE (delivery_id, run)
) STRICT;
CREATE INDEX deliveries_by_owner ON deliveries (owner, status, issued_at_ms, tie, tries, last_outcome);
CREATE INDEX deliveries_by_subscription ON deliveries (subscription, status, issued_at_ms, tie, kind, tries, last_outcome);
CREATE INDEX deliveries_by_kind ON deliveries (kind, status, issued_at_ms, tie, tries, last_outcome);
CREATE INDEX deliveries_by_subject ON deliveries (subject COLLATE NOCASE, owner, status, issued_at_ms, tie) WHERE subject IS NOT NULL;
CREATE INDEX deliveries_by_event ON deliveries (event_id COLLATE NOCASE) WHERE event_id IS NOT NULL;
CREATE TABLE reach (
    whole_since_ms INTEGER NOT NULL,
    untold_until_ms INTEGER NOT NULL,
    followed_ms INTEGER NOT NULL,
    left_ms INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    is_swept INTEGER NOT NULL
) STRICT;
INSERT INTO reach VALUES (0, 0, 0, 0, 0, 1);
";

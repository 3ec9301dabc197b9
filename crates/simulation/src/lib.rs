//! The seeded world: the real decision code of deliverer and scheduler over modelled logs, groups, store, receivers and
//! clocks, in one thread under one seed, with crashes between any two actions. One function a step, and no sleeping.
//!
//! After the faults stop, everything that was emitted must end, and nothing may be left over anywhere; what must hold
//! meanwhile is asserted in [`oracle`]. A violation names seed and step; the same seed replays it.

mod command_handler;
mod consumer;
mod customers;
mod deliverer_process;
mod fanout;
mod faults;
mod group;
mod history;
mod kafka;
mod leases;
mod limits;
mod logs;
mod machine;
mod oracle;
mod people;
mod producer;
mod receivers;
mod redis;
mod reference;
mod repairs;
mod scheduler_process;
mod surroundings;
mod table;
mod witness;
mod world;

pub use world::{Stats, Violation, run};

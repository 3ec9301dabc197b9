//! What goes wrong: one thing at a time, at any step.

use crate::limits::{NIGHT_MS, PARTITIONS, RETENTION_MS};
use crate::world::World;

impl World {
    pub(crate) fn fault(&mut self) {
        let world = &mut self.surroundings;
        match world.rng.u32(..100) {
            0..10 => self.crash_one(),
            10..28 => {
                let world = &mut self.surroundings;
                let index = world.rng.usize(..self.deliverers.len() + self.schedulers.len());
                let machine = self.machine(index);
                if !machine.alive {
                    self.restart(index);
                }
            }
            28..34 => self.one_machine().cut_off = true,
            34..46 => self.one_machine().cut_off = false,
            46..52 => self.one_machine().paused = true,
            52..64 => self.one_machine().paused = false,
            64..72 => self.revoke_one(),
            72..76 => {
                let index = world.rng.usize(..self.deliverers.len());
                self.deliverers[index].rebalance();
            }
            76..80 => {
                world.trace(|| "REDIS is wiped".into());
                world.redis.wipe();
                world.leases.wipe();
            }
            80..85 => {
                world.redis.snapshot();
                world.leases.snapshot();
            }
            85..89 => {
                world.trace(|| "REDIS is rolled back".into());
                world.redis.roll_back(&mut world.rng);
                world.leases.roll_back();
            }
            89..92 => world.redis.down = true,
            92..97 => world.redis.down = false,
            _ => world.redis.straggle(),
        }
        let world = &mut self.surroundings;
        if world.rng.u32(..20) == 0 {
            world.trace(|| "REDIS has more or less room".into());
            world.redis.squeeze(&mut world.rng);
        }
        if world.rng.u32(..60) == 0 {
            // Nothing happens anywhere for a while, but that the brokers carry out what they have.
            world.append_all_late();
            let night = world.rng.u32(..8) == 0;
            world.now_ms += if night { NIGHT_MS } else { world.rng.i64(0..RETENTION_MS) };
            world.trace(|| "TIME passes".into());
        }
    }

    fn one_machine(&mut self) -> &mut crate::machine::Machine {
        let index = self.surroundings.rng.usize(..self.deliverers.len() + self.schedulers.len());
        self.machine(index)
    }

    fn crash_one(&mut self) {
        let index = self.surroundings.rng.usize(..self.deliverers.len() + self.schedulers.len());
        if self.machine(index).alive {
            match index.checked_sub(self.deliverers.len()) {
                None => self.deliverers[index].crash(&mut self.surroundings),
                Some(index) => self.schedulers[index].crash(&mut self.surroundings),
            }
        }
    }

    /// The group moves a partition while its owner is well.
    fn revoke_one(&mut self) {
        let world = &mut self.surroundings;
        let p = world.rng.usize(..PARTITIONS);
        if world.rng.bool() {
            let Some(owner) = world.kafka.deliverers.owner(p) else { return };
            let process = &mut self.deliverers[owner.process];
            if process.machine.reaches_kafka() && process.machine.member() == owner {
                process.revoke(world, p);
            }
        } else {
            let Some(owner) = world.kafka.schedulers.owner(p) else { return };
            let process = &mut self.schedulers[owner.process];
            if process.machine.reaches_kafka() && process.machine.member() == owner {
                process.revoke(world, p);
            }
        }
    }
}

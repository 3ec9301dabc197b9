//! The limits of a scheduler.

/// Limits of one partition.
#[derive(Clone, Debug)]
pub struct Config {
    /// How often due entries are looked for.
    pub tick_ms: i64,
    /// Fired records without an acknowledgement, at most.
    pub fire_batch_max: usize,
    /// Keys and values taken from the store at once, at most, unless one entry alone has more.
    pub fire_bytes_max: usize,
    /// X of the protocol: nothing fires when the position was last seen at the log's end longer ago.
    pub staleness_max_ms: i64,
    /// Half of `delete.retention.ms`: an older position counts as wiped.
    pub age_max_ms: i64,
    /// Changes in one store operation, at most.
    pub apply_batch_max: usize,
    /// Their bytes, at most, unless one alone has more: an operation has to fit into the store's time limit.
    pub apply_bytes_max: usize,
    /// Payloads that the store keeps of the partition, in bytes at most; below 2^53.
    pub payload_bytes_max: u64,
    /// How much of Redis' maxmemory may be used while payloads are kept there.
    pub high_water_percent: u32,
    /// Payloads that the store lets go of in one operation when it is above these marks, at most.
    pub drop_batch_max: usize,
    /// Records read and not applied, at most.
    pub buffer_max: usize,
    /// Their bytes; reading stops when it is reached.
    pub buffer_bytes_max: usize,
    /// How often the log's end is asked for.
    pub probe_interval_ms: i64,
    /// Wait before a store that did not answer is asked again.
    pub store_retry_ms: i64,
    /// Outstanding by credit of one subscription at most, unless its entries say another number.
    pub window_default: usize,
    /// Wait before the second probe of a receiver that fails; each one after waits twice as long.
    pub probe_wait_min_ms: i64,
    /// Up to this.
    pub probe_wait_max_ms: i64,
    /// How long after its tombstone an entry may be written again: H of the protocol.
    pub rewrite_max_ms: i64,
    /// Tombstones remembered for that, at most; beyond, nothing is taken for certainly not fired for so long.
    pub graves_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tick_ms: 50,
            fire_batch_max: 256,
            fire_bytes_max: 4 << 20,
            staleness_max_ms: 60_000,
            age_max_ms: 43_200_000,
            apply_batch_max: 256,
            apply_bytes_max: 4 << 20,
            payload_bytes_max: 1 << 30,
            high_water_percent: 50,
            drop_batch_max: 512,
            buffer_max: 2_048,
            buffer_bytes_max: 16 << 20,
            probe_interval_ms: 1_000,
            store_retry_ms: 500,
            window_default: 16,
            probe_wait_min_ms: 1_000,
            probe_wait_max_ms: 30_000,
            rewrite_max_ms: 120_000,
            graves_max: 100_000,
        }
    }
}

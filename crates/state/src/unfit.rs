//! Why a store can't be relied on.

/// Why a store can't be relied on, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreUnfit {
    /// `redis.url` names no Redis. The url itself is not repeated, for it may hold a password.
    #[error("redis.url cannot be used ({reason}): write it as redis://[USER:PASSWORD@]HOST:PORT[/DB]")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// No answer, or a refusal; asking again may help.
    #[error(
        "Redis at {address} gives no usable answer ({reason}): see that it runs and that redis.url and \
         redis.command_timeout_ms are right"
    )]
    Unreachable {
        /// Host and port.
        address: String,
        /// What happened.
        reason: String,
    },
    /// It drops keys when its memory is full, so waiting retries would vanish.
    #[error(
        "Redis at {address} has maxmemory-policy {policy}, which deletes waiting retries when its memory is full; \
         only noeviction is accepted: run `redis-cli CONFIG SET maxmemory-policy noeviction` and put \
         `maxmemory-policy noeviction` into redis.conf, or set it in the parameters of a managed Redis"
    )]
    Evicts {
        /// Host and port.
        address: String,
        /// The policy it has.
        policy: String,
    },
    /// Neither CONFIG GET nor INFO tells what happens when its memory is full; asking again helps once one may be used.
    #[error(
        "Redis at {address} does not tell its maxmemory-policy ({reason}), which must be noeviction: let the user of \
         redis.url run INFO, such as by `redis-cli ACL SETUSER <user> +info`"
    )]
    PolicyHidden {
        /// Host and port.
        address: String,
        /// What it answered instead.
        reason: String,
    },
}

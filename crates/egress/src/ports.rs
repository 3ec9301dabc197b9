//! Which ports may be called.

use aerogram_settings::Ports;

/// Ports above 1023 at which something else than HTTPS listens, by common use. A range in `deliverer.allowed_ports` leaves
/// them out, so that nobody makes us knock at databases and brokers. docs/egress.md shows them. None is in what Linux gives
/// to outgoing connections (32768 to 60999).
pub(crate) const NOT_HTTPS: [(Ports, &str); 25] = [
    (Ports::range(1433, 1434), "Microsoft SQL Server"),
    (Ports::one(1521), "Oracle Database"),
    (Ports::one(2049), "NFS"),
    (Ports::one(2181), "ZooKeeper"),
    (Ports::range(2375, 2377), "Docker"),
    (Ports::range(2379, 2380), "etcd"),
    (Ports::one(3306), "MySQL"),
    (Ports::one(3389), "Remote Desktop"),
    (Ports::one(4222), "NATS"),
    (Ports::range(5060, 5061), "SIP"),
    (Ports::one(5432), "PostgreSQL"),
    (Ports::range(5671, 5672), "AMQP"),
    (Ports::range(5900, 5909), "VNC"),
    (Ports::range(5985, 5986), "Windows Remote Management"),
    (Ports::range(6000, 6063), "X11"),
    (Ports::range(6379, 6380), "Redis"),
    (Ports::range(6665, 6669), "IRC"),
    (Ports::one(6697), "IRC"),
    (Ports::one(9042), "Cassandra"),
    (Ports::range(9092, 9094), "Kafka"),
    (Ports::one(9300), "Elasticsearch nodes"),
    (Ports::range(10_250, 10_259), "Kubernetes nodes"),
    (Ports::one(11_211), "memcached"),
    (Ports::one(26_379), "Redis Sentinel"),
    (Ports::range(27_017, 27_019), "MongoDB"),
];

/// A port that may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPort {
    /// It is in no entry.
    #[error("port {0} is not allowed; deliverer.allowed_ports lists those that are")]
    NotListed(u16),
    /// It is in a range only, and known for something else.
    #[error(
        "port {port} is known for {service}, not for HTTPS; listed by itself in deliverer.allowed_ports it is allowed"
    )]
    NotHttps {
        /// The port.
        port: u16,
        /// What listens there.
        service: &'static str,
    },
}

/// `deliverer.allowed_ports`.
#[derive(Debug, Clone)]
pub struct PortGuard {
    allowed: Vec<Ports>,
}

impl PortGuard {
    /// Allows these.
    #[must_use]
    pub fn new(allowed: Vec<Ports>) -> Self {
        Self { allowed }
    }

    /// What ranges leave out, for documentation.
    pub fn left_out() -> impl Iterator<Item = (Ports, &'static str)> {
        NOT_HTTPS.into_iter()
    }

    /// Whether this port may be called.
    ///
    /// # Errors
    /// When it is not listed, or in a range only and known for something else.
    pub fn check(&self, port: u16) -> Result<(), RefusedPort> {
        let mut entries = self.allowed.iter().filter(|ports| ports.contains(port)).peekable();
        if entries.peek().is_none() {
            return Err(RefusedPort::NotListed(port));
        }
        let known = NOT_HTTPS.iter().find(|(ports, _)| ports.contains(port));
        match known {
            Some((_, service)) if !entries.any(|ports| ports.is_one()) => {
                Err(RefusedPort::NotHttps { port, service })
            }
            _ => Ok(()),
        }
    }
}

//! How a run stands, in the words that people see.

use aerogram_wire::v1::LineKind;

/// How a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub enum Status {
    /// No attempt was made yet.
    #[default]
    Pending,
    /// An attempt failed and there will be another one.
    Retrying,
    /// It waits until its receiver takes what it is sent.
    Parked,
    Delivered,
    /// Given up, for people.
    Escalated,
    /// Its subscription was deleted or is not active.
    Cancelled,
    /// A newer state of its subject was sent instead.
    Superseded,
    /// Too late to matter.
    Expired,
}

impl Status {
    pub const ALL: [Status; 8] = [
        Status::Pending,
        Status::Retrying,
        Status::Parked,
        Status::Delivered,
        Status::Escalated,
        Status::Cancelled,
        Status::Superseded,
        Status::Expired,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Status::Pending => "PENDING",
            Status::Retrying => "RETRYING",
            Status::Parked => "PARKED",
            Status::Delivered => "DELIVERED",
            Status::Escalated => "ESCALATED",
            Status::Cancelled => "CANCELLED",
            Status::Superseded => "SUPERSEDED",
            Status::Expired => "EXPIRED",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Nothing more will happen to the run.
    pub const fn is_final(self) -> bool {
        !matches!(self, Status::Pending | Status::Retrying | Status::Parked)
    }

    /// How a run stands that a line of this kind ended; `None`: it ends none.
    pub const fn ended_by(kind: LineKind) -> Option<Self> {
        match kind {
            LineKind::Delivered => Some(Status::Delivered),
            LineKind::Escalated => Some(Status::Escalated),
            LineKind::Cancelled => Some(Status::Cancelled),
            LineKind::Superseded => Some(Status::Superseded),
            LineKind::Expired => Some(Status::Expired),
            LineKind::Failed | LineKind::Retry | LineKind::Parked | LineKind::Unspecified => None,
        }
    }
}

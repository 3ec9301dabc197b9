//! What was rejected, and why.

use aerogram_domain::time::iso_millis;
use aerogram_projection::RejectedName;
use aerogram_wire::v1::Rejected;

use super::view::{OriginView, Rejection};
use super::{Api, EVENTS_MAX};
use crate::history::NotRead;
use crate::records;

/// Of the topic `rejected`.
const PARTITION: i32 = 0;
/// Errors of one that are told.
const ERRORS_MAX: usize = 20;

impl Api {
    /// Read back one by one; what can't be is told without its errors.
    pub(super) async fn rejections(&self, names: &[RejectedName]) -> Vec<Rejection> {
        let mut rejections = Vec::new();
        let mut readable = true;
        for name in names.iter().take(EVENTS_MAX) {
            let record = match readable {
                true => self.rejected(name.offset).await,
                false => Err(NotRead::Late),
            };
            // What is gone is gone at once; the others would be waited for in vain as well.
            readable &= matches!(record, Ok(_) | Err(NotRead::Gone));
            let record = record.unwrap_or_default();
            rejections.push(Rejection {
                offset: name.offset,
                scope: name.scope.clone(),
                reason: name.reason.clone(),
                errors: record.errors.into_iter().take(ERRORS_MAX).collect(),
                rejected_at_date_time: iso_millis(name.rejected_at_ms),
                accepted_later: name.settled,
                origin: record.origin.as_ref().map(OriginView::of),
            });
        }
        rejections
    }

    async fn rejected(&self, offset: i64) -> Result<Rejected, NotRead> {
        let record = self.history.rejected.record(PARTITION, offset).await?;
        Ok(records::rejected(PARTITION, &record)?)
    }
}

//! What former owners of a partition left: the receipts of events that are not committed.

use aerogram_domain::fanout::{CommitMetadata, FoldStart, ReceiptFold};
use aerogram_kafka::{Committed, Companions, Failure, From, Item, ReadError, Unreadable};
use aerogram_wire::{Topic, v1::Receipt};
use prost::Message as _;

/// Folds `matches` of the partition, from where the commit says, to its end.
///
/// # Errors
/// It cannot be read, or a record of it.
pub async fn receipts(
    companions: &Companions,
    partition: i32,
    committed: &Committed,
) -> Result<(ReceiptFold, FoldStart), Failure> {
    let Some(CommitMetadata { fold_from }) = CommitMetadata::decode(&committed.metadata) else {
        return fold(companions, partition, committed.offset, From::Beginning).await;
    };
    match fold(companions, partition, committed.offset, From::Offset(fold_from)).await {
        // Retention may have taken receipts up to here. What is left is all there is to know: a missing receipt makes an
        // event be matched again, with the same delivery ids.
        Err(failure) if matches!(failure.downcast_ref(), Some(ReadError::OffsetOutOfRange { .. })) => {
            tracing::warn!(
                partition,
                fold_from,
                "matches no longer has this offset; folding it from its beginning"
            );
            fold(companions, partition, committed.offset, From::Beginning).await
        }
        folded => folded,
    }
}

async fn fold(
    companions: &Companions,
    partition: i32,
    committed: i64,
    from: From,
) -> Result<(ReceiptFold, FoldStart), Failure> {
    let mut receipts = ReceiptFold::new(committed);
    let mut end = match from {
        From::Offset(offset) => offset,
        From::Beginning | From::Time(_) => 0,
    };
    let mut reader = companions.read(Topic::Matches, partition, from).await?;
    while let Item::Record(record) = reader.next().await? {
        let receipt = Receipt::decode(record.payload.unwrap_or_default()).map_err(|error| Unreadable {
            topic: Topic::Matches.name().to_owned(),
            partition,
            offset: record.offset,
            problem: error.to_string(),
        })?;
        receipts.apply(record.offset, &receipt);
        end = record.offset + 1;
    }
    tracing::debug!(partition, committed, receipts = receipts.len(), "receipts of former owners folded");
    Ok((receipts, FoldStart::new(end)))
}

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kfake writes a batch into its segment first and what the index says of it then. After a kill -9 between the two it
// takes the batch for one without a transaction, and each entry that follows for that of the batch before: aborted
// records are read as committed ones, for ever. All that is read of an entry follows from its batch, so the indexes are
// made right before kfake reads them, those that an earlier version left shifted too.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// repairAll makes each segment end with a whole batch and each index say what its segment holds.
func repairAll(dataDir string, log *lineLog) error {
	partitions, err := os.ReadDir(partitionDir(dataDir, ""))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, partition := range partitions {
		if !partition.IsDir() {
			continue
		}
		dir := partitionDir(dataDir, partition.Name())
		bases, err := segmentsOf(dir)
		if err != nil {
			return err
		}
		for _, base := range bases {
			cutBytes, entries, err := repairSegment(filepath.Join(dir, strconv.FormatInt(base, 10)))
			if err != nil {
				return fmt.Errorf("repairing partition %s, segment %d: %w", partition.Name(), base, err)
			}
			if cutBytes > 0 || entries > 0 {
				log.warn("partition %s, segment %d was repaired after the broker was killed: %d bytes without a whole batch were "+
					"cut off its end, %d entries of its index were put right", partition.Name(), base, cutBytes, entries)
			}
		}
	}
	return nil
}

// repairSegment returns how many bytes were cut off, as kfake would when it loads the segment, and how many entries of the
// index were missing, wrong or too many. A segment without a batch is removed, as a broker that was killed just after it
// began one leaves it.
func repairSegment(path string) (cutBytes, entries int, err error) {
	data, err := os.ReadFile(path + ".dat")
	if err != nil {
		return 0, 0, err
	}
	index, err := os.ReadFile(path + ".idx")
	if err != nil && !os.IsNotExist(err) {
		return 0, 0, err
	}
	var mended []byte
	rest, found := data, index
	latestMs := int64(-1)
	for len(rest) > 0 {
		batch, size := wholeBatch(rest)
		if batch == nil {
			break
		}
		rest = rest[size:]
		latestMs = max(latestMs, batch.MaxTimestamp)
		entry := found[:min(indexEntryBytes, len(found))]
		found = found[len(entry):]
		if !describes(entry, batch) {
			entry = indexEntry(batch, latestMs)
			entries++
		}
		mended = append(mended, entry...)
	}
	entries += (len(found) + indexEntryBytes - 1) / indexEntryBytes
	cutBytes = len(rest)
	if len(mended) == 0 {
		err := os.Remove(path + ".idx")
		if os.IsNotExist(err) {
			err = nil
		}
		return cutBytes, entries, errors.Join(err, os.Remove(path+".dat"))
	}
	if cutBytes > 0 {
		if err := os.Truncate(path+".dat", int64(len(data)-cutBytes)); err != nil {
			return 0, 0, err
		}
	}
	if entries == 0 {
		return cutBytes, 0, nil
	}
	if err := os.WriteFile(path+".idx.tmp", mended, 0o644); err != nil {
		return 0, 0, err
	}
	return cutBytes, entries, os.Rename(path+".idx.tmp", path+".idx")
}

// wholeBatch reads the first batch and its size in bytes; it is nil where kfake would cut off the rest.
func wholeBatch(data []byte) (*kmsg.RecordBatch, int) {
	if len(data) < 21 {
		return nil, 0
	}
	size := 12 + int(binary.BigEndian.Uint32(data[8:]))
	if size < 21 || size > len(data) || binary.BigEndian.Uint32(data[17:]) != crc32.Checksum(data[21:size], castagnoli) {
		return nil, 0
	}
	batch := new(kmsg.RecordBatch)
	if err := batch.ReadFrom(data[:size]); err != nil {
		return nil, 0
	}
	return batch, size
}

// describes tells whether an entry of the index is unhurt and belongs to such a batch.
func describes(entry []byte, batch *kmsg.RecordBatch) bool {
	return len(entry) == indexEntryBytes && entry[1] == byte(crc32.Checksum(entry[2:], castagnoli)) &&
		entry[14]&1 == inTransaction(batch)
}

// indexEntry is what kfake would have written: version, checksum, epoch, the latest time so far (which kfake works out
// anew when it loads), and whether the batch is part of a transaction.
func indexEntry(batch *kmsg.RecordBatch, latestMs int64) []byte {
	entry := make([]byte, indexEntryBytes)
	entry[0] = indexVersion
	binary.LittleEndian.PutUint32(entry[2:], uint32(batch.PartitionLeaderEpoch))
	binary.LittleEndian.PutUint64(entry[6:], uint64(latestMs))
	entry[14] = inTransaction(batch)
	entry[1] = byte(crc32.Checksum(entry[2:], castagnoli))
	return entry
}

// inTransaction is 1 for the records of a transaction and 0 for others and for its marker.
func inTransaction(batch *kmsg.RecordBatch) byte {
	if batch.Attributes&(transactional|control) == transactional {
		return 1
	}
	return 0
}

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The compacted topics are compacted while no broker runs. kfake's own compaction deletes a partition before it writes
// it anew, so that a kill -9 loses it; it lets a record whose transaction is open, and may be aborted, replace the one
// before; and it moves the first offset, so that a group that lags behind no longer finds its place. Ours copies what is
// still needed beside the partition and puts it in its place, leaves partitions with an open transaction alone, and
// keeps the first batch.

const (
	// compactFromBytes is the size below which a partition is not worth it.
	compactFromBytes = 4 << 20
	// dayMs is how long a tombstone stays unless its topic says otherwise, as in Kafka.
	dayMs = 86_400_000
)

var errOpenTransaction = errors.New("a transaction is open")

// compactAll compacts what is worth it and returns the size of all compacted topics afterwards, in bytes.
func compactAll(dataDir string, topics []storedTopic, log *lineLog) int64 {
	var total int64
	for _, topic := range topics {
		if !topic.compacted() {
			continue
		}
		tombstonesMs, err := strconv.ParseInt(topic.Configs["delete.retention.ms"], 10, 64)
		if err != nil {
			tombstonesMs = dayMs
		}
		for partition := range topic.Partitions {
			size, err := compactIfLarge(dataDir, partitionName(topic.Name, partition), time.Now().UnixMilli()-tombstonesMs)
			if err != nil {
				log.warn("%s partition %d is not compacted this time: %v", topic.Name, partition, err)
			}
			total += size
		}
	}
	return total
}

// compactIfLarge returns the size of the partition afterwards, in bytes.
func compactIfLarge(dataDir, name string, tombstonesBeforeMs int64) (int64, error) {
	dir := partitionDir(dataDir, name)
	size, err := sizeOf(dir)
	if err != nil || size < compactFromBytes {
		return size, err
	}
	switch err = compact(dataDir, name, size, tombstonesBeforeMs); {
	case errors.Is(err, errOpenTransaction):
		return size, nil
	case err != nil:
		return size, err
	}
	return sizeOf(dir)
}

// compact writes what is needed into a new directory and exchanges the two, if that saves a quarter.
func compact(dataDir, name string, size, tombstonesBeforeMs int64) error {
	dir := partitionDir(dataDir, name)
	needed, err := findNeeded(dir, tombstonesBeforeMs)
	if err != nil {
		return err
	}
	fresh := filepath.Join(compactingDir(dataDir), "new", name)
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return err
	}
	var kept int64
	writer := segmentWriter{dir: fresh}
	err = eachBatch(dir, func(b *batch) error {
		keep, err := needed.keeps(b)
		if err != nil || !keep {
			return err
		}
		kept += int64(len(b.raw))
		return writer.write(b)
	})
	if err := errors.Join(err, writer.close()); err != nil {
		return err
	}
	if kept > size-size/4 {
		return os.RemoveAll(fresh)
	}
	if err := syncTree(fresh); err != nil {
		return err
	}
	before := filepath.Join(compactingDir(dataDir), "before", name)
	if err := os.MkdirAll(filepath.Dir(before), 0o755); err != nil {
		return err
	}
	if err := os.Rename(dir, before); err != nil {
		return err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return err
	}
	if err := syncOne(filepath.Dir(dir)); err != nil {
		return err
	}
	return os.RemoveAll(before)
}

// finishCompaction puts a partition back that was taken from its place when the last compaction was cut short.
func finishCompaction(dataDir string) error {
	moved := filepath.Join(compactingDir(dataDir), "before")
	entries, err := os.ReadDir(moved)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, entry := range entries {
		place := partitionDir(dataDir, entry.Name())
		if _, err := os.Stat(place); !os.IsNotExist(err) {
			continue
		}
		if err := os.Rename(filepath.Join(moved, entry.Name()), place); err != nil {
			return err
		}
	}
	return os.RemoveAll(compactingDir(dataDir))
}

func compactingDir(dataDir string) string { return filepath.Join(dataDir, "compacting") }

// sizeOf sums up the segments of a partition, in bytes; one that was never written to has no directory.
func sizeOf(dir string) (int64, error) {
	var size int64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".dat" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if os.IsNotExist(err) {
		return 0, nil
	}
	return size, err
}

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// topicBytesMax is what a topic that is not compacted keeps, all its partitions together, unless its retention.bytes says
// otherwise (of each partition, as in Kafka; -1 is no limit). kfake may read all of it into memory when it starts. As in
// Kafka whole segments are deleted, and as many as leave the limit: a partition holds up to one segment more.
const topicBytesMax = 512 << 20

// segment is a file of a partition.
type segment struct {
	base  int64 // offset of its first batch
	bytes int64
}

// excess is what one partition holds beyond its limit.
type excess struct {
	partition int32
	segments  []segment // all of the partition
	keptFrom  int64     // base of the first segment that stays
}

// findExcess tells which partitions of a topic hold too much. limit is for all of them, in bytes; retentionBytes is the
// topic's own setting and may be empty.
func findExcess(dataDir, topic string, partitions int, retentionBytes string, limit int64) ([]excess, error) {
	all, sizes := make([][]segment, partitions), make([]int64, partitions)
	for p := range partitions {
		var err error
		if all[p], err = sizedSegments(partitionDir(dataDir, partitionName(topic, p))); err != nil {
			return nil, err
		}
		for _, s := range all[p] {
			sizes[p] += s.bytes
		}
	}
	each := fairShare(limit, sizes)
	if own, err := strconv.ParseInt(retentionBytes, 10, 64); err == nil {
		if each = own; own < 0 {
			each = math.MaxInt64
		}
	}
	var found []excess
	for p, segments := range all {
		drop := 0
		// The last segment stays, so that the partition keeps its place.
		for drop < len(segments)-1 && sizes[p]-segments[drop].bytes >= each {
			sizes[p] -= segments[drop].bytes
			drop++
		}
		if drop > 0 {
			found = append(found, excess{int32(p), segments, segments[drop].base})
		}
	}
	return found, nil
}

// fairShare is what each partition may keep so that all stay within limit: what small ones do not need the large ones get.
func fairShare(limit int64, sizes []int64) int64 {
	left := limit
	for i, size := range slices.Sorted(slices.Values(sizes)) {
		share := left / int64(len(sizes)-i)
		if size > share {
			return share
		}
		left -= size
	}
	return math.MaxInt64
}

// sizedSegments lists the segments of a partition that hold something, in order.
func sizedSegments(dir string) ([]segment, error) {
	bases, err := segmentsOf(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var segments []segment
	for _, base := range bases {
		info, err := os.Stat(segmentPath(dir, base, ".dat"))
		if err != nil {
			return nil, err
		}
		if info.Size() > 0 {
			segments = append(segments, segment{base, info.Size()})
		}
	}
	return segments, nil
}

// limitAll deletes what exceeds the limits while no broker runs. The segments must have been repaired.
func limitAll(dataDir string, topics []storedTopic, log *lineLog) {
	for _, topic := range topics {
		if topic.compacted() {
			continue
		}
		found, err := findExcess(dataDir, topic.Name, topic.Partitions, topic.Configs["retention.bytes"], topicBytesMax)
		if err != nil {
			log.warn("the oldest records of %s stay for now: %v", topic.Name, err)
		}
		for _, x := range found {
			from, err := dropFront(partitionDir(dataDir, partitionName(topic.Name, int(x.partition))), x)
			if err != nil {
				log.warn("the oldest records of %s partition %d stay for now: %v", topic.Name, x.partition, err)
			} else if from > x.segments[0].base {
				log.deletedByBytes(topic.Name, x.partition, from)
			}
		}
	}
}

// applyByteLimits deletes what exceeds the limits from the running broker.
func (b *broker) applyByteLimits(topics []topic) error {
	if b.opts.dataDir == "" {
		return nil
	}
	for _, topic := range topics {
		if topic.compacted {
			continue
		}
		found, err := findExcess(b.opts.dataDir, topic.name, len(topic.partitions), topic.retentionBytes, topicBytesMax)
		if err != nil {
			return err
		}
		for _, x := range found {
			now := b.cluster.PartitionInfo(topic.name, x.partition)
			if now == nil {
				continue
			}
			// An open transaction stays whole.
			to := min(x.keptFrom, now.LastStableOffset)
			if to <= now.LogStartOffset {
				continue
			}
			if err := b.cluster.DeleteRecords(topic.name, x.partition, to); err != nil {
				return fmt.Errorf("deleting from %s partition %d: %w", topic.name, x.partition, err)
			}
			b.log.deletedByBytes(topic.name, x.partition, to)
		}
	}
	return nil
}

// snapshot is what a broker that ended well says of a partition; here what has to agree with its segments.
type snapshot struct {
	LastStableOffset int64             `json:"last_stable_offset"`
	LogStartOffset   int64             `json:"log_start_offset"`
	Segments         []snapshotSegment `json:"segments"`
}

type snapshotSegment struct {
	BaseOffset int64 `json:"base_offset"`
	Size       int64 `json:"size"`
}

// dropFront deletes the front of a partition and, if its snapshot is not one from before a kill, takes it out of that too:
// transactions that were open when the broker ended well go on, and stay whole. It returns where the partition now begins.
func dropFront(dir string, x excess) (int64, error) {
	path := filepath.Join(dir, "snapshot.json")
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	var said snapshot
	var whole map[string]json.RawMessage
	var entries []json.RawMessage
	usable := json.Unmarshal(text, &said) == nil && json.Unmarshal(text, &whole) == nil &&
		json.Unmarshal(whole["segments"], &entries) == nil
	if usable && slices.EqualFunc(said.Segments, x.segments, func(a snapshotSegment, b segment) bool {
		return a.BaseOffset == b.base && a.Size == b.bytes
	}) {
		drop := slices.IndexFunc(x.segments, func(s segment) bool { return s.base >= x.keptFrom })
		for drop > 0 && x.segments[drop].base > said.LastStableOffset {
			drop--
		}
		x.keptFrom = x.segments[drop].base
		whole["log_start_offset"] = json.RawMessage(strconv.FormatInt(max(said.LogStartOffset, x.keptFrom), 10))
		if whole["segments"], err = json.Marshal(entries[drop:]); err != nil {
			return 0, err
		}
		if text, err = json.Marshal(whole); err != nil {
			return 0, err
		}
		if err := os.WriteFile(path+".tmp", text, 0o644); err != nil {
			return 0, err
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			return 0, err
		}
	}
	// From the front, so that one who is killed here leaves no gap.
	for _, s := range x.segments {
		if s.base >= x.keptFrom {
			break
		}
		if err := os.Remove(segmentPath(dir, s.base, ".dat")); err != nil {
			return 0, err
		}
		if err := os.Remove(segmentPath(dir, s.base, ".idx")); err != nil && !os.IsNotExist(err) {
			return 0, err
		}
	}
	return x.keptFrom, nil
}

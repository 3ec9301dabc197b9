package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestPartitionsShareTheLimitOfTheirTopic(t *testing.T) {
	for _, c := range []struct {
		limit int64
		sizes []int64
		want  int64
	}{
		{100, nil, math.MaxInt64},
		{100, []int64{60, 40}, math.MaxInt64},
		{100, []int64{300}, 100},
		{100, []int64{300, 300}, 50},
		{100, []int64{300, 10, 0, 40}, 50},
	} {
		if got := fairShare(c.limit, c.sizes); got != c.want {
			t.Errorf("%d for %v: %d each", c.limit, c.sizes, got)
		}
	}
}

func TestTheLimitOfATopicKeepsItsEnd(t *testing.T) {
	dir := t.TempDir()
	for p, bases := range [][]int64{{0, 10, 20, 30}, {0}, nil} {
		place := partitionDir(dir, partitionName("t", p))
		check(t, os.MkdirAll(place, 0o755))
		for _, base := range bases {
			check(t, os.WriteFile(segmentPath(place, base, ".dat"), make([]byte, 100), 0o644))
		}
		// Begun, but not written to.
		check(t, os.WriteFile(segmentPath(place, 40, ".dat"), nil, 0o644))
	}
	for _, c := range []struct {
		limit int64
		own   string
		want  int64
	}{
		{500, "", 0}, {300, "", 20}, {299, "", 20}, {301, "", 10}, {0, "", 30},
		{0, "-1", 0}, {0, "400", 0}, {500, "150", 20}, {500, "0", 30},
	} {
		found, err := findExcess(dir, "t", 4, c.own, c.limit)
		check(t, err)
		var got int64
		if len(found) > 0 {
			got = found[0].keptFrom
		}
		if len(found) > 1 || got != c.want {
			t.Errorf("limit %d, own %q: %+v", c.limit, c.own, found)
		}
	}
}

// small are topics of which each batch is a segment, and of which the newest two or three stay.
func small(policy string) map[string]string {
	return map[string]string{"cleanup.policy": policy, "segment.bytes": "1", "retention.bytes": "2000", "retention.ms": "-1"}
}

func fill(t *testing.T, client *kgo.Client, topics ...string) {
	t.Helper()
	for i := range 10 {
		for _, topic := range topics {
			write(t, client, record(topic, "k", fmt.Sprint(i)+strings.Repeat("x", 1000)))
		}
	}
}

func TestTheRunningBrokerDeletesByBytes(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	makeTopic(t, b.door.address, "r", small("delete"))
	makeTopic(t, b.door.address, "for-ever", small("compact"))
	makeTopic(t, b.door.address, "open", small("delete"))
	client := connect(t, b.door.address, kgo.ProducerBatchCompression(kgo.NoCompression()))
	producer := connect(t, b.door.address, kgo.TransactionalID("t"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	check(t, producer.BeginTransaction())
	fill(t, client, "r", "for-ever")
	write(t, client, record("open", "", "before"))
	fill(t, producer, "open")
	starts := func() (all [3]int64) {
		fresh, err := b.housekeep()
		check(t, err)
		b = fresh
		for i, topic := range []string{"r", "for-ever", "open"} {
			all[i] = b.cluster.PartitionInfo(topic, 0).LogStartOffset
		}
		return all
	}
	for range 2 {
		if got := starts(); got != [3]int64{8, 0, 1} {
			t.Errorf("kept from %v", got)
		}
	}
	check(t, producer.EndTransaction(within(t), kgo.TryCommit))
	if got := starts(); got != [3]int64{8, 0, 9} {
		t.Errorf("after the transaction: kept from %v", got)
	}
	check(t, b.end())
	b.again(t)
	if info := b.cluster.PartitionInfo("r", 0); info.LogStartOffset != 8 || info.HighWatermark != 10 {
		t.Errorf("after a restart: %+v", info)
	}
}

func TestWhatExceedsTheLimitIsDeletedBeforeItIsLoaded(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) {
			dir := t.TempDir()
			b := begin(t, dir)
			makeTopic(t, b.door.address, "r", small("delete"))
			makeTopic(t, b.door.address, "for-ever", small("compact"))
			makeTopic(t, b.door.address, "open", small("delete"))
			plain := kgo.ProducerBatchCompression(kgo.NoCompression())
			producer := connect(t, b.door.address, kgo.TransactionalID("t"), plain)
			fill(t, connect(t, b.door.address, plain), "r", "for-ever")
			write(t, connect(t, b.door.address), record("open", "", "before"))
			check(t, producer.BeginTransaction())
			fill(t, producer, "open")
			check(t, b.end())
			want := [3]int64{8, 0, 1}
			if killed {
				// Then the transaction is aborted, and no snapshot says more than the segments do.
				want[2] = 9
				for _, name := range []string{"r-0", "for-ever-0", "open-0"} {
					check(t, os.Remove(partitionDir(dir, name)+"/snapshot.json"))
				}
				check(t, os.Remove(dir+"/session_state.json"))
			}
			_, err := prepare(dir, b.log)
			check(t, err)
			for i, name := range []string{"r-0", "for-ever-0", "open-0"} {
				segments, err := sizedSegments(partitionDir(dir, name))
				check(t, err)
				if segments[0].base != want[i] {
					t.Errorf("%s is kept from %d", name, segments[0].base)
				}
			}
			b.again(t)
			for i, name := range []string{"r", "for-ever", "open"} {
				info := b.cluster.PartitionInfo(name, 0)
				if end := []int64{10, 10, 11}[i]; info.LogStartOffset != want[i] || info.HighWatermark != end {
					t.Errorf("%s: %+v", name, info)
				}
			}
			if killed {
				return
			}
			check(t, producer.EndTransaction(within(t), kgo.TryCommit))
			found := map[string]bool{}
			for _, value := range values(t, connect(t, b.door.address, kgo.FetchIsolationLevel(kgo.ReadCommitted())), "open", 10) {
				found[value[:1]] = true
			}
			if len(found) != 10 {
				t.Errorf("of the transaction are left %v", found)
			}
		})
	}
}

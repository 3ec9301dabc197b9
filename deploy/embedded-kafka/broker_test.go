package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func makeTopic(t *testing.T, address, name string, configs map[string]string) {
	t.Helper()
	client := connect(t, address)
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	for key, value := range configs {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, &value
		topic.Configs = append(topic.Configs, config)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(within(t), client)
	check(t, err)
	check(t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
}

// begin starts a broker inside the test.
func begin(t *testing.T, dir string) *broker {
	t.Helper()
	log := newLineLog(os.Stderr, os.Exit)
	door, err := openDoor(0, log)
	check(t, err)
	t.Cleanup(door.Close)
	b, err := start(options{dataDir: dir, partitions: 1}, door, log)
	check(t, err)
	t.Cleanup(func() { b.cluster.Close() })
	return b
}

// again starts an ended broker anew, on the same port.
func (b *broker) again(t *testing.T) {
	t.Helper()
	fresh, err := start(b.opts, b.door, b.log)
	check(t, err)
	*b = *fresh
}

func write(t *testing.T, client *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	for _, record := range records {
		check(t, client.ProduceSync(within(t), record).FirstErr())
	}
}

func record(topic, key, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

// state is what a reader of a compacted topic ends up with, and where the topic begins and ends.
func state(t *testing.T, b *broker, topic string) (map[string]string, int64, int64) {
	t.Helper()
	info := b.cluster.PartitionInfo(topic, 0)
	client := connect(t, b.door.address, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	found := map[string]string{}
	for next := int64(0); next < info.HighWatermark; {
		fetches := client.PollFetches(within(t))
		check(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			switch {
			case r.Attrs.IsControl():
			case r.Value == nil:
				delete(found, string(r.Key))
			default:
				found[string(r.Key)] = string(r.Value)
			}
		})
	}
	return found, info.LogStartOffset, info.HighWatermark
}

func TestCompactionKeepsTheLastOfEachKey(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	makeTopic(t, b.door.address, "c", map[string]string{"cleanup.policy": "compact"})
	client := connect(t, b.door.address, kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	long := time.Now().Add(-48 * time.Hour)
	gone := record("c", "gone", "once")
	tombstone := &kgo.Record{Topic: "c", Key: []byte("gone"), Timestamp: long}
	write(t, client, gone)
	for i := range 50 {
		write(t, client, record("c", fmt.Sprint("k", i%5), fmt.Sprint(i)))
	}
	write(t, client, tombstone, record("c", "young", "1"), &kgo.Record{Topic: "c", Key: []byte("young")})
	transact(t, b.door.address, kgo.TryCommit, record("c", "k1", "committed"))
	transact(t, b.door.address, kgo.TryAbort, record("c", "k2", "aborted"))
	write(t, client, record("c", "end", "1"))
	before, first, last := state(t, b, "c")

	client.Close()
	check(t, b.end())
	now := time.Now().UnixMilli()
	check(t, compact(dir, "c-0", 1<<40, now-dayMs))
	check(t, compact(dir, "c-0", 1<<40, now-dayMs))
	b.again(t)
	after, firstAfter, lastAfter := state(t, b, "c")

	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("before %v, after %v", before, after)
	}
	if first != firstAfter || last != lastAfter {
		t.Errorf("offsets were %d to %d and are %d to %d", first, last, firstAfter, lastAfter)
	}
	var batches int
	check(t, eachBatch(partitionDir(dir, "c-0"), func(*batch) error { batches++; return nil }))
	// Five keys, one with its marker, the first batch and the tombstone that outweighs it, the young tombstone, the end.
	if batches != 10 {
		t.Errorf("%d batches are left", batches)
	}
}

func transact(t *testing.T, address string, end kgo.TransactionEndTry, record *kgo.Record) {
	t.Helper()
	client := connect(t, address, kgo.TransactionalID("t"))
	defer client.Close()
	check(t, client.BeginTransaction())
	write(t, client, record)
	check(t, client.EndTransaction(within(t), end))
}

func TestAnOpenTransactionPutsCompactionOff(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	makeTopic(t, b.door.address, "c", map[string]string{"cleanup.policy": "compact"})
	client := connect(t, b.door.address, kgo.TransactionalID("t"))
	check(t, client.BeginTransaction())
	write(t, client, record("c", "k", "1"))
	check(t, b.end())
	if err := compact(dir, "c-0", 1<<40, 0); err != errOpenTransaction {
		t.Fatal(err)
	}
}

func TestCompactionThatWasCutShortIsUndone(t *testing.T) {
	dir := t.TempDir()
	place, moved := partitionDir(dir, "c-0"), compactingDir(dir)+"/before/c-0"
	check(t, os.MkdirAll(moved, 0o755))
	check(t, os.MkdirAll(partitionDir(dir, ""), 0o755))
	check(t, os.WriteFile(moved+"/0.dat", []byte("data"), 0o644))
	check(t, finishCompaction(dir))
	if text, err := os.ReadFile(place + "/0.dat"); err != nil || string(text) != "data" {
		t.Fatal(string(text), err)
	}
	if _, err := os.Stat(compactingDir(dir)); !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func TestRetentionDeletesFromTheFrontAndNeverAll(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	makeTopic(t, b.door.address, "r", map[string]string{"retention.ms": "3600000"})
	makeTopic(t, b.door.address, "for-ever", map[string]string{"cleanup.policy": "compact"})
	client := connect(t, b.door.address)
	old, now := time.Now().Add(-2*time.Hour), time.Now()
	for _, at := range []time.Time{old, old, now, old, now} {
		write(t, client, &kgo.Record{Topic: "r", Timestamp: at}, &kgo.Record{Topic: "for-ever", Key: []byte("k"), Timestamp: at})
	}
	starts := func(at time.Time) (int64, int64) {
		topics, err := b.topics(within(t))
		check(t, err)
		check(t, b.applyRetention(within(t), topics, at))
		return b.cluster.PartitionInfo("r", 0).LogStartOffset, b.cluster.PartitionInfo("for-ever", 0).LogStartOffset
	}
	if r, kept := starts(now); r != 2 || kept != 0 {
		t.Errorf("an hour is kept from %d, the compacted topic from %d", r, kept)
	}
	if r, kept := starts(now.Add(1000 * time.Hour)); r != 4 || kept != 0 {
		t.Errorf("all too old: kept from %d, the compacted topic from %d", r, kept)
	}
	check(t, b.end())
	b.again(t)
	if end := b.cluster.PartitionInfo("r", 0).HighWatermark; end != 5 {
		t.Errorf("after a restart it goes on at %d", end)
	}
}

func TestAnUnknownGroupHasNoOffsets(t *testing.T) {
	b := begin(t, t.TempDir())
	for _, version := range []int16{7, 9} {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Group = "nobody"
		topic := kmsg.NewOffsetFetchRequestTopic()
		topic.Topic, topic.Partitions = "t", []int32{0}
		req.Topics = append(req.Topics, topic)
		group := kmsg.NewOffsetFetchRequestGroup()
		group.Group = req.Group
		groupTopic := kmsg.NewOffsetFetchRequestGroupTopic()
		groupTopic.Topic, groupTopic.Partitions = "t", []int32{0}
		group.Topics = append(group.Topics, groupTopic)
		req.Groups = append(req.Groups, group)
		req.Version = version
		resp, _, _ := b.offsetsOfUnknownGroup(req)
		answer := resp.(*kmsg.OffsetFetchResponse)
		if version == 7 && (answer.ErrorCode != 0 || answer.Topics[0].Partitions[0].Offset != -1) {
			t.Errorf("version 7: %+v", answer)
		}
		if version == 9 && (answer.Groups[0].ErrorCode != 0 || answer.Groups[0].Topics[0].Partitions[0].Offset != -1) {
			t.Errorf("version 9: %+v", answer)
		}
	}
}

func TestTheBrokerInsideIsReplacedUnderItsClients(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	makeTopic(t, b.door.address, "t", nil)
	client := connect(t, b.door.address, kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"),
		kgo.Balancers(kgo.CooperativeStickyBalancer()))
	read := 0
	for written := range 20 {
		write(t, client, kgo.StringRecord(fmt.Sprint(written)))
		if written == 10 {
			b.cluster.Close()
			b.again(t)
		}
		for read <= written {
			fetches := client.PollFetches(within(t))
			check(t, fetches.Err())
			fetches.EachRecord(func(r *kgo.Record) {
				if string(r.Value) != fmt.Sprint(read) {
					t.Fatalf("expected %d, read %s", read, r.Value)
				}
				read++
			})
		}
	}
}

func TestMembersOfAGroupAreForgottenWithTheParent(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	makeTopic(t, b.door.address, "t", nil)
	client := connect(t, b.door.address, kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"))
	write(t, client, record("t", "k", "v"))
	check(t, client.PollFetches(within(t)).Err())
	b.opts.withParent = true
	check(t, b.end())
	text, err := os.ReadFile(dir + "/session_state.json")
	check(t, err)
	if strings.Contains(string(text), "classicGroups") || strings.Contains(string(text), "consumerGroups") {
		t.Fatal(string(text))
	}
	if b.again(t); len(b.cluster.GroupInfo("g").Members) != 0 {
		t.Fatal(b.cluster.GroupInfo("g"))
	}
}

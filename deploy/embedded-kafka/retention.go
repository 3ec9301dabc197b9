package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	housekeepingInterval = time.Minute
	// askPatience is how long the broker may take to answer itself.
	askPatience = 30 * time.Second
	// growthBytes is by how much the compacted topics grow, at least, before they are compacted again.
	growthBytes = 64 << 20
)

// housekeep deletes what is past its retention. When the compacted topics have more than doubled it replaces the broker
// inside, which compacts them; members of groups and open transactions survive that, clients only connect anew.
func (b *broker) housekeep() (*broker, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askPatience)
	defer cancel()
	topics, err := b.topics(ctx)
	if err != nil {
		b.log.warn("housekeeping is put off: %v", err)
		return b, nil
	}
	if err := b.applyRetention(ctx, topics, time.Now()); err != nil {
		b.log.warn("what is past its retention is deleted later: %v", err)
	}
	if err := b.applyByteLimits(topics); err != nil {
		b.log.warn("what exceeds the limits of bytes is deleted later: %v", err)
	}
	var size int64
	for _, topic := range topics {
		if topic.compacted {
			for _, partition := range topic.partitions {
				size += partition.NumBytes
			}
		}
	}
	if b.opts.dataDir == "" || size < 2*b.compacted+growthBytes {
		return b, nil
	}
	b.cluster.Close()
	return start(b.opts, b.door, b.log)
}

// topic is what housekeeping needs to know of a topic.
type topic struct {
	name      string
	compacted bool
	retention time.Duration // zero: for ever
	// Empty: not set.
	retentionBytes string
	partitions     []*kfake.PartitionInfo
}

func (b *broker) topics(ctx context.Context) ([]topic, error) {
	client, err := b.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("listing the topics: %w", err)
	}
	var topics []topic
	for _, t := range resp.Topics {
		info := b.cluster.TopicInfo(*t.Topic)
		if info == nil {
			continue
		}
		kept := topic{name: info.Topic, partitions: b.cluster.PartitionInfos(info.Topic)}
		if policy := info.Configs["cleanup.policy"]; policy != nil {
			kept.compacted = strings.Contains(*policy, "compact")
		}
		if text := info.Configs["retention.ms"]; text != nil {
			if ms, err := strconv.ParseInt(*text, 10, 64); err == nil && ms > 0 {
				kept.retention = time.Duration(ms) * time.Millisecond
			}
		}
		if text := info.Configs["retention.bytes"]; text != nil {
			kept.retentionBytes = *text
		}
		topics = append(topics, kept)
	}
	return topics, nil
}

func (b *broker) client() (*kgo.Client, error) { return kgo.NewClient(kgo.SeedBrokers(b.door.address)) }

// applyRetention deletes the oldest records of each partition up to the first that is young enough. kfake's own retention
// goes by the last batch that is too old, so that one record with an old timestamp takes fresh ones along; and it may
// delete all, after which offsets begin at 0 again when the broker starts again and no group finds its offset.
func (b *broker) applyRetention(ctx context.Context, topics []topic, now time.Time) error {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	ends := map[string][]*kfake.PartitionInfo{}
	for _, topic := range topics {
		if topic.compacted || topic.retention == 0 {
			continue
		}
		ask := kmsg.NewListOffsetsRequestTopic()
		ask.Topic = topic.name
		for _, partition := range topic.partitions {
			if partition.HighWatermark-partition.LogStartOffset < 2 {
				continue
			}
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = partition.Partition, now.Add(-topic.retention).UnixMilli()
			ask.Partitions = append(ask.Partitions, p)
		}
		if len(ask.Partitions) > 0 {
			req.Topics = append(req.Topics, ask)
			ends[topic.name] = topic.partitions
		}
	}
	if len(req.Topics) == 0 {
		return nil
	}
	client, err := b.client()
	if err != nil {
		return err
	}
	defer client.Close()
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("asking for offsets by time: %w", err)
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("asking for offsets by time: %s partition %d: %w", topic.Topic, p.Partition, err)
			}
			end := ends[topic.Topic][p.Partition]
			// The last record stays, so that the partition keeps its place.
			to := end.HighWatermark - 1
			if p.Offset >= 0 {
				to = min(to, p.Offset)
			}
			if to <= end.LogStartOffset {
				continue
			}
			if err := b.cluster.DeleteRecords(topic.Topic, p.Partition, to); err != nil {
				return fmt.Errorf("deleting from %s partition %d: %w", topic.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

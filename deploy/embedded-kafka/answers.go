package main

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// mendAnswers puts right where kfake answers otherwise than Kafka.
func (b *broker) mendAnswers() {
	b.cluster.ControlKey(kmsg.OffsetFetch.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		return b.offsetsOfUnknownGroup(req.(*kmsg.OffsetFetchRequest))
	})
}

// offsetsOfUnknownGroup answers that a group nobody has seen has no offsets; kfake answers that there is no such group,
// which clients take for an error.
func (b *broker) offsetsOfUnknownGroup(req *kmsg.OffsetFetchRequest) (kmsg.Response, error, bool) {
	resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
	if req.Version <= 7 {
		if b.cluster.GroupInfo(req.Group) != nil {
			return nil, nil, false
		}
		for _, topic := range req.Topics {
			answer := kmsg.NewOffsetFetchResponseTopic()
			answer.Topic = topic.Topic
			for _, partition := range topic.Partitions {
				none := kmsg.NewOffsetFetchResponseTopicPartition()
				none.Partition, none.Offset, none.Metadata = partition, -1, new(string)
				answer.Partitions = append(answer.Partitions, none)
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil, true
	}
	for _, group := range req.Groups {
		if b.cluster.GroupInfo(group.Group) != nil {
			return nil, nil, false
		}
		answer := kmsg.NewOffsetFetchResponseGroup()
		answer.Group = group.Group
		for _, topic := range group.Topics {
			noOffsets := kmsg.NewOffsetFetchResponseGroupTopic()
			noOffsets.Topic, noOffsets.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				none := kmsg.NewOffsetFetchResponseGroupTopicPartition()
				none.Partition, none.Offset, none.Metadata = partition, -1, new(string)
				noOffsets.Partitions = append(noOffsets.Partitions, none)
			}
			answer.Topics = append(answer.Topics, noOffsets)
		}
		resp.Groups = append(resp.Groups, answer)
	}
	return resp, nil, true
}

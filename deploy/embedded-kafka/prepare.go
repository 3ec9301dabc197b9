package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// prepare brings the data into the state in which kfake loads it as it should, and returns the size of all compacted
// topics, in bytes. Each step needs those before it: what is torn must not be taken for the last segment that stays.
func prepare(dataDir string, log *lineLog) (int64, error) {
	if err := finishCompaction(dataDir); err != nil {
		return 0, err
	}
	if err := repairAll(dataDir, log); err != nil {
		return 0, err
	}
	topics, err := storedTopics(dataDir)
	if err != nil {
		return 0, err
	}
	limitAll(dataDir, topics, log)
	return compactAll(dataDir, topics, log), nil
}

// storedTopic is what the data directory says of a topic.
type storedTopic struct {
	Name       string
	Partitions int
	Configs    map[string]string
}

func (t *storedTopic) compacted() bool {
	return strings.Contains(t.Configs["cleanup.policy"], "compact")
}

func storedTopics(dataDir string) ([]storedTopic, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, "topics.json"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list struct{ Topics []storedTopic }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("topics.json: %w", err)
	}
	return list.Topics, nil
}

// partitionName is what kfake calls the directory of a partition.
func partitionName(topic string, partition int) string {
	return fmt.Sprintf("%s-%d", url.PathEscape(topic), partition)
}

// partitionDir is where a partition is kept.
func partitionDir(dataDir, name string) string { return filepath.Join(dataDir, "partitions", name) }

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/twmb/franz-go/pkg/kfake"
)

// configs are the broker's settings where kfake's own would lose data or refuse our roles.
var configs = map[string]string{
	// Its own housekeeping is replaced by ours: see retention.go and compact.go. Ten years.
	"log.cleaner.backoff.ms": "315360000000",
	// It applies to compacted topics too: subscriptions would be gone after a week.
	"log.retention.ms": "-1",
	// The commits of groups that rest, say while a laptop is switched off; our roles do not start without. Ten years.
	"offsets.retention.minutes": "5256000",
	// Segments are deleted whole.
	"log.segment.bytes": "16777216",
	// Committed offsets are a log that is rewritten while everything waits, so it is kept short.
	"state.log.compact.bytes": "2097152",
	"message.max.bytes":       "2097152",
	// Short sessions are chosen in tests.
	"group.min.session.timeout.ms": "1000",
}

// broker is a running kfake.
type broker struct {
	opts      options
	door      *door
	log       *lineLog
	cluster   *kfake.Cluster
	compacted int64 // bytes of the compacted topics after they were last compacted
}

func start(opts options, door *door, log *lineLog) (*broker, error) {
	b := &broker{opts: opts, door: door, log: log}
	kopts := []kfake.Opt{
		kfake.NumBrokers(1), kfake.ClusterID("aerogram-embedded"), kfake.ListenFn(door.listen),
		kfake.DefaultNumPartitions(opts.partitions), kfake.BrokerConfigs(configs), kfake.WithLogger(log),
	}
	if opts.dataDir != "" {
		var err error
		if b.compacted, err = prepare(opts.dataDir, log); err != nil {
			return nil, fmt.Errorf("preparing the data in %s: %w", opts.dataDir, err)
		}
		kopts = append(kopts, kfake.DataDir(opts.dataDir))
	}
	if opts.sync {
		kopts = append(kopts, kfake.SyncWrites())
	}
	var err error
	if b.cluster, err = kfake.NewCluster(kopts...); err != nil {
		if opts.dataDir == "" {
			return nil, err
		}
		return nil, fmt.Errorf("the data in %s cannot be used: %w. To begin anew, move the directory away", opts.dataDir, err)
	}
	b.mendAnswers()
	if opts.dataDir != "" {
		// It was written when the last broker ended, and is only true now. Were it read again after a later kill -9, the
		// records of producers that lived on would be refused as out of order for ever.
		if err := os.Remove(filepath.Join(opts.dataDir, "seq_windows.json")); err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("the data directory cannot be written to: %w", err)
		}
		// Loading reads all data once.
		debug.FreeOSMemory()
	}
	return b, nil
}

// end stops serving and brings everything to the disk.
func (b *broker) end() error {
	b.cluster.Close()
	if b.opts.dataDir == "" {
		return nil
	}
	if b.opts.withParent {
		if err := forgetMembers(b.opts.dataDir); err != nil {
			b.log.warn("the next start may wait for the members of groups to time out: %v", err)
		}
	}
	if err := syncTree(b.opts.dataDir); err != nil {
		return fmt.Errorf("bringing %s to the disk: %w", b.opts.dataDir, err)
	}
	return nil
}

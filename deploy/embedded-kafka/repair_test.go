package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// kill9 ends a broker as a power button would, and starts the next one on the same data.
func kill9(t *testing.T, p *process, dir string, meanwhile func()) *process {
	t.Helper()
	check(t, p.Process.Signal(syscall.SIGKILL))
	_ = p.Wait()
	meanwhile()
	return launch(t, "--data-dir", dir, "--port", "0")
}

func cut(t *testing.T, path string, bytes int64) {
	t.Helper()
	info, err := os.Stat(path)
	check(t, err)
	check(t, os.Truncate(path, info.Size()-bytes))
}

func committed(t *testing.T, address string, count int) []string {
	t.Helper()
	return values(t, connect(t, address, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())), "t", count)
}

func TestAnIndexThatAKillLeftShortIsRepaired(t *testing.T) {
	for _, step := range []string{"between batch and index", "shifted by an earlier version", "within a batch"} {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			index, data := segmentPath(partitionDir(dir, "t-0"), 0, ".idx"), segmentPath(partitionDir(dir, "t-0"), 0, ".dat")
			p := launch(t, "--data-dir", dir, "--port", "0")
			makeTopic(t, p.address, "t", nil)
			transact(t, p.address, kgo.TryCommit, record("t", "", "first"))
			if step == "between batch and index" {
				p = kill9(t, p, dir, func() { cut(t, index, indexEntryBytes) })
			}
			transact(t, p.address, kgo.TryCommit, record("t", "", "second"))
			transact(t, p.address, kgo.TryAbort, record("t", "", "aborted"))
			transact(t, p.address, kgo.TryCommit, record("t", "", "third"))
			p = kill9(t, p, dir, func() {
				switch step {
				case "shifted by an earlier version":
					text, err := os.ReadFile(index)
					check(t, err)
					check(t, os.WriteFile(index, slices.Concat(text[:indexEntryBytes], text[2*indexEntryBytes:]), 0o644))
				case "within a batch":
					file, err := os.OpenFile(data, os.O_WRONLY|os.O_APPEND, 0)
					check(t, err)
					_, err = file.WriteString("the beginning of a batch")
					check(t, err)
					check(t, file.Close())
				}
			})
			write(t, connect(t, p.address), record("t", "", "end"))
			want := []string{"first", "second", "third", "end"}
			if got := committed(t, p.address, len(want)); !slices.Equal(got, want) {
				t.Errorf("read %v", got)
			}
			check(t, p.Process.Signal(syscall.SIGTERM))
			check(t, p.Wait())
			if said := p.stderr.String(); step != "between batch and index" && !strings.Contains(said, "was repaired") {
				t.Errorf("it said %q", said)
			}
			// Index and segment agree, so that nothing is left to do and compaction can read them.
			if cutBytes, entries, err := repairSegment(strings.TrimSuffix(data, ".dat")); cutBytes+entries > 0 || err != nil {
				t.Errorf("%d bytes and %d entries are left to repair, %v", cutBytes, entries, err)
			}
			_, err := findNeeded(partitionDir(dir, "t-0"), 0)
			check(t, err)
		})
	}
}

func TestTheRepairedIndexIsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	makeTopic(t, b.door.address, "t", nil)
	transact(t, b.door.address, kgo.TryAbort, record("t", "", "aborted"))
	write(t, connect(t, b.door.address), record("t", "", "plain"))
	transact(t, b.door.address, kgo.TryCommit, record("t", "", "committed"))
	check(t, b.end())
	index := segmentPath(partitionDir(dir, "t-0"), 0, ".idx")
	want, err := os.ReadFile(index)
	check(t, err)
	check(t, os.Remove(index))
	var said strings.Builder
	check(t, repairAll(dir, newLineLog(&said, os.Exit)))
	got, err := os.ReadFile(index)
	check(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("written %x, repaired %x", want, got)
	}
	if want := fmt.Sprint(len(want)/indexEntryBytes, " entries"); !strings.Contains(said.String(), want) {
		t.Errorf("it said %q", said.String())
	}
}

func TestASegmentWithoutABatchIsRemoved(t *testing.T) {
	dir := t.TempDir()
	place := partitionDir(dir, "t-0")
	check(t, os.MkdirAll(place, 0o755))
	check(t, os.WriteFile(segmentPath(place, 0, ".dat"), make([]byte, 100), 0o644))
	check(t, os.WriteFile(segmentPath(place, 7, ".dat"), nil, 0o644))
	check(t, os.WriteFile(segmentPath(place, 7, ".idx"), nil, 0o644))
	check(t, repairAll(dir, newLineLog(os.Stderr, os.Exit)))
	left, err := os.ReadDir(place)
	check(t, err)
	if len(left) > 0 {
		t.Fatal(left)
	}
}

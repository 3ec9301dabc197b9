package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// indexEntryBytes is the size of what kfake's index file says of each batch.
	indexEntryBytes = 15
	// segmentBytes is where a new segment is begun.
	segmentBytes = 16 << 20
	// indexVersion is what each entry begins with.
	indexVersion = 1

	transactional = 0x10
	control       = 0x20
)

// errTorn says that a segment ends within a batch or its index before it, which repairAll has put right when this is read.
var errTorn = errors.New("a segment ends within a batch")

// batch is a batch of records as kfake keeps it.
type batch struct {
	kmsg.RecordBatch
	raw   []byte
	index []byte
}

func (b *batch) is(attribute int16) bool { return b.Attributes&attribute != 0 }

// records returns the records, decompressed.
func (b *batch) records() ([]kmsg.Record, error) { return kfake.BatchRecords(b.RecordBatch) }

// producer is who writes a transaction; a new epoch means that an earlier one ended.
type producer struct {
	id    int64
	epoch int16
}

func (b *batch) producer() producer { return producer{b.ProducerID, b.ProducerEpoch} }

// commits tells whether a control batch commits a transaction.
func (b *batch) commits() (bool, error) {
	records, err := b.records()
	if err != nil {
		return false, err
	}
	if len(records) != 1 || len(records[0].Key) < 4 {
		return false, fmt.Errorf("the marker at offset %d is malformed", b.FirstOffset)
	}
	return binary.BigEndian.Uint16(records[0].Key[2:]) == 1, nil
}

// segmentsOf lists the first offsets of the segments in a partition's directory.
func segmentsOf(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, entry := range entries {
		name, isSegment := strings.CutSuffix(entry.Name(), ".dat")
		if !isSegment {
			continue
		}
		base, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is no segment: %w", filepath.Join(dir, entry.Name()), err)
		}
		bases = append(bases, base)
	}
	slices.Sort(bases)
	return bases, nil
}

// segmentPath is a file of a segment: its batches (".dat") or what the index says of them (".idx").
func segmentPath(dir string, base int64, ending string) string {
	return filepath.Join(dir, strconv.FormatInt(base, 10)+ending)
}

// eachBatch calls visit for each batch of a partition, in order.
func eachBatch(dir string, visit func(*batch) error) error {
	bases, err := segmentsOf(dir)
	if err != nil {
		return err
	}
	for _, base := range bases {
		data, err := os.ReadFile(segmentPath(dir, base, ".dat"))
		if err != nil {
			return err
		}
		index, err := os.ReadFile(segmentPath(dir, base, ".idx"))
		if err != nil {
			return err
		}
		for len(data) > 0 {
			var b batch
			if b.raw, b.index, err = firstBatch(data, index); err != nil {
				return err
			}
			if err := b.ReadFrom(b.raw); err != nil {
				return errTorn
			}
			if err := visit(&b); err != nil {
				return err
			}
			data, index = data[len(b.raw):], index[indexEntryBytes:]
		}
	}
	return nil
}

func firstBatch(data, index []byte) (raw, entry []byte, err error) {
	if len(data) < 12 || len(index) < indexEntryBytes {
		return nil, nil, errTorn
	}
	size := 12 + int(binary.BigEndian.Uint32(data[8:]))
	if size > len(data) {
		return nil, nil, errTorn
	}
	return data[:size], index[:indexEntryBytes], nil
}

// segmentWriter writes the segments of a partition.
type segmentWriter struct {
	dir         string
	data, index *os.File
	size        int64
}

func (w *segmentWriter) write(b *batch) error {
	if w.data == nil || w.size >= segmentBytes {
		if err := w.close(); err != nil {
			return err
		}
		var err error
		name := filepath.Join(w.dir, strconv.FormatInt(b.FirstOffset, 10))
		if w.data, err = os.Create(name + ".dat"); err != nil {
			return err
		}
		if w.index, err = os.Create(name + ".idx"); err != nil {
			return err
		}
	}
	w.size += int64(len(b.raw))
	_, dataErr := w.data.Write(b.raw)
	_, indexErr := w.index.Write(b.index)
	return errors.Join(dataErr, indexErr)
}

func (w *segmentWriter) close() error {
	if w.data == nil {
		return nil
	}
	data, index := w.data, w.index
	w.data, w.index, w.size = nil, nil, 0
	return errors.Join(data.Close(), index.Close())
}

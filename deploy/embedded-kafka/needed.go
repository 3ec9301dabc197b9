package main

// needed tells the batches of a partition that are still needed from those that are not. Batches stay or go whole.
type needed struct {
	first, last        int64            // offsets of the first and the last batch
	latest             map[string]int64 // the last committed offset of each key
	aborted            map[int64]bool   // batches of aborted transactions, by first offset
	tombstonesBeforeMs int64
	// Keys of which a kept batch has an outdated record: their tombstones must stay, or it would count again.
	outdated map[string]bool
	// Producers of whose open transaction a batch was kept: its marker must stay.
	marked map[int64]bool
}

// transaction is one whose end has not been seen yet.
type transaction struct {
	keys    map[string]int64
	batches []int64
}

// findNeeded reads a partition. It fails with errOpenTransaction if a transaction has not ended.
func findNeeded(dir string, tombstonesBeforeMs int64) (*needed, error) {
	n := &needed{
		first: -1, tombstonesBeforeMs: tombstonesBeforeMs,
		latest: map[string]int64{}, aborted: map[int64]bool{}, outdated: map[string]bool{}, marked: map[int64]bool{},
	}
	open := map[producer]*transaction{}
	err := eachBatch(dir, func(b *batch) error {
		if n.first < 0 {
			n.first = b.FirstOffset
		}
		n.last = b.FirstOffset
		switch {
		case b.is(control):
			commits, err := b.commits()
			if err != nil {
				return err
			}
			for p := range open {
				// When the broker ends a transaction that took too long, the marker has the next epoch.
				if p.id == b.ProducerID && p.epoch <= b.ProducerEpoch {
					n.end(open, p, commits && p.epoch == b.ProducerEpoch)
				}
			}
			return nil
		case b.is(transactional):
			// A producer that was fenced by its successor never ended its transaction.
			for p := range open {
				if p.id == b.ProducerID && p.epoch < b.ProducerEpoch {
					n.end(open, p, false)
				}
			}
			t := open[b.producer()]
			if t == nil {
				t = &transaction{keys: map[string]int64{}}
				open[b.producer()] = t
			}
			t.batches = append(t.batches, b.FirstOffset)
			return eachKey(b, t.keys)
		default:
			return eachKey(b, n.latest)
		}
	})
	if err == nil && len(open) > 0 {
		err = errOpenTransaction
	}
	return n, err
}

// end settles a transaction.
func (n *needed) end(open map[producer]*transaction, p producer, commits bool) {
	t := open[p]
	delete(open, p)
	if !commits {
		for _, first := range t.batches {
			n.aborted[first] = true
		}
		return
	}
	for key, offset := range t.keys {
		// Another producer may have written the key after it and committed before.
		n.latest[key] = max(n.latest[key], offset)
	}
}

// eachKey notes the offset of each key in offsets.
func eachKey(b *batch, offsets map[string]int64) error {
	records, err := b.records()
	if err != nil {
		return err
	}
	for _, r := range records {
		offsets[string(r.Key)] = b.FirstOffset + int64(r.OffsetDelta)
	}
	return nil
}

// keeps decides about a batch; to be asked for each in order.
func (n *needed) keeps(b *batch) (bool, error) {
	if b.is(control) {
		marks := n.marked[b.ProducerID]
		delete(n.marked, b.ProducerID)
		return marks || n.atEdge(b), nil
	}
	if n.aborted[b.FirstOffset] && !n.atEdge(b) {
		return false, nil
	}
	records, err := b.records()
	if err != nil {
		return false, err
	}
	keep := n.atEdge(b)
	for _, r := range records {
		offset := b.FirstOffset + int64(r.OffsetDelta)
		if n.latest[string(r.Key)] > offset {
			continue
		}
		expired := r.Value == nil && b.FirstTimestamp+r.TimestampDelta64 < n.tombstonesBeforeMs
		if !expired || n.outdated[string(r.Key)] {
			keep = true
		}
	}
	if !keep {
		return false, nil
	}
	for _, r := range records {
		if n.latest[string(r.Key)] > b.FirstOffset+int64(r.OffsetDelta) {
			n.outdated[string(r.Key)] = true
		}
	}
	if b.is(transactional) {
		n.marked[b.ProducerID] = true
	}
	return true, nil
}

// atEdge: the first batch is where groups that lag behind begin, the last is where offsets go on.
func (n *needed) atEdge(b *batch) bool { return b.FirstOffset == n.first || b.FirstOffset == n.last }

//! Logs of one partition of a topic: plain, and compacted at any moment.

use aerogram_domain::ended::Ended;

/// A record where it stands.
pub struct Stored<T> {
    pub appended_ms: i64,
    pub record: T,
}

/// A log that keeps everything, or what is not too old.
pub struct Log<T> {
    records: Vec<Stored<T>>,
    /// The first offset that is still there.
    start: i64,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { records: Vec::new(), start: 0 }
    }
}

impl<T> Log<T> {
    pub fn append(&mut self, appended_ms: i64, record: T) -> i64 {
        self.records.push(Stored { appended_ms, record });
        self.end() - 1
    }

    pub fn end(&self) -> i64 {
        self.records.len() as i64
    }

    pub fn get(&self, offset: i64) -> Option<&Stored<T>> {
        self.records.get(usize::try_from(offset).ok()?)
    }

    /// The first offset appended at or after a time; the end if there is none.
    pub fn first_since(&self, ms: i64) -> i64 {
        self.records.partition_point(|stored| stored.appended_ms < ms) as i64
    }

    pub fn iter_from(&self, offset: i64) -> impl Iterator<Item = (i64, &Stored<T>)> {
        (0..).zip(&self.records).skip(offset.max(self.start) as usize)
    }

    /// Deletes what was appended before a time; answers whether there was any.
    pub fn delete_before(&mut self, ms: i64) -> bool {
        let (before, start) = (self.start, self.first_since(ms));
        self.start = before.max(start);
        before < start
    }
}

/// A record of a compacted log; no value: a tombstone.
pub struct Keyed<K, V> {
    pub offset: i64,
    pub key: K,
    pub value: Option<V>,
    pub appended_ms: i64,
    /// What a tombstone says of how its record ended.
    pub ended: Option<Ended>,
    /// When the cleaner saw this tombstone first, and so removed what it buries: from then on its retention counts.
    cleaned_ms: Option<i64>,
}

/// A log that keeps at least the last record of each key.
pub struct Compacted<K, V> {
    records: Vec<Keyed<K, V>>,
    end: i64,
}

impl<K, V> Default for Compacted<K, V> {
    fn default() -> Self {
        Self { records: Vec::new(), end: 0 }
    }
}

impl<K: Ord + Clone, V> Compacted<K, V> {
    pub fn append(&mut self, appended_ms: i64, key: K, value: Option<V>, ended: Option<Ended>) {
        self.records.push(Keyed { offset: self.end, key, value, appended_ms, ended, cleaned_ms: None });
        self.end += 1;
    }

    /// Offsets are taken by what readers never see: transaction markers, records of aborted transactions.
    pub fn skip(&mut self, offsets: i64) {
        self.end += offsets;
    }

    pub fn end(&self) -> i64 {
        self.end
    }

    /// The first record at or after an offset that is still there.
    pub fn next_from(&self, offset: i64) -> Option<&Keyed<K, V>> {
        self.records.get(self.records.partition_point(|stored| stored.offset < offset))
    }

    fn last_of_each(&self) -> std::collections::BTreeMap<&K, i64> {
        self.records.iter().map(|stored| (&stored.key, stored.offset)).collect()
    }

    /// Cleans everything before `upto`; a tombstone that is the last of its key stays for `retention_ms` more.
    pub fn compact(&mut self, upto: i64, now_ms: i64, retention_ms: i64) {
        let last = self.last_of_each();
        let keep: Vec<bool> = self
            .records
            .iter()
            .map(|stored| {
                let over = stored.cleaned_ms.is_some_and(|cleaned| now_ms - cleaned > retention_ms);
                stored.offset >= upto || (last.get(&stored.key) == Some(&stored.offset) && !over)
            })
            .collect();
        let mut keep = keep.into_iter();
        self.records.retain(|_| keep.next().unwrap_or(true));
        for stored in self.records.iter_mut().filter(|s| s.offset < upto && s.value.is_none()) {
            stored.cleaned_ms.get_or_insert(now_ms);
        }
    }

    /// Whether anything about a key is still there.
    pub fn holds(&self, key: &K) -> bool {
        self.records.iter().any(|stored| stored.key == *key)
    }

    /// Keys whose last record is not a tombstone.
    pub fn live(&self) -> Vec<&K> {
        let last = self.last_of_each();
        let live = self.records.iter().filter(|s| s.value.is_some() && last.get(&s.key) == Some(&s.offset));
        live.map(|stored| &stored.key).collect()
    }
}

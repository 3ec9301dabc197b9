//! aerogram ingest

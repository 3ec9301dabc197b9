//! aerogram state

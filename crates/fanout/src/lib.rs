//! aerogram fanout

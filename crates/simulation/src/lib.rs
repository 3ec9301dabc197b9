//! aerogram simulation

//! Holds nothing: the end-to-end tests are in `tests/e2e`, one file a promise.

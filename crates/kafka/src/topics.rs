//! Making and checking the topics.

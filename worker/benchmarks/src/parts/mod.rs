//! What several benchmarks compute alike.

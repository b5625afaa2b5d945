//! The protected description of a table that people are shown (`profile.json`).

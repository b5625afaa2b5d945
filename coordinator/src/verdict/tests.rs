//! Golden cases of the verdict.

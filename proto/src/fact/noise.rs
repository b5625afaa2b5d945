//! The fact `noise`: the secret key of a job with differentially private candidates. Only workers that fit such a
//! candidate read it; it is never published and no interface shows it.

use crate::Result;
use crate::privacy::NoiseKey;
use serde::{Deserialize, Serialize};

/// The key from which a job's privacy noise comes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseFact {
    /// Version.
    pub v: u16,
    /// 64 hexadecimal digits.
    key: String,
}

impl NoiseFact {
    /// The fact of a key.
    pub fn new(key: &NoiseKey) -> Self {
        Self { v: super::VERSION, key: key.secret_text() }
    }

    /// The key.
    pub fn key(&self) -> Result<NoiseKey> {
        NoiseKey::parse(&self.key)
    }
}

impl std::fmt::Debug for NoiseFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoiseFact(secret)")
    }
}

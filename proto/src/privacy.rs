//! Differential privacy as facts and results tell it: what a fit guarantees, and what each touch of the data cost.

use crate::{Error, Result, id};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which tables a guarantee cannot tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// One has a row more.
    AddRemoveOne,
    /// They differ in one row; the number of rows is public.
    ReplaceOne,
}

impl Relation {
    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddRemoveOne => "add_remove_one",
            Self::ReplaceOne => "replace_one",
        }
    }
}

/// One touch of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spend {
    /// What was asked.
    pub id: String,
    /// `discrete_laplace`, `discrete_gaussian`, `exponential`, or `group`: several that are charged together.
    pub mechanism: String,
    /// The group that pays for it; such entries are not added to the total again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// Pure privacy loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// Concentrated privacy loss (zCDP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    /// Failure probability.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delta: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// What a fit guarantees for its model and its samples, and how it was spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Privacy {
    /// Which tables cannot be told apart.
    pub relation: Relation,
    /// Privacy loss.
    pub epsilon: f64,
    /// Failure probability; 0: none.
    pub delta: f64,
    /// Total concentrated loss behind epsilon and delta, where the sum is kept in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    /// Every touch of the data, in order.
    pub ledger: Vec<Spend>,
    /// What was taken as known to everybody.
    pub public: String,
    /// What the guarantee does not cover.
    pub outside: String,
}

impl Privacy {
    /// What was taken as known to everybody.
    pub const PUBLIC: &'static str = "column names, kinds, how cells are written, declared domains";
    /// What the guarantee does not cover.
    pub const OUTSIDE: &'static str =
        "scores, verdict and report are computed on real rows and stand outside epsilon; it covers the sample and the model alone";
}

/// The secret from which a job's privacy noise comes: a retried task repeats the same noise. Never published.
#[derive(Clone, PartialEq, Eq)]
pub struct NoiseKey([u8; 32]);

impl NoiseKey {
    /// A key of 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("privacy::key", "a noise key is 64 hexadecimal digits").help("make one with: openssl rand -hex 32");
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(wrong);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }

    /// The bytes, for the derivation of streams.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits: the form in which the key is stored.
    pub fn secret_text(&self) -> String {
        id::hex(&self.0)
    }
}

impl std::fmt::Debug for NoiseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoiseKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_stored() {
        let key = NoiseKey::new(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(NoiseKey::parse(&key.secret_text()).expect("own form"), key);
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for wrong in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert_eq!(NoiseKey::parse(wrong).expect_err("no key").code(), "privacy::key");
        }
    }

    #[test]
    fn a_key_does_not_show_itself_in_a_log() {
        assert_eq!(format!("{:?}", NoiseKey::new([0xab; 32])), "NoiseKey(secret)");
    }
}

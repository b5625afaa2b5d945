//! Ids and names: what they look like and how they are made.

use crate::{Error, Result};
use sha2::{Digest, Sha256};

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 lower-case Crockford base32 characters of 128 bits, most significant first.
pub fn base32(bits: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bits);
    (0..26).map(|i| CROCKFORD[(number >> (125 - 5 * i) & 31) as usize] as char).collect()
}

/// Whether some text is 128 bits as [`base32`] writes them.
pub fn is_base32(text: &str) -> bool {
    // 26 characters hold 130 bits: the first one only three of its five
    text.len() == 26 && text.as_bytes()[0] <= b'7' && text.bytes().all(|byte| CROCKFORD.contains(&byte))
}

/// Whether some text has the form of a job's id.
pub fn is_job(text: &str) -> bool {
    text.strip_prefix("job_").is_some_and(is_base32)
}

/// The id of a job submitted under an idempotency key:
/// `job_` and 128 bits of `SHA-256("synthfleet/job/v1", length-prefixed tenant, key)`.
pub fn job_id(tenant: &str, key: &str) -> String {
    format!("job_{}", derived("synthfleet/job/v1", tenant, key))
}

/// The id of an upload begun under an idempotency key, by the rule of [`job_id`].
pub fn upload_id(tenant: &str, key: &str) -> String {
    format!("upl_{}", derived("synthfleet/upload/v1", tenant, key))
}

fn derived(domain: &str, tenant: &str, key: &str) -> String {
    let digest = Sha256::new()
        .chain_update(domain.as_bytes())
        .chain_update((tenant.len() as u32).to_le_bytes())
        .chain_update(tenant.as_bytes())
        .chain_update(key.as_bytes())
        .finalize();
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    base32(bits)
}

/// Lower-case hexadecimal SHA-256 of some bytes.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of bytes that come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Lower-case hexadecimal of the whole.
    pub fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Lower-case hexadecimal of some bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks a candidate, member or table name: `[a-z0-9_]`, 1 to `longest` characters.
pub fn check_name(what: &str, name: &str, longest: usize) -> Result<()> {
    let legal =
        !name.is_empty() && name.len() <= longest && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if legal {
        return Ok(());
    }
    let message = format!("{what} {name:?} must be 1 to {longest} characters of a-z, 0-9 and _");
    Err(Error::invalid("name::illegal", message).help("choose another name"))
}

/// The known name nearest to a wrong one, if any is near enough to be meant; else the only one that continues it.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wrong.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let scored = known.iter().map(|name| (strsim::damerau_levenshtein(&folded, &name.to_lowercase()), *name));
    let (distance, name) = scored.min_by_key(|(distance, name)| (*distance, *name))?;
    if distance <= 1 + folded.chars().count() / 3 {
        return Some(name);
    }
    let mut longer = known.iter().filter(|name| folded.len() > 2 && name.to_lowercase().starts_with(&folded));
    longer.next().filter(|_| longer.next().is_none()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_means_the_one_name_that_continues_it() {
        assert_eq!(nearest("leaf", ["gap", "leaf_rows"]), Some("leaf_rows"));
        assert_eq!(nearest("leaf", ["leaf_rows", "leaf_columns"]), None);
        assert_eq!(nearest("xyzzy", ["gap", "leaf_rows"]), None);
    }

    #[test]
    fn base32_keeps_all_bits_and_has_26_characters() {
        assert_eq!(base32([0; 16]), "0".repeat(26));
        assert_eq!(base32([255; 16]), format!("7{}", "z".repeat(25)));
    }

    #[test]
    fn only_what_base32_writes_is_base32() {
        assert!(is_base32(&base32([255; 16])) && is_base32(&base32([0; 16])));
        for wrong in ["", "0", &"8".repeat(26), &"0".repeat(27), &"O".repeat(26), &format!("{}/", "0".repeat(25))] {
            assert!(!is_base32(wrong), "{wrong}");
        }
        assert!(is_job(&job_id("a", "k")) && !is_job(&"0".repeat(26)));
    }

    #[test]
    fn job_ids_depend_on_tenant_and_key() {
        assert_ne!(job_id("a", "bc"), job_id("ab", "c"));
        assert_eq!(job_id("a", "k"), job_id("a", "k"));
        assert_eq!(job_id("a", "k").len(), 30);
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("seqtee", ["clbn", "seqtree"]), Some("seqtree"));
        assert_eq!(nearest("quux", ["clbn", "seqtree"]), None);
    }
}

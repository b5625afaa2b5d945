//! W3C trace context: which of many jobs a line, a message or a span belongs to. The trace of a job is the one that
//! its submission names, else one that follows from its id, so that every process names the same.
//!
//! # Reference
//! W3C Trace Context, level 1. Only the version that it defines is written; later ones are read as far as it goes.

use crate::id::hex;
use crate::outside::Entropy;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Length of a `traceparent` in bytes.
const PARENT_BYTES: usize = 55;
/// Longest `tracestate` in bytes.
const STATE_BYTES_MAX: usize = 512;

/// W3C trace context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// `traceparent`.
    pub parent: String,
    /// `tracestate`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
}

impl Trace {
    /// The context that a sender gave; `None`: it gave none that can be read, and a new trace begins. A `tracestate`
    /// that cannot be read is left out.
    pub fn read(parent: &str, state: Option<&str>) -> Option<Self> {
        let trace = Self { parent: parent.to_owned(), state: String::new() };
        let plain = |state: &&str| state.len() <= STATE_BYTES_MAX && state.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let state = state.filter(plain).unwrap_or_default().to_owned();
        trace.is_legal().then_some(Self { state, ..trace })
    }

    /// The trace of a job that came without one. No sampling is asked for.
    pub fn of_job(job: &str) -> Self {
        let digest = Sha256::new().chain_update(b"synthfleet/trace/v1").chain_update(job.as_bytes()).finalize();
        Self { parent: format!("00-{}-{}-00", hex(&digest[..16]), hex(&digest[16..24])), state: String::new() }
    }

    /// The same trace in a new span: what a message carries that follows from this.
    #[must_use]
    pub fn child(&self, entropy: &dyn Entropy) -> Self {
        let bits = entropy.bits();
        let mut span = [0; 8];
        span.copy_from_slice(&bits[..8]);
        // all zero means that there is none
        span[7] |= u8::from(span == [0; 8]);
        let flags = self.parent.get(53..).unwrap_or("00");
        Self { parent: format!("00-{}-{}-{flags}", self.id(), hex(&span)), state: self.state.clone() }
    }

    /// The same trace in the span whose id follows from a path: whoever knows the path knows the span.
    #[must_use]
    pub fn named(&self, path: &[&str]) -> Self {
        let mut digest = Sha256::new().chain_update(b"synthfleet/span/v1");
        for part in path {
            digest.update([0]);
            digest.update(part.as_bytes());
        }
        let mut span = [0; 8];
        span.copy_from_slice(&digest.finalize()[..8]);
        span[7] |= u8::from(span == [0; 8]);
        self.sampled_at(&hex(&span))
    }

    /// The same trace in a span of 16 hexadecimal digits, recorded.
    #[must_use]
    pub fn sampled_at(&self, span: &str) -> Self {
        Self { parent: format!("00-{}-{span}-01", self.id()), state: self.state.clone() }
    }

    /// Whether its sender records it.
    pub fn is_sampled(&self) -> bool {
        let flags = self.parent.get(53..55).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        flags.is_some_and(|flags| flags & 1 == 1)
    }

    /// The trace: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        self.parent.get(3..35).unwrap_or_default()
    }

    /// The span: 16 hexadecimal digits.
    pub fn span(&self) -> &str {
        self.parent.get(36..52).unwrap_or_default()
    }

    /// Whether it has the form that the standard asks for.
    pub(super) fn is_legal(&self) -> bool {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let some = |text: &str| digits(text) && text.bytes().any(|byte| byte != b'0');
        if self.parent.len() != PARENT_BYTES || !self.parent.is_ascii() || self.state.len() > STATE_BYTES_MAX {
            return false;
        }
        let parts: Vec<&str> = self.parent.split('-').collect();
        let [version, id, span, flags] = parts[..] else { return false };
        let lengths = [version.len(), id.len(), span.len(), flags.len()] == [2, 32, 16, 2];
        lengths && digits(version) && version != "ff" && some(id) && some(span) && digits(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn bits(&self) -> [u8; 16] {
            [self.0; 16]
        }
    }

    #[test]
    fn a_child_keeps_trace_and_flags_and_has_a_span_of_its_own() {
        let given = Trace::read(GIVEN, Some("vendor=1")).expect("legal");
        let child = given.child(&Fixed(0xab));
        assert_eq!(child.parent, "00-0af7651916cd43dd8448eb211c80319c-abababababababab-01");
        assert_eq!((child.id(), child.span(), child.state.as_str()), (given.id(), "abababababababab", "vendor=1"));
    }

    #[test]
    fn a_path_names_one_span_of_the_trace() {
        let given = Trace::read(GIVEN, None).expect("legal");
        let named = given.named(&["job", "task"]);
        // the first 8 bytes of SHA-256 over "synthfleet/span/v1\0job\0task"
        assert_eq!(named.span(), "02428d83ff6fa258");
        assert!(named.is_legal() && named.id() == given.id() && named != given.named(&["jobtask"]));
    }

    #[test]
    fn no_span_is_all_zero() {
        assert!(Trace::read(&Trace::of_job("job_0").child(&Fixed(0)).parent, None).is_some());
    }

    #[test]
    fn what_is_no_context_is_none() {
        let wrong = [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331--01",
            "00-\u{fc}af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
        ];
        for parent in wrong {
            assert_eq!(Trace::read(parent, None), None, "{parent}");
        }
    }

    #[test]
    fn a_state_that_cannot_be_read_is_left_out() {
        let long = "x".repeat(513);
        for state in ["line\nbreak", long.as_str()] {
            assert_eq!(Trace::read(GIVEN, Some(state)).expect("the parent is legal").state, "");
        }
    }

    #[test]
    fn a_job_has_the_same_trace_everywhere_and_another_than_others() {
        let trace = Trace::of_job("job_a");
        assert!(trace.is_legal() && trace == Trace::of_job("job_a"));
        assert_ne!(trace.id(), Trace::of_job("job_b").id());
    }
}

//! Which tasks a worker takes: selectors, and the pool that workers with equal selectors form.
//!
//! `synthesize:seqtree` takes one member, `benchmark:*` (or `benchmark`) a kind, `*` everything. Reading a
//! table and writing the delivered one have no members: `profile`, `generate`.

use crate::task::TaskKind;
use crate::{Error, Result, id};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest pool name.
pub const POOL_NAME_MAX: usize = 24;

/// One selector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// `*`
    All,
    /// `benchmark:*`
    Kind(TaskKind),
    /// `synthesize:seqtree`
    Member(TaskKind, String),
}

/// How narrow the selector is that covers a task: the narrower pool is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// Names the member.
    Member,
    /// Names the kind.
    Kind,
    /// Takes everything.
    All,
}

impl Selector {
    fn parse(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            Error::invalid("worker::selector", format!("{text:?} is not a selector: {why}"))
                .help("use kind:name, kind:* or *; kinds are profile, synthesize, benchmark, generate")
        };
        if text == "*" {
            return Ok(Self::All);
        }
        let (kind, name) = text.split_once(':').unwrap_or((text, "*"));
        let Some(kind) = TaskKind::ALL.into_iter().find(|known| known.name() == kind) else {
            return Err(wrong(format!("no kind {kind:?}")));
        };
        match (kind, name) {
            (_, "*") => Ok(Self::Kind(kind)),
            (TaskKind::Synthesize | TaskKind::Benchmark, name) => {
                id::check_name("member", name, POOL_NAME_MAX).map_err(|_| wrong("the name is no name of a member".to_owned()))?;
                Ok(Self::Member(kind, name.to_owned()))
            }
            _ => Err(wrong(format!("{} has no members", kind.name()))),
        }
    }

    fn width(&self, kind: TaskKind, name: &str) -> Option<Width> {
        match self {
            Self::All => Some(Width::All),
            Self::Kind(own) => (*own == kind).then_some(Width::Kind),
            Self::Member(own, member) => (*own == kind && member == name).then_some(Width::Member),
        }
    }

    /// As part of a pool name.
    fn slug(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Kind(kind) => kind.name().to_owned(),
            Self::Member(kind, name) => format!("{}-{name}", kind.name()),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Kind(kind) => write!(f, "{}:*", kind.name()),
            Self::Member(kind, name) => write!(f, "{}:{name}", kind.name()),
        }
    }
}

/// Everything that a worker takes, in a fixed order and without repetition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Take(Vec<Selector>);

impl Take {
    /// Everything.
    pub fn all() -> Self {
        Self(vec![Selector::All])
    }

    /// Reads selectors separated by commas.
    pub fn parse(text: &str) -> Result<Self> {
        let mut selectors = text.split(',').map(str::trim).map(Selector::parse).collect::<Result<Vec<_>>>()?;
        selectors.sort();
        selectors.dedup();
        Ok(Self(selectors))
    }

    /// The selectors.
    pub fn selectors(&self) -> &[Selector] {
        &self.0
    }

    /// The narrowest selector that covers a task, if one does. Profile and generate tasks have an empty name or
    /// that of the winner's synthesizer, which does not matter.
    pub fn width(&self, kind: TaskKind, name: &str) -> Option<Width> {
        self.0.iter().filter_map(|selector| selector.width(kind, name)).min()
    }

    /// The name of the pool that workers with these selectors form, unless they are given one.
    pub fn pool(&self) -> String {
        let slug = self.0.iter().map(Selector::slug).collect::<Vec<_>>().join("_");
        if slug.len() <= POOL_NAME_MAX {
            return slug;
        }
        format!("p-{}", &id::sha256_hex(self.to_string().as_bytes())[..12])
    }
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(Selector::to_string).collect::<Vec<_>>().join(","))
    }
}

impl TryFrom<String> for Take {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Take> for String {
    fn from(take: Take) -> Self {
        take.to_string()
    }
}

/// Checks a pool name that somebody gave: `[a-z0-9_-]`, 1 to 24 characters, beginning with a letter or digit.
pub fn check_pool_name(name: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let starts_well = name.bytes().next().is_some_and(plain);
    if starts_well && name.len() <= POOL_NAME_MAX && name.bytes().all(|b| plain(b) || b == b'_' || b == b'-') {
        return Ok(());
    }
    let message = format!("pool name {name:?} must be 1 to {POOL_NAME_MAX} characters of a-z, 0-9, _ and -");
    Err(Error::invalid("worker::pool_name", message).help("choose another name with --pool"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Take {
        Take::parse(text).expect("legal")
    }

    #[test]
    fn the_narrowest_selector_counts() {
        let all = take("*,benchmark:*,synthesize:seqtree");
        assert_eq!(all.width(TaskKind::Synthesize, "seqtree"), Some(Width::Member));
        assert_eq!(all.width(TaskKind::Benchmark, "accuracy"), Some(Width::Kind));
        assert_eq!(all.width(TaskKind::Profile, ""), Some(Width::All));
        assert_eq!(take("synthesize:seqtree").width(TaskKind::Synthesize, "clbn"), None);
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(take("benchmark, synthesize:clbn ,benchmark:*"), take("synthesize:clbn,benchmark:*"));
        assert_eq!(take("synthesize:clbn,benchmark").pool(), take("benchmark:*,synthesize:clbn").pool());
    }

    #[test]
    fn pools_are_named_after_their_selectors_while_that_is_short() {
        assert_eq!(take("*").pool(), "all");
        assert_eq!(take("synthesize:*").pool(), "synthesize");
        assert_eq!(take("synthesize:seqtree").pool(), "synthesize-seqtree");
        let long = take("synthesize:gaussian_copula,benchmark:ml_efficacy").pool();
        assert!(long.starts_with("p-") && long.len() == 14, "{long}");
        for pool in ["all", "synthesize-seqtree", long.as_str()] {
            assert!(check_pool_name(pool).is_ok(), "{pool}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_its_reason() {
        for wrong in ["", "fit:x", "synthesize:", "profile:x", "synthesize:Seq", "synthesize:a b", "*,", "benchmark:a:b"] {
            assert_eq!(Take::parse(wrong).expect_err("illegal").code(), "worker::selector", "{wrong}");
        }
    }

    #[test]
    fn selectors_come_back_from_their_text() {
        let all = take("profile,generate:*,synthesize:clbn");
        assert_eq!(take(&all.to_string()), all);
    }

    #[test]
    fn pool_names_fit_into_queue_names() {
        for wrong in ["", "-a", "A", "a.b", "a/b", "a234567890123456789012345"] {
            assert!(check_pool_name(wrong).is_err(), "{wrong}");
        }
    }
}

//! The members that workers announce, as the planner knows them.

use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::{Error, Result, id, later};

/// Members by family, each in the order of its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    synthesizers: Vec<MemberDoc>,
    benchmarks: Vec<MemberDoc>,
}

impl Catalogue {
    /// The catalogue of some members of both families.
    pub fn of(members: impl IntoIterator<Item = MemberDoc>) -> Self {
        let mut members: Vec<_> = members.into_iter().collect();
        members.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        let (benchmarks, synthesizers) = members.into_iter().partition(|member| member.task == "benchmark");
        Self { synthesizers, benchmarks }
    }

    /// Synthesizers in the order of their names.
    pub fn synthesizers(&self) -> &[MemberDoc] {
        &self.synthesizers
    }

    /// Benchmarks in the order of their names.
    pub fn benchmarks(&self) -> &[MemberDoc] {
        &self.benchmarks
    }

    /// The synthesizer that answers to a name or alias.
    ///
    /// # Errors
    /// `synthesizer::later` of a name that is known and not in this version, else `job::unknown_member`.
    pub fn synthesizer(&self, name: &str) -> Result<&MemberDoc> {
        // a plug-in or a newer worker may have what this version has not
        find("synthesizer", &self.synthesizers, name).map_err(|unknown| later::check(name).err().unwrap_or(unknown))
    }

    /// The benchmark that answers to a name or alias.
    pub fn benchmark(&self, name: &str) -> Result<&MemberDoc> {
        find("benchmark", &self.benchmarks, name)
    }
}

fn find<'a>(family: &str, members: &'a [MemberDoc], name: &str) -> Result<&'a MemberDoc> {
    let answers =
        |member: &&MemberDoc| member.name.eq_ignore_ascii_case(name) || member.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
    if let Some(member) = members.iter().find(answers) {
        return Ok(member);
    }
    let error = Error::invalid("job::unknown_member", format!("no {family} {name:?}"));
    let known = || members.iter().flat_map(|member| std::iter::once(&member.name).chain(&member.aliases)).map(String::as_str);
    Err(match id::nearest(name, known()) {
        Some(near) => error.help(format!("did you mean {near:?}?")),
        None => error.help(format!("known: {}", members.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalogue;
    use synthfleet_proto::about::About;

    #[test]
    fn aliases_answer_and_unknown_names_get_a_neighbour() {
        let catalogue = catalogue();
        assert_eq!(catalogue.synthesizer("TREES").expect("alias").name, "seqtree");
        let error = catalogue.synthesizer("seqtre").expect_err("unknown");
        assert_eq!((error.code(), error.helps()), ("job::unknown_member", &["did you mean \"seqtree\"?".to_owned()][..]));
        assert!(catalogue.benchmark("seqtree").is_err(), "families are apart");
    }

    #[test]
    fn a_name_that_comes_later_is_told_as_such_until_somebody_has_it() {
        let error = catalogue().synthesizer("CTGANSynthesizer").expect_err("later").to_wire();
        assert_eq!((error.code.as_str(), error.message.contains("\"ctgan\"")), ("synthesizer::later", true));
        let doc = MemberDoc::of("synthesize", &About { name: "ctgan", ..About::LIGHT }, serde_json::Value::Null);
        assert_eq!(Catalogue::of([doc]).synthesizer("ctgan").expect("a plug-in").name, "ctgan");
    }
}

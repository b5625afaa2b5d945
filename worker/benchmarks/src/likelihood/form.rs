//! Which model a table takes.

use super::LikelihoodOptions;
use super::outcome::reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use synthfleet_laws::{Law, Mixture, Network};
use synthfleet_proto::Result;
use synthfleet_proto::about::Reason;
use synthfleet_proto::metadata::{Kind, Metadata, ProblemType};

/// Which model gives S and T.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// What fits the law or the job's problem type; else a tree.
    #[default]
    Auto,
    /// Mixtures of normal laws.
    Gaussian,
    /// Tables along the true structure of a network.
    Bayesian,
    /// A tree of pairs.
    Fitted,
}

/// Most columns of a mixture.
const COLUMNS_MAX: usize = 20;

/// A table that a mixture can judge.
pub struct OfNumbers {
    /// Places of its columns.
    pub places: Vec<usize>,
    /// The exact law, if it is known.
    pub law: Option<Mixture>,
}

/// A table that a network can judge.
pub struct OfStates {
    /// Place of each variable's column.
    pub places: Vec<usize>,
    /// The exact law.
    pub law: Network,
}

/// What is to be measured, and on which columns. Columns are in an order that does not depend on the table's.
pub enum Posed {
    /// Mixtures.
    Gaussian(OfNumbers),
    /// Tables along a known structure.
    Bayesian(OfStates),
    /// A tree on these columns.
    Fitted(Vec<usize>),
}

impl Posed {
    /// Places of the columns.
    pub fn places(&self) -> &[usize] {
        match self {
            Self::Gaussian(posed) => &posed.places,
            Self::Bayesian(posed) => &posed.places,
            Self::Fitted(places) => places,
        }
    }
}

/// Decides by options, law and problem type; the inner error says why the table cannot be judged so.
pub fn pose(metadata: &Metadata, options: &LikelihoodOptions) -> Result<Result<Posed, Reason>> {
    let name = options.law.as_deref().or(metadata.law.as_deref());
    let law = match name {
        Some(name) => match synthfleet_laws::law(name)? {
            Some(law) => Some(law),
            None => return Ok(Err(reason("not_applicable", format!("the law {name} is not known here")))),
        },
        None => None,
    };
    Ok(match (options.form, law) {
        (Form::Fitted, _) => tree(metadata),
        (Form::Auto, None) if metadata.problem_type != Some(ProblemType::GaussianLikelihood) => tree(metadata),
        (Form::Auto | Form::Gaussian, Some(Law::Mixture(law))) => mixture(metadata, law),
        (Form::Auto | Form::Gaussian, None) => numbers(metadata),
        (Form::Auto | Form::Bayesian, Some(Law::Network(law))) => network(metadata, law),
        (Form::Gaussian, Some(Law::Network(_))) => Err(reason("not_applicable", "the rows follow a network, not a mixture")),
        (Form::Bayesian, _) => Err(reason("not_applicable", "the network that the rows follow is not known")),
    })
}

fn tree(metadata: &Metadata) -> Result<Posed, Reason> {
    let places = by_name(metadata);
    if places.is_empty() { Err(reason("no_columns", "no column is modelled")) } else { Ok(Posed::Fitted(places)) }
}

fn numbers(metadata: &Metadata) -> Result<Posed, Reason> {
    let places = by_name(metadata);
    let all = places.iter().all(|&place| metadata.columns[place].kind == Kind::Continuous);
    if all && (1..=COLUMNS_MAX).contains(&places.len()) {
        Ok(Posed::Gaussian(OfNumbers { places, law: None }))
    } else {
        Err(reason("not_applicable", format!("a mixture judges 1 to {COLUMNS_MAX} modelled columns, all continuous")))
    }
}

fn mixture(metadata: &Metadata, law: Mixture) -> Result<Posed, Reason> {
    let places = of_law(metadata, &Mixture::COLUMNS, |kind| kind == Kind::Continuous)?;
    Ok(Posed::Gaussian(OfNumbers { places, law: Some(law) }))
}

fn network(metadata: &Metadata, law: Network) -> Result<Posed, Reason> {
    let names: Vec<&str> = law.variables().iter().map(|variable| variable.name.as_str()).collect();
    let places = of_law(metadata, &names, Kind::is_discrete)?;
    Ok(Posed::Bayesian(OfStates { places, law }))
}

/// Places of the columns of a law, all modelled, of its kind, and no others beside them.
fn of_law(metadata: &Metadata, names: &[&str], is_of_kind: impl Fn(Kind) -> bool) -> Result<Vec<usize>, Reason> {
    let place = |name: &&str| {
        let found = metadata.position(name).filter(|&place| metadata.columns[place].is_modelled());
        let place = found.ok_or_else(|| reason("not_applicable", format!("the law has a column {name}, the table models none")))?;
        let kind = metadata.columns[place].kind;
        if is_of_kind(kind) {
            Ok(place)
        } else {
            Err(reason("not_applicable", format!("column {name} of the law is {} here", kind.name())))
        }
    };
    let places = names.iter().map(place).collect::<Result<Vec<usize>, Reason>>()?;
    match metadata.modelled().find(|place| !places.contains(place)) {
        Some(other) => Err(reason("not_applicable", format!("the law has no column {}", metadata.columns[other].name))),
        None => Ok(places),
    }
}

fn by_name(metadata: &Metadata) -> Vec<usize> {
    let mut places: Vec<usize> = metadata.modelled().collect();
    places.sort_by(|&a, &b| metadata.columns[a].name.cmp(&metadata.columns[b].name));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::metadata::ColumnMeta;

    fn plane() -> Metadata {
        Metadata::plain("t", ["y", "x"].map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec())
    }

    fn posed(metadata: &Metadata, form: Form) -> Result<(&'static str, Vec<usize>), String> {
        let options = LikelihoodOptions { form, ..LikelihoodOptions::default() };
        let posed = pose(metadata, &options).expect("sound laws").map_err(|reason| reason.why)?;
        let name = match &posed {
            Posed::Gaussian(posed) if posed.law.is_some() => "law",
            Posed::Gaussian(_) => "gaussian",
            Posed::Bayesian(_) => "bayesian",
            Posed::Fitted(_) => "fitted",
        };
        Ok((name, posed.places().to_vec()))
    }

    #[test]
    fn the_law_decides_then_the_problem_type_then_a_tree_is_fitted() {
        let mut metadata = plane();
        assert_eq!(posed(&metadata, Form::Auto), Ok(("fitted", vec![1, 0])));
        metadata.problem_type = Some(ProblemType::GaussianLikelihood);
        assert_eq!(posed(&metadata, Form::Auto), Ok(("gaussian", vec![1, 0])));
        metadata.law = Some("ring".to_owned());
        assert_eq!(posed(&metadata, Form::Auto), Ok(("law", vec![1, 0])));
        assert_eq!(posed(&metadata, Form::Fitted), Ok(("fitted", vec![1, 0])));
    }

    #[test]
    fn a_column_that_the_law_cannot_judge_is_named() {
        let mut metadata = plane();
        metadata.law = Some("ring".to_owned());
        metadata.columns[0] = ColumnMeta::plain("y", Kind::Text);
        assert_eq!(posed(&metadata, Form::Auto), Err("the law has a column y, the table models none".to_owned()));
        metadata.columns[0] = ColumnMeta::plain("y", Kind::Categorical);
        assert_eq!(posed(&metadata, Form::Auto), Err("column y of the law is categorical here".to_owned()));
        metadata.columns[0] = ColumnMeta::plain("y", Kind::Continuous);
        metadata.columns.push(ColumnMeta::plain("z", Kind::Continuous));
        assert_eq!(posed(&metadata, Form::Auto), Err("the law has no column z".to_owned()));
        metadata.law = Some("spiral".to_owned());
        assert_eq!(posed(&metadata, Form::Auto), Err("the law spiral is not known here".to_owned()));
    }

    #[test]
    fn a_mixture_takes_twenty_number_columns_and_a_network_needs_its_law() {
        let wide =
            |columns: usize| Metadata::plain("t", (0..columns).map(|i| ColumnMeta::plain(&format!("c{i:02}"), Kind::Continuous)).collect());
        assert_eq!(posed(&wide(20), Form::Gaussian).map(|posed| posed.0), Ok("gaussian"));
        assert!(posed(&wide(21), Form::Gaussian).is_err() && posed(&wide(0), Form::Gaussian).is_err());
        assert!(posed(&wide(2), Form::Bayesian).is_err());
    }
}

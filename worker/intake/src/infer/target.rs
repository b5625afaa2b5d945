//! Which column utility is judged on, and what it asks for.

use super::options::Overrides;
use synthfleet_proto::metadata::{ColumnMeta, Kind, ProblemType, Role};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

/// Names that say target.
const NAMES: [&str; 5] = ["target", "label", "class", "y", "outcome"];
/// More levels than this are no classes.
const CLASSES_MAX: usize = 50;

/// The target and its problem type. A column that cannot be one is passed over with a note, unless the
/// user named it. Fails with `columns::unknown` or `columns::target_unusable`.
pub(crate) fn target(
    columns: &[ColumnMeta],
    overrides: &Overrides,
    notes: &mut Vec<Finding>,
) -> Result<(Option<String>, Option<ProblemType>)> {
    if let Some(stated) = &overrides.target {
        let Some(name) = stated else { return Ok((None, None)) };
        let column = columns.iter().find(|column| column.name == *name || column.header == *name).ok_or_else(|| unknown(name, columns))?;
        if let Some(why) = unusable(column) {
            let message = format!("target {name} is {why}");
            return Err(Error::data("columns::target_unusable", message).in_column(name).help("name another, or none: --target none"));
        }
        return Ok((Some(column.name.clone()), problem(column)));
    }
    let named = columns.iter().filter(|column| NAMES.iter().any(|name| column.name.eq_ignore_ascii_case(name)));
    let rest = columns.iter().rev().filter(|column| column.role == Role::Model);
    for column in named.chain(rest) {
        match unusable(column) {
            None => return Ok((Some(column.name.clone()), problem(column))),
            Some(why) => {
                let text = format!("would be the target but is {why}: the next candidate is taken");
                let note = Finding { code: "target_passed_over".to_owned(), column: Some(column.name.clone()), number: None, text };
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
    Ok((None, None))
}

fn unusable(column: &ColumnMeta) -> Option<&'static str> {
    match column.kind {
        Kind::Empty => Some("empty"),
        Kind::Id => Some("id"),
        Kind::Text => Some("text"),
        _ if column.constant => Some("constant"),
        _ if column.role != Role::Model => Some("not modelled"),
        _ => None,
    }
}

fn problem(column: &ColumnMeta) -> Option<ProblemType> {
    match (column.kind, column.levels.len()) {
        (Kind::Continuous, _) => Some(ProblemType::Regression),
        (Kind::Boolean | Kind::Categorical | Kind::Ordinal, 2) => Some(ProblemType::BinaryClassification),
        (Kind::Boolean | Kind::Categorical | Kind::Ordinal, 3..=CLASSES_MAX) => Some(ProblemType::MulticlassClassification),
        _ => None,
    }
}

/// No column has that name; the nearest ones are named.
pub(crate) fn unknown(name: &str, columns: &[ColumnMeta]) -> Error {
    let folded = name.to_lowercase();
    let shared = |other: &str| other.to_lowercase().chars().zip(folded.chars()).take_while(|(a, b)| a == b).count();
    let mut near: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    near.sort_by_key(|other| (std::cmp::Reverse(shared(other)), other.len().abs_diff(name.len())));
    near.truncate(3);
    Error::data("columns::unknown", format!("no column {name}")).in_column(name).help(format!("the nearest are: {}", near.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind, levels: &[&str]) -> ColumnMeta {
        let mut meta = ColumnMeta::plain(name, kind);
        meta.levels = levels.iter().map(|&level| level.to_owned()).collect();
        meta
    }

    #[test]
    fn a_column_named_target_comes_before_the_last() {
        let columns = [column("Outcome", Kind::Boolean, &["0", "1"]), column("z", Kind::Continuous, &[])];
        let found = target(&columns, &Overrides::default(), &mut Vec::new()).expect("a target");
        assert_eq!(found, (Some("Outcome".into()), Some(ProblemType::BinaryClassification)));
    }

    #[test]
    fn a_constant_is_passed_over_unless_it_was_named() {
        let mut last = column("b", Kind::Categorical, &["x"]);
        last.constant = true;
        let columns = [column("a", Kind::Continuous, &[]), last];
        let mut notes = Vec::new();
        let found = target(&columns, &Overrides::default(), &mut notes).expect("a target");
        assert_eq!((found, notes.len()), ((Some("a".into()), Some(ProblemType::Regression)), 1));
        let named = Overrides { target: Some(Some("b".into())), ..Overrides::default() };
        assert_eq!(target(&columns, &named, &mut Vec::new()).expect_err("constant").code(), "columns::target_unusable");
    }

    #[test]
    fn an_unknown_target_names_its_neighbours() {
        let named = Overrides { target: Some(Some("incom".into())), ..Overrides::default() };
        let error = target(&[column("income", Kind::Continuous, &[])], &named, &mut Vec::new()).expect_err("unknown");
        assert_eq!((error.code(), error.helps()[0].as_str()), ("columns::unknown", "the nearest are: income"));
    }
}

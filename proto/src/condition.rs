//! Conditions on rows as people write them: `age>=40`, `sex=Female`, `town=Ulm|Bern`, `day=2020-01-01..2020-12-31`,
//! `income is missing`. What the text after the sign means is for those who know how cells are written.

use crate::{Error, Result, id};

/// How a cell is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Is one of some cells, or in a range with both ends.
    Equal,
    /// Is below.
    Less,
    /// Is not above.
    LessOrEqual,
    /// Is above.
    Greater,
    /// Is not below.
    GreaterOrEqual,
}

/// What a condition says of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says<'a> {
    /// The cell is missing.
    Missing,
    /// The cell compares so with this text.
    Compares(Sign, &'a str),
}

/// Longer signs first: `<=` begins with `<`.
const SIGNS: [(&str, Sign); 6] = [
    ("<=", Sign::LessOrEqual),
    (">=", Sign::GreaterOrEqual),
    ("==", Sign::Equal),
    ("=", Sign::Equal),
    ("<", Sign::Less),
    (">", Sign::Greater),
];

/// The place of the column that a condition begins with, the longest of `names` that fits, and what it says of it.
///
/// # Errors
/// `Invalid`: no sign (`condition::syntax`), or no such column (`condition::unknown_column`).
pub fn read<'a>(text: &'a str, names: &[&str]) -> Result<(usize, Says<'a>)> {
    let text = text.trim();
    let follows = |name: &str| -> Option<Says<'a>> { says(text.strip_prefix(name.trim())?.trim_start()) };
    let fits = names.iter().enumerate().filter_map(|(place, name)| Some((place, name.len(), follows(name)?)));
    if let Some((place, _, says)) = fits.max_by_key(|(place, length, _)| (*length, std::cmp::Reverse(*place))) {
        return Ok((place, says));
    }
    let end = text.find(['<', '>', '=']).or_else(|| text.find(" is missing")).ok_or_else(|| unreadable(text))?;
    Err(unknown(text[..end].trim(), names))
}

fn says(rest: &str) -> Option<Says<'_>> {
    if rest.eq_ignore_ascii_case("is missing") {
        return Some(Says::Missing);
    }
    SIGNS.iter().find_map(|(sign, meaning)| rest.strip_prefix(sign).map(|value| Says::Compares(*meaning, value.trim())))
}

fn unreadable(text: &str) -> Error {
    let help = "write column=value, column=one|other, column=low..high, column>=low (or <=, <, >), or column is missing";
    Error::invalid("condition::syntax", format!("cannot read the condition {text:?}")).help(help)
}

/// The error for a column that there is not, with the nearest name.
pub fn unknown(name: &str, names: &[&str]) -> Error {
    let error = Error::invalid("condition::unknown_column", format!("the model has no column {name:?}"));
    match id::nearest(name, names.iter().copied()) {
        Some(near) => error.help(format!("did you mean {near:?}?")),
        None => error.help("synthfleet generate MODEL --rows 1 shows its columns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_that_a_sign_follows_is_the_column() {
        let names = ["age", "age<=group", "pay"];
        assert_eq!(read("age<=group>=mid", &names).expect("legal"), (1, Says::Compares(Sign::GreaterOrEqual, "mid")));
        assert_eq!(read("age <= 40", &names).expect("legal"), (0, Says::Compares(Sign::LessOrEqual, "40")));
        assert_eq!(read("pay is MISSING", &names).expect("legal"), (2, Says::Missing));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let code = |text: &str| read(text, &["age"]).expect_err("refused").code().to_owned();
        assert_eq!((code("nonsense"), code("agee=4")), ("condition::syntax".to_owned(), "condition::unknown_column".to_owned()));
    }
}

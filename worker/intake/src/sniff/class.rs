//! What sort of thing a cell is, at a glance: how dialects and headers are told apart.

use crate::infer::{date, number};

/// The sort of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing, or a token for it.
    Empty,
    /// A whole number.
    Integer,
    /// Another number, with affixes too.
    Decimal,
    /// A date, with or without time.
    Date,
    /// A time of day.
    Time,
    /// A word for true or false.
    Boolean,
    /// A link or an address of mail.
    Url,
    /// Letters, digits, blanks and common marks.
    Text,
    /// Anything else.
    Other,
}

/// Number of classes.
pub const CLASSES: usize = 9;

/// Tokens that mean a missing cell in any column.
pub const MISSING: [&str; 12] = ["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "NaN", "nan", "<NA>", "\\N", "?"];

/// The sort of a cell; blanks around it do not count.
pub fn class(cell: &str) -> Class {
    let cell = cell.trim_matches([' ', '\t']);
    if MISSING.contains(&cell) {
        return Class::Empty;
    }
    if let Some(found) = number::parse(cell, b'.').or_else(|| number::parse(cell, b',')) {
        return if found.whole.is_some() && found.decimals == 0 { Class::Integer } else { Class::Decimal };
    }
    if let Some(found) = date::parse(cell)
        && found.orders().iter().any(|&order| found.nanos(order).is_some())
    {
        return if found.shape.date == date::DatePart::Absent { Class::Time } else { Class::Date };
    }
    if ["true", "false", "yes", "no", "t", "f", "y", "n"].iter().any(|word| cell.eq_ignore_ascii_case(word)) {
        return Class::Boolean;
    }
    let is_mail = cell.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !cell.contains(' '));
    if is_mail || ["http://", "https://", "www.", "ftp://"].iter().any(|start| cell.starts_with(start)) {
        return Class::Url;
    }
    let is_plain = |one: char| {
        one.is_alphanumeric()
            || matches!(one, ' ' | '-' | '_' | '.' | '\'' | '&' | '/' | '(' | ')' | '+' | '<' | '>' | '=' | '#' | '*' | ':')
    };
    if cell.chars().all(is_plain) { Class::Text } else { Class::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_class() {
        let cases = [
            ("", Class::Empty),
            (" NA ", Class::Empty),
            ("-12", Class::Integer),
            ("$1,200.50", Class::Decimal),
            ("3,14", Class::Decimal),
            ("2020-01-31 10:00", Class::Date),
            ("10:30", Class::Time),
            ("Yes", Class::Boolean),
            ("a@b.org", Class::Url),
            ("Never-married", Class::Text),
            ("a;b", Class::Other),
        ];
        for (cell, expected) in cases {
            assert_eq!(class(cell), expected, "{cell}");
        }
    }
}

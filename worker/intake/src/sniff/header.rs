//! Whether the first record names the columns, and what the names are.

use super::class::{Class, class};
use super::dialect::Cell;
use std::collections::BTreeSet;
use synthfleet_proto::{Error, Result};

/// Longest column name in bytes.
const NAME_BYTES_MAX: usize = 1_024;

/// Whether the first of `records` is a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Header,
    /// It is not.
    Data,
    /// Nothing speaks for either: taken as a header, with a note.
    Assumed,
}

/// Judges the first of `records`, `[records, columns]`. A header has no cell of a data class above cells of
/// that class; it has text above other things, or, where all is text, words that do not come again.
pub fn judge(records: &[Vec<Cell<'_>>]) -> Verdict {
    let Some((first, rest)) = records.split_first() else { return Verdict::Assumed };
    let classes: Vec<Class> = first.iter().map(|cell| class(&cell.text)).collect();
    let empty = classes.iter().zip(first).filter(|(class, cell)| **class == Class::Empty && cell.text.trim().is_empty()).count();
    if rest.is_empty() {
        let textual = classes.iter().filter(|class| is_text(**class)).count();
        return if textual * 2 >= classes.len() { Verdict::Header } else { Verdict::Data };
    }
    // a row of holes is no header
    if empty * 2 > first.len() {
        return Verdict::Data;
    }
    let (mut text_above_other, mut same_above_same, mut text_columns, mut fresh) = (0, 0, 0, 0);
    for (column, (&above, cell)) in classes.iter().zip(first).enumerate() {
        let below = rest.iter().map(|record| class(&record[column].text)).filter(|class| *class != Class::Empty);
        let (mut all, mut other, mut same) = (0usize, 0usize, 0usize);
        for class in below {
            all += 1;
            other += usize::from(!is_text(class));
            same += usize::from(class == above);
        }
        if all == 0 {
            continue;
        }
        let is_data = other * 10 >= all * 9;
        // "n", "y" and "t" may name a column although they are words for yes and no
        let word = above == Class::Boolean && same * 10 < all * 9 && cell.text.trim().chars().all(char::is_alphabetic);
        text_above_other += usize::from((is_text(above) || word) && is_data);
        same_above_same += usize::from(!is_text(above) && above != Class::Empty && same * 10 >= all * 9);
        if is_text(above) && !is_data {
            text_columns += 1;
            fresh += usize::from(!rest.iter().any(|record| record[column].text.trim() == cell.text.trim()));
        }
    }
    // years or numbers in a row may name columns
    let numbers: Vec<i64> = first.iter().filter_map(|cell| cell.text.trim().parse().ok()).collect();
    let counted = numbers.len() >= 2 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    match () {
        () if text_above_other > 0 && (same_above_same == 0 || counted || text_above_other > same_above_same) => Verdict::Header,
        () if same_above_same > 0 && !counted => Verdict::Data,
        () if text_columns > 0 && rest.len() >= 2 => {
            if fresh * 2 >= text_columns {
                Verdict::Header
            } else {
                Verdict::Data
            }
        }
        () => Verdict::Assumed,
    }
}

fn is_text(class: Class) -> bool {
    matches!(class, Class::Text | Class::Other | Class::Url)
}

/// Unique names for header cells: blanks around them cut, empty ones `column_<i>`, later twins `name__2`.
/// Fails on control characters and on names over 1,024 bytes. The second part tells whether there were twins.
pub fn names<'a>(cells: impl Iterator<Item = &'a str>) -> Result<(Vec<String>, bool)> {
    let mut taken = BTreeSet::new();
    let (mut names, mut twins) = (Vec::new(), false);
    for (place, cell) in cells.enumerate() {
        let number = place + 1;
        if cell.chars().any(|one| one.is_control() && one != '\t') {
            let error = Error::data("csv::header_control", format!("header {number} holds control characters"));
            return Err(error.help("rename the column, or if the first row is data: --header no"));
        }
        if cell.len() > NAME_BYTES_MAX {
            let error = Error::data("csv::header_long", format!("header {number} has {} bytes, limit {NAME_BYTES_MAX}", cell.len()));
            return Err(error.help("rename the column, or if the first row is data: --header no"));
        }
        let trimmed = cell.trim_matches([' ', '\t']);
        let wanted = if trimmed.is_empty() { format!("column_{number}") } else { trimmed.to_owned() };
        let mut name = wanted.clone();
        let mut copy = 2;
        while taken.contains(&name) {
            name = format!("{wanted}__{copy}");
            copy += 1;
            twins = true;
        }
        taken.insert(name.clone());
        names.push(name);
    }
    Ok((names, twins))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn verdict(rows: &[&[&'static str]]) -> Verdict {
        let cell = |text: &&'static str| Cell { text: Cow::Borrowed(*text), quoted: false };
        judge(&rows.iter().map(|row| row.iter().map(cell).collect()).collect::<Vec<_>>())
    }

    #[test]
    fn text_above_numbers_is_a_header() {
        assert_eq!(verdict(&[&["a", "b"], &["1", "x"], &["2", "y"]]), Verdict::Header);
        assert_eq!(verdict(&[&["", "2019", "2020"], &["x", "1", "2"], &["y", "3", "4"]]), Verdict::Assumed);
        assert_eq!(verdict(&[&["a", "a", ""], &["1", "2", "3"], &["4", "5", "6"]]), Verdict::Header);
    }

    #[test]
    fn data_above_data_is_no_header() {
        assert_eq!(verdict(&[&["1", "x"], &["2", "y"], &["3", "x"]]), Verdict::Data);
        assert_eq!(verdict(&[&["x", "y"], &["x", "y"], &["x", "z"]]), Verdict::Data);
    }

    #[test]
    fn words_that_do_not_come_again_are_a_header() {
        assert_eq!(verdict(&[&["colour", "size"], &["red", "big"], &["red", "big"]]), Verdict::Header);
    }

    #[test]
    fn twins_and_empty_names_become_unique() {
        let (names, twins) = names(["a", "a", " ", "a__2", " b "].into_iter()).expect("legal");
        assert_eq!(names, ["a", "a__2", "column_3", "a__2__2", "b"]);
        assert!(twins);
    }

    #[test]
    fn control_characters_are_refused_by_place() {
        assert_eq!(names(["a", "b\u{1b}"].into_iter()).expect_err("refused").message(), "header 2 holds control characters");
    }
}

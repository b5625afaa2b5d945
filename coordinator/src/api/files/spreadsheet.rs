//! Delimited text for spreadsheets: a cell that one would take for a formula gets an apostrophe in front, and every
//! other byte stays. One pass over bytes as they come; nothing is held but a cell that begins like a formula.
//!
//! Cells that begin with `=`, `+`, `-`, `@`, a tab or a carriage return are meant, header cells too. Numbers, dates and
//! missing tokens are no text: columns of the table tell which cells those are; of a file without such columns a cell
//! that is a plain number stays.

use synthfleet_proto::metadata::{Dialect, Role};
use synthfleet_proto::profile::{ColumnProfile, Profile};

/// Longest cell that is held to see whether it is a missing token or a number, in bytes.
const HELD_MAX: usize = 1 << 12;

/// What is known of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Column {
    /// Numbers and dates: no cell is text.
    is_number: bool,
    /// Cells that stand for missing ones.
    missing: Vec<String>,
}

/// Where in a record the last byte was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a cell.
    Start,
    /// Before the first byte within quotes.
    QuotedStart,
    /// In a cell without quotes.
    Plain,
    /// Within quotes.
    Quoted,
    /// After an escape within quotes.
    Escaped,
    /// After a quote within quotes: a doubled one, or the end of the cell.
    AfterQuote,
}

/// Puts apostrophes into delimited text.
#[derive(Debug, Clone)]
pub struct Apostrophes {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    initial_space: bool,
    /// `None`: nothing is known of columns.
    columns: Option<Vec<Column>>,
    header: bool,
    state: State,
    /// Place of the cell in its record.
    place: usize,
    /// A cell that begins like a formula, until it is known to be none.
    held: Option<Vec<u8>>,
    /// Bytes of a byte-order mark that may still come.
    mark: &'static [u8],
}

impl Apostrophes {
    /// For comma-separated text of which nothing else is known.
    pub fn plain() -> Self {
        let mark = "\u{feff}".as_bytes();
        let (state, quote) = (State::Start, Some(b'"'));
        Self { delimiter: b',', quote, escape: None, initial_space: false, columns: None, header: true, state, place: 0, held: None, mark }
    }

    /// For the table that a description is of, as it is written; `None`: its delimiters are no single bytes.
    pub fn of(profile: &Profile) -> Option<Self> {
        let Dialect { delimiter, quote, escape, header, skip_initial_space, .. } = &profile.source.dialect;
        let byte = |mark: char| u8::try_from(mark).ok().filter(u8::is_ascii);
        let shown = profile.columns.iter().filter(|column| column.role != Role::Drop);
        let column = |column: &ColumnProfile| Column {
            is_number: column.kind.is_number_like(),
            missing: column.missing_tokens.iter().map(|token| token.token.clone()).collect(),
        };
        Some(Self {
            delimiter: byte(*delimiter)?,
            quote: quote.map(byte).map_or(Some(None), |quote| quote.map(Some))?,
            escape: escape.map(byte).map_or(Some(None), |escape| escape.map(Some))?,
            initial_space: *skip_initial_space,
            columns: Some(shown.map(column).collect()),
            header: *header,
            ..Self::plain()
        })
    }

    /// The next bytes with their apostrophes.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16 + 16);
        for byte in bytes {
            self.byte(*byte, &mut out);
        }
        out
    }

    /// What is still held when no byte follows.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.release(&mut out);
        out
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if let Some((first, rest)) = self.mark.split_first() {
            self.mark = if *first == byte { rest } else { &[] };
            if *first == byte {
                return out.push(byte);
            }
        }
        let ends = byte == self.delimiter || byte == b'\n' || byte == b'\r';
        let is_quote = self.quote == Some(byte);
        match self.state {
            State::Start if ends => return self.end_cell(byte, out),
            State::Start if is_quote => {
                out.push(byte);
                self.state = State::QuotedStart;
                return;
            }
            State::Start if byte == b' ' && self.initial_space && self.place > 0 => return out.push(byte),
            State::Start => return self.begin(byte, State::Plain, out),
            State::QuotedStart if is_quote => self.state = State::AfterQuote,
            State::QuotedStart => return self.begin(byte, State::Quoted, out),
            State::Plain if ends => return self.end_cell(byte, out),
            State::Plain => {}
            State::Quoted if self.escape == Some(byte) && !is_quote => self.state = State::Escaped,
            State::Quoted if is_quote => self.state = State::AfterQuote,
            State::Quoted => {}
            State::Escaped => self.state = State::Quoted,
            State::AfterQuote if ends => return self.end_cell(byte, out),
            State::AfterQuote => self.state = if is_quote { State::Quoted } else { State::Plain },
        }
        self.push(byte, out);
    }

    /// The first byte of a cell.
    fn begin(&mut self, byte: u8, state: State, out: &mut Vec<u8>) {
        self.state = state;
        let is_text = self.header || !self.column().is_some_and(|column| column.is_number);
        if is_text && matches!(byte, b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') {
            self.held = Some(vec![byte]);
        } else {
            out.push(byte);
        }
    }

    fn push(&mut self, byte: u8, out: &mut Vec<u8>) {
        match &mut self.held {
            None => out.push(byte),
            Some(held) => {
                held.push(byte);
                if held.len() > HELD_MAX {
                    self.release(out);
                }
            }
        }
    }

    fn end_cell(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.release(out);
        out.push(byte);
        self.state = State::Start;
        if byte == self.delimiter {
            self.place += 1;
        } else {
            self.place = 0;
            self.header = false;
        }
    }

    /// Writes the cell that is held, if one is.
    fn release(&mut self, out: &mut Vec<u8>) {
        let Some(held) = self.held.take() else { return };
        if !self.stays(&held) {
            out.push(b'\'');
        }
        out.extend(held);
    }

    /// Whether a cell that begins like a formula is a missing token or a number.
    fn stays(&self, held: &[u8]) -> bool {
        let text = match (self.state, held.split_last()) {
            (State::AfterQuote, Some((_, text))) => text,
            _ => held,
        };
        let Ok(text) = std::str::from_utf8(text) else { return false };
        match (&self.columns, self.column()) {
            _ if self.header || held.len() > HELD_MAX => false,
            (None, _) => text.parse::<f64>().is_ok(),
            (Some(_), Some(column)) => column.missing.iter().any(|token| token == text),
            (Some(_), None) => false,
        }
    }

    fn column(&self) -> Option<&Column> {
        self.columns.as_ref()?.get(self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The text whole, and in pieces of every length.
    fn guarded(apostrophes: &Apostrophes, text: &str) -> String {
        let pieces = |length: usize| {
            let mut one = apostrophes.clone();
            let mut out: Vec<u8> = text.as_bytes().chunks(length).flat_map(|piece| one.take(piece)).collect();
            out.extend(one.finish());
            String::from_utf8(out).expect("text")
        };
        let whole = pieces(text.len().max(1));
        (1..8).for_each(|length| assert_eq!(pieces(length), whole, "in pieces of {length}"));
        whole
    }

    fn of(dialect: &serde_json::Value, kinds: &[&str]) -> Apostrophes {
        let mut told = crate::testing::worker::profile();
        for (field, value) in dialect.as_object().expect("an object") {
            told["source"]["dialect"][field] = value.clone();
        }
        let column = |(place, kind): (usize, &&str)| {
            json!({
                "name": "c", "header": "c", "position": place, "kind": kind, "role": "model", "storage": "utf8", "missing": 1,
                "missing_tokens": [{"token": "-", "count": 1}], "distinct": 2, "approximate": false, "constant": false,
                "sensitivity": {"class": "none"}, "notes": [], "override": [],
            })
        };
        told["columns"] = kinds.iter().enumerate().map(column).collect();
        Apostrophes::of(&serde_json::from_value(told).expect("a profile")).expect("bytes")
    }

    #[test]
    fn cells_that_begin_like_formulas_get_an_apostrophe() {
        let text = "a,=b\n=1+1,x=1\n@x,\"=HYPERLINK(\"\"u\"\")\"\n\t9,\"\r\"\n-,+\n";
        let safe = "a,'=b\n'=1+1,x=1\n'@x,\"'=HYPERLINK(\"\"u\"\")\"\n'\t9,\"'\r\"\n'-,'+\n";
        assert_eq!(guarded(&Apostrophes::plain(), text), safe);
    }

    #[test]
    fn numbers_stay_numbers() {
        assert_eq!(guarded(&Apostrophes::plain(), "n,m\n-1.5,+2e3\n-1.5x,\"-7\""), "n,m\n-1.5,+2e3\n'-1.5x,\"-7\"");
        let typed = of(&json!({}), &["continuous", "categorical", "datetime"]);
        assert_eq!(guarded(&typed, "a,b,c\n-$1,-1,-44-01-01\n"), "a,b,c\n-$1,'-1,-44-01-01\n");
    }

    #[test]
    fn missing_tokens_stay_what_they_are() {
        let typed = of(&json!({}), &["categorical"]);
        assert_eq!(guarded(&typed, "a\n-\n\"-\"\n--\n-"), "a\n-\n\"-\"\n'--\n-");
    }

    #[test]
    fn a_cell_ends_where_the_dialect_says() {
        let tabs = of(&json!({"delimiter": "\t", "quote": "'", "escape": "\\"}), &["text", "text"]);
        assert_eq!(guarded(&tabs, "a\t=b\r\n'=x\\'\t'\t=y\r\n"), "a\t'=b\r\n''=x\\'\t'\t'=y\r\n");
        let spaced = of(&json!({"skip_initial_space": true, "header": false}), &["text", "text"]);
        assert_eq!(guarded(&spaced, "=a, =b\n"), "'=a, '=b\n");
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_are_no_cells() {
        let text = "\u{feff}=a\r\rb\r\n=c";
        assert_eq!(guarded(&Apostrophes::plain(), text), "\u{feff}'=a\r\rb\r\n'=c");
        assert_eq!(guarded(&Apostrophes::plain(), ""), "");
    }

    #[test]
    fn an_endless_cell_is_not_held() {
        let mut one = Apostrophes::plain();
        let sent = one.take(format!("={}", "x".repeat(1 << 20)).as_bytes());
        assert!(sent.len() > 1 << 20 && sent.starts_with(b"'="), "{}", sent.len());
    }

    #[test]
    fn a_delimiter_of_several_bytes_is_refused() {
        let mut told = crate::testing::worker::profile();
        told["source"]["dialect"]["delimiter"] = "→".into();
        assert!(Apostrophes::of(&serde_json::from_value(told).expect("a profile")).is_none());
    }
}

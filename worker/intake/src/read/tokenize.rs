//! One record of delimited text at a time. Our own, since the faults that must be told apart (text after
//! a closing quote, a quote that never closes, a NUL) and the form that must be kept (was the cell
//! quoted?) are what general tokenizers smooth over.
//!
//! # Definition
//! A record is fields between delimiters up to LF, CRLF or CR. A field that starts with the quote runs to
//! the next quote that is neither doubled nor escaped; blanks may follow it. A quote elsewhere is data. The
//! escape, if any, makes the next quote, escape, delimiter or line end data; before anything else it is data.

use synthfleet_proto::metadata::Dialect;

/// A field as a range of the text that was tokenized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Field {
    /// First byte of the content, behind the quote.
    pub start: usize,
    /// One past the last byte of the content.
    pub end: usize,
    /// The field was quoted.
    pub quoted: bool,
    /// Quotes were doubled or bytes escaped: the content must be unescaped.
    pub escaped: bool,
}

/// What was found at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A record; the next one starts at `next`.
    Record {
        /// First byte behind the record's line end.
        next: usize,
        /// Where text follows a closing quote, if it does.
        after_quote: Option<usize>,
        /// Where a NUL byte is, if there is one.
        nul: Option<usize>,
    },
    /// The text ends inside a record.
    Cut {
        /// Where the open field starts.
        field: usize,
        /// The open field is quoted.
        quoted: bool,
    },
    /// The text ends here.
    End,
}

const PLAIN: u8 = 0;
const DELIMITER: u8 = 1;
const LINE_END: u8 = 2;
const ESCAPE: u8 = 3;
const NUL: u8 = 4;

/// The rules of a dialect, ready to be applied.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    skip_space: bool,
    classes: [u8; 256],
}

impl Tokenizer {
    /// The rules that delimiter, quote and escape give; `skip_space` drops one space at a field's start.
    pub fn new(delimiter: u8, quote: Option<u8>, escape: Option<u8>, skip_space: bool) -> Self {
        let mut classes = [PLAIN; 256];
        classes[0] = NUL;
        if let Some(escape) = escape {
            classes[usize::from(escape)] = ESCAPE;
        }
        classes[usize::from(b'\n')] = LINE_END;
        classes[usize::from(b'\r')] = LINE_END;
        classes[usize::from(delimiter)] = DELIMITER;
        Self { delimiter, quote, escape, skip_space, classes }
    }

    /// The rules of a dialect whose marks are ASCII; others fall back to a comma and no quote.
    pub fn of(dialect: &Dialect) -> Self {
        let byte = |mark: char| u8::try_from(mark).ok().filter(u8::is_ascii);
        let delimiter = byte(dialect.delimiter).unwrap_or(b',');
        Self::new(delimiter, dialect.quote.and_then(byte), dialect.escape.and_then(byte), dialect.skip_initial_space)
    }

    /// Reads the record that starts at `at` into `fields`. `last`: no text follows.
    pub fn record(&self, text: &[u8], at: usize, last: bool, fields: &mut Vec<Field>) -> Found {
        fields.clear();
        if at >= text.len() {
            return if last { Found::End } else { Found::Cut { field: at, quoted: false } };
        }
        let (mut place, mut after_quote, mut nul) = (at, None, None);
        loop {
            let first = if self.skip_space && text.get(place) == Some(&b' ') { place + 1 } else { place };
            let mut field = Field { start: first, end: first, quoted: false, escaped: false };
            let mut scan = first;
            if self.quote.is_some() && text.get(first).copied() == self.quote {
                match self.quoted(text, first, last, &mut nul) {
                    None => return Found::Cut { field: first, quoted: true },
                    Some((closed, escaped)) => {
                        field = Field { start: first + 1, end: closed, quoted: true, escaped };
                        scan = closed + 1;
                        while scan < text.len() && matches!(text[scan], b' ' | b'\t') && text[scan] != self.delimiter {
                            scan += 1;
                        }
                        if scan == text.len() && !last {
                            return Found::Cut { field: first, quoted: true };
                        }
                        if scan < text.len() && !matches!(self.classes[usize::from(text[scan])], DELIMITER | LINE_END) {
                            after_quote = after_quote.or(Some(scan));
                            field = Field { start: first, end: first, quoted: false, escaped: false };
                        }
                    }
                }
            }
            let end = match self.unquoted(text, scan, &mut field.escaped, &mut nul) {
                Some(end) => end,
                None if last => text.len(),
                None => return Found::Cut { field: first, quoted: false },
            };
            if !field.quoted {
                field.end = end;
            }
            fields.push(field);
            match text.get(end) {
                None => return Found::Record { next: end, after_quote, nul },
                Some(&byte) if byte == self.delimiter => place = end + 1,
                Some(b'\r') => match text.get(end + 1) {
                    Some(b'\n') => return Found::Record { next: end + 2, after_quote, nul },
                    None if !last => return Found::Cut { field: first, quoted: false },
                    _ => return Found::Record { next: end + 1, after_quote, nul },
                },
                Some(_) => return Found::Record { next: end + 1, after_quote, nul },
            }
            if place == text.len() && !last {
                return Found::Cut { field: place, quoted: false };
            }
        }
    }

    /// The place of the quote that closes the one at `open`, and whether anything between is escaped.
    fn quoted(&self, text: &[u8], open: usize, last: bool, nul: &mut Option<usize>) -> Option<(usize, bool)> {
        let quote = self.quote?;
        let escape = self.escape.unwrap_or(quote);
        let (mut scan, mut escaped) = (open + 1, false);
        loop {
            scan += memchr::memchr3(quote, escape, 0, text.get(scan..)?)?;
            let next = text.get(scan + 1).copied();
            match text[scan] {
                0 if quote != 0 => {
                    *nul = nul.or(Some(scan));
                    scan += 1;
                }
                byte if self.escape == Some(byte) => match next {
                    None if !last => return None,
                    Some(next) if self.can_escape(next) => {
                        escaped = true;
                        scan += 2;
                    }
                    // an escape that is the quote too closes the field
                    _ if byte == quote => return Some((scan, escaped)),
                    _ => scan += 1,
                },
                _ => match next {
                    None if !last => return None,
                    Some(next) if next == quote && self.escape.is_none() => {
                        escaped = true;
                        scan += 2;
                    }
                    _ => return Some((scan, escaped)),
                },
            }
        }
    }

    /// The place of the delimiter or line end behind `scan`.
    fn unquoted(&self, text: &[u8], mut scan: usize, escaped: &mut bool, nul: &mut Option<usize>) -> Option<usize> {
        while let Some(&byte) = text.get(scan) {
            match self.classes[usize::from(byte)] {
                PLAIN => {}
                DELIMITER | LINE_END => return Some(scan),
                ESCAPE => match text.get(scan + 1) {
                    Some(&next) if self.can_escape(next) => {
                        *escaped = true;
                        scan += 1;
                    }
                    _ => {}
                },
                _ => *nul = nul.or(Some(scan)),
            }
            scan += 1;
        }
        None
    }

    fn can_escape(&self, next: u8) -> bool {
        Some(next) == self.quote || Some(next) == self.escape || matches!(self.classes[usize::from(next)], DELIMITER | LINE_END)
    }

    /// Appends the content of a field, unescaped.
    pub fn unescape(&self, content: &str, field: Field, out: &mut String) {
        if !field.escaped {
            return out.push_str(content);
        }
        // the mark that makes the next one data
        let mark = if field.quoted { self.escape.or(self.quote) } else { self.escape };
        let Some(mark) = mark else { return out.push_str(content) };
        let bytes = content.as_bytes();
        let (mut from, mut scan) = (0, 0);
        while let Some(step) = memchr::memchr(mark, &bytes[scan..]) {
            let place = scan + step;
            scan = place + 1;
            if bytes.get(place + 1).is_some_and(|&next| self.can_escape(next)) {
                out.push_str(&content[from..place]);
                from = place + 1;
                scan = place + 2;
            }
            if scan >= bytes.len() {
                break;
            }
        }
        out.push_str(&content[from..]);
    }
}

/// The first records of a text, at most `records_max`, their cells unescaped. The text may break off in a record,
/// which then is left out unless `whole`.
pub fn first_records(tokenizer: &Tokenizer, text: &str, records_max: usize, whole: bool) -> Vec<Vec<String>> {
    let (mut at, mut fields, mut records) = (0, Vec::new(), Vec::new());
    while records.len() < records_max
        && let Found::Record { next, .. } = tokenizer.record(text.as_bytes(), at, whole, &mut fields)
    {
        let unescaped = fields.iter().map(|&field| {
            let mut cell = String::new();
            tokenizer.unescape(&text[field.start..field.end], field, &mut cell);
            cell
        });
        records.push(unescaped.collect());
        at = next;
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(tokenizer: &Tokenizer, text: &str) -> Vec<Vec<String>> {
        first_records(tokenizer, text, usize::MAX, true)
    }

    #[test]
    fn a_record_that_breaks_off_is_left_out() {
        let tokenizer = Tokenizer::new(b',', Some(b'"'), None, false);
        assert_eq!(first_records(&tokenizer, "a,b\nc,d\ne", 9, false), [["a", "b"], ["c", "d"]]);
        assert_eq!(first_records(&tokenizer, "a,b\nc,d\n", 1, true), [["a", "b"]]);
    }

    #[test]
    fn quotes_are_doubled_or_escaped() {
        let doubled = Tokenizer::new(b',', Some(b'"'), None, false);
        assert_eq!(cells(&doubled, "\"a \"\"b\"\"\",\"c,\nd\"\n"), [["a \"b\"", "c,\nd"]]);
        let escaped = Tokenizer::new(b',', Some(b'"'), Some(b'\\'), false);
        assert_eq!(cells(&escaped, "\"a \\\"b\\\\\",c\\,d\n\\N,\\x\n"), [["a \"b\\", "c,d"], ["\\N", "\\x"]]);
    }

    #[test]
    fn every_line_end_ends_a_record() {
        let tokenizer = Tokenizer::new(b';', Some(b'"'), None, false);
        assert_eq!(cells(&tokenizer, "a;b\r\nc;d\re;f\ng;"), [["a", "b"], ["c", "d"], ["e", "f"], ["g", ""]]);
    }

    #[test]
    fn a_quote_inside_an_unquoted_field_is_data() {
        let tokenizer = Tokenizer::new(b',', Some(b'"'), None, false);
        assert_eq!(cells(&tokenizer, "5\" disk,x\"y\"\n"), [["5\" disk", "x\"y\""]]);
    }

    #[test]
    fn text_after_a_closing_quote_is_found_where_it_is() {
        let tokenizer = Tokenizer::new(b',', Some(b'"'), None, false);
        let mut fields = Vec::new();
        let found = tokenizer.record(b"1,\"a\" b,2\n", 0, true, &mut fields);
        assert_eq!(found, Found::Record { next: 10, after_quote: Some(6), nul: None });
        assert_eq!(fields.len(), 3);
    }

    #[test]
    fn a_cut_text_is_never_a_record() {
        let tokenizer = Tokenizer::new(b',', Some(b'"'), None, false);
        let text = b"12,\"a\"\"\",x\r\n";
        for end in 0..text.len() {
            let found = tokenizer.record(&text[..end], 0, false, &mut Vec::new());
            assert!(matches!(found, Found::Cut { .. }), "{end}: {found:?}");
        }
        assert!(matches!(tokenizer.record(text, 0, false, &mut Vec::new()), Found::Record { next: 12, .. }));
    }
}

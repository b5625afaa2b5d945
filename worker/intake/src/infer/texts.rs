//! What the texts of a column have in common: length, and a template that ids follow.
//!
//! # Definition
//! A text is words (runs of ASCII letters and digits) between other characters. Texts with equal other
//! characters have the same frame. Inside the commonest frame every place of a word is a constant or a
//! class; words of several lengths keep their constant beginning. Constant digits beside varying ones are
//! digits like them: that all ids so far begin with 00 is no rule.

use std::fmt::Write;

const FRAMES_MAX: usize = 4;
const WORDS_MAX: usize = 16;
const WORD_CHARS_MAX: usize = 64;

const DIGIT: u8 = 1;
const LOWER_HEX: u8 = 2;
const LOWER: u8 = 4;
const UPPER_HEX: u8 = 8;
const UPPER: u8 = 16;

/// Lengths and frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    cells: u64,
    chars: u64,
    frames: Vec<Frame>,
}

#[derive(Debug, Clone)]
struct Frame {
    /// The text with every word as one NUL.
    outline: String,
    cells: u64,
    words: Vec<Word>,
}

#[derive(Debug, Clone, Default)]
struct Word {
    min: usize,
    max: usize,
    /// Class and, while it is the same everywhere, the character at each place.
    places: Vec<(u8, Option<u8>)>,
}

impl Texts {
    /// Counts a text.
    pub(crate) fn add(&mut self, text: &str, count: u64) {
        self.cells += count;
        self.chars += text.chars().count() as u64 * count;
        if text.len() > WORDS_MAX * 8 {
            return;
        }
        let mut outline = String::with_capacity(text.len());
        let mut words: Vec<&[u8]> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            if length > 0 {
                words.push(&rest.as_bytes()[..length]);
                outline.push('\0');
            }
            rest = &rest[length..];
            if let Some(other) = rest.chars().next() {
                outline.push(other);
                rest = &rest[other.len_utf8()..];
            }
        }
        if words.len() > WORDS_MAX || words.iter().any(|word| word.len() > WORD_CHARS_MAX) {
            return;
        }
        let frame = match self.frames.iter().position(|frame| frame.outline == outline) {
            Some(place) => &mut self.frames[place],
            None if self.frames.len() < FRAMES_MAX => {
                self.frames.push(Frame { words: vec![Word::default(); words.len()], outline, cells: 0 });
                let last = self.frames.len() - 1;
                &mut self.frames[last]
            }
            None => return,
        };
        let first = frame.cells == 0;
        frame.cells += count;
        for (word, text) in frame.words.iter_mut().zip(words) {
            word.add(text, first);
        }
    }

    /// Mean length in characters.
    pub(crate) fn mean_chars(&self) -> f64 {
        self.chars as f64 / self.cells.max(1) as f64
    }

    /// A regular expression that at least 99 % of the texts match, with the number of places that vary,
    /// if it looks like the template of an id rather than of words.
    pub(crate) fn regex(&self) -> Option<(String, usize)> {
        let frame = self.frames.iter().reduce(|best, frame| if frame.cells > best.cells { frame } else { best })?;
        if frame.cells * 100 < self.cells * 99 {
            return None;
        }
        let (mut regex, mut varying, mut digits, mut words) = (String::new(), 0, false, frame.words.iter());
        for one in frame.outline.chars() {
            if one != '\0' {
                regex.push_str(&regex::escape(one.encode_utf8(&mut [0; 4])));
                continue;
            }
            let word = words.next()?;
            let part = word.regex()?;
            varying += part.1;
            digits |= part.2;
            regex.push_str(&part.0);
        }
        digits.then_some((regex, varying))
    }
}

impl Word {
    fn add(&mut self, text: &[u8], first: bool) {
        if first {
            (self.min, self.max) = (text.len(), text.len());
        }
        self.min = self.min.min(text.len());
        self.max = self.max.max(text.len());
        for (place, &byte) in text.iter().enumerate() {
            match self.places.get_mut(place) {
                None => self.places.push((class(byte), first.then_some(byte))),
                Some((classes, same)) => {
                    *classes |= class(byte);
                    *same = same.filter(|&known| known == byte);
                }
            }
        }
    }

    /// The places, constant digits beside varying ones taken as varying.
    fn loosened(&self) -> Vec<(u8, Option<u8>)> {
        let mut places = self.places.clone();
        let varies = |place: (u8, Option<u8>)| place == (DIGIT, None);
        for place in 1..places.len() {
            if places[place].0 == DIGIT && varies(places[place - 1]) {
                places[place].1 = None;
            }
        }
        for place in (1..places.len()).rev() {
            if places[place - 1].0 == DIGIT && varies(places[place]) {
                places[place - 1].1 = None;
            }
        }
        places
    }

    /// The expression, its least number of varying places, and whether a code-like class varies. `None`:
    /// letters of several lengths, which are words.
    fn regex(&self) -> Option<(String, usize, bool)> {
        let fixed = self.min == self.max;
        let mut constants = self.places.iter().take(self.min).take_while(|(_, same)| same.is_some()).count();
        let mut out = String::new();
        if fixed {
            let (mut varying, mut codes, mut place) = (0, false, 0);
            let places = self.loosened();
            while place < places.len() {
                let (classes, same) = places[place];
                if let Some(byte) = same {
                    out.push(char::from(byte));
                    place += 1;
                    continue;
                }
                let run = places[place..].iter().take_while(|other| other.1.is_none() && other.0 == classes).count();
                push_class(&mut out, classes, run, run);
                varying += self.places[place..place + run].iter().filter(|place| place.1.is_none()).count();
                codes |= classes & DIGIT != 0 || classes & (LOWER | LOWER_HEX) == 0;
                place += run;
            }
            return Some((out, varying, codes));
        }
        let classes = self.places[constants..].iter().fold(0, |all, (classes, _)| all | classes);
        if classes & DIGIT == 0 || classes & (LOWER | UPPER) != 0 {
            return None;
        }
        while classes == DIGIT && constants > 0 && self.places[constants - 1].0 == DIGIT {
            constants -= 1;
        }
        self.places[..constants].iter().filter_map(|(_, same)| *same).for_each(|byte| out.push(char::from(byte)));
        push_class(&mut out, classes, self.min - constants, self.max - constants);
        Some((out, self.min - constants, true))
    }
}

fn class(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => DIGIT,
        b'a'..=b'f' => LOWER_HEX,
        b'g'..=b'z' => LOWER,
        b'A'..=b'F' => UPPER_HEX,
        _ => UPPER,
    }
}

fn push_class(out: &mut String, classes: u8, min: usize, max: usize) {
    let hex = classes & DIGIT != 0;
    out.push('[');
    for (mask, short, long) in [(UPPER | UPPER_HEX, "A-F", "A-Z"), (LOWER | LOWER_HEX, "a-f", "a-z")] {
        if classes & mask != 0 {
            let narrow = hex && classes & mask & (UPPER | LOWER) == 0;
            out.push_str(if narrow { short } else { long });
        }
    }
    if hex {
        out.push_str("0-9");
    }
    out.push(']');
    // writing to a string cannot fail
    let _ = match (min, max) {
        (1, 1) => Ok(()),
        _ if min == max => write!(out, "{{{min}}}"),
        _ => write!(out, "{{{min},{max}}}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(texts: &[&str]) -> Option<(String, usize)> {
        let mut all = Texts::default();
        texts.iter().for_each(|text| all.add(text, 1));
        all.regex()
    }

    #[test]
    fn templates_of_ids_are_found() {
        let found = |texts: &[&str]| regex(texts).map(|found| found.0);
        assert_eq!(found(&["R-00017", "R-93425"]).as_deref(), Some("R\\-[0-9]{5}"));
        assert_eq!(found(&["R-00017", "R-00425"]).as_deref(), Some("R\\-[0-9]{5}"));
        assert_eq!(found(&["u12@example.org", "u3456@example.org"]).as_deref(), Some("u[0-9]{2,4}@example\\.org"));
        assert_eq!(found(&["AB-1x", "CD-2y"]).as_deref(), Some("[A-Z]{2}\\-[0-9][a-z]"));
        assert_eq!(regex(&["0a1f-77", "b2c3-18"]).map(|found| found.1), Some(6));
    }

    #[test]
    fn words_have_no_template() {
        assert_eq!(regex(&["Smith", "Jones", "Featherstone"]), None);
        assert_eq!(regex(&["red car", "old van"]), None);
    }
}

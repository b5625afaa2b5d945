//! Texts of fixed form: a set of characters for each place, and a keyed permutation that numbers them.
//!
//! **Definition.** A template of places with s_1..s_m characters holds D = s_1 * .. * s_m texts. Text i is
//! i written in mixed radix. The permutation is a Feistel network of 4 rounds on the smallest even number
//! of bits that holds D, walked until it lands below D: a bijection of 0..D that needs no memory.

use super::shelf::{Reader, Writer};
use synthfleet_proto::{Result, Seed};

const PLACES_MAX: usize = 256;
const BITS_MAX: u32 = 126;

/// A set of characters for each place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    places: Vec<Vec<char>>,
}

impl Template {
    /// Learns the form of the commonest length among `texts`; `None` unless `k` texts have it.
    pub(crate) fn learn<'a>(texts: impl Iterator<Item = &'a str> + Clone, k: usize) -> Option<Self> {
        let mut lengths = std::collections::BTreeMap::new();
        for text in texts.clone() {
            *lengths.entry(text.chars().count()).or_insert(0usize) += 1;
        }
        let (&length, &count) = lengths.iter().max_by_key(|(length, count)| (**count, std::cmp::Reverse(**length)))?;
        if count < k || length == 0 || length > PLACES_MAX {
            return None;
        }
        let mut seen = vec![Seen::default(); length];
        for text in texts.filter(|text| text.chars().count() == length) {
            text.chars().zip(&mut seen).for_each(|(char, seen)| seen.note(char));
        }
        let places = seen.iter().enumerate().map(|(place, seen)| seen.set(place == 0)).collect::<Option<Vec<_>>>()?;
        Some(Self { places })
    }

    /// Reads a regular expression of literals, classes, escapes and counts; `None` for anything richer.
    pub(crate) fn of_regex(regex: &str) -> Option<Self> {
        let inner = regex.strip_prefix('^').unwrap_or(regex);
        let inner = inner.strip_suffix('$').unwrap_or(inner);
        let mut chars = inner.chars().peekable();
        let mut places = Vec::new();
        while let Some(char) = chars.next() {
            let set = match char {
                '\\' => escaped(chars.next()?)?,
                '[' => class(&mut chars)?,
                '.' => ('a'..='z').collect(),
                '(' | ')' | '|' | '*' | '+' | '?' | '{' | '}' | '^' | '$' => return None,
                literal => vec![literal],
            };
            let count = count(&mut chars)?;
            places.extend(std::iter::repeat_n(set, count));
            if places.len() > PLACES_MAX {
                return None;
            }
        }
        (!places.is_empty()).then_some(Self { places })
    }

    /// Small letters and digits, 12 places: for ids whose own form is too rare to show.
    pub(crate) fn plain() -> Self {
        Self { places: vec![('a'..='z').chain('0'..='9').collect(); 12] }
    }

    /// How many texts there are, at most 2^126.
    pub(crate) fn size(&self) -> u128 {
        self.places.iter().fold(1u128, |size, set| size.saturating_mul(set.len() as u128).min(1 << BITS_MAX))
    }

    /// Text `number`, which must be below the size.
    pub(crate) fn text(&self, mut number: u128) -> String {
        let mut chars = vec![' '; self.places.len()];
        for (char, set) in chars.iter_mut().zip(&self.places).rev() {
            *char = set[(number % set.len() as u128) as usize];
            number /= set.len() as u128;
        }
        chars.into_iter().collect()
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        let texts = self.places.iter().map(|set| set.iter().collect::<String>()).collect();
        out.texts("places", &texts);
    }

    pub(crate) fn load(reader: &Reader) -> Result<Self> {
        let places: Vec<Vec<char>> = reader.texts("places")?.iter().map(|set| set.chars().collect()).collect();
        if places.is_empty() || places.len() > PLACES_MAX || places.iter().any(Vec::is_empty) {
            return Err(reader.damaged("places"));
        }
        Ok(Self { places })
    }
}

/// What characters stand at one place.
#[derive(Clone, Default)]
struct Seen {
    first: Option<char>,
    varied: bool,
    digit: bool,
    zero: bool,
    lower: bool,
    upper: bool,
    beyond_hex: bool,
    other: bool,
}

impl Seen {
    fn note(&mut self, char: char) {
        self.varied |= *self.first.get_or_insert(char) != char;
        self.zero |= char == '0';
        match char {
            '0'..='9' => self.digit = true,
            'a'..='z' => (self.lower, self.beyond_hex) = (true, self.beyond_hex || char > 'f'),
            'A'..='Z' => (self.upper, self.beyond_hex) = (true, self.beyond_hex || char > 'F'),
            _ => self.other = true,
        }
    }

    fn set(&self, is_first: bool) -> Option<Vec<char>> {
        if !self.varied {
            return Some(vec![self.first?]);
        }
        if self.other {
            return None;
        }
        let mut set = Vec::new();
        let (lower_end, upper_end) = if self.digit && !self.beyond_hex { ('f', 'F') } else { ('z', 'Z') };
        if self.digit {
            set.extend(if is_first && !self.zero { '1'..='9' } else { '0'..='9' });
        }
        if self.upper {
            set.extend('A'..=upper_end);
        }
        if self.lower {
            set.extend('a'..=lower_end);
        }
        Some(set)
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn escaped(char: char) -> Option<Vec<char>> {
    match char {
        'd' => Some(('0'..='9').collect()),
        'w' => Some(('a'..='z').chain('0'..='9').collect()),
        's' => Some(vec![' ']),
        char if char.is_alphanumeric() => None,
        char => Some(vec![char]),
    }
}

fn class(chars: &mut Chars) -> Option<Vec<char>> {
    let mut set = Vec::new();
    loop {
        match chars.next()? {
            ']' => break,
            '^' if set.is_empty() => return None,
            '\\' => set.extend(escaped(chars.next()?)?),
            start if chars.peek() == Some(&'-') => {
                chars.next();
                match chars.next()? {
                    ']' => {
                        set.extend([start, '-']);
                        break;
                    }
                    end if start <= end && (end as u32 - start as u32) < 256 => set.extend(start..=end),
                    _ => return None,
                }
            }
            single => set.push(single),
        }
    }
    set.sort_unstable();
    set.dedup();
    (!set.is_empty()).then_some(set)
}

/// How often the part before is repeated: the most a count allows, 8 where it is unlimited.
fn count(chars: &mut Chars) -> Option<usize> {
    const UNLIMITED: usize = 8;
    match chars.peek() {
        Some('+' | '*') => {
            chars.next();
            Some(UNLIMITED)
        }
        Some('?') => {
            chars.next();
            Some(1)
        }
        Some('{') => {
            chars.next();
            let text: String = chars.by_ref().take_while(|&char| char != '}').collect();
            let (least, most) = text.split_once(',').unwrap_or((&text, &text));
            let least: usize = least.parse().ok()?;
            let count = if most.is_empty() { least.max(UNLIMITED) } else { most.parse().ok()? };
            (count <= PLACES_MAX).then_some(count)
        }
        _ => Some(1),
    }
}

/// A keyed bijection of `0..size`.
#[derive(Debug, Clone)]
pub(crate) struct Permutation {
    size: u128,
    half_bits: u32,
    keys: [u64; 4],
}

impl Permutation {
    /// The bijection that `seed` names. `size` is 1 to 2^126.
    pub(crate) fn new(size: u128, seed: &Seed) -> Self {
        let bits = (128 - size.saturating_sub(1).leading_zeros()).clamp(2, BITS_MAX);
        let keys = std::array::from_fn(|round| seed.index(round as u64).number());
        Self { size, half_bits: bits.div_ceil(2), keys }
    }

    /// Where `number`, which must be below the size, goes.
    pub(crate) fn apply(&self, number: u128) -> u128 {
        let mut number = number;
        loop {
            number = self.once(number);
            if number < self.size {
                return number;
            }
        }
    }

    fn once(&self, number: u128) -> u128 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = ((number >> self.half_bits) as u64 & mask, number as u64 & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        u128::from(left) << self.half_bits | u128::from(right)
    }
}

/// A bijection of 64 bits without structure (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_reaches_every_number_once() {
        for size in [1u128, 2, 3, 10, 1_000] {
            let permutation = Permutation::new(size, &Seed::shared(3));
            let mut reached: Vec<u128> = (0..size).map(|i| permutation.apply(i)).collect();
            reached.sort_unstable();
            assert!(reached.iter().enumerate().all(|(i, &r)| i as u128 == r), "{size}");
        }
    }

    #[test]
    fn the_form_of_ids_is_learned() {
        let ids: Vec<String> = (0..50).map(|i| format!("AB-{:03}{}", i * 19 % 997, if i % 2 == 0 { 'x' } else { 'q' })).collect();
        let template = Template::learn(ids.iter().map(String::as_str), 5).expect("one length");
        assert_eq!(template.size(), 26_000);
        assert_eq!(template.text(0), "AB-000a");
        assert_eq!(template.text(25_999), "AB-999z");
    }

    #[test]
    fn a_regular_expression_becomes_a_template() {
        let template = Template::of_regex(r"^[A-C]{2}-\d{3}\.x?$").expect("simple");
        assert_eq!((template.size(), template.text(1)), (9_000, "AA-001.x".to_owned()));
        assert!(Template::of_regex("(a|b)").is_none());
    }
}

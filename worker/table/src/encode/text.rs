//! Free text and personal data: built-in fictitious forms. Nothing is learned from real text but lengths.
//!
//! Reserved for fiction and documentation: `example.org`, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24,
//! telephone numbers +1-555-01xx, social security numbers from 900 on, the bank code `FICT`.

use super::shelf::{Reader, Writer};
use crate::Strings;
use crate::random::Draw;
use synthfleet_proto::Result;

const KNOTS: usize = 17;
const LENGTH_MAX: u32 = 2_000;

const GIVEN: [&str; 32] = [
    "Ada", "Bela", "Cleo", "Dario", "Edda", "Faro", "Gita", "Hanno", "Ilka", "Jaro", "Kaja", "Lino", "Mira", "Nilo", "Orla", "Pavo",
    "Quira", "Runo", "Silja", "Tavi", "Ulla", "Vito", "Wanja", "Xenia", "Yaro", "Zita", "Alvar", "Brisa", "Corin", "Delia", "Enzo",
    "Fjella",
];
const FAMILY: [&str; 32] = [
    "Aldwin",
    "Birkholt",
    "Castor",
    "Dunmore",
    "Elsgard",
    "Farrow",
    "Greyling",
    "Holmwood",
    "Isenby",
    "Jarrold",
    "Kestrel",
    "Lindqvar",
    "Morrow",
    "Nettleby",
    "Oakhurst",
    "Pennrose",
    "Quillon",
    "Ravensby",
    "Stonleigh",
    "Thornby",
    "Umberfield",
    "Valemont",
    "Wexley",
    "Yarrow",
    "Zellner",
    "Ashdown",
    "Brookvale",
    "Cranmere",
    "Dovecote",
    "Eastmark",
    "Fernhill",
    "Glenmoor",
];
const STREETS: [&str; 12] =
    ["Oak", "Mill", "Harbour", "Station", "Garden", "Meadow", "Bridge", "Chapel", "Orchard", "Willow", "Market", "Quarry"];
const TOWNS: [&str; 12] = [
    "Exampleton",
    "Samplebury",
    "Fictown",
    "Mockford",
    "Testville",
    "Placeholm",
    "Dummerby",
    "Imaginford",
    "Northmade",
    "Specimen Hill",
    "Pattern Bay",
    "Outline",
];
const FILLER: [&str; 40] = [
    "lorem", "ipsum", "dolor", "sit", "amet", "elit", "sed", "do", "tempor", "ut", "labore", "et", "magna", "aliqua", "enim", "minim",
    "veniam", "quis", "nisi", "ex", "ea", "duis", "aute", "irure", "in", "velit", "esse", "eu", "nulla", "sint", "non", "culpa", "qui",
    "mollit", "anim", "id", "est", "purus", "nunc", "orci",
];

/// What invented cells look like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextForm {
    Email,
    Phone,
    Person,
    Address,
    Town,
    Postcode,
    Network,
    Bank,
    Social,
    Link,
    /// Filler words; quantiles of the length in characters.
    Filler(Vec<u32>),
}

const NAMED: [(&[&str], TextForm); 10] = [
    (&["mail"], TextForm::Email),
    (&["phone", "mobile", "fax"], TextForm::Phone),
    (&["name", "person"], TextForm::Person),
    (&["address", "street"], TextForm::Address),
    (&["city", "town"], TextForm::Town),
    (&["postcode", "zip"], TextForm::Postcode),
    (&["ip"], TextForm::Network),
    (&["iban", "bank"], TextForm::Bank),
    (&["ssn", "social"], TextForm::Social),
    (&["url", "link"], TextForm::Link),
];

impl TextForm {
    /// The form for what a column was found to hold; else filler as long as the `texts`, of which the
    /// `k` shortest and longest are not told.
    pub(crate) fn choose(what: Option<&str>, texts: &[&str], k: usize) -> Self {
        let what = what.unwrap_or_default().to_lowercase();
        let is_named = |names: &[&str]| names.iter().any(|name| if *name == "ip" { what.starts_with(name) } else { what.contains(name) });
        if let Some((_, form)) = NAMED.iter().find(|(names, _)| is_named(names)) {
            return form.clone();
        }
        let mut lengths: Vec<u32> = texts.iter().map(|text| (text.chars().count() as u32).min(LENGTH_MAX)).collect();
        lengths.sort_unstable();
        let shown = if lengths.len() < 2 * k { &[12][..] } else { &lengths[k - 1..=lengths.len() - k] };
        Self::Filler((0..KNOTS).map(|i| shown[i * (shown.len() - 1) / (KNOTS - 1)]).collect())
    }

    /// Invented texts; `skip` tells rows without one.
    pub(crate) fn texts(&self, rows: usize, random: &mut impl Draw, skip: impl Fn(usize) -> bool) -> Strings {
        (0..rows).map(|row| if skip(row) { String::new() } else { self.text(random) }).collect()
    }

    fn text(&self, random: &mut impl Draw) -> String {
        let mut below = |bound: u64| random.below(bound);
        match self {
            Self::Email => {
                let (given, family) = (pick(&GIVEN, below(32)), pick(&FAMILY, below(32)));
                format!("{}.{}{}@example.org", given.to_lowercase(), family.to_lowercase(), below(1_000_000_000))
            }
            Self::Phone => format!("+1-555-01{:02}-{:08}", below(100), below(100_000_000)),
            Self::Person => format!("{} {}", pick(&GIVEN, below(32)), pick(&FAMILY, below(32))),
            Self::Address => format!("{} {} Street, {}", 1 + below(9_999), pick(&STREETS, below(12)), pick(&TOWNS, below(12))),
            Self::Town => pick(&TOWNS, below(12)).to_owned(),
            Self::Postcode => format!("{:05}", below(100_000)),
            Self::Network => format!("{}.{}", pick(&["192.0.2", "198.51.100", "203.0.113"], below(3)), below(256)),
            Self::Bank => bank_account(below(10_000_000_000_000_000)),
            Self::Social => format!("{}-{:02}-{:04}", 900 + below(100), below(100), below(10_000)),
            Self::Link => format!("https://example.org/{}/{}", pick(&FILLER, below(40)), below(1_000_000_000)),
            Self::Filler(lengths) => filler(pick(lengths, below(lengths.len() as u64)), random),
        }
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        match (self, NAMED.iter().position(|(_, form)| form == self)) {
            (_, Some(place)) => out.code("form", place as u32),
            (Self::Filler(lengths), None) => {
                out.code("form", NAMED.len() as u32);
                out.codes("lengths", lengths);
            }
            (_, None) => out.code("form", 0),
        }
    }

    pub(crate) fn load(reader: &Reader) -> Result<Self> {
        let place = reader.code("form")? as usize;
        if let Some((_, form)) = NAMED.get(place) {
            return Ok(form.clone());
        }
        let lengths = if place == NAMED.len() { reader.codes("lengths")?.to_vec() } else { Vec::new() };
        let is_right = !lengths.is_empty() && lengths.len() <= KNOTS && lengths.iter().all(|&length| length <= LENGTH_MAX);
        if is_right { Ok(Self::Filler(lengths)) } else { Err(reader.damaged("form")) }
    }
}

fn pick<T: Copy>(items: &[T], place: u64) -> T {
    items[place as usize]
}

fn filler(length: u32, random: &mut impl Draw) -> String {
    let length = length as usize;
    let mut text = String::with_capacity(length + 8);
    while text.len() < length {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(pick(&FILLER, random.below(40)));
    }
    text.truncate(length);
    text.truncate(text.trim_end().len());
    text
}

/// An account of a fictitious bank with right check digits (ISO 13616): letters count 10 to 35, the
/// number with the country and `00` behind has the remainder r by 97, the check is 98 - r.
fn bank_account(number: u64) -> String {
    let body = format!("FICT{number:016}");
    let digits: String = format!("{body}XX00").chars().map(|c| c.to_digit(36).unwrap_or(0).to_string()).collect();
    let remainder = digits.bytes().fold(0u32, |r, digit| (r * 10 + u32::from(digit - b'0')) % 97);
    format!("XX{:02}{body}", 98 - remainder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeedExt;
    use synthfleet_proto::Seed;

    #[test]
    fn an_account_number_has_the_remainder_one() {
        let account = bank_account(1_234_567);
        let turned = format!("{}{}", &account[4..], &account[..4]);
        let digits: String = turned.chars().map(|c| c.to_digit(36).expect("letters and digits").to_string()).collect();
        assert_eq!(digits.bytes().fold(0u32, |r, d| (r * 10 + u32::from(d - b'0')) % 97), 1);
    }

    #[test]
    fn filler_is_as_long_as_the_middle_of_the_real_texts() {
        let texts: Vec<String> = (0..100).map(|i| "z".repeat(i)).collect();
        let form = TextForm::choose(None, &texts.iter().map(String::as_str).collect::<Vec<_>>(), 5);
        let made = form.texts(500, &mut Seed::shared(0).rng(), |_| false);
        assert!(made.iter().all(|text| text.len() <= 95 && !text.contains('z')));
        assert!(made.iter().any(|text| text.len() > 80));
    }

    #[test]
    fn what_was_found_chooses_the_form() {
        assert_eq!(TextForm::choose(Some("email"), &[], 5), TextForm::Email);
        assert_eq!(TextForm::choose(Some("ipv4"), &[], 5), TextForm::Network);
        assert!(matches!(TextForm::choose(Some("description"), &[], 5), TextForm::Filler(_)));
    }
}

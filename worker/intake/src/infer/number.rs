//! Numbers as people write them: sign, thousands, decimal mark, exponent, affixes, accounting brackets.

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number<'a> {
    /// Its value; finite.
    pub value: f64,
    /// Its exact value, if it is whole, written without an exponent and fits 64 bits.
    pub whole: Option<i64>,
    /// Digits behind the decimal mark.
    pub decimals: u32,
    /// Fewest decimals that lose nothing; negative exponents add, positive ones take away.
    pub significant: u32,
    /// Written with an exponent.
    pub exponent: bool,
    /// Written with `+`.
    pub plus: bool,
    /// Written with `-`.
    pub minus: bool,
    /// Written `(1)` for -1.
    pub parentheses: bool,
    /// The sign stands before the prefix.
    pub sign_first: bool,
    /// A zero stands before another digit of the whole part.
    pub leading_zero: bool,
    /// Mark between groups of three digits.
    pub thousands: Option<char>,
    /// A whole number beyond 64 bits.
    pub beyond: bool,
    /// Text before the number.
    pub prefix: &'a str,
    /// Text behind the number.
    pub suffix: &'a str,
}

/// Longest prefix or suffix in bytes.
const AFFIX_BYTES_MAX: usize = 8;

const CURRENCIES: &[&str] = &[
    "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₴", "₦", "₫", "฿", "₪", "R$", "US$", "A$", "C$", "HK$", "NZ$", "S$", "kr", "zł", "Fr.", "Rs",
    "Rs.", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR", "JPY", "KRW", "MXN", "NOK", "NZD",
    "PLN", "RUB", "SEK", "SGD", "THB", "TRY", "USD", "ZAR",
];

const UNITS: &[&str] = &[
    "%", "‰", "°", "°C", "°F", "C", "F", "K", "kg", "g", "mg", "lb", "lbs", "oz", "t", "km", "m", "cm", "mm", "mi", "ft", "in", "yd", "l",
    "ml", "cc", "h", "hrs", "min", "mins", "s", "sec", "ms", "Hz", "kHz", "MHz", "GHz", "W", "kW", "MW", "Wh", "kWh", "V", "mV", "A", "mA",
    "hp", "bhp", "nm", "Nm", "kB", "KB", "MB", "GB", "TB", "px", "pt", "pts", "bar", "hPa", "km/h", "mph", "kmpl", "m²", "m2", "sqft",
    "years", "yrs", "days", "months",
];

/// Reads a cell as a number whose decimal mark is `decimal` (`.` or `,`). Blanks around it are ignored.
/// `None` if it is not one, or not finite.
pub fn parse(cell: &str, decimal: u8) -> Option<Number<'_>> {
    let cell = cell.trim_matches([' ', '\t']);
    let bytes = cell.as_bytes();
    let starts =
        |place: usize| bytes[place].is_ascii_digit() || (bytes[place] == decimal && bytes.get(place + 1).is_some_and(u8::is_ascii_digit));
    let first = (0..bytes.len().min(AFFIX_BYTES_MAX + 3)).find(|&place| starts(place))?;
    let core = Core::scan(bytes, first, decimal)?;
    let head = Head::split(&cell[..first])?;
    let suffix = &cell[core.end..];
    let suffix = if head.parentheses { suffix.strip_suffix(')')? } else { suffix };
    if !is_affix(head.prefix, false) || !is_affix(suffix, true) {
        return None;
    }
    let negative = head.minus || head.parentheses;
    let value = core.value(&bytes[first..core.end], decimal)?;
    let value = if negative { -value } else { value };
    let is_integer = core.significant == 0 && !core.exponent;
    let whole = core.magnitude.filter(|_| is_integer).and_then(|magnitude| signed(magnitude, negative));
    Some(Number {
        value,
        whole,
        decimals: core.decimals,
        significant: core.significant,
        exponent: core.exponent,
        plus: head.plus,
        minus: head.minus,
        parentheses: head.parentheses,
        sign_first: head.sign_first,
        leading_zero: core.leading_zero,
        thousands: core.thousands,
        beyond: whole.is_none() && is_integer && core.decimals == 0,
        prefix: head.prefix,
        suffix,
    })
}

fn signed(magnitude: u64, negative: bool) -> Option<i64> {
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// What stands before the digits.
#[derive(Default)]
struct Head<'a> {
    prefix: &'a str,
    plus: bool,
    minus: bool,
    sign_first: bool,
    parentheses: bool,
}

impl<'a> Head<'a> {
    fn split(text: &'a str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let (text, parentheses) = text.strip_prefix('(').map_or((text, false), |rest| (rest, true));
        let sign_of = |sign: Option<char>| (sign == Some('+'), sign == Some('-'));
        let (plus, minus) = sign_of(text.chars().next());
        if plus || minus {
            let prefix = &text[1..];
            let sign_first = !prefix.is_empty();
            return (!parentheses).then_some(Self { prefix, plus, minus, sign_first, parentheses });
        }
        let (plus, minus) = sign_of(text.chars().next_back());
        let prefix = if plus || minus { &text[..text.len() - 1] } else { text };
        ((!plus && !minus) || !parentheses).then_some(Self { prefix, plus, minus, sign_first: false, parentheses })
    }
}

fn is_affix(text: &str, behind: bool) -> bool {
    if text.is_empty() {
        return true;
    }
    let beside = if behind { text.bytes().next() } else { text.bytes().next_back() };
    if text.len() > AFFIX_BYTES_MAX || beside.is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b'/' | b':'))
    {
        return false;
    }
    let word = text.trim_matches([' ', '\u{a0}', '\u{202f}']);
    CURRENCIES.contains(&word) || (behind && UNITS.contains(&word))
}

/// The digits with their marks.
struct Core {
    end: usize,
    magnitude: Option<u64>,
    decimals: u32,
    significant: u32,
    exponent: bool,
    leading_zero: bool,
    thousands: Option<char>,
}

impl Core {
    fn scan(bytes: &[u8], first: usize, decimal: u8) -> Option<Self> {
        let (mut place, mut magnitude, mut thousands) = (first, Some(0u64), None);
        let mut group = 0usize; // digits since the last mark
        let mut digits = 0usize;
        while place < bytes.len() {
            let byte = bytes[place];
            if byte.is_ascii_digit() {
                magnitude = magnitude.and_then(|all| all.checked_mul(10)?.checked_add(u64::from(byte - b'0')));
                group += 1;
                digits += 1;
                place += 1;
                continue;
            }
            let Some((mark, width)) = thousands_at(bytes, place, decimal) else { break };
            // a mark is one only before three digits and behind one to three
            let fits =
                if thousands.is_none() { (1..=3).contains(&group) && digits == group } else { group == 3 && thousands == Some(mark) };
            let behind = bytes.get(place + width..place + width + 3).is_some_and(|three| three.iter().all(u8::is_ascii_digit));
            let no_fourth = !bytes.get(place + width + 3).is_some_and(u8::is_ascii_digit);
            if !fits || !behind || !no_fourth {
                break;
            }
            thousands = Some(mark);
            group = 0;
            place += width;
        }
        let leading_zero = digits > 1 && bytes[first] == b'0';
        let (mut decimals, mut significant) = (0, 0);
        if bytes.get(place) == Some(&decimal) {
            let start = place + 1;
            let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 && length == 0 {
                return None;
            }
            let zeros = bytes[start..start + length].iter().rev().take_while(|&&byte| byte == b'0').count();
            decimals = u32::try_from(length).ok()?;
            significant = u32::try_from(length - zeros).ok()?;
            place = start + length;
        } else if digits == 0 {
            return None;
        }
        let mut exponent = false;
        if matches!(bytes.get(place), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(place + 1), Some(b'+' | b'-')));
            let start = place + 1 + sign;
            let length = bytes.get(start..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length > 0 && length < 6 {
                let power: i64 = std::str::from_utf8(&bytes[start..start + length]).ok()?.parse().ok()?;
                let power = if sign == 1 && bytes[place + 1] == b'-' { -power } else { power };
                significant = u32::try_from((i64::from(significant) - power).max(0)).ok()?;
                exponent = true;
                place = start + length;
            }
        }
        Some(Self { end: place, magnitude, decimals, significant, exponent, leading_zero, thousands })
    }

    fn value(&self, text: &[u8], decimal: u8) -> Option<f64> {
        if let Some(magnitude) = self.magnitude
            && self.decimals == 0
            && !self.exponent
            && magnitude < 1 << 53
        {
            return Some(magnitude as f64);
        }
        let text = std::str::from_utf8(text).ok()?;
        let value: f64 = if self.thousands.is_none() && decimal == b'.' {
            text.parse().ok()?
        } else {
            let marked = |one: char| match one {
                '0'..='9' | 'e' | 'E' | '+' | '-' => Some(one),
                _ if one == char::from(decimal) => Some('.'),
                _ => None,
            };
            text.chars().filter_map(marked).collect::<String>().parse().ok()?
        };
        value.is_finite().then_some(value)
    }
}

/// The thousands mark at a place, if one could stand there, and its length in bytes.
fn thousands_at(bytes: &[u8], place: usize, decimal: u8) -> Option<(char, usize)> {
    match bytes[place] {
        byte if byte == decimal => None,
        byte @ (b',' | b'.' | b' ' | b'\'') => Some((char::from(byte), 1)),
        0xc2 if bytes.get(place + 1) == Some(&0xa0) => Some(('\u{a0}', 2)),
        0xe2 if bytes.get(place + 1..place + 3) == Some(&[0x80, 0xaf]) => Some(('\u{202f}', 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(cell: &str, decimal: u8) -> Option<f64> {
        parse(cell, decimal).map(|number| number.value)
    }

    #[test]
    fn numbers_of_many_lands_have_their_values() {
        let cases = [
            ("1", b'.', 1.0),
            ("-1.50", b'.', -1.5),
            ("1,234,567.8", b'.', 1_234_567.8),
            ("1.234,5", b',', 1_234.5),
            ("1 234,5", b',', 1_234.5),
            ("1'234.5", b'.', 1_234.5),
            ("1\u{a0}234,5", b',', 1_234.5),
            ("(1,200)", b'.', -1_200.0),
            ("$1,200.50", b'.', 1_200.5),
            ("-$5", b'.', -5.0),
            ("$-5", b'.', -5.0),
            ("EUR 3", b'.', 3.0),
            ("45 %", b'.', 45.0),
            ("6.02e23", b'.', 6.02e23),
            ("1e308", b'.', 1e308),
            ("5e-324", b'.', 5e-324),
            (" 7 ", b'.', 7.0),
            (".5", b'.', 0.5),
            ("9007199254740993", b'.', 9_007_199_254_740_993.0),
        ];
        for (cell, decimal, expected) in cases {
            assert_eq!(value(cell, decimal), Some(expected), "{cell}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_none() {
        for cell in [
            "",
            "-",
            "inf",
            "nan",
            "1,23",
            "1,2345",
            "12,34,567",
            "1e999",
            "v4",
            "w80",
            "1-2",
            "2020-01-02",
            "1:30",
            "(5",
            "u5@x.org",
            "0x1f",
            "+-5",
        ] {
            assert_eq!(parse(cell, b'.'), None, "{cell}");
        }
    }

    #[test]
    fn whole_numbers_are_exact_up_to_64_bits() {
        assert_eq!(parse("9007199254740993", b'.').and_then(|number| number.whole), Some(9_007_199_254_740_993));
        assert_eq!(parse("-9223372036854775808", b'.').and_then(|number| number.whole), Some(i64::MIN));
        assert!(parse("9223372036854775808", b'.').is_some_and(|number| number.whole.is_none() && number.beyond));
    }

    #[test]
    fn the_form_is_kept() {
        let number = parse("-$1,200.50", b'.').expect("a number");
        assert_eq!((number.prefix, number.decimals, number.significant, number.thousands), ("$", 2, 1, Some(',')));
        assert!(number.sign_first && number.minus && !number.leading_zero);
        assert!(parse("007", b'.').is_some_and(|number| number.leading_zero));
        assert_eq!(parse("1.5e-3", b'.').map(|number| number.significant), Some(4));
        assert!(parse("-0.0", b'.').is_some_and(|number| number.value.is_sign_negative()));
    }
}

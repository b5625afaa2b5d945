//! Columns that tell who a row is about: by name, or because most values look like it.

use super::words::tokens;
use synthfleet_proto::metadata::Sensitivity;

/// Share of values that must look alike.
const SHARE_PER_CENT: u64 = 80;

/// Direct identifiers by the form of values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forms {
    cells: u64,
    counts: [u64; CHECKS.len()],
}

/// The name of a form, and whether a value has it.
type Check = (&'static str, fn(&str) -> bool);

const CHECKS: [Check; 8] = [
    ("email", is_email),
    ("ipv4_address", is_ip),
    ("mac_address", is_mac),
    ("ssn", is_ssn),
    ("iban", is_iban),
    ("credit_card_number", is_card),
    ("phone_number", is_phone),
    ("url", is_personal_url),
];

impl Forms {
    /// Counts a value.
    pub(crate) fn add(&mut self, value: &str, count: u64) {
        let value = value.trim_matches([' ', '\t']);
        self.cells += count;
        if let Some(place) = CHECKS.iter().position(|(_, check)| check(value)) {
            self.counts[place] += count;
        }
    }

    /// What at least 80 % of the values look like.
    pub(crate) fn what(&self) -> Option<&'static str> {
        let place = self.counts.iter().position(|&count| self.cells > 0 && count * 100 >= self.cells * SHARE_PER_CENT)?;
        Some(CHECKS[place].0)
    }
}

fn is_email(value: &str) -> bool {
    let Some((user, host)) = value.split_once('@') else { return false };
    let plain = |one: char| one.is_alphanumeric() || "._%+-'".contains(one);
    !user.is_empty()
        && user.chars().all(plain)
        && host.contains('.')
        && host.split('.').all(|part| !part.is_empty() && part.chars().all(plain))
}

fn is_ip(value: &str) -> bool {
    if value.contains('.') && !value.contains(':') {
        return value.split('.').count() == 4 && value.parse::<std::net::Ipv4Addr>().is_ok();
    }
    value.matches(':').count() >= 2 && value.len() >= 6 && value.parse::<std::net::Ipv6Addr>().is_ok()
}

fn is_mac(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 17
        && bytes.iter().enumerate().all(|(place, byte)| if place % 3 == 2 { matches!(byte, b':' | b'-') } else { byte.is_ascii_hexdigit() })
}

fn is_ssn(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 11
        && bytes.iter().enumerate().all(|(place, byte)| if matches!(place, 3 | 6) { *byte == b'-' } else { byte.is_ascii_digit() })
}

/// ISO 13616: moved to the end, the first four characters make the number 1 modulo 97.
fn is_iban(value: &str) -> bool {
    let compact: Vec<u8> = value.bytes().filter(|byte| *byte != b' ').collect();
    let shaped = (15..=34).contains(&compact.len())
        && compact[..2].iter().all(u8::is_ascii_uppercase)
        && compact[2..4].iter().all(u8::is_ascii_digit)
        && compact.iter().all(u8::is_ascii_alphanumeric);
    if !shaped {
        return false;
    }
    let remainder = compact[4..].iter().chain(&compact[..4]).fold(0u32, |all, byte| match byte {
        b'0'..=b'9' => (all * 10 + u32::from(byte - b'0')) % 97,
        _ => (all * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

/// ISO/IEC 7812: the digits with every second one doubled sum to a multiple of ten.
fn is_card(value: &str) -> bool {
    let digits: Vec<u32> = value.chars().filter_map(|one| one.to_digit(10)).collect();
    if !(13..=19).contains(&digits.len()) || !value.chars().all(|one| one.is_ascii_digit() || matches!(one, ' ' | '-')) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| if place % 2 == 1 { digit * 2 - if digit > 4 { 9 } else { 0 } } else { digit })
        .sum();
    sum.is_multiple_of(10)
}

fn is_phone(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let plain = value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'(' | b')' | b'+' | b'.' | b'/'));
    let bracketed = value.starts_with('(') && value.contains(')');
    let american = value.len() == 12 && matches!((value.as_bytes()[3], value.as_bytes()[7]), (b'-', b'-') | (b'.', b'.'));
    plain && (8..=15).contains(&digits) && ((value.starts_with('+') && digits >= 9) || bracketed || american)
}

fn is_personal_url(value: &str) -> bool {
    value.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|host| host.contains('@')))
}

/// What a column's name says. `distinct` and `cells` keep a street that is paved or not, and a phone that
/// there is or not, from being taken for an address or a number.
pub(crate) fn by_name(name: &str, distinct: u64, cells: u64) -> Option<Sensitivity> {
    let tokens = tokens(name);
    let has = |words: &[&str]| tokens.iter().any(|token| words.contains(&token.as_str()));
    let joined = tokens.concat();
    let is = |words: &[&str]| words.contains(&joined.as_str());
    let many = distinct * 5 > cells || distinct > 50;
    let direct = match () {
        () if !many => None,
        () if has(&["email", "mail", "emails"]) || is(&["emailaddress"]) => Some("email"),
        () if has(&["phone", "telephone", "mobile", "cellphone", "fax", "phonenumber"]) => Some("phone_number"),
        () if has(&["ssn"]) || joined.contains("socialsecurity") => Some("ssn"),
        () if has(&["iban"]) => Some("iban"),
        () if joined.contains("creditcard") || joined.contains("cardnumber") => Some("credit_card_number"),
        () if has(&["ip", "ipv", "ipaddress"]) => Some("ipv4_address"),
        () if has(&["mac"]) && has(&["address", "addr"]) => Some("mac_address"),
        () if joined.contains("firstname") || joined.contains("givenname") || joined.contains("forename") => Some("first_name"),
        () if joined.contains("lastname")
            || joined.contains("surname")
            || joined.contains("familyname")
            || joined.contains("maidenname") =>
        {
            Some("last_name")
        }
        () if is_person_name(&tokens) => Some("name"),
        () if has(&["address", "street", "addr"]) && !has(&["mac", "ip", "web"]) => Some("street_address"),
        () if joined.contains("licenseplate") || joined.contains("licenceplate") || joined.contains("numberplate") => Some("license_plate"),
        () if has(&["vin"]) => Some("vin"),
        () if has(&["account"]) && has(&["number", "no", "nr"]) => Some("account_number"),
        () => None,
    };
    let quasi = || match () {
        () if has(&["zip", "zipcode", "postcode", "postal", "postalcode", "plz"]) => Some("postcode"),
        () if has(&["city", "town"]) => Some("city"),
        () if has(&["birth", "birthdate", "birthday", "dob", "birthyear"]) => Some("birth_date"),
        () if has(&["age"]) => Some("age"),
        () if has(&["sex", "gender"]) => Some("sex"),
        () if has(&["latitude", "lat"]) => Some("latitude"),
        () if has(&["longitude", "lon", "lng", "long"]) => Some("longitude"),
        () if has(&["ethnicity", "race", "ethnic"]) => Some("ethnicity"),
        () if has(&["occupation", "profession", "job"]) => Some("occupation"),
        () => None,
    };
    match direct {
        Some(what) => Some(Sensitivity { direct: true, what: what.to_owned(), by_value: false }),
        None => quasi().map(|what| Sensitivity { direct: false, what: what.to_owned(), by_value: false }),
    }
}

fn is_person_name(tokens: &[String]) -> bool {
    const PEOPLE: [&str; 15] = [
        "full",
        "person",
        "customer",
        "patient",
        "employee",
        "client",
        "contact",
        "user",
        "student",
        "passenger",
        "player",
        "owner",
        "member",
        "middle",
        "nick",
    ];
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["name"] | ["fullname"] | ["username"] => true,
        [who, "name"] => PEOPLE.contains(who),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_check_digits_are_told_from_others() {
        assert!(is_iban("DE89 3704 0044 0532 0130 00") && !is_iban("DE88 3704 0044 0532 0130 00"));
        assert!(is_card("4111 1111 1111 1111") && !is_card("4111 1111 1111 1112"));
    }

    #[test]
    fn most_values_of_a_form_decide() {
        let mut forms = Forms::default();
        forms.add("a@example.org", 8);
        forms.add("none given", 2);
        assert_eq!(forms.what(), Some("email"));
        forms.add("none given", 1);
        assert_eq!(forms.what(), None);
    }

    #[test]
    fn forms_of_values_are_known() {
        let cases = [
            ("192.168.0.1", "ipv4_address"),
            ("00:1B:44:11:3A:B7", "mac_address"),
            ("123-45-6789", "ssn"),
            ("+49 30 1234567", "phone_number"),
            ("(555) 123-4567", "phone_number"),
        ];
        for (value, expected) in cases {
            let mut forms = Forms::default();
            forms.add(value, 1);
            assert_eq!(forms.what(), Some(expected), "{value}");
        }
    }

    #[test]
    fn names_tell_direct_and_quasi_identifiers() {
        let what = |name: &str, distinct| by_name(name, distinct, 100).map(|found| (found.direct, found.what));
        assert_eq!(what("E-Mail", 99), Some((true, "email".into())));
        assert_eq!(what("Name", 99), Some((true, "name".into())));
        assert_eq!(what("product_name", 99), None);
        assert_eq!(what("Street", 2), None);
        assert_eq!(what("sex", 2), Some((false, "sex".into())));
        assert_eq!(what("average", 80), None);
    }
}

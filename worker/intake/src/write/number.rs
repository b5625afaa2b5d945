//! Numbers as text in the form of their column: decimals, marks, affixes, sign, exponent.

use std::fmt::Write as _;
use synthfleet_proto::metadata::NumberForm;

/// Appends a whole number.
pub fn whole(out: &mut String, value: i64, form: &NumberForm) {
    let mut digits = value.unsigned_abs().to_string();
    if form.fixed_decimals && form.decimals.is_some_and(|decimals| decimals > 0) {
        digits.push('.');
        digits.extend(std::iter::repeat_n('0', usize::from(form.decimals.unwrap_or(0))));
    }
    if form.exponent {
        digits = exponent(value as f64);
    }
    framed(out, value < 0, &digits, form);
}

/// Appends a number with decimals: exactly as many as the column has if they are fixed, else the
/// fewest that lose nothing, at least and at most as many as the column has.
pub fn real(out: &mut String, value: f64, form: &NumberForm) {
    let mut digits = if form.exponent {
        exponent(value)
    } else {
        match form.decimals {
            Some(decimals) => format!("{:.*}", usize::from(decimals), value.abs()),
            None => plain(value.abs()),
        }
    };
    if !form.exponent && !form.fixed_decimals && digits.contains('.') {
        let kept = digits.trim_end_matches('0').trim_end_matches('.').len();
        digits.truncate(kept);
    }
    if form.decimals_min > 0 && !digits.contains('e') {
        let written = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        digits.push_str(if written == 0 { "." } else { "" });
        digits.extend(std::iter::repeat_n('0', usize::from(form.decimals_min).saturating_sub(written)));
    }
    // -0.001 with two decimals is 0.00, not -0.00; a -0 that was read is written as it was
    let vanished = value != 0.0 && !digits.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0');
    framed(out, value.is_sign_negative() && !vanished, &digits, form);
}

/// The shortest text that reads back equal; far from 1 with an exponent, as common tools write it.
fn plain(value: f64) -> String {
    if value != 0.0 && !(1e-5..1e16).contains(&value) { exponent(value) } else { format!("{value}") }
}

fn exponent(value: f64) -> String {
    let text = format!("{:e}", value.abs());
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{power:0>2}")
}

fn framed(out: &mut String, negative: bool, digits: &str, form: &NumberForm) {
    let sign = match (negative, form.parentheses, form.plus) {
        (true, false, _) => "-",
        (false, _, true) => "+",
        _ => "",
    };
    let bracketed = negative && form.parentheses;
    if bracketed {
        out.push('(');
    }
    if form.sign_first {
        out.push_str(sign);
    }
    out.push_str(&form.prefix);
    if !form.sign_first {
        out.push_str(sign);
    }
    marked(out, digits, form);
    out.push_str(&form.suffix);
    if bracketed {
        out.push(')');
    }
}

fn marked(out: &mut String, digits: &str, form: &NumberForm) {
    let (mantissa, power) = digits.split_once('e').unwrap_or((digits, ""));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    for (place, digit) in whole.chars().enumerate() {
        if let Some(mark) = form.thousands
            && place > 0
            && (whole.len() - place) % 3 == 0
        {
            out.push(mark);
        }
        out.push(digit);
    }
    if !decimals.is_empty() {
        out.push(form.decimal_mark);
        out.push_str(decimals);
    }
    if !power.is_empty() {
        // writing to a string cannot fail
        let _ = write!(out, "e{power}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64, form: &NumberForm) -> String {
        let mut out = String::new();
        real(&mut out, value, form);
        out
    }

    #[test]
    fn decimals_are_fixed_or_the_fewest() {
        let free = NumberForm { decimals: Some(3), ..NumberForm::default() };
        let fixed = NumberForm { fixed_decimals: true, ..free.clone() };
        assert_eq!([text(1.5, &free), text(2.0, &free), text(100.0, &free)], ["1.5", "2", "100"]);
        let least = NumberForm { decimals_min: 1, ..free.clone() };
        assert_eq!([text(1.25, &least), text(2.0, &least)], ["1.25", "2.0"]);
        assert_eq!([text(1.5, &fixed), text(-2.0, &fixed)], ["1.500", "-2.000"]);
    }

    #[test]
    fn european_and_currency_forms_come_back() {
        let european = NumberForm { decimals: Some(1), decimal_mark: ',', thousands: Some('.'), ..NumberForm::default() };
        assert_eq!(text(-1_234_567.5, &european), "-1.234.567,5");
        let dollars =
            NumberForm { decimals: Some(2), fixed_decimals: true, thousands: Some(','), prefix: "$".into(), ..NumberForm::default() };
        assert_eq!([text(1_200.5, &dollars), text(-3.0, &dollars)], ["$1,200.50", "$-3.00"]);
        let bracketed = NumberForm { parentheses: true, ..dollars.clone() };
        assert_eq!(text(-1_200.5, &bracketed), "($1,200.50)");
        assert_eq!(text(-3.0, &NumberForm { sign_first: true, ..dollars }), "-$3.00");
        let percent = NumberForm { decimals: Some(0), suffix: " %".into(), plus: true, ..NumberForm::default() };
        assert_eq!(text(45.0, &percent), "+45 %");
    }

    #[test]
    fn full_floating_point_reads_back_equal() {
        let form = NumberForm::default();
        for value in [0.1 + 0.2, 1e308, 5e-324, -1.0 / 3.0, 123_456_789.123_456_79, 1e16, 1e-5, 0.0] {
            assert_eq!(text(value, &form).parse::<f64>().expect("a number"), value);
        }
        assert_eq!([text(1e308, &form), text(5e-324, &form), text(1e15, &form)], ["1e+308", "5e-324", "1000000000000000"]);
    }

    #[test]
    fn nothing_is_written_as_minus_nothing() {
        let two = NumberForm { decimals: Some(2), fixed_decimals: true, ..NumberForm::default() };
        assert_eq!([text(-0.001, &two), text(-0.0, &two)], ["0.00", "-0.00"]);
    }

    #[test]
    fn whole_numbers_keep_all_digits_and_fixed_decimals() {
        let mut out = String::new();
        whole(&mut out, 9_007_199_254_740_993, &NumberForm::default());
        assert_eq!(out, "9007199254740993");
        out.clear();
        whole(&mut out, -41, &NumberForm { decimals: Some(1), fixed_decimals: true, ..NumberForm::default() });
        assert_eq!(out, "-41.0");
    }
}

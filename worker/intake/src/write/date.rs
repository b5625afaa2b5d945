//! Instants as text in the format of their column.

use std::fmt::Write as _;
use synthfleet_proto::calendar::{date_of_days, weekday_of_days};
use synthfleet_proto::metadata::DateForm;

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i128 = 86_400;

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Appends an instant, given in units of the column's grain.
pub fn instant(out: &mut String, value: i64, form: &DateForm) {
    write_format(out, form.grain.to_nanos(value), &form.format, form.offset_minutes.unwrap_or(0));
}

/// Appends local time `nanos` after 1970 in strptime letters; a letter that is unknown stays as it is.
fn write_format(out: &mut String, nanos: i128, format: &str, offset_minutes: i32) {
    let seconds = nanos.div_euclid(NANOS_PER_SECOND);
    let fraction = nanos.rem_euclid(NANOS_PER_SECOND) as u64;
    let day = seconds.div_euclid(SECONDS_PER_DAY) as i64;
    let (year, month, day_of_month) = date_of_days(day);
    let second = seconds.rem_euclid(SECONDS_PER_DAY) as u32;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let hour_of_12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let utc = seconds - i128::from(offset_minutes) * 60;
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let bare = letters.next_if_eq(&'-').is_some();
        let colon = letters.next_if_eq(&':').is_some();
        let digits = letters.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10));
        let written = match letters.next() {
            Some('Y') => write!(out, "{year:04}"),
            Some('y') => two(out, bare, year.rem_euclid(100) as u32),
            Some('m') => two(out, bare, month),
            Some('d') => two(out, bare, day_of_month),
            Some('e') => write!(out, "{day_of_month:2}"),
            Some('B') => out.write_str(MONTHS[month as usize - 1]),
            Some('b' | 'h') => out.write_str(&MONTHS[month as usize - 1][..3]),
            Some('A') => out.write_str(DAYS[weekday_of_days(day) as usize]),
            Some('a') => out.write_str(&DAYS[weekday_of_days(day) as usize][..3]),
            Some('H') => two(out, bare, hour),
            Some('I') => two(out, bare, hour_of_12),
            Some('M') => two(out, bare, minute),
            Some('S') => two(out, bare, second),
            Some('T') => write!(out, "{hour:02}:{minute:02}:{second:02}"),
            Some('p') => out.write_str(if hour < 12 { "AM" } else { "PM" }),
            Some('P') => out.write_str(if hour < 12 { "am" } else { "pm" }),
            Some('f') => {
                let digits = digits.unwrap_or(6).clamp(1, 9);
                let cut = fraction / 10u64.pow(9 - digits);
                write!(out, "{cut:0width$}", width = digits as usize)
            }
            Some('z') => {
                let (sign, minutes) = if offset_minutes < 0 { ('-', -offset_minutes) } else { ('+', offset_minutes) };
                let between = if colon { ":" } else { "" };
                write!(out, "{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
            }
            Some('s') => write!(out, "{utc}"),
            Some('Q') => write!(out, "{}", utc * 1_000 + i128::from(fraction / 1_000_000)),
            Some('%') => out.write_char('%'),
            Some(other) => write!(out, "%{other}"),
            None => out.write_char('%'),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

fn two(out: &mut String, bare: bool, number: u32) -> std::fmt::Result {
    if bare { write!(out, "{number}") } else { write!(out, "{number:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::calendar::{Grain, days_of_date};

    fn text(value: i64, grain: Grain, format: &str, offset_minutes: Option<i32>) -> String {
        let mut out = String::new();
        instant(&mut out, value, &DateForm { format: format.into(), grain, offset_minutes, formats: Vec::new() });
        out
    }

    #[test]
    fn every_letter_writes_what_it_stands_for() {
        let nanos = (i128::from(days_of_date(2003, 7, 4)) * 86_400 + 15 * 3_600 + 9 * 60 + 8) * 1_000_000_000 + 42_000_000;
        let value = nanos as i64;
        let cases = [
            ("%Y-%m-%dT%H:%M:%S.%3f", "2003-07-04T15:09:08.042"),
            ("%d/%m/%y", "04/07/03"),
            ("%-d.%-m.%Y", "4.7.2003"),
            ("%B %-d, %Y", "July 4, 2003"),
            ("%a %d %b", "Fri 04 Jul"),
            ("%-I:%M %p", "3:09 PM"),
            ("%I %P", "03 pm"),
            ("%s", "1057331348"),
            ("%Q", "1057331348042"),
            ("%f", "042000"),
        ];
        for (format, expected) in cases {
            assert_eq!(text(value, Grain::Nanosecond, format, None), expected, "{format}");
        }
    }

    #[test]
    fn an_offset_is_written_with_and_without_colon() {
        assert_eq!(text(0, Grain::Second, "%H:%M%z", Some(120)), "00:00+0200");
        assert_eq!(text(0, Grain::Second, "%H:%M%:z", Some(-210)), "00:00-03:30");
        assert_eq!(text(3_600, Grain::Second, "%s", Some(60)), "0");
    }

    #[test]
    fn months_and_years_before_1970_are_written() {
        assert_eq!(text(-1, Grain::Month, "%Y-%m", None), "1969-12");
        assert_eq!(text(-1_000, Grain::Year, "%Y", None), "0970");
    }
}

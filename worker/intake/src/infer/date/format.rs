//! Formats of dates and times: written from a shape, and read by. strptime letters and the few more that `DateForm`
//! lists.

use super::{Cursor, DatePart, NANOS_PER_DAY, NANOS_PER_SECOND, Order, Shape, full_year, is_day, read_zone};
use synthfleet_proto::calendar::{Grain, days_of_date};

/// The strptime letters of a shape under an order.
pub fn format(shape: Shape, order: Order, unpadded_date: bool, unpadded_hour: bool) -> String {
    let separator = char::from(shape.separator);
    let day = if unpadded_date { "%-d" } else { "%d" };
    let month = if unpadded_date { "%-m" } else { "%m" };
    let name = if shape.long_name { "%B" } else { "%b" };
    let year = if shape.short_year { "%y" } else { "%Y" };
    let comma = if shape.comma { "," } else { "" };
    let mut out = match (shape.date, order) {
        (DatePart::Absent, _) => String::new(),
        (DatePart::Compact, _) => "%Y%m%d".to_owned(),
        (DatePart::YearMonth, _) => format!("%Y{separator}%m"),
        (DatePart::YearLast | DatePart::Short, Order::Dmy) => format!("{day}{separator}{month}{separator}{year}"),
        (DatePart::YearLast | DatePart::Short, Order::Mdy) => format!("{month}{separator}{day}{separator}{year}"),
        (DatePart::YearFirst | DatePart::YearLast | DatePart::Short, _) => format!("{year}{separator}{month}{separator}{day}"),
        (DatePart::DayName, _) => format!("{day}{separator}{name}{comma}{separator}{year}"),
        (DatePart::NameDay, _) => format!("{name}{separator}{day}{comma}{separator}{year}"),
        (DatePart::NameYear, _) => format!("{name}{separator}{year}"),
    };
    if shape.join != 0 {
        out.push(char::from(shape.join));
    }
    if shape.time > 0 {
        let hour = match (shape.half, unpadded_hour) {
            (0, false) => "%H",
            (0, true) => "%-H",
            (_, false) => "%I",
            (_, true) => "%-I",
        };
        out.push_str(hour);
        out.push_str(if shape.time == 3 { ":%M:%S" } else { ":%M" });
        if shape.fraction > 0 {
            out.push_str(&format!(".%{}f", shape.fraction));
        }
        if shape.half != 0 {
            out.push_str(if shape.half_space { " " } else { "" });
            out.push_str(if shape.half == b'P' { "%p" } else { "%P" });
        }
        out.push_str(match shape.zone {
            b'Z' => "Z",
            b':' => "%:z",
            b'z' => "%z",
            _ => "",
        });
    }
    out
}

/// Reads a cell by a format: nanoseconds since 1970-01-01T00:00 of its own clock, and its offset if the
/// format has one.
pub fn parse_as(cell: &str, format: &str) -> Option<(i128, Option<i32>)> {
    let cell = cell.trim_matches([' ', '\t']);
    if let Some(scale) = epoch_scale(format) {
        return Some((i128::from(cell.parse::<i64>().ok()?) * scale, None));
    }
    let mut cursor = Cursor { rest: cell.as_bytes() };
    let (mut year, mut month, mut day) = (1970i64, 1, 1);
    let (mut hour, mut minute, mut second, mut nanos) = (0u32, 0u32, 0u32, 0i64);
    let (mut afternoon, mut offset) = (None, None);
    let mut letters = format.bytes();
    while let Some(letter) = letters.next() {
        if letter != b'%' {
            if !cursor.take(letter) {
                return None;
            }
            if letter == b'Z' {
                offset = Some(0);
            }
            continue;
        }
        let mut code = letters.next()?;
        let mut digits = 6;
        if matches!(code, b'-' | b':') {
            code = letters.next()?;
        } else if code.is_ascii_digit() {
            digits = usize::from(code - b'0');
            code = letters.next()?;
        }
        match code {
            b'Y' => year = i64::from(cursor.digits(4).filter(|found| found.1 == 4)?.0),
            b'y' => year = full_year(cursor.digits(2).filter(|found| found.1 == 2)?.0),
            b'm' => month = cursor.digits(2)?.0,
            b'd' => day = cursor.digits(2)?.0,
            b'b' | b'B' => month = cursor.month()?.0,
            b'H' | b'I' => hour = cursor.digits(2)?.0,
            b'M' => minute = cursor.digits(2)?.0,
            b'S' => second = cursor.digits(2)?.0,
            b'f' => {
                let (value, length) = cursor.digits(digits.min(9))?;
                nanos = i64::from(value) * 10i64.pow(9 - length as u32);
            }
            b'p' | b'P' => {
                afternoon = Some(matches!(cursor.peek(), b'p' | b'P'));
                let word = cursor.rest.get(..2)?;
                if !word.eq_ignore_ascii_case(b"am") && !word.eq_ignore_ascii_case(b"pm") {
                    return None;
                }
                cursor.rest = &cursor.rest[2..];
            }
            b'z' => {
                cursor.take(b' ');
                offset = read_zone(&mut cursor)?.1;
            }
            _ => return None,
        }
    }
    if let Some(afternoon) = afternoon {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    if !cursor.rest.is_empty() || !is_day(year, month, day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let time = (i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second.min(59))) * NANOS_PER_SECOND + nanos;
    Some((i128::from(days_of_date(year, month, day)) * NANOS_PER_DAY + i128::from(time), offset))
}

/// Nanoseconds in the unit of a format that counts since 1970.
pub fn epoch_scale(format: &str) -> Option<i128> {
    match format {
        "%s" => Some(1_000_000_000),
        "%Q" => Some(1_000_000),
        _ => None,
    }
}

/// The coarsest grain that loses nothing of an instant.
pub fn grain_of(nanos: i128) -> Grain {
    let exact = |grain: &Grain| grain.to_nanos(grain.of_nanos(nanos)) == nanos;
    Grain::ALL.into_iter().find(exact).unwrap_or(Grain::Nanosecond)
}

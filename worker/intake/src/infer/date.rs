//! Dates and times as people write them: found without knowing the format, and read by a known one.
//!
//! # Definition
//! A cell is a date, a time of day, or both; the shape says everything about its form except which of two
//! numbers is the day. Formats are written in strptime letters and the few more that `DateForm` lists.
//! Two-digit years from 69 on are 19xx, the others 20xx (POSIX).

mod format;

pub use format::{epoch_scale, format, grain_of, parse_as};

use synthfleet_proto::calendar::{date_of_days, days_of_date};

/// Which numbers are year, month and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// Year, month, day.
    Ymd,
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
}

/// The date part's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatePart {
    /// No date: a time of day.
    Absent,
    /// Year of four digits first.
    YearFirst,
    /// Two numbers, then a year of four digits: day and month in one of two orders.
    YearLast,
    /// Three numbers of two digits at most.
    Short,
    /// `20200131`.
    Compact,
    /// `2020-01`.
    YearMonth,
    /// `31 Jan 2020`, with the separator kept.
    DayName,
    /// `Jan 31, 2020`.
    NameDay,
    /// `Jan 2020`.
    NameYear,
}

/// Everything about a cell's form but the order of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// The date part.
    pub date: DatePart,
    /// Between its numbers.
    pub separator: u8,
    /// The year has two digits.
    pub short_year: bool,
    /// The month's name is written out.
    pub long_name: bool,
    /// A comma follows the day or the month's name.
    pub comma: bool,
    /// Between date and time: `T`, space, or 0.
    pub join: u8,
    /// Numbers of the time of day: 0, 2 or 3.
    pub time: u8,
    /// Digits of the second's fraction.
    pub fraction: u8,
    /// 0: 24 hours; `P`: AM; `p`: am.
    pub half: u8,
    /// A space stands before AM.
    pub half_space: bool,
    /// 0: none; `Z`; `:` offset with colon; `z` without.
    pub zone: u8,
}

/// A cell that may be a date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its form.
    pub shape: Shape,
    numbers: [u32; 3],
    /// Nanoseconds since midnight.
    time: i64,
    /// Minutes east of UTC, if written.
    pub offset: Option<i32>,
    /// A day, month or hour is written with one digit, or with a leading zero.
    pub padding: Padding,
}

/// Whether numbers below ten were padded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Padding {
    /// Day or month: one digit was seen, a leading zero was seen.
    pub date: (bool, bool),
    /// Hour: the same.
    pub hour: (bool, bool),
}

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_DAY: i128 = 86_400 * NANOS_PER_SECOND as i128;

impl Candidate {
    /// The instant in nanoseconds since 1970-01-01T00:00 of its own clock, under an order; `None` if
    /// there is no such day.
    pub fn nanos(&self, order: Order) -> Option<i128> {
        let [a, b, c] = self.numbers;
        let (year, month, day) = match (self.shape.date, order) {
            (DatePart::Absent, _) => (1970, 1, 1),
            (DatePart::YearLast | DatePart::Short, Order::Dmy) => (c, b, a),
            (DatePart::YearLast | DatePart::Short, Order::Mdy) => (c, a, b),
            (DatePart::YearLast, Order::Ymd) => return None,
            _ => (a, b, c),
        };
        let year = if self.shape.short_year { full_year(year) } else { i64::from(year) };
        if !is_day(year, month, day) {
            return None;
        }
        Some(i128::from(days_of_date(year, month, day)) * NANOS_PER_DAY + i128::from(self.time))
    }

    /// The orders under which this form can be read at all.
    pub fn orders(&self) -> &'static [Order] {
        orders(self.shape.date)
    }
}

/// The orders that a form leaves open.
pub fn orders(part: DatePart) -> &'static [Order] {
    match part {
        DatePart::YearLast => &[Order::Mdy, Order::Dmy],
        DatePart::Short => &[Order::Mdy, Order::Dmy, Order::Ymd],
        _ => &[Order::Ymd],
    }
}

fn full_year(year: u32) -> i64 {
    i64::from(year) + if year >= 69 { 1900 } else { 2000 }
}

fn is_day(year: i64, month: u32, day: u32) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day) && date_of_days(days_of_date(year, month, day)) == (year, month, day)
}

/// A position in a cell.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    /// One to `most` digits: their value and how many there are.
    fn digits(&mut self, most: usize) -> Option<(u32, usize)> {
        let length = self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let value = self.rest[..length].iter().fold(0u32, |all, byte| all * 10 + u32::from(byte - b'0'));
        self.rest = &self.rest[length..];
        (length > 0).then_some((value, length))
    }

    fn take(&mut self, byte: u8) -> bool {
        let fits = self.rest.first() == Some(&byte);
        if fits {
            self.rest = &self.rest[1..];
        }
        fits
    }

    fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    /// An English month name: its number, and whether it is written out.
    fn month(&mut self) -> Option<(u32, bool)> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if !(3..=9).contains(&length) {
            return None;
        }
        let word = self.rest[..length].to_ascii_lowercase();
        let place = MONTHS.iter().position(|name| {
            name.as_bytes() == word || (length == 3 && name.as_bytes()[..3] == word) || (word == b"sept" && *name == "september")
        })?;
        self.rest = &self.rest[length..];
        Some((place as u32 + 1, length > 3 || MONTHS[place].len() == 3))
    }
}

/// Reads a cell as a date, a time of day, or both.
pub fn parse(cell: &str) -> Option<Candidate> {
    let cell = cell.trim_matches([' ', '\t']).as_bytes();
    if !(3..=40).contains(&cell.len()) || !cell[cell.len() - 1].is_ascii_alphanumeric() {
        return None;
    }
    let mut cursor = Cursor { rest: cell };
    let mut found = Candidate { shape: EMPTY, numbers: [1970, 1, 1], time: 0, offset: None, padding: Padding::default() };
    if !is_time_start(cell) {
        read_date(&mut cursor, &mut found)?;
        if cursor.rest.is_empty() {
            return Some(found);
        }
        let join = cursor.peek();
        if !matches!(join, b'T' | b't' | b' ') {
            return None;
        }
        cursor.take(join);
        found.shape.join = join;
        while cursor.take(b' ') {}
    }
    read_time(&mut cursor, &mut found)?;
    cursor.rest.is_empty().then_some(found)
}

const EMPTY: Shape = Shape {
    date: DatePart::Absent,
    separator: 0,
    short_year: false,
    long_name: false,
    comma: false,
    join: 0,
    time: 0,
    fraction: 0,
    half: 0,
    half_space: false,
    zone: 0,
};

fn is_time_start(cell: &[u8]) -> bool {
    cell.iter().take(3).position(|&byte| byte == b':').is_some_and(|place| (1..=2).contains(&place))
}

fn padded(value: u32, length: usize) -> (bool, bool) {
    (length == 1, length == 2 && value < 10)
}

fn merge(a: (bool, bool), b: (bool, bool)) -> (bool, bool) {
    (a.0 || b.0, a.1 || b.1)
}

fn read_date(cursor: &mut Cursor<'_>, found: &mut Candidate) -> Option<()> {
    if cursor.peek().is_ascii_alphabetic() {
        return read_name_first(cursor, found);
    }
    let (first, length) = cursor.digits(8)?;
    let shape = &mut found.shape;
    if length == 8 {
        shape.date = DatePart::Compact;
        found.numbers = [first / 10_000, first / 100 % 100, first % 100];
        return (1_900..=2_100).contains(&found.numbers[0]).then_some(());
    }
    let separator = cursor.peek();
    if !matches!(separator, b'-' | b'/' | b'.' | b' ') || !matches!(length, 1 | 2 | 4) {
        return None;
    }
    cursor.take(separator);
    shape.separator = separator;
    if cursor.peek().is_ascii_alphabetic() && length <= 2 {
        let (month, long_name) = cursor.month()?;
        shape.comma = cursor.take(b',');
        if !cursor.take(separator) {
            return None;
        }
        let (year, year_length) = cursor.digits(4)?;
        shape.date = DatePart::DayName;
        (shape.long_name, shape.short_year) = (long_name, year_length == 2);
        found.numbers = [year, month, first];
        found.padding.date = padded(first, length);
        return matches!(year_length, 2 | 4).then_some(());
    }
    if separator == b' ' {
        return None;
    }
    let (second, second_length) = cursor.digits(2)?;
    let two = padded(second, second_length);
    if length == 4 {
        found.padding.date = two;
        if !cursor.take(separator) {
            shape.date = DatePart::YearMonth;
            found.numbers = [first, second, 1];
            // `1999.12` is a number
            return (separator != b'.' && (1..=12).contains(&second) && second_length == 2).then_some(());
        }
        let (third, third_length) = cursor.digits(2)?;
        shape.date = DatePart::YearFirst;
        found.numbers = [first, second, third];
        found.padding.date = merge(two, padded(third, third_length));
        return Some(());
    }
    if !cursor.take(separator) {
        return None;
    }
    let (third, third_length) = cursor.digits(4)?;
    found.numbers = [first, second, third];
    found.padding.date = merge(padded(first, length), two);
    match third_length {
        4 => shape.date = DatePart::YearLast,
        2 => (shape.date, shape.short_year) = (DatePart::Short, true),
        _ => return None,
    }
    Some(())
}

fn read_name_first(cursor: &mut Cursor<'_>, found: &mut Candidate) -> Option<()> {
    let (month, long_name) = cursor.month()?;
    let shape = &mut found.shape;
    shape.long_name = long_name;
    let separator = cursor.peek();
    if !matches!(separator, b'-' | b'/' | b' ' | b'.') {
        return None;
    }
    cursor.take(separator);
    shape.separator = separator;
    let (number, length) = cursor.digits(4)?;
    if length == 4 {
        shape.date = DatePart::NameYear;
        found.numbers = [number, month, 1];
        return Some(());
    }
    if length > 2 {
        return None;
    }
    shape.comma = cursor.take(b',');
    if !cursor.take(separator) {
        // `Jan-20`: a year of two digits
        shape.date = DatePart::NameYear;
        shape.short_year = true;
        found.numbers = [number, month, 1];
        return (length == 2 && separator == b'-' && !shape.comma).then_some(());
    }
    let (year, year_length) = cursor.digits(4)?;
    shape.date = DatePart::NameDay;
    shape.short_year = year_length == 2;
    found.numbers = [year, month, number];
    found.padding.date = padded(number, length);
    matches!(year_length, 2 | 4).then_some(())
}

fn read_time(cursor: &mut Cursor<'_>, found: &mut Candidate) -> Option<()> {
    let shape = &mut found.shape;
    let (mut hour, length) = cursor.digits(2)?;
    found.padding.hour = padded(hour, length);
    if !cursor.take(b':') {
        return None;
    }
    let (minute, minute_length) = cursor.digits(2)?;
    let (mut second, mut nanos) = (0, 0i64);
    shape.time = 2;
    if cursor.take(b':') {
        let (value, second_length) = cursor.digits(2)?;
        if second_length != 2 {
            return None;
        }
        (second, shape.time) = (value, 3);
        if cursor.take(b'.') {
            let (value, digits) = cursor.digits(9)?;
            shape.fraction = digits as u8;
            nanos = i64::from(value) * 10i64.pow(9 - digits as u32);
        }
    }
    let space = cursor.peek() == b' ';
    let mut ahead = *cursor;
    ahead.take(b' ');
    if matches!(ahead.peek(), b'A' | b'P' | b'a' | b'p') {
        let letters = [ahead.rest[0], *ahead.rest.get(1)?];
        if !letters[1].eq_ignore_ascii_case(&b'm') || !(1..=12).contains(&hour) {
            return None;
        }
        shape.half = if letters[0].is_ascii_uppercase() { b'P' } else { b'p' };
        shape.half_space = space;
        hour = hour % 12 + if letters[0].eq_ignore_ascii_case(&b'p') { 12 } else { 0 };
        ahead.rest = &ahead.rest[2..];
        *cursor = ahead;
    }
    if !cursor.rest.is_empty() {
        cursor.take(b' ');
        (shape.zone, found.offset) = read_zone(cursor)?;
    }
    if minute_length != 2 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // a leap second is the last one of its minute
    found.time = (i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second.min(59))) * NANOS_PER_SECOND + nanos;
    Some(())
}

fn read_zone(cursor: &mut Cursor<'_>) -> Option<(u8, Option<i32>)> {
    if cursor.take(b'Z') {
        return Some((b'Z', Some(0)));
    }
    let sign = match cursor.peek() {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    cursor.rest = &cursor.rest[1..];
    let (hours, length) = cursor.digits(2)?;
    let colon = cursor.take(b':');
    let (minutes, minutes_length) = cursor.digits(2)?;
    if length != 2 || minutes_length != 2 || hours > 15 || minutes > 59 {
        return None;
    }
    Some((if colon { b':' } else { b'z' }, Some(sign * (hours as i32 * 60 + minutes as i32))))
}

#[cfg(test)]
mod tests;

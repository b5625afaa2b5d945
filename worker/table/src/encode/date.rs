//! Instants: day (State + Value), weekday, and time of day.
//!
//! **Definition.** With a grain of a day or finer and a span of at least 56 days an instant splits into
//! its day since 1970, its weekday (if several occur and the days have no step of their own), and, if
//! the grain is finer than a day, its time of day in units of the grain. All else is a plain number.
//! Restored: the day moves to the nearest day with the drawn weekday, the earlier on ties; the instant
//! is clipped to its protected range.

use super::allowed::{Allowed, Left, of_number};
use super::few::Few;
use super::number::{Number, blank};
use super::plan::Part;
use super::protect::limits;
use super::shelf::{Reader, Writer};
use super::{Coded, Sort};
use crate::Bits;
use crate::condition::{Cell, Limit, Wanted};
use crate::random::Draw;
use crate::table::{Column, Values};
use synthfleet_proto::Result;
use synthfleet_proto::calendar::{Grain, weekday_of_days};

const SPAN_DAYS_MIN: i64 = 56;
const KNOTS: usize = 33;

/// Fitted parts of an instant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dates {
    /// Units of the grain in a day; 1: the grain is a day.
    per_day: i64,
    pub(crate) day: Number,
    /// Weekdays that occur, 0 = Monday; empty: not modelled.
    weekdays: Vec<u32>,
    time: Option<Time>,
    /// Protected range of whole instants, in grain units.
    range: (i64, i64),
}

/// Time of day, in units of the grain.
#[derive(Debug, Clone, PartialEq)]
struct Time {
    part: TimePart,
    /// Quantiles, for days whose time was drawn as missing.
    knots: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq)]
enum TimePart {
    Few(Few),
    Number(Number),
}

/// Units of a grain in a day; `None` for grains coarser than a day.
pub(crate) fn units_per_day(grain: Grain) -> Option<i64> {
    Some((Grain::Day.nanos()? / grain.nanos()?) as i64).filter(|&units| units > 0)
}

impl Dates {
    /// Fits the present cells, given as `rows`. `None` when the column is better a plain number.
    pub(crate) fn fit(column: &Column, rows: &[u32], grain: Grain, missing: bool, k: usize) -> Option<(Self, bool)> {
        let per_day = units_per_day(grain)?;
        let Values::Whole(cells) = column.values() else { return None };
        let mut sorted: Vec<i64> = rows.iter().map(|&row| cells[row as usize]).collect();
        sorted.sort_unstable();
        let span = sorted.last()?.div_euclid(per_day).checked_sub(sorted.first()?.div_euclid(per_day))?;
        if span < SPAN_DAYS_MIN || sorted.len() < 2 * k {
            return None;
        }
        let range = (sorted[k - 1], sorted[sorted.len() - k]);
        let days = part(column, |cell| cell.div_euclid(per_day));
        let (day, collapsed) = Number::fit(&days, rows, missing, k)?;
        let weekdays = weekdays_of(&days, rows, k);
        let is_weekly = day.scale.step() % 7.0 == 0.0;
        let time = if per_day > 1 { Some(Time::fit(&part(column, |cell| cell.rem_euclid(per_day)), rows, missing, k)?) } else { None };
        let weekdays = if is_weekly || weekdays.len() < 2 { Vec::new() } else { weekdays };
        Some((Self { per_day, day, weekdays, time, range }, collapsed))
    }

    /// Day, weekday and time, as far as they are modelled.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut parts = self.day.parts("");
        if !self.weekdays.is_empty() {
            let missing = self.day.missing.then_some(self.weekdays.len() as u32);
            let levels = self.weekdays.len() as u32 + u32::from(self.day.missing);
            parts.push(Part::levels("#weekday", Sort::Levels { levels, ordered: false }, missing));
        }
        match self.time.as_ref().map(|time| &time.part) {
            None => {}
            Some(TimePart::Few(few)) => parts.push(Part::levels("#time", few.sort(), few.missing_level())),
            Some(TimePart::Number(number)) => parts.extend(number.parts("#time")),
        }
        parts
    }

    pub(crate) fn encode(&self, column: &Column) -> Vec<Coded> {
        let days = part(column, |cell| cell.div_euclid(self.per_day));
        let mut parts = self.day.encode(&days);
        if !self.weekdays.is_empty() {
            let Values::Whole(cells) = days.values() else { return parts };
            let weekday = |(row, &day): (usize, &i64)| {
                if column.is_missing(row) { self.weekdays.len() as u32 } else { self.nearest_weekday(weekday_of_days(day)) }
            };
            let last = self.weekdays.len() as u32 - u32::from(!self.day.missing);
            parts.push(Coded::Levels(cells.iter().enumerate().map(weekday).map(|code| code.min(last)).collect()));
        }
        let times = part(column, |cell| cell.rem_euclid(self.per_day));
        match self.time.as_ref().map(|time| &time.part) {
            None => {}
            Some(TimePart::Few(few)) => parts.push(few.encode(&times)),
            Some(TimePart::Number(number)) => parts.extend(number.encode(&times)),
        }
        parts
    }

    /// Place of the weekday, or of the one shown that is nearest by number.
    fn nearest_weekday(&self, weekday: u32) -> u32 {
        let distance = |place: &usize| self.weekdays[*place].abs_diff(weekday);
        (0..self.weekdays.len()).min_by_key(distance).unwrap_or(0) as u32
    }

    pub(crate) fn decode(&self, parts: &[Coded], random: &mut impl Draw) -> (Values, Option<Bits>) {
        let (day_parts, rest) = parts.split_at(self.day.width());
        let (days, missing) = self.day.decode(day_parts);
        let Values::Whole(days) = days else { return (days, missing) };
        let states = if self.day.has_state() { day_parts[0].codes() } else { None };
        let (weekdays, times) = if self.weekdays.is_empty() { (None, rest) } else { (rest[0].codes(), &rest[1..]) };
        let times = self.time.as_ref().map(|time| time.decode(times, random));
        let (first, last) = (self.range.0.div_euclid(self.per_day), self.range.1.div_euclid(self.per_day));
        let instant = |(row, &day): (usize, &i64)| {
            let is_regular = states.is_none_or(|states| states[row] == 0);
            let wanted = weekdays.filter(|_| is_regular).and_then(|codes| self.weekdays.get(codes[row] as usize));
            let day = wanted.map_or(day, |&weekday| move_to_weekday(day, weekday, first, last));
            let time = times.as_ref().map_or(0, |times| times[row]);
            day.saturating_mul(self.per_day).saturating_add(time).clamp(self.range.0, self.range.1)
        };
        let cells = Values::Whole(days.iter().enumerate().map(instant).collect());
        (blank(cells, missing.as_ref()), missing)
    }

    /// Protected range of instants.
    pub(crate) fn ends(&self) -> [i64; 2] {
        [self.range.0, self.range.1]
    }

    /// What a condition leaves of the parts, the first of which stands at `start`: days near enough to be moved into
    /// the range by their weekday; for a single day its weekday too, and the time of that day.
    pub(crate) fn allowed(&self, start: usize, wanted: &Wanted) -> Left {
        if *wanted == Wanted::Missing {
            return of_number(&self.day, start, wanted);
        }
        let (low, high) = hull(wanted)?;
        let (low, high) = (low.max(self.range.0), high.min(self.range.1));
        if low > high {
            return None;
        }
        let (first, last) = (low.div_euclid(self.per_day), high.div_euclid(self.per_day));
        let ends = self.ends().map(|end| end.div_euclid(self.per_day));
        // one week inwards at the ends, else to the nearest
        let reach = match (self.weekdays.is_empty(), first >= ends[0] + 7 && last <= ends[1] - 7) {
            (true, _) => 0,
            (_, true) => 3,
            _ => 10,
        };
        // instants are clipped to the range: its ends take what lies beyond
        let low_day = (low > self.range.0).then(|| first - reach);
        let high_day = (high < self.range.1).then(|| last + reach);
        let mut left = of_number(&self.day, start, &between(low_day, high_day))?;
        if first != last {
            return Some(left);
        }
        let mut place = start + self.day.width();
        if !self.weekdays.is_empty() {
            let missing = std::iter::repeat_n(true, usize::from(self.day.missing));
            let weekday = weekday_of_days(first);
            let held: Vec<bool> = self.weekdays.iter().map(|&day| day == weekday).chain(missing).collect();
            // a weekday that is not shown is nobody's: days of atoms alone have it
            if held.contains(&true) {
                left.push((place, Allowed::Levels(held.into())));
            }
            place += 1;
        }
        let of_day = between(
            (low > self.range.0).then(|| low.rem_euclid(self.per_day)),
            (high < self.range.1).then(|| high.rem_euclid(self.per_day)),
        );
        left.extend(self.time.as_ref().and_then(|time| time.allowed(place, &of_day)).unwrap_or_default());
        Some(left)
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        out.wholes("range", &[self.per_day, self.range.0, self.range.1]);
        out.codes("weekdays", &self.weekdays);
        self.day.save(&mut out.below("day"));
        out.code("time", self.time.as_ref().map_or(0, |time| if matches!(time.part, TimePart::Few(_)) { 1 } else { 2 }));
        if let Some(time) = &self.time {
            out.wholes("knots", &time.knots);
            match &time.part {
                TimePart::Few(few) => few.save(&mut out.below("of_day")),
                TimePart::Number(number) => number.save(&mut out.below("of_day")),
            }
        }
    }

    pub(crate) fn load(reader: &Reader) -> Result<Self> {
        let [per_day, low, high] = reader.some_wholes("range")?;
        let weekdays = reader.codes("weekdays")?.to_vec();
        if per_day < 1 || low > high || !weekdays.is_sorted_by(|a, b| a < b) || weekdays.last().is_some_and(|&day| day > 6) {
            return Err(reader.damaged("range"));
        }
        let of_day = reader.below("of_day");
        let part = match reader.code("time")? {
            0 => None,
            1 => Some(TimePart::Few(Few::load(&of_day)?)),
            2 => Some(TimePart::Number(Number::load(&of_day)?)),
            _ => return Err(reader.damaged("time")),
        };
        let knots = if part.is_some() { reader.wholes("knots")?.to_vec() } else { vec![0] };
        if knots.is_empty() {
            return Err(reader.damaged("knots"));
        }
        let time = part.map(|part| Time { part, knots });
        Ok(Self { per_day, day: Number::load(&reader.below("day"))?, weekdays, time, range: (low, high) })
    }
}

impl Time {
    fn fit(times: &Column, rows: &[u32], missing: bool, k: usize) -> Option<Self> {
        let Values::Whole(cells) = times.values() else { return None };
        let mut sorted: Vec<f64> = rows.iter().map(|&row| cells[row as usize] as f64).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let range = limits(&sorted, k);
        let knot = |i: usize| sorted[i * (sorted.len() - 1) / (KNOTS - 1)].clamp(range.low, range.high) as i64;
        let knots = (0..KNOTS).map(knot).collect();
        let part = match Few::fit(times, rows, missing, k) {
            Some((few, _)) => TimePart::Few(few),
            None => TimePart::Number(Number::fit(times, rows, missing, k)?.0),
        };
        Some(Self { part, knots })
    }

    /// What a range of times of day leaves of the parts from `start`; missing times may be any.
    fn allowed(&self, start: usize, wanted: &Wanted) -> Left {
        match &self.part {
            TimePart::Few(few) => {
                let levels = few.levels();
                let (values, missing) = few.decode(&(0..levels).collect::<Vec<_>>());
                let column = Column::new(values, missing).ok()?;
                let held = (0..levels as usize).map(|row| column.is_missing(row) || wanted.holds(&column, row));
                Some(vec![(start, Allowed::Levels(held.collect()))])
            }
            TimePart::Number(number) => {
                let mut left = of_number(number, start, wanted)?;
                if number.missing
                    && let Allowed::Levels(held) = &left[0].1
                {
                    let held: Vec<bool> = held.iter().enumerate().map(|(state, held)| *held || state == 1).collect();
                    left[0].1 = Allowed::Levels(held.into());
                }
                Some(left)
            }
        }
    }

    fn decode(&self, parts: &[Coded], random: &mut impl Draw) -> Vec<i64> {
        let (values, missing) = match &self.part {
            TimePart::Few(few) => few.decode(parts.first().and_then(Coded::codes).unwrap_or_default()),
            TimePart::Number(number) => number.decode(parts),
        };
        let Values::Whole(cells) = values else { return Vec::new() };
        let is_missing = |row: usize| missing.as_ref().is_some_and(|bits| bits.get(row));
        let time = |(row, &cell): (usize, &i64)| {
            if is_missing(row) { self.knots[random.below(self.knots.len() as u64) as usize] } else { cell }
        };
        cells.iter().enumerate().map(time).collect()
    }
}

/// First and last whole cell that a condition can mean.
fn hull(wanted: &Wanted) -> Option<(i64, i64)> {
    let whole = |cell: &Cell| if let Cell::Whole(cell) = cell { Some(*cell) } else { None };
    match wanted {
        Wanted::Missing => None,
        Wanted::OneOf(cells) => {
            let cells = || cells.iter().filter_map(whole);
            cells().min().zip(cells().max())
        }
        Wanted::Between { low, high } => {
            let end = |limit: &Option<Limit>, open: i64, inwards: i64| match limit {
                None => Some(open),
                Some(limit) => whole(&limit.cell).map(|cell| if limit.inclusive { cell } else { cell.saturating_add(inwards) }),
            };
            end(low, i64::MIN, 1).zip(end(high, i64::MAX, -1))
        }
    }
}

/// A range of whole cells, open where there is no end.
fn between(low: Option<i64>, high: Option<i64>) -> Wanted {
    let limit = |cell: i64| Limit { cell: Cell::Whole(cell), inclusive: true };
    Wanted::Between { low: low.map(limit), high: high.map(limit) }
}

/// A part of each instant, with the same missing cells.
fn part(column: &Column, of: impl Fn(i64) -> i64) -> Column {
    let Values::Whole(cells) = column.values() else { return column.clone() };
    let values = Values::Whole(cells.iter().map(|&cell| of(cell)).collect());
    Column::new(values, column.missing().cloned()).unwrap_or_else(|_| column.clone())
}

/// Weekdays with at least `k` of the rows.
fn weekdays_of(days: &Column, rows: &[u32], k: usize) -> Vec<u32> {
    let mut counts = [0usize; 7];
    if let Values::Whole(cells) = days.values() {
        rows.iter().for_each(|&row| counts[weekday_of_days(cells[row as usize]) as usize] += 1);
    }
    (0..7).filter(|&day| counts[day as usize] >= k).collect()
}

/// The day nearest to `day` with the weekday, the earlier on ties, one week inwards at the ends.
fn move_to_weekday(day: i64, weekday: u32, first: i64, last: i64) -> i64 {
    let back = (i64::from(weekday_of_days(day)) - i64::from(weekday)).rem_euclid(7);
    let moved = if back <= 3 { day - back } else { day + 7 - back };
    if moved < first {
        moved + 7
    } else if moved > last {
        moved - 7
    } else {
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeedExt;
    use synthfleet_proto::Seed;

    #[test]
    fn a_day_moves_to_the_nearest_wanted_weekday() {
        // day 0 is a Thursday (3)
        assert_eq!(move_to_weekday(0, 3, -100, 100), 0);
        assert_eq!(move_to_weekday(0, 0, -100, 100), -3);
        assert_eq!(move_to_weekday(0, 6, -100, 100), 3);
        assert_eq!(move_to_weekday(0, 0, -1, 100), 4);
    }

    #[test]
    fn minutes_come_back_exactly_within_the_protected_range() {
        let cells: Vec<i64> = (0..2_000).map(|i| i * 977 + (i % 7) * 13).collect();
        let column = Column::new(Values::Whole(cells.clone().into()), None).expect("legal");
        let rows: Vec<u32> = (0..2_000).collect();
        let (dates, collapsed) = Dates::fit(&column, &rows, Grain::Minute, false, 5).expect("long span");
        assert!(!collapsed && dates.parts().len() == 3);
        let (values, _) = dates.decode(&dates.encode(&column), &mut Seed::shared(0).rng());
        let Values::Whole(back) = values else { panic!("wholes") };
        // days and times at their own protected ends are clipped too
        let equal = back.iter().zip(&cells).filter(|(a, b)| a == b).count();
        assert!(equal >= 1_950, "{equal}");
        assert!(back.iter().all(|cell| (cells[4]..=cells[1_995]).contains(cell)));
    }

    #[test]
    fn a_short_span_is_a_plain_number() {
        let column = Column::new(Values::Whole((0..40).collect()), None).expect("legal");
        assert!(Dates::fit(&column, &(0..40).collect::<Vec<_>>(), Grain::Day, false, 5).is_none());
    }
}

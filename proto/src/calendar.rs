//! Instants as whole units of a grain since 1970-01-01T00:00, in the proleptic Gregorian calendar.

use serde::{Deserialize, Serialize};

/// The coarsest unit that loses nothing of a column's instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Calendar years.
    Year,
    /// Calendar months.
    Month,
    /// Days.
    Day,
    /// Hours.
    Hour,
    /// Minutes.
    Minute,
    /// Seconds.
    Second,
    /// Thousandths of a second.
    Millisecond,
    /// Millionths of a second.
    Microsecond,
    /// Billionths of a second.
    Nanosecond,
}

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

impl Grain {
    /// From coarse to fine.
    pub const ALL: [Self; 9] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::Millisecond,
        Self::Microsecond,
        Self::Nanosecond,
    ];

    /// Nanoseconds in one unit; `None` for months and years, whose length varies.
    pub const fn nanos(self) -> Option<i128> {
        Some(match self {
            Self::Year | Self::Month => return None,
            Self::Day => NANOS_PER_DAY,
            Self::Hour => 3_600_000_000_000,
            Self::Minute => 60_000_000_000,
            Self::Second => 1_000_000_000,
            Self::Millisecond => 1_000_000,
            Self::Microsecond => 1_000,
            Self::Nanosecond => 1,
        })
    }

    /// The instant `value` units after 1970, in nanoseconds.
    pub fn to_nanos(self, value: i64) -> i128 {
        let value_wide = i128::from(value);
        match (self, self.nanos()) {
            (_, Some(unit)) => value_wide * unit,
            (Self::Year, None) => i128::from(days_of_date(1970 + value, 1, 1)) * NANOS_PER_DAY,
            (_, None) => i128::from(days_of_date(1970 + value.div_euclid(12), value.rem_euclid(12) as u32 + 1, 1)) * NANOS_PER_DAY,
        }
    }

    /// The unit that holds an instant, rounding towards the past; clamped to 64 bits.
    pub fn of_nanos(self, nanos: i128) -> i64 {
        match self.nanos() {
            Some(unit) => nanos.div_euclid(unit).clamp(i64::MIN.into(), i64::MAX.into()) as i64,
            None => {
                let (year, month, _) = date_of_days(nanos.div_euclid(NANOS_PER_DAY) as i64);
                if self == Self::Year { year - 1970 } else { (year - 1970) * 12 + i64::from(month) - 1 }
            }
        }
    }
}

/// Days from 1970-01-01 to a date. Howard Hinnant, "chrono-compatible low-level date algorithms".
pub fn days_of_date(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of the `days`-th day after 1970-01-01.
pub fn date_of_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Day of the week, 0 = Monday.
pub fn weekday_of_days(days: i64) -> u32 {
    (days + 3).rem_euclid(7) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates_have_known_days() {
        for (year, month, day, days) in [(1970, 1, 1, 0), (2000, 3, 1, 11_017), (1, 1, 1, -719_162), (9999, 12, 31, 2_932_896)] {
            assert_eq!(days_of_date(year, month, day), days);
            assert_eq!(date_of_days(days), (year, month, day));
        }
    }

    #[test]
    fn every_grain_returns_what_it_was_given() {
        for grain in Grain::ALL {
            for value in [-700, -1, 0, 1, 13, 655] {
                assert_eq!(grain.of_nanos(grain.to_nanos(value)), value, "{grain:?}");
            }
        }
    }

    #[test]
    fn the_first_of_1970_was_a_thursday() {
        assert_eq!(weekday_of_days(0), 3);
        assert_eq!(weekday_of_days(-3), 0);
    }
}

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

/// An instant as RFC 3339 text in UTC with milliseconds: `2026-01-31T23:59:59.250Z`.
pub fn rfc3339(ms_since_1970: i64) -> String {
    let (days, ms) = (ms_since_1970.div_euclid(86_400_000), ms_since_1970.rem_euclid(86_400_000));
    let (year, month, day) = date_of_days(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
}

/// The instant that RFC 3339 text names, in milliseconds since 1970: `2026-01-31T23:59:59.25Z`, with another offset
/// than `Z`, or a bare date in UTC.
pub fn ms_of_rfc3339(text: &str) -> Option<i64> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let (date, time) = text.split_once(['T', 't', ' ']).map_or((text, None), |(date, time)| (date, Some(time)));
    let parts: Vec<i64> = date.split('-').map(number).collect::<Option<_>>()?;
    let [year @ 1..=9999, month @ 1..=12, day @ 1..=31] = parts[..] else { return None };
    let days = days_of_date(year, month as u32, day as u32);
    if date.len() != 10 || date_of_days(days) != (year, month as u32, day as u32) {
        return None;
    }
    let Some(time) = time else { return Some(days * 86_400_000) };
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<i64> = clock.split(':').map(number).collect::<Option<_>>()?;
    let [hour @ 0..=23, minute @ 0..=59, second @ 0..=60] = parts[..] else { return None };
    let ms = number(format!("{fraction:0<3}").get(..3)?)?;
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = number(hours).filter(|hours| *hours < 24)? * 60 + number(minutes).filter(|minutes| *minutes < 60)?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    Some(days * 86_400_000 + ((hour * 60 + minute - offset) * 60 + second) * 1_000 + ms)
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
    fn instants_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_251_199_250), "2024-02-29T23:59:59.250Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn instants_are_read_as_they_are_written() {
        for ms in [0, 1_709_251_199_250, 253_402_300_799_999] {
            assert_eq!(ms_of_rfc3339(&rfc3339(ms)), Some(ms));
        }
        assert_eq!(ms_of_rfc3339("1970-01-02"), Some(86_400_000));
        assert_eq!(ms_of_rfc3339("1970-01-01T01:00:00.5+01:00"), Some(500));
        for wrong in ["", "1970", "1970-1-1", "2023-02-29", "1970-01-01T00:00:00", "1970-01-01T24:00:00Z", "1970-01-01T00:00:00+1", "é"] {
            assert_eq!(ms_of_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_of_1970_was_a_thursday() {
        assert_eq!(weekday_of_days(0), 3);
        assert_eq!(weekday_of_days(-3), 0);
    }
}

//! How long finished things are kept, as the settings say.

use crate::config::RetentionConfig;
use std::time::Duration;
use synthfleet_coordinator::retain::{Retention, Rules};
use synthfleet_proto::{Error, Result};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// The times of the settings.
///
/// # Errors
/// `config::value` for times that are none.
pub fn of(config: &RetentionConfig) -> Result<Retention> {
    let data = kept("retention.data_days", config.data_days)?;
    let jobs = kept("retention.jobs_days", config.jobs_days)?;
    let tenant = |line: &String| {
        let wrong = || wrong("retention.tenants", line, "tenant=data_days:jobs_days");
        let (tenant, days) = line.split_once('=').ok_or_else(wrong)?;
        let (data, jobs) = days.split_once(':').ok_or_else(wrong)?;
        let days = |text: &str| text.trim().parse().ok().and_then(|days| kept("", days).ok()).ok_or_else(wrong);
        let (data, jobs) = (days(data)?, days(jobs)?);
        Ok((tenant.trim().to_owned(), (for_data(data), jobs)))
    };
    let tenants = config.tenants.iter().map(tenant).collect::<Result<_>>()?;
    Ok(Retention { rules: Rules { data: for_data(data), jobs, ..Rules::default() }, tenants })
}

/// A number of days; 0 means for ever.
fn kept(setting: &str, days: f64) -> Result<Duration> {
    let kept = (days >= 0.0).then(|| Duration::try_from_secs_f64(days * DAY).ok()).flatten();
    kept.ok_or_else(|| wrong(setting, &days.to_string(), "a number of days"))
}

/// The rules know "for ever" of whole jobs as zero; data that is kept so is never old enough.
fn for_data(kept: Duration) -> Duration {
    if kept.is_zero() { Duration::MAX } else { kept }
}

fn wrong(setting: &str, value: &str, expected: &str) -> Error {
    let error = Error::invalid("config::value", format!("{setting} takes {expected}, not {value:?}"));
    error.help("synthfleet config show --origin names the place of each setting")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(data_days: f64, jobs_days: f64, tenants: &[&str]) -> RetentionConfig {
        RetentionConfig { data_days, jobs_days, tenants: tenants.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn days_are_read_and_zero_is_for_ever() {
        let day = Duration::from_secs(86_400);
        let read = of(&config(7.0, 90.0, &["team=0.5:0", "old = 0:365"])).expect("legal");
        assert_eq!(read.rules, Rules::default());
        assert_eq!((read.of("team").data, read.of("team").jobs), (day / 2, Duration::ZERO));
        assert_eq!((read.of("old").data, read.of("old").jobs), (Duration::MAX, day * 365));
    }

    #[test]
    fn times_that_are_none_are_refused_by_the_name_of_the_setting() {
        for (config, name) in [
            (config(-1.0, 90.0, &[]), "retention.data_days"),
            (config(7.0, f64::NAN, &[]), "retention.jobs_days"),
            (config(7.0, 90.0, &["team"]), "retention.tenants"),
            (config(7.0, 90.0, &["team=7"]), "retention.tenants"),
            (config(7.0, 90.0, &["team=7:x"]), "retention.tenants"),
            (config(7.0, 90.0, &["team=-7:9"]), "retention.tenants"),
        ] {
            let refused = of(&config).expect_err(name);
            assert!(refused.code() == "config::value" && refused.message().starts_with(name), "{refused}");
        }
    }
}

//! Numbers as people read them.

/// A share or score: three decimals.
pub fn score(value: f64) -> String {
    let rounded = format!("{value:.3}");
    if rounded == "-0.000" { "0.000".to_owned() } else { rounded }
}

/// A score or a dash.
pub fn score_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), score)
}

/// A share as per cent, one decimal below ten.
pub fn percent(share: f64) -> String {
    let hundredfold = share * 100.0;
    if hundredfold.abs() < 9.95 { format!("{hundredfold:.1} %") } else { format!("{hundredfold:.0} %") }
}

/// A count with thin spaces every three digits.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes in decimal units.
pub fn bytes(value: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut size = value as f64;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < units.len() {
        size /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{value} B") } else { format!("{size:.1} {}", units[unit]) }
}

/// Seconds; of little time its thousandths, so that nothing that took time reads as if it had taken none.
pub fn seconds(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 0.001 => "< 1 ms".to_owned(),
        value if value > 0.0 && value < 0.1 => format!("{:.0} ms", value * 1e3),
        value if value < 10.0 => format!("{value:.2} s"),
        value if value < 120.0 => format!("{value:.0} s"),
        value => format!("{:.0} min", value / 60.0),
    }
}

/// Any number with about four significant digits.
pub fn plain(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    let shown = match size {
        size if size >= 1e6 => short(value),
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 100.0 => trimmed(format!("{value:.1}")),
        size if size >= 1.0 => trimmed(format!("{value:.2}")),
        size if size >= 0.001 => trimmed(format!("{value:.4}")),
        _ => format!("{value:.2e}"),
    };
    shown.replace('-', "−")
}

fn short(value: f64) -> String {
    let size = value.abs();
    match size {
        size if size < 1e9 => trimmed(format!("{:.2}", value / 1e6)) + " M",
        size if size < 1e12 => trimmed(format!("{:.2}", value / 1e9)) + " G",
        _ => format!("{value:.2e}"),
    }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A coordinate of a picture: at most one decimal.
pub fn place(value: f64) -> String {
    let text = trimmed(format!("{value:.1}"));
    if text == "-0" { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(bytes(1_530_000), "1.5 MB");
        assert_eq!(plain(-1_234.4), "−1234");
        assert_eq!(plain(0.05), "0.05");
        assert_eq!(plain(2_500_000.0), "2.5 M");
        assert_eq!(score(-0.000_1), "0.000");
        assert_eq!(percent(0.0449), "4.5 %");
        assert_eq!(place(-0.01), "0");
    }

    #[test]
    fn what_took_little_time_does_not_read_as_none() {
        assert_eq!(
            [0.0, 0.000_2, 0.002, 0.099, 0.1, 1.5, 61.0, 150.0].map(seconds),
            ["0.00 s", "< 1 ms", "2 ms", "99 ms", "0.10 s", "1.50 s", "61 s", "2 min"]
        );
    }
}

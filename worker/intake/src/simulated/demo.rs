//! A customer table with every kind of column, dependent columns and 6 % missing cells: what a first run
//! is shown on.

use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;
use synthfleet_proto::calendar::{date_of_days, days_of_date};
use synthfleet_table::random::Draw;

/// 12 columns: id, two datetimes, two numbers on a scale, whole years, labels, an order, free text, a
/// column without values, and whether the customer left.
const HEADER: &str = "customer_id,signed_up,last_order,age,region,plan,income,spent,satisfaction,remark,coupon,left";

/// Share of missing cells in every column but the id, the empty one and the target.
const MISSING: f64 = 0.06;

const REGIONS: [(&str, f64); 5] = [("north", 0.32), ("south", 0.27), ("east", 0.2), ("west", 0.15), ("islands", 0.06)];
const PLANS: [&str; 3] = ["basic", "plus", "pro"];
const SATISFACTION: [&str; 3] = ["low", "medium", "high"];
const OPENINGS: [&str; 6] = ["called about", "asked for", "complained about", "was happy with", "wrote about", "wanted to know more on"];
const SUBJECTS: [&str; 8] =
    ["the late parcel", "an invoice", "the new tariff", "the shop in town", "a refund", "the web page", "opening hours", "a broken lamp"];

/// Writes the header and `rows` rows.
pub(super) fn write(out: &mut String, rows: u64, rng: &mut ChaCha8Rng) {
    out.push_str(HEADER);
    out.push('\n');
    for row in 0..rows {
        let cells = Customer::draw(rng).cells(row, rng);
        out.push_str(&cells.join(","));
        out.push('\n');
    }
}

struct Customer {
    signed_up: i64,
    last_order: i64,
    age: i64,
    region: usize,
    plan: usize,
    income: f64,
    spent: f64,
    satisfaction: usize,
    left: bool,
}

impl Customer {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        // two generations; the older earn more and stay longer
        let young = rng.uniform() < 0.45;
        let age = if young { 27.0 + 6.0 * normal(rng) } else { 52.0 + 12.0 * normal(rng) };
        let age = (age.round_ties_even() as i64).clamp(18, 90);
        let region = pick(rng, &REGIONS.map(|(_, share)| share));
        let bonus = [0.15, -0.1, 0.0, 0.1, -0.25][region];
        let income = libm::exp(10.1 + 0.012 * (age.min(60) - 18) as f64 + bonus + 0.35 * normal(rng));
        let wealth = (income / 30_000.0).min(3.0);
        let plan = pick(rng, &[1.2, 0.5 * wealth, 0.15 * wealth * wealth]);
        // 2019-01-01 to 2023-12-31, few on weekends
        let mut signed_up = days_of_date(2019, 1, 1) + rng.below(1_826) as i64;
        if (signed_up + 3).rem_euclid(7) >= 5 && rng.uniform() < 0.7 {
            signed_up -= 3;
        }
        let silent_days = (-libm::log(rng.open_uniform()) * [90.0, 45.0, 20.0][plan]) as i64;
        let end = days_of_date(2024, 6, 30);
        let last_day = (end - silent_days).max(signed_up);
        let second = (rng.uniform() + rng.uniform()) * 0.5 * 50_400.0 + 25_200.0;
        let last_order = last_day * 86_400 + second as i64;
        let spends = rng.uniform() < [0.7, 0.85, 0.95][plan];
        let years = (last_day - signed_up) as f64 / 365.25 + 0.2;
        let spent = if spends { income * 0.004 * years * [1.0, 1.8, 3.5][plan] * libm::exp(0.5 * normal(rng)) } else { 0.0 };
        let mood = normal(rng) + 0.5 * plan as f64 - 0.004 * silent_days as f64;
        let satisfaction = usize::from(mood > -0.6) + usize::from(mood > 0.7);
        let risk = -1.6 + 0.012 * silent_days as f64 - 0.9 * (satisfaction as f64 - 1.0) - 0.02 * (age - 45) as f64;
        let left = rng.uniform() < 1.0 / (1.0 + libm::exp(-risk));
        Self { signed_up, last_order, age, region, plan, income, spent, satisfaction, left }
    }

    fn cells(&self, row: u64, rng: &mut ChaCha8Rng) -> Vec<String> {
        let opening = OPENINGS[rng.below(OPENINGS.len() as u64) as usize];
        let subject = SUBJECTS[rng.below(SUBJECTS.len() as u64) as usize];
        let remark = format!("{opening} {subject} and case {}", 10_000 + rng.below(90_000));
        let mut cells = vec![
            (100_001 + row).to_string(),
            date(self.signed_up),
            date_time(self.last_order),
            self.age.to_string(),
            REGIONS[self.region].0.to_owned(),
            PLANS[self.plan].to_owned(),
            format!("{:.2}", self.income),
            format!("{:.2}", self.spent),
            SATISFACTION[self.satisfaction].to_owned(),
            remark,
            String::new(),
            if self.left { "yes" } else { "no" }.to_owned(),
        ];
        for (place, cell) in cells.iter_mut().enumerate() {
            // the young hide their income more often; the share over all stays near 6 %
            let share = if place == 6 { if self.age < 35 { 0.09 } else { 0.04 } } else { MISSING };
            if (1..=9).contains(&place) && rng.uniform() < share {
                cell.clear();
            }
        }
        cells
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (-2.0 * libm::log(rng.open_uniform())).sqrt() * libm::cos(std::f64::consts::TAU * rng.uniform())
}

fn pick(rng: &mut ChaCha8Rng, weights: &[f64]) -> usize {
    let mut left = rng.uniform() * weights.iter().sum::<f64>();
    let found = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    found.unwrap_or(weights.len() - 1)
}

fn date(day: i64) -> String {
    let (year, month, day) = date_of_days(day);
    format!("{year:04}-{month:02}-{day:02}")
}

fn date_time(second: i64) -> String {
    let (day, second) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let mut text = date(day);
    // writing to a string cannot fail
    let _ = write!(text, " {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::Seed;
    use synthfleet_table::SeedExt;

    #[test]
    fn six_percent_of_nine_columns_are_missing() {
        let mut text = String::new();
        write(&mut text, 5_000, &mut Seed::of_task(0, "demo").rng());
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert!(rows.iter().all(|row| row.len() == 12));
        for place in 1..=9 {
            let missing = rows.iter().filter(|row| row[place].is_empty()).count();
            assert!((225..=375).contains(&missing), "column {place}: {missing}");
        }
        let left = rows.iter().filter(|row| row[11] == "yes").count();
        assert!((1_000..=2_500).contains(&left), "{left} left");
    }
}

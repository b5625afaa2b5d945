//! Raw rows as they come, and their medians and tails at the end.

use std::collections::BTreeMap;
use std::io::Write;

/// Values by measure and system, with their unit.
#[derive(Default)]
pub struct Rows {
    all: BTreeMap<(String, String), (String, Vec<f64>)>,
}

impl Rows {
    /// No rows yet: prints the heading.
    pub fn begin() -> Self {
        say("system,measure,round,value,unit");
        Self::default()
    }

    /// One value.
    pub fn one(&mut self, system: &str, measure: &str, round: u32, unit: &str, value: f64) {
        say(&format!("\"{system}\",{measure},{round},{value:.3},{unit}"));
        let kept = self.all.entry((measure.to_owned(), system.to_owned())).or_default();
        unit.clone_into(&mut kept.0);
        kept.1.push(value);
    }

    /// Several values.
    pub fn many(&mut self, system: &str, measure: &str, round: u32, unit: &str, values: &[f64]) {
        values.iter().for_each(|value| self.one(system, measure, round, unit, *value));
    }

    /// Prints median, 99th percentile and range of everything.
    pub fn summary(mut self) {
        say("\nmeasure,system,values,median,p99,least,most,unit");
        for ((measure, system), (unit, values)) in &mut self.all {
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
            say(&format!("{measure},\"{system}\",{},{:.2},{:.2},{:.2},{:.2},{unit}", values.len(), at(0.5), at(0.99), at(0.0), at(1.0)));
        }
    }
}

fn say(line: &str) {
    // who closed the pipe does not want to know
    let _ = writeln!(std::io::stdout(), "{line}");
}

//! Tables whose true law is known: `sim:grid`, `gridr`, `ring`, `asia`, `alarm`, `child`, `insurance`,
//! and `sim:demo`, a small customer table with every kind of column.

mod demo;

use synthfleet_laws::{Law, law};
use synthfleet_proto::metadata::ProblemType;
use synthfleet_proto::{Error, Result, Seed, id};
use synthfleet_table::SeedExt;

/// The names behind `sim:`.
pub const NAMES: [&str; 8] = ["alarm", "asia", "child", "demo", "grid", "gridr", "insurance", "ring"];

/// Rows of a set unless asked otherwise; `demo` has 5,000.
pub const ROWS: u64 = 20_000;
const DEMO_ROWS: u64 = 5_000;
const ROWS_MAX: u64 = 100_000_000;

/// A set as `sim:<name>[?rows=&seed=]` asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// One of [`NAMES`].
    pub name: String,
    /// Rows, at least 1.
    pub rows: u64,
    /// Seed of the rows; the law does not depend on it.
    pub seed: u64,
}

impl Request {
    /// Reads a `sim:` address; `None` if it is none.
    pub fn parse(address: &str) -> Option<Result<Self>> {
        address.strip_prefix("sim:").map(Self::of_set)
    }

    fn of_set(set: &str) -> Result<Self> {
        let (name, query) = set.split_once('?').unwrap_or((set, ""));
        if !NAMES.contains(&name) {
            let error = Error::data("source::not_found", format!("no such simulated set: sim:{name}"));
            return Err(match id::nearest(name, NAMES) {
                Some(near) => error.help(format!("did you mean sim:{near}?")),
                None => error.help(format!("known sets: {}", NAMES.join(", "))),
            });
        }
        let mut request = Self { name: name.to_owned(), rows: if name == "demo" { DEMO_ROWS } else { ROWS }, seed: 0 };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = value.parse::<u64>().ok();
            match (key, number) {
                ("rows", Some(rows)) if (1..=ROWS_MAX).contains(&rows) => request.rows = rows,
                ("seed", Some(seed)) => request.seed = seed,
                _ => {
                    let message = format!("sim:{name} has no {key}={value}");
                    return Err(Error::invalid("source::simulated", message).help(format!("rows=1..{ROWS_MAX}, seed=a whole number")));
                }
            }
        }
        Ok(request)
    }

    /// The set as CSV: comma, header, UTF-8, LF. Rows are drawn one after the other, so fewer rows are a
    /// prefix of more.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let seed = Seed::of_task(self.seed, "simulated").child(&self.name);
        let mut rng = seed.rng();
        let mut out = String::new();
        match law(&self.name)? {
            None => demo::write(&mut out, self.rows, &mut rng),
            Some(Law::Mixture(mixture)) => {
                out.push_str("x,y\n");
                for _ in 0..self.rows {
                    let [x, y] = mixture.draw(&mut rng);
                    out.push_str(&format!("{x},{y}\n"));
                }
            }
            Some(Law::Network(network)) => {
                let names: Vec<&str> = network.variables().iter().map(|variable| variable.name.as_str()).collect();
                out.push_str(&names.join(","));
                out.push('\n');
                for _ in 0..self.rows {
                    let row = network.draw(&mut rng);
                    let labels = row.iter().zip(network.variables()).map(|(&state, variable)| variable.states[state as usize].as_str());
                    out.push_str(&labels.collect::<Vec<_>>().join(","));
                    out.push('\n');
                }
            }
        }
        Ok(out.into_bytes())
    }

    /// What the set is scored on: likelihood where the law is known. `demo` is a table like any other.
    pub fn problem_type(&self) -> Option<ProblemType> {
        match self.name.as_str() {
            "grid" | "gridr" | "ring" => Some(ProblemType::GaussianLikelihood),
            "asia" | "alarm" | "child" | "insurance" => Some(ProblemType::BayesianLikelihood),
            _ => None,
        }
    }

    /// The true law by name; none for `demo`.
    pub fn law(&self) -> Option<&str> {
        synthfleet_laws::NAMES.contains(&self.name.as_str()).then_some(&self.name)
    }
}

/// A set as CSV bytes; see [`Request::csv`].
pub fn csv(name: &str, rows: u64, seed: u64) -> Result<Vec<u8>> {
    Request { name: name.to_owned(), rows, seed }.csv()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_states_rows_and_seed() {
        let request = Request::parse("sim:ring?rows=10&seed=3").expect("a sim address").expect("legal");
        assert_eq!(request, Request { name: "ring".into(), rows: 10, seed: 3 });
        assert!(Request::parse("ring.csv").is_none());
        assert_eq!(Request::parse("sim:demo").expect("sim").expect("legal").rows, 5_000);
    }

    #[test]
    fn an_unknown_set_names_its_neighbour() {
        let error = Request::parse("sim:rings").expect("a sim address").expect_err("unknown");
        assert_eq!((error.code(), error.helps()[0].as_str()), ("source::not_found", "did you mean sim:ring?"));
        assert!(Request::parse("sim:ring?rows=0").expect("a sim address").is_err());
    }

    #[test]
    fn fewer_rows_are_a_prefix_of_more() {
        for name in NAMES {
            let (few, more) = (csv(name, 10, 1).expect("known"), csv(name, 20, 1).expect("known"));
            assert!(more.starts_with(&few), "{name}");
            assert_ne!(few, csv(name, 10, 2).expect("known"), "{name}: the seed decides the rows");
            assert_eq!(more.iter().filter(|byte| **byte == b'\n').count(), 21, "{name}");
        }
    }
}

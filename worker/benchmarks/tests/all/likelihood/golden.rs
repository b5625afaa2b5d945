//! Published likelihoods of the seven sets: 10,000 rows to learn from and 10,000 to test on.

use super::sets::{Set, scored, with};
use crate::support::value;
use serde_json::{Value, json};
use synthfleet_benchmarks::find;
use synthfleet_laws::Law;
use synthfleet_proto::score::Scored;
use synthfleet_stats::means::Points;
use synthfleet_stats::mixture::Mixture;
use synthfleet_table::Budget;

const ROWS: usize = 10_000;

/// S and T.
type Pair = (f64, f64);

/// What a set must give, and how near.
struct Published {
    exact: f64,
    honest: Pair,
    independent: Pair,
    uniform: Pair,
    within: f64,
    /// Of the uniform S, of the independent S.
    within_s: Pair,
}

fn check(name: &str, published: &Published) -> Scored {
    let set = Set::named(name);
    let mut case = set.case(ROWS);
    case.prepared = find("likelihood").expect("a member").prepare_any(&case.real, &Value::Null, &Budget::quiet(2)).expect("prepares");
    let (independent, uniform) = (set.independent(&case.real.train), set.uniform(&case.real.train));
    let honest = scored(&case, &Value::Null);
    let mut wrong = Vec::new();
    let mut near = |what: &str, found: Option<f64>, expected: f64, within: f64| {
        let found = found.expect("defined");
        if (found - expected).abs() > within {
            wrong.push(format!("{what} is {found:.4}, not {expected} within {within}"));
        }
    };
    let mut pair = |what: &str, scored: &Scored, expected: Pair, within: Pair| {
        near(&format!("{what} S"), value(scored, "likelihood.s"), expected.0, within.0);
        near(&format!("{what} T"), value(scored, "likelihood.t"), expected.1, within.1);
    };
    pair("honest", &honest, published.honest, (published.within, published.within));
    let bad = [
        ("independent", independent, published.independent, published.within_s.1),
        ("uniform", uniform, published.uniform, published.within_s.0),
    ];
    for (what, sample, expected, within_s) in bad {
        pair(what, &scored(&with(&case, sample), &Value::Null), expected, (within_s, published.within));
    }
    near("exact", value(&honest, "likelihood.true_s"), published.exact, published.within.min(0.12));
    assert!(wrong.is_empty(), "{name}: {}", wrong.join("; "));
    let score = value(&honest, "likelihood").expect("defined");
    assert!(score > 0.9, "{name}: an honest sample gets {score}");
    honest
}

/// S and T of one size of mixture.
fn of_size(scored: &Scored, components: usize) -> Pair {
    let sizes = scored.details["components"].as_array().expect("a list");
    let size = sizes.iter().find(|size| size["components"] == json!(components)).expect("the size");
    (size["s"].as_f64().expect("S"), size["t"].as_f64().expect("T"))
}

fn sizes_are(scored: &Scored, expected: [(usize, Pair); 2], within: f64) {
    for (components, (s, t)) in expected {
        let found = of_size(scored, components);
        assert!((found.0 - s).abs() <= within && (found.1 - t).abs() <= within, "{components} components: {found:?}");
    }
}

#[test]
fn grid_has_its_published_likelihoods() {
    let published = Published {
        exact: -3.061,
        honest: (-3.53, -3.46),
        independent: (-3.54, -3.51),
        uniform: (-6.97, -4.53),
        within: 0.15,
        within_s: (0.4, 0.15),
    };
    sizes_are(&check("grid", &published), [(10, (-4.01, -3.85)), (30, (-3.06, -3.07))], 0.3);
}

#[test]
fn gridr_has_its_published_likelihoods() {
    let published = Published {
        exact: -3.059,
        honest: (-3.62, -3.61),
        independent: (-5.12, -4.03),
        // how deep uniform rows fall depends on where the moved centres lie, and ours are another draw than those of
        // the published -7.08: scikit-learn's mixtures give -7.53, -7.64, -7.64 on three divisions of our rows
        uniform: (-7.60, -4.53),
        within: 0.15,
        within_s: (0.4, 0.15),
    };
    sizes_are(&check("gridr", &published), [(10, (-4.19, -4.15)), (30, (-3.06, -3.07))], 0.3);
}

#[test]
fn ring_has_its_published_likelihoods() {
    let published = Published {
        exact: -1.698,
        honest: (-1.70, -1.71),
        independent: (-2.43, -1.97),
        uniform: (-5.14, -2.49),
        within: 0.05,
        within_s: (0.4, 0.05),
    };
    check("ring", &published);
}

#[test]
fn asia_has_its_published_likelihoods() {
    let published = Published {
        exact: -2.235,
        honest: (-2.24, -2.23),
        independent: (-4.84, -2.99),
        uniform: (-14.30, -5.50),
        within: 0.06,
        within_s: (0.06, 0.15),
    };
    check("asia", &published);
}

#[test]
fn alarm_has_its_published_likelihoods() {
    let published = Published {
        exact: -10.283,
        honest: (-10.25, -10.30),
        independent: (-18.24, -15.84),
        uniform: (-18.42, -18.42),
        within: 0.12,
        within_s: (0.12, 0.12),
    };
    check("alarm", &published);
}

#[test]
fn child_has_its_published_likelihoods() {
    let published = Published {
        exact: -12.061,
        honest: (-12.13, -12.07),
        independent: (-17.97, -16.09),
        uniform: (-18.41, -18.33),
        within: 0.12,
        within_s: (0.12, 0.12),
    };
    check("child", &published);
}

#[test]
fn insurance_has_its_published_likelihoods() {
    let published = Published {
        exact: -12.893,
        honest: (-12.92, -12.87),
        independent: (-18.39, -17.61),
        uniform: (-18.42, -18.42),
        within: 0.12,
        within_s: (0.12, 0.12),
    };
    check("insurance", &published);
}

#[test]
fn no_step_of_a_mixtures_fit_lowers_the_density_of_its_points() {
    for name in ["grid", "gridr", "ring"] {
        let Law::Mixture(law) = Set::named(name).law else { panic!("{name} is a mixture") };
        let mut rng = synthfleet_table::SeedExt::rng(&synthfleet_proto::Seed::of_task(9, name));
        let numbers: Vec<f64> = (0..ROWS).flat_map(|_| law.draw(&mut rng)).collect();
        let points = Points::new(&numbers, 2).expect("points");
        for (components, start) in [(10, 0), (10, 1), (30, 0), (30, 1)] {
            let mut seen = Vec::new();
            let fit = Mixture::fit_while(points, components, start, |density| {
                seen.extend(density);
                Ok::<(), ()>(())
            });
            assert!(fit.expect("nobody stops it").is_some() && seen.len() > 1);
            assert!(seen.windows(2).all(|pair| pair[1] >= pair[0] - 1e-9), "{name}, {components} components: {seen:?}");
        }
    }
}

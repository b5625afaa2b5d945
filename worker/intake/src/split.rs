//! Which rows are learnt from and which are held out: exact counts, drawn in one pass over the rows.
//!
//! Model: rows of one class are drawn without replacement by selection sampling: the row that comes
//! next is held out with probability (rows of the class still wanted) / (rows of the class still to
//! come), so that every subset of the wanted size is equally likely and memory is one counter a class.
//! Reference: C. T. Fan, M. E. Muller, I. Rezucha, doi:10.1080/01621459.1962.10480667.

use rand_chacha::ChaCha8Rng;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::SeedExt;
use synthfleet_table::random::Draw;

/// Fewest rows that a holdout may have.
pub const HOLDOUT_ROWS_MIN: u64 = 1;

/// The part that a source row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Learnt from.
    Train,
    /// Held out.
    Holdout,
    /// Beyond the most rows that are fitted on.
    Rest,
}

/// What a split is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitOptions {
    /// Share of rows held out, above 0 and below 1.
    pub holdout: f64,
    /// Most train rows; the rest is left aside, the holdout shrinks alike.
    pub fit_rows_max: u64,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { holdout: 0.2, fit_rows_max: 1_000_000 }
    }
}

/// Says of each row in turn which part it belongs to.
#[derive(Debug)]
pub struct Splitter {
    classes: Vec<Left>,
    rng: ChaCha8Rng,
}

/// What is still to come and still wanted of one class.
#[derive(Debug, Clone, Copy)]
struct Left {
    rows: u64,
    train: u64,
    holdout: u64,
}

impl Splitter {
    /// Plans a split of `classes[i]` rows of class `i` (one class: a random split). `shared` is the
    /// seed that all tasks of a job share; the stream is `split`.
    pub fn new(classes: &[u64], options: &SplitOptions, shared: &Seed) -> Result<Self> {
        if !(options.holdout > 0.0 && options.holdout < 1.0) {
            let message = format!("the holdout share is {}, it must be above 0 and below 1", options.holdout);
            return Err(Error::invalid("split::share", message).at_pointer("/split/holdout").help("--holdout 0.2"));
        }
        let rows: u64 = classes.iter().sum();
        let wanted = (rows as f64 * options.holdout).round_ties_even() as u64;
        let too_small = |what: &str, count: u64| {
            let message = format!("{what} would have {count} rows of {rows}");
            Err(Error::data("split::too_small", message)
                .help("choose another share with --holdout, or give a table of its own with --holdout-source"))
        };
        if wanted < HOLDOUT_ROWS_MIN {
            return too_small("the holdout", wanted);
        }
        if wanted >= rows {
            return too_small("the train part", rows - wanted.min(rows));
        }
        let train = rows - wanted;
        let fitted = train.min(options.fit_rows_max.max(1));
        let kept = if fitted == train { wanted } else { ((wanted as f64) * (fitted as f64 / train as f64)).round_ties_even() as u64 };
        let holdout = apportion(classes, kept.max(1));
        let rest: Vec<u64> = classes.iter().zip(&holdout).map(|(rows, holdout)| rows - holdout).collect();
        let train = apportion(&rest, fitted);
        let classes = classes.iter().zip(train.iter().zip(&holdout));
        let classes = classes.map(|(&rows, (&train, &holdout))| Left { rows, train, holdout }).collect();
        Ok(Self { classes, rng: shared.child("split").rng() })
    }

    /// The part of the next row, which is of class `class`.
    pub fn next(&mut self, class: usize) -> Result<Part> {
        let Some(left) = self.classes.get_mut(class).filter(|left| left.rows > 0) else {
            return Err(Error::internal("split::counts", format!("class {class} has more rows than were counted")));
        };
        let draw = self.rng.below(left.rows);
        left.rows -= 1;
        Ok(if draw < left.holdout {
            left.holdout -= 1;
            Part::Holdout
        } else if draw < left.holdout + left.train {
            left.train -= 1;
            Part::Train
        } else {
            Part::Rest
        })
    }
}

/// Splits `total` among classes in proportion to their sizes by largest remainders (ties: the earlier
/// class), never more than a class has.
fn apportion(sizes: &[u64], total: u64) -> Vec<u64> {
    let rows: u64 = sizes.iter().sum();
    if rows == 0 {
        return vec![0; sizes.len()];
    }
    let exact = |size: u64| u128::from(size) * u128::from(total);
    let mut shares: Vec<u64> = sizes.iter().map(|&size| (exact(size) / u128::from(rows)) as u64).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&class| (std::cmp::Reverse(exact(sizes[class]) % u128::from(rows)), class));
    let mut missing = total.min(rows) - shares.iter().sum::<u64>();
    for class in order {
        if missing > 0 && shares[class] < sizes[class] {
            shares[class] += 1;
            missing -= 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(classes: &[u64], rows: impl Iterator<Item = usize>, options: &SplitOptions) -> Vec<[u64; 3]> {
        let mut splitter = Splitter::new(classes, options, &Seed::shared(0)).expect("large enough");
        let mut counts = vec![[0; 3]; classes.len()];
        for class in rows {
            counts[class][splitter.next(class).expect("counted") as usize] += 1;
        }
        counts
    }

    #[test]
    fn every_row_is_in_one_part_and_the_counts_are_exact() {
        let counts = counts(&[100], (0..100).map(|_| 0), &SplitOptions::default());
        assert_eq!(counts, [[80, 20, 0]]);
    }

    #[test]
    fn a_stratified_holdout_keeps_each_class_share() {
        let rows = (0..1_000).map(|row| if row % 10 == 0 { 1 } else { usize::from(row % 7 == 0) * 2 });
        let sizes = rows.clone().fold([0; 3], |mut sizes, class| {
            sizes[class] += 1;
            sizes
        });
        let counts = counts(&sizes, rows, &SplitOptions::default());
        assert_eq!(counts.iter().map(|part| part[1]).sum::<u64>(), 200);
        for (part, size) in counts.iter().zip(sizes) {
            assert!((part[1] as f64 - size as f64 * 0.2).abs() < 1.0, "{counts:?}");
        }
    }

    #[test]
    fn a_class_of_one_row_is_learnt_from() {
        assert_eq!(apportion(&[1, 99], 20), [0, 20]);
    }

    #[test]
    fn rows_beyond_the_most_fitted_are_left_aside_in_proportion() {
        let options = SplitOptions { fit_rows_max: 400, ..SplitOptions::default() };
        assert_eq!(counts(&[1_000], (0..1_000).map(|_| 0), &options), [[400, 100, 500]]);
    }

    #[test]
    fn ten_rows_hold_out_two_and_two_rows_one() {
        assert_eq!(counts(&[10], (0..10).map(|_| 0), &SplitOptions::default()), [[8, 2, 0]]);
        let half = SplitOptions { holdout: 0.5, ..SplitOptions::default() };
        assert_eq!(counts(&[2], (0..2).map(|_| 0), &half), [[1, 1, 0]]);
    }

    #[test]
    fn a_holdout_without_rows_is_too_small() {
        let options = SplitOptions { holdout: 0.0001, ..SplitOptions::default() };
        let error = Splitter::new(&[1_000], &options, &Seed::shared(0)).expect_err("no rows");
        assert_eq!((error.code(), error.message()), ("split::too_small", "the holdout would have 0 rows of 1000"));
    }

    #[test]
    fn each_row_is_held_out_with_the_asked_share() {
        let mut held = [0u32; 50];
        for job in 0..2_000 {
            let mut splitter = Splitter::new(&[50], &SplitOptions::default(), &Seed::shared(job)).expect("large enough");
            for count in &mut held {
                *count += u32::from(splitter.next(0).expect("counted") == Part::Holdout);
            }
        }
        // 2,000 draws at .2: sd 17.9, bounds at 5 sd
        assert!(held.iter().all(|count| (310..=490).contains(count)), "{held:?}");
    }
}

//! What honest rows get, kept for all samples of a job.

use super::super::LikelihoodOptions;
use super::{Mixtures, STARTS};
use synthfleet_stats::mixture::Mixture;
use synthfleet_table::Arrays;

/// Mixtures of holdout, and the log densities that honest rows get.
pub struct Reference {
    /// Mixtures fitted to holdout.
    pub of_holdout: Mixtures,
    /// Of train rows under them, `[sizes][train rows]`.
    pub s_rows: Vec<Vec<f64>>,
    /// Of holdout rows under mixtures fitted to train, `[sizes][holdout rows]`.
    pub t_rows: Vec<Vec<f64>>,
}

impl Reference {
    /// As arrays.
    pub fn save(&self, arrays: &mut Arrays) {
        let flat = |rows: &[Vec<f64>]| rows.concat();
        let of = |part: fn(&Mixture) -> Vec<f64>| self.of_holdout.iter().flat_map(part).collect::<Vec<f64>>();
        arrays.put_f64("weights", of(|mixture| mixture.weights().to_vec()));
        arrays.put_f64("means", of(|mixture| mixture.means().concat()));
        arrays.put_f64("variances", of(|mixture| mixture.variances().concat()));
        arrays.put_f64("s_rows", flat(&self.s_rows));
        arrays.put_f64("t_rows", flat(&self.t_rows));
    }

    /// From arrays; `None` unless they belong to these options and so many train rows, holdout rows and columns.
    pub fn load(arrays: &Arrays, options: &LikelihoodOptions, [train, holdout, columns]: [usize; 3]) -> Option<Self> {
        let part = |name: &str| arrays.f64s(name).ok();
        let rows = |name: &str, rows: usize| {
            let flat = part(name)?;
            let whole = rows > 0 && flat.len() == rows * options.components.len();
            whole.then(|| flat.chunks_exact(rows).map(<[f64]>::to_vec).collect::<Vec<Vec<f64>>>())
        };
        let (mut weights, mut means, mut variances) = (part("weights")?, part("means")?, part("variances")?);
        let mut of_holdout = Vec::new();
        for &size in options.components.iter().flat_map(|size| [size; STARTS]) {
            let take = |flat: &mut &[f64], length: usize| {
                let (head, rest) = flat.split_at_checked(length)?;
                *flat = rest;
                Some(head.to_vec())
            };
            let of_size = take(&mut weights, size)?;
            let shaped = |flat: &mut &[f64]| Some(take(flat, size * columns)?.chunks_exact(columns).map(<[f64]>::to_vec).collect());
            of_holdout.push(Mixture::new(of_size, shaped(&mut means)?, shaped(&mut variances)?)?);
        }
        let nothing_left = weights.is_empty() && means.is_empty() && variances.is_empty();
        nothing_left.then_some(Self { of_holdout, s_rows: rows("s_rows", train)?, t_rows: rows("t_rows", holdout)? })
    }
}

//! Wide nominal predictors in few groups: levels next to each other in the order of the response share one.

use super::{Predictor, Response, order_levels};

/// Nominal predictors with more levels are grouped to this many.
pub const GROUPS: u32 = 256;

/// The group of each level of a wide nominal predictor, `[bins]`: in the order in which `rows` would cut the
/// levels, about equally many rows a group. Empty for predictors that need no groups.
pub fn group_levels(predictor: &Predictor<'_>, response: Response<'_>, rows: &[u32]) -> Vec<u16> {
    if predictor.ordered || predictor.bins <= GROUPS {
        return Vec::new();
    }
    let order = order_levels(predictor, response, rows);
    let mut counts = vec![0u64; predictor.bins as usize];
    rows.iter().for_each(|&row| counts[usize::from(predictor.codes[row as usize])] += 1);
    let mut groups = vec![0; predictor.bins as usize];
    let mut before = 0;
    for level in order {
        groups[usize::from(level)] = (before * u64::from(GROUPS) / rows.len().max(1) as u64).min(u64::from(GROUPS) - 1) as u16;
        before += counts[usize::from(level)];
    }
    groups
}

/// The bin of a predictor whose levels may be grouped: its group, or itself if there are no groups.
pub fn regroup(groups: &[u16], bin: u16) -> u16 {
    if groups.is_empty() { bin } else { groups.get(usize::from(bin)).copied().unwrap_or(0) }
}

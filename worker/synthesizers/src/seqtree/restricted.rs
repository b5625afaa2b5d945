//! What conditions leave of a leaf: the share of its law that is allowed, and draws from there.
//!
//! **Definition.** A leaf of codes mixes its own list with half a row's weight of its parent's; of each the
//! allowed codes stay. A leaf of numbers mixes points (atoms, donors) and stretches between neighbours; of each
//! the part inside the allowed ends stays. Ends that meet are pulled apart by a billionth of the column's range, so
//! that a number has a share where the law has a density.

use super::Draw;
use super::leaves::Lists;
use rand_chacha::ChaCha8Rng;
use synthfleet_table::random::Draw as _;

/// Half the width of a single number in ranges of its column.
const NEAR: f64 = 1e-9;

/// Allowed codes of a leaf.
pub struct Codes {
    /// Code and cumulative weight, in shares of the leaf.
    runs: Vec<(u32, f64)>,
}

impl Codes {
    /// Of a leaf, what `is_allowed`.
    pub fn of(lists: &Lists<u32>, leaf: u32, is_allowed: impl Fn(u32) -> bool) -> Self {
        let (own, parent) = lists.of_leaf(leaf);
        let size = own.len() as f64;
        let (mut runs, mut sum) = (Vec::new(), 0.0);
        for (list, weight) in [(own, 1.0 / (size + 0.5)), (parent, 0.5 / (size + 0.5) / parent.len() as f64)] {
            for run in list.chunk_by(|a, b| a == b).filter(|run| is_allowed(run[0])) {
                sum += run.len() as f64 * weight;
                runs.push((run[0], sum));
            }
        }
        Self { runs }
    }

    /// Share of the leaf that is allowed.
    pub fn share(&self) -> f64 {
        self.runs.last().map_or(0.0, |(_, sum)| *sum)
    }

    /// An allowed code; 0 where there is none.
    pub fn draw(&self, random: &mut ChaCha8Rng) -> u32 {
        let drawn = random.uniform() * self.share();
        let at = self.runs.partition_point(|(_, sum)| *sum <= drawn).min(self.runs.len().saturating_sub(1));
        self.runs.get(at).map_or(0, |(code, _)| *code)
    }
}

/// Allowed numbers of a leaf.
pub struct Numbers {
    /// Ends of each part, equal for a point, and its cumulative weight in shares of the leaf.
    parts: Vec<([f64; 2], f64)>,
    ends: (f64, f64),
}

impl Numbers {
    /// Of a leaf whose numbers are clipped to `limits`, what lies within `ends`.
    pub fn of(lists: &Lists<f64>, leaf: u32, draw: Draw, limits: (f64, f64), ends: (f64, f64)) -> Self {
        let mut numbers = Self { parts: Vec::new(), ends };
        let near = (limits.1 - limits.0).max(f64::MIN_POSITIVE) * NEAR;
        let inside = if ends.0 < ends.1 { ends } else { (ends.0 - near, ends.1 + near) };
        let leaf = lists.numbers_of_leaf(leaf);
        let share = 1.0 / leaf.own.len() as f64;
        let gap = match draw {
            Draw::Donor => {
                leaf.own.iter().for_each(|&number| numbers.add([number; 2], share, limits, inside));
                return numbers;
            }
            Draw::Gap(gap) => gap as usize,
        };
        let (loose, atoms) = leaf.own.split_at(leaf.loose);
        if loose.len() > 2 * gap {
            (0..loose.len()).for_each(|rank| numbers.add(neighbours(loose, rank, gap), share, limits, inside));
        } else if leaf.wide.is_empty() {
            loose.iter().for_each(|&number| numbers.add([number; 2], share, limits, inside));
        } else {
            let share = share * loose.len() as f64 / leaf.wide.len() as f64;
            (0..leaf.wide.len()).for_each(|rank| numbers.add(neighbours(leaf.wide, rank, gap), share, limits, inside));
        }
        atoms.iter().for_each(|&number| numbers.add([number; 2], share, limits, inside));
        numbers
    }

    /// Adds the allowed part of a stretch.
    fn add(&mut self, [from, to]: [f64; 2], share: f64, limits: (f64, f64), inside: (f64, f64)) {
        let (from, to) = (from.clamp(limits.0, limits.1), to.clamp(limits.0, limits.1));
        let (low, high) = (from.max(inside.0), to.min(inside.1));
        let part = if low > high {
            0.0
        } else if from < to {
            (high - low) / (to - from)
        } else {
            1.0
        };
        if part > 0.0 {
            self.parts.push(([low, high], self.share() + share * part));
        }
    }

    /// Share of the leaf that is allowed.
    pub fn share(&self) -> f64 {
        self.parts.last().map_or(0.0, |(_, sum)| *sum)
    }

    /// An allowed number; some end where there is none.
    pub fn draw(&self, random: &mut ChaCha8Rng) -> f64 {
        let (drawn, place) = (random.uniform() * self.share(), random.uniform());
        let at = self.parts.partition_point(|(_, sum)| *sum <= drawn).min(self.parts.len().saturating_sub(1));
        let number = self.parts.get(at).map(|([low, high], _)| low + (high - low) * place);
        number.unwrap_or(if self.ends.0.is_finite() { self.ends.0 } else { self.ends.1 }).clamp(self.ends.0, self.ends.1)
    }
}

/// The stretch between the neighbours of a rank.
fn neighbours(sorted: &[f64], rank: usize, gap: usize) -> [f64; 2] {
    [sorted[rank.saturating_sub(gap)], sorted[(rank + gap).min(sorted.len() - 1)]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::Seed;
    use synthfleet_table::SeedExt;

    fn codes() -> Lists<u32> {
        Lists { values: vec![1, 1, 1, 2, 1, 3, 3, 3], ends: vec![4, 8], loose: vec![0, 0], primary: vec![0], fallback: vec![1] }
    }

    #[test]
    fn allowed_codes_keep_the_shares_of_both_lists() {
        let left = Codes::of(&codes(), 0, |code| code != 1);
        assert!((left.share() - (1.0 + 0.5 * 0.75) / 4.5).abs() < 1e-12);
        let mut random = Seed::shared(0).rng();
        let drawn: Vec<u32> = (0..4_000).map(|_| left.draw(&mut random)).collect();
        let twos = drawn.iter().filter(|&&code| code == 2).count() as f64 / 4_000.0;
        assert!(drawn.iter().all(|code| [2, 3].contains(code)) && (twos - 1.0 / 1.375).abs() < 0.03, "{twos}");
        assert_eq!(Codes::of(&codes(), 0, |code| code == 9).share(), 0.0);
    }

    #[test]
    fn allowed_numbers_have_the_share_that_free_draws_have() {
        let values: Vec<f64> = (0..20).map(f64::from).chain([7.5; 5]).collect();
        let lists = Lists { ends: vec![25], loose: vec![20], primary: vec![0], fallback: vec![0], values };
        let (limits, ends) = ((0.0, 19.0), (7.2, 11.0));
        let left = Numbers::of(&lists, 0, Draw::Gap(2), limits, ends);
        let mut random = Seed::shared(0).rng();
        let draws = 40_000;
        let free: Vec<f64> = (0..draws).map(|_| lists.draw(0, Draw::Gap(2), &mut random)).filter(|n| (7.2..=11.0).contains(n)).collect();
        let share = free.len() as f64 / f64::from(draws);
        assert!((share - left.share()).abs() < 0.008, "{share} for {}", left.share());
        let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
        let made: Vec<f64> = (0..10_000).map(|_| left.draw(&mut random)).collect();
        assert!(made.iter().all(|number| (7.2..=11.0).contains(number)));
        assert!((mean(&made) - mean(&free)).abs() < 0.06, "{} for {}", mean(&made), mean(&free));
    }

    #[test]
    fn a_single_number_is_given_exactly() {
        let lists =
            Lists { values: (0..20).map(f64::from).collect(), ends: vec![20], loose: vec![20], primary: vec![0], fallback: vec![0] };
        let left = Numbers::of(&lists, 0, Draw::Gap(2), (0.0, 19.0), (7.25, 7.25));
        assert!(left.share() > 0.0 && left.share() < 1e-6);
        assert_eq!(left.draw(&mut Seed::shared(0).rng()), 7.25);
    }
}

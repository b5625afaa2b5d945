//! Draws from named streams: uniform, normal, index below, shuffle. All with pinned results.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use synthfleet_proto::Seed;

/// The generator of a named stream.
pub trait SeedExt {
    /// ChaCha8 keyed by the stream's name.
    fn rng(&self) -> ChaCha8Rng;
}

impl SeedExt for Seed {
    fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.key())
    }
}

/// The draws that this project uses; every other distribution is built on them.
pub trait Draw: Rng {
    /// Uniform on [0, 1), 53 bits.
    fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform on (0, 1), 53 bits.
    fn open_uniform(&mut self) -> f64 {
        ((self.next_u64() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform on `0..bound` by multiply-shift with rejection. `bound` must not be 0.
    fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an index below 0 was asked for");
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Fisher–Yates, downward.
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A permutation of `0..length`.
    fn permutation(&mut self, length: usize) -> Vec<u32> {
        let mut places: Vec<u32> = (0..length as u32).collect();
        self.shuffle(&mut places);
        places
    }
}

impl<R: Rng> Draw for R {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_give_equal_streams() {
        let seed = Seed::of_task(7, "x").child("a");
        assert_eq!(seed.rng().next_u64(), seed.rng().next_u64());
        assert_ne!(seed.rng().next_u64(), seed.child("b").rng().next_u64());
    }

    #[test]
    fn an_index_is_below_its_bound_and_reaches_all() {
        let mut rng = Seed::of_task(7, "x").rng();
        let mut seen = [0u32; 7];
        for _ in 0..7_000 {
            seen[rng.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (850..1_150).contains(count)), "{seen:?}");
    }

    #[test]
    fn a_permutation_holds_every_place_once() {
        let mut places = Seed::of_task(7, "x").rng().permutation(100);
        places.sort_unstable();
        assert!(places.iter().enumerate().all(|(i, place)| *place == i as u32));
    }
}

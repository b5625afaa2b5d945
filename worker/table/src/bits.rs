//! One bit a row: which cells are missing.

/// A fixed-length row of bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    length: usize,
}

impl Bits {
    /// `length` bits, none set.
    pub fn none(length: usize) -> Self {
        Self { words: vec![0; length.div_ceil(64)], length }
    }

    /// The bits of an iterator.
    pub fn collect(bits: impl ExactSizeIterator<Item = bool>) -> Self {
        let mut all = Self::none(bits.len());
        for (place, bit) in bits.enumerate() {
            if bit {
                all.set(place);
            }
        }
        all
    }

    /// Number of bits.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no bits at all.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether bit `place` is set.
    pub fn get(&self, place: usize) -> bool {
        self.words[place / 64] >> (place % 64) & 1 == 1
    }

    /// Sets bit `place`.
    pub fn set(&mut self, place: usize) {
        assert!(place < self.length, "bit {place} of {}", self.length);
        self.words[place / 64] |= 1 << (place % 64);
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_count_what_was_set() {
        let bits = Bits::collect((0..130).map(|i| i % 3 == 0));
        assert_eq!(bits.count(), 44);
        assert!(bits.get(129) && !bits.get(128));
    }
}

//! Products of small matrices, in plain loops that compile to vector instructions.
//!
//! Matrices are row-major; every row is [`LANES`] numbers or a multiple of it, filled up with zeros. A block of
//! four by sixteen sums stays in registers while the inner index runs. Sums run in the order of the inner
//! index, so results do not depend on threads or machine.

/// Rows are filled up to a multiple of this.
pub(super) const LANES: usize = 16;

/// Rows of the left side that are multiplied at once.
const TILE: usize = 4;

/// The width of rows that hold `states` numbers.
pub(super) fn padded(states: usize) -> usize {
    states.next_multiple_of(LANES)
}

/// `out = left · right`: `left` `[rows, width]`, `right` `[width, width]`, `out` `[rows, width]`. `rows` is a
/// multiple of four.
pub(super) fn product(left: &[f32], right: &[f32], width: usize, out: &mut [f32]) {
    let (blocks, _) = right.as_chunks::<LANES>();
    let stride = width / LANES;
    let mut packed = vec![[0.0; TILE]; width];
    for (left, out) in left.chunks_exact(TILE * width).zip(out.chunks_exact_mut(TILE * width)) {
        for (lane, row) in left.chunks_exact(width).enumerate() {
            packed.iter_mut().zip(row).for_each(|(pack, number)| pack[lane] = *number);
        }
        for column in 0..stride {
            let sums = block(&packed, &blocks[column..], stride);
            for (row, sums) in out.chunks_exact_mut(width).zip(&sums) {
                row[column * LANES..][..LANES].copy_from_slice(sums);
            }
        }
    }
}

/// `out += leftᵀ · right`: `left` and `right` `[rows, width]`, `out` `[width, width]`.
pub(super) fn add_outer(left: &[f32], right: &[f32], width: usize, out: &mut [f32]) {
    let (blocks, _) = right.as_chunks::<LANES>();
    let stride = width / LANES;
    let mut packed = vec![[0.0; TILE]; left.len() / width];
    for (tile, out) in out.chunks_exact_mut(TILE * width).enumerate() {
        for (pack, row) in packed.iter_mut().zip(left.chunks_exact(width)) {
            pack.copy_from_slice(&row[tile * TILE..][..TILE]);
        }
        for column in 0..stride {
            let sums = block(&packed, &blocks[column..], stride);
            for (row, sums) in out.chunks_exact_mut(width).zip(&sums) {
                row[column * LANES..][..LANES].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
            }
        }
    }
}

/// Sums over the inner index of four numbers of the left with sixteen of the right.
#[inline(always)]
fn block(left: &[[f32; TILE]], right: &[[f32; LANES]], stride: usize) -> [[f32; LANES]; TILE] {
    let mut sums = [[0.0f32; LANES]; TILE];
    for (left, right) in left.iter().zip(right.iter().step_by(stride)) {
        for (sums, left) in sums.iter_mut().zip(left) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum += left * right;
            }
        }
    }
    sums
}

/// The largest number of a row.
pub(super) fn largest(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for block in row.as_chunks::<LANES>().0 {
        for (lane, &number) in lanes.iter_mut().zip(block) {
            *lane = if number > *lane { number } else { *lane };
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// The sum of a row.
pub(super) fn total(row: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    for block in row.as_chunks::<LANES>().0 {
        lanes.iter_mut().zip(block).for_each(|(lane, number)| *lane += number);
    }
    lanes.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers below 8: sums are exact in any order.
    fn matrix(rows: usize, width: usize, salt: usize) -> Vec<f32> {
        (0..rows * width).map(|i| ((i * 7 + salt * 13 + i / width) % 8) as f32).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, width) in [(4, 16), (8, 32), (12, 48)] {
            let (left, right) = (matrix(rows, width, 1), matrix(width, width, 2));
            let mut out = vec![-1.0; rows * width];
            product(&left, &right, width, &mut out);
            for r in 0..rows {
                for j in 0..width {
                    let sum: f32 = (0..width).map(|t| left[r * width + t] * right[t * width + j]).sum();
                    assert_eq!(out[r * width + j], sum);
                }
            }
        }
    }

    #[test]
    fn outer_products_are_added() {
        for (rows, width) in [(3, 16), (8, 32)] {
            let (left, right) = (matrix(rows, width, 1), matrix(rows, width, 2));
            let mut out = vec![1.0; width * width];
            add_outer(&left, &right, width, &mut out);
            for p in 0..width {
                for c in 0..width {
                    let sum: f32 = (0..rows).map(|r| left[r * width + p] * right[r * width + c]).sum();
                    assert_eq!(out[p * width + c], 1.0 + sum);
                }
            }
        }
    }

    #[test]
    fn largest_and_total_see_every_number() {
        let row: Vec<f32> = (0..32).map(|i| if i == 21 { 9.0 } else { 1.0 }).collect();
        assert_eq!((largest(&row), total(&row)), (9.0, 40.0));
    }
}

//! Small dense symmetric matrices, row-major: Cholesky, eigenvalues, the nearest correlation matrix.
//!
//! # Definition
//! `cholesky` gives the lower L with L·Lᵀ = A. `eigen` shifts A by a bound on its smallest eigenvalue,
//! factors it and turns pairs of columns of the factor until all are orthogonal: their squared lengths
//! are the eigenvalues, their directions the eigenvectors. `nearest_correlation` lifts eigenvalues to at
//! least 1e-6 and scales the diagonal back to 1.
//!
//! # Cost
//! d³/3; some 8 sweeps of 5 d³ each; d³.
//!
//! # Reference
//! One-sided rotations: Hestenes 1958, doi 10.1137/0106005; Veselić, Hari 1989, doi 10.1007/BF01406512.

const SWEEPS_MAX: usize = 40;
const EIGENVALUE_MIN: f64 = 1e-6;

/// The lower factor of a positive definite `[size, size]` matrix; `None` if it is not.
pub fn cholesky(matrix: &[f64], size: usize) -> Option<Vec<f64>> {
    assert_eq!(matrix.len(), size * size, "a square matrix");
    let mut lower = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..=row {
            let (a, b) = (&lower[row * size..row * size + column], &lower[column * size..column * size + column]);
            let rest = matrix[row * size + column] - dot(a, b);
            if row == column {
                if !(rest.is_finite() && rest > 0.0) {
                    return None;
                }
                lower[row * size + row] = rest.sqrt();
            } else {
                lower[row * size + column] = rest / lower[column * size + column];
            }
        }
    }
    Some(lower)
}

/// Eigenvalues in no particular order, and their eigenvectors as rows `[size, size]`, of a symmetric matrix.
pub fn eigen(matrix: &[f64], size: usize) -> (Vec<f64>, Vec<f64>) {
    let absolute = |row: usize| matrix[row * size..(row + 1) * size].iter().map(|x| x.abs()).sum::<f64>();
    let shift = 1.5 * (0..size).map(absolute).fold(0.0, f64::max) + f64::MIN_POSITIVE;
    let mut shifted = matrix.to_vec();
    (0..size).for_each(|i| shifted[i * size + i] += shift);
    // by Gershgorin the shifted matrix is positive definite
    let Some(lower) = cholesky(&shifted, size) else { return (vec![0.0; size], identity(size)) };
    let mut columns = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..=row {
            columns[column * size + row] = lower[row * size + column];
        }
    }
    for _ in 0..SWEEPS_MAX {
        if !sweep(&mut columns, size) {
            break;
        }
    }
    let mut values = Vec::with_capacity(size);
    for column in columns.chunks_exact_mut(size) {
        let squared = dot(column, column);
        values.push(squared - shift);
        let length = squared.sqrt();
        column.iter_mut().for_each(|x| *x /= length);
    }
    (values, columns)
}

fn identity(size: usize) -> Vec<f64> {
    (0..size * size).map(|i| if i % (size + 1) == 0 { 1.0 } else { 0.0 }).collect()
}

/// Makes every pair of rows orthogonal once; tells whether any pair was not.
fn sweep(rows: &mut [f64], size: usize) -> bool {
    let mut turned = false;
    for p in 0..size {
        for q in p + 1..size {
            let (head, tail) = rows.split_at_mut(q * size);
            let (a, b) = (&mut head[p * size..(p + 1) * size], &mut tail[..size]);
            let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
            if ab.abs() <= 1e-14 * (aa * bb).sqrt() {
                continue;
            }
            turned = true;
            let zeta = (bb - aa) / (2.0 * ab);
            let tangent = 1.0f64.copysign(zeta) / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
            let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
            let sine = cosine * tangent;
            for (x, y) in a.iter_mut().zip(b.iter_mut()) {
                (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
            }
        }
    }
    turned
}

/// A correlation matrix near to a symmetric matrix of ones on the diagonal, and its Cholesky factor.
/// A positive definite matrix is its own nearest.
pub fn nearest_correlation(matrix: &[f64], size: usize) -> (Vec<f64>, Vec<f64>) {
    if let Some(lower) = cholesky(matrix, size) {
        return (matrix.to_vec(), lower);
    }
    let (values, vectors) = eigen(matrix, size);
    let mut near = vec![0.0; size * size];
    for (value, vector) in values.iter().zip(vectors.chunks_exact(size)) {
        let value = value.max(EIGENVALUE_MIN);
        for (row, x) in vector.iter().enumerate() {
            let factor = value * x;
            near[row * size..(row + 1) * size].iter_mut().zip(vector).for_each(|(cell, y)| *cell += factor * y);
        }
    }
    let scale: Vec<f64> = (0..size).map(|i| near[i * size + i].sqrt()).collect();
    for row in 0..size {
        for column in 0..size {
            near[row * size + column] = if row == column { 1.0 } else { near[row * size + column] / (scale[row] * scale[column]) };
        }
    }
    match cholesky(&near, size) {
        Some(lower) => (near, lower),
        None => (identity(size), identity(size)),
    }
}

/// Sum of products in eight lanes, joined in order.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_times_its_transpose_is_the_matrix() {
        let matrix = [4.0, 2.0, 0.4, 2.0, 5.0, 1.0, 0.4, 1.0, 3.0];
        let lower = cholesky(&matrix, 3).expect("positive definite");
        for row in 0..3 {
            for column in 0..3 {
                let product: f64 = (0..3).map(|k| lower[row * 3 + k] * lower[column * 3 + k]).sum();
                assert!((product - matrix[row * 3 + column]).abs() < 1e-14);
            }
        }
        assert!(cholesky(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }

    #[test]
    fn known_eigenvalues() {
        let (mut values, _) = eigen(&[1.0, 2.0, 2.0, 1.0], 2);
        values.sort_by(f64::total_cmp);
        assert!((values[0] + 1.0).abs() < 1e-12 && (values[1] - 3.0).abs() < 1e-12);
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        let size = 12;
        let matrix: Vec<f64> =
            (0..size * size).map(|i| libm::sin(((i / size) * (i % size)) as f64 + ((i / size) + (i % size)) as f64)).collect();
        let (values, vectors) = eigen(&matrix, size);
        for row in 0..size {
            for column in 0..size {
                let sum: f64 = (0..size).map(|k| values[k] * vectors[k * size + row] * vectors[k * size + column]).sum();
                assert!((sum - matrix[row * size + column]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn an_impossible_correlation_becomes_a_possible_one() {
        let matrix = [1.0, 0.9, 0.9, 0.9, 1.0, -0.9, 0.9, -0.9, 1.0];
        let (near, _) = nearest_correlation(&matrix, 3);
        assert!(cholesky(&near, 3).is_some());
        assert!((0..3).all(|i| near[i * 4] == 1.0) && near[1] > 0.0 && near[5] < 0.0);
    }
}

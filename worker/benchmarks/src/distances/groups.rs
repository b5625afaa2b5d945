//! Groups of columns in which shares are measured: a copy of a few columns hides among many.
//!
//! # Definition
//! All columns; with more than ten columns also three clusters (average linkage on 1 - NMI, cut in three)
//! and a seeded random partition in three. NMI = I / sqrt(H1 H2) of codes: deciles of numbers, the ten
//! commonest levels and the rest, missing by itself.
//!
//! # Limits
//! NMI is taken on 10,000 train rows, fewer above 100 columns. Above 1,000 columns a second random partition
//! stands for the clusters.

use crate::parts::each::each;
use crate::parts::encode16::{Column16, Measure};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Parts of a partition.
const PARTS: usize = 3;

/// Codes of a column for NMI.
const CODES: usize = 12;

/// Most columns that are clustered.
const CLUSTERED_MAX: usize = 1_000;

/// Some columns under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `all`, `cluster_1` .. `random_3`.
    pub name: String,
    /// Places among the columns compared, ascending.
    pub columns: Vec<usize>,
}

/// The groups of `columns`; `rows` are train rows, side 0.
pub fn of(columns: &[Column16], rows: &[u32], seed: &Seed, budget: &Budget) -> Result<Vec<Group>> {
    let d = columns.len();
    let mut groups = vec![Group { name: "all".to_owned(), columns: (0..d).collect() }];
    if d > 10 {
        let clusters = if d <= CLUSTERED_MAX { clusters(columns, rows, budget)? } else { partition(d, &seed.child("clusters")) };
        groups.extend(named("cluster", clusters));
        groups.extend(named("random", partition(d, &seed.child("partition"))));
    }
    Ok(groups)
}

fn named(name: &str, parts: Vec<Vec<usize>>) -> impl Iterator<Item = Group> {
    parts.into_iter().enumerate().map(move |(place, columns)| Group { name: format!("{name}_{}", place + 1), columns })
}

fn partition(d: usize, seed: &Seed) -> Vec<Vec<usize>> {
    let mut parts = vec![Vec::new(); PARTS];
    for (place, column) in seed.rng().permutation(d).into_iter().enumerate() {
        parts[place % PARTS].push(column as usize);
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    parts
}

fn clusters(columns: &[Column16], rows: &[u32], budget: &Budget) -> Result<Vec<Vec<usize>>> {
    let rows_max = if columns.len() > 100 { 2_000 } else { 10_000 };
    let rows = &rows[..rows.len().min(rows_max)];
    let codes = each(budget, columns.len(), |column| Ok(codes(&columns[column], rows)))?;
    let similar = each(budget, columns.len(), |a| Ok((0..a).map(|b| nmi(&codes[a], &codes[b])).collect::<Vec<f64>>()))?;
    Ok(linked(similar, PARTS))
}

/// Joins the two most similar clusters (mean over pairs) until `parts` are left; ties: the earliest.
/// `similar[a][b]` for b < a.
fn linked(mut similar: Vec<Vec<f64>>, parts: usize) -> Vec<Vec<usize>> {
    let mut clusters: Vec<Vec<usize>> = (0..similar.len()).map(|column| vec![column]).collect();
    while clusters.len() > parts {
        let (mut a, mut b) = (1, 0);
        for (row, values) in similar.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                if *value > similar[a][b] {
                    (a, b) = (row, column);
                }
            }
        }
        let (size_a, size_b) = (clusters[a].len() as f64, clusters[b].len() as f64);
        for other in (0..clusters.len()).filter(|other| *other != a && *other != b) {
            let at = |x: usize, y: usize| (x.max(y), x.min(y));
            let ((i, j), (k, l)) = (at(a, other), at(b, other));
            similar[k][l] = (size_a * similar[i][j] + size_b * similar[k][l]) / (size_a + size_b);
        }
        let joined = clusters.remove(a);
        clusters[b].extend(joined);
        similar.remove(a);
        similar.iter_mut().filter(|values| values.len() > a).for_each(|values| _ = values.remove(a));
    }
    clusters.iter_mut().for_each(|cluster| cluster.sort_unstable());
    clusters.sort();
    clusters
}

fn codes(column: &Column16, rows: &[u32]) -> Vec<u8> {
    let cells = &column.sides[0];
    let flag = |row: u32| cells.flag.get(row as usize).copied().unwrap_or(0);
    if column.measure == Measure::Number {
        let decile = |row: u32| ((u32::from(cells.main[row as usize]) * 10) >> 16) as u8;
        return rows.iter().map(|&row| if flag(row) == 0 { decile(row) } else { CODES as u8 - 1 }).collect();
    }
    let whole = |row: u32| u32::from(flag(row)) << 16 | u32::from(cells.main[row as usize]);
    let mut sorted: Vec<u32> = rows.iter().map(|&row| whole(row)).collect();
    sorted.sort_unstable();
    let mut levels: Vec<(usize, u32)> = sorted.chunk_by(|a, b| a == b).map(|equal| (equal.len(), equal[0])).collect();
    levels.sort_by_key(|&(count, level)| (usize::MAX - count, level));
    levels.truncate(CODES - 1);
    let code = |level: u32| levels.iter().position(|&(_, known)| known == level).unwrap_or(CODES - 1) as u8;
    rows.iter().map(|&row| code(whole(row))).collect()
}

fn nmi(a: &[u8], b: &[u8]) -> f64 {
    let mut counts = [[0u32; CODES]; CODES];
    a.iter().zip(b).for_each(|(&a, &b)| counts[usize::from(a)][usize::from(b)] += 1);
    let entropy = |counts: &mut dyn Iterator<Item = u32>| -> f64 {
        let share = |count: u32| f64::from(count) / a.len() as f64;
        counts.filter(|count| *count > 0).map(|count| -share(count) * libm::log(share(count))).sum()
    };
    let first = entropy(&mut counts.iter().map(|row| row.iter().sum()));
    let second = entropy(&mut (0..CODES).map(|b| counts.iter().map(|row| row[b]).sum()));
    let both = entropy(&mut counts.iter().flatten().copied());
    if first > 0.0 && second > 0.0 { (first + second - both).max(0.0) / (first * second).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::encode16::Cells;

    fn column(cells: Vec<u16>) -> Column16 {
        Column16 { measure: Measure::Level, sides: vec![Cells { main: cells, flag: Vec::new() }] }
    }

    #[test]
    fn columns_that_hang_together_are_one_cluster() {
        let base = |k: u16| (0..240).map(move |row: u16| row / [1, 4, 20][usize::from(k)] % 4).collect::<Vec<_>>();
        let columns: Vec<Column16> = (0..12).map(|i| column(base(i % 3))).collect();
        let rows: Vec<u32> = (0..240).collect();
        let groups = of(&columns, &rows, &Seed::of_task(1, "t"), &Budget::quiet(1)).expect("no error");
        let expected: Vec<Vec<usize>> = (0..3).map(|k| (0..12).filter(|i| i % 3 == k).collect()).collect();
        assert_eq!(groups[1..4].iter().map(|group| group.columns.clone()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_partition_holds_every_column_once() {
        let columns: Vec<Column16> = (0..17).map(|i| column((0..50).map(|row| row * i % 7).collect())).collect();
        let groups = of(&columns, &(0..50).collect::<Vec<_>>(), &Seed::of_task(1, "t"), &Budget::quiet(2)).expect("no error");
        assert_eq!(groups.len(), 7);
        for parts in [&groups[1..4], &groups[4..7]] {
            let mut all: Vec<usize> = parts.iter().flat_map(|group| group.columns.clone()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..17).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ten_columns_are_one_group() {
        let columns: Vec<Column16> = (0..10).map(|_| column(vec![1, 2])).collect();
        assert_eq!(of(&columns, &[0, 1], &Seed::of_task(1, "t"), &Budget::quiet(1)).expect("no error").len(), 1);
    }
}

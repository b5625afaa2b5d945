//! Columns that an option names, and columns by how much they tell.

use super::each::each;
use super::quantile_codes;
use synthfleet_proto::metadata::Metadata;
use synthfleet_proto::{Error, Result, Seed, id};
use synthfleet_stats::information::entropy;
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt, Table};

/// Places of the columns named by the option `option`, in the order of their names.
///
/// # Errors
/// `benchmark::unknown_column`: no modelled column has that name.
pub fn places(metadata: &Metadata, option: &str, names: &[String]) -> Result<Vec<usize>> {
    let known = || metadata.modelled().map(|place| metadata.columns[place].name.as_str());
    let place = |name: &String| {
        metadata.modelled().find(|&place| metadata.columns[place].name == *name).ok_or_else(|| {
            let error = Error::invalid("benchmark::unknown_column", format!("no modelled column {name:?}"));
            let error = error.in_column(name.as_str()).at_pointer(option);
            match id::nearest(name, known()) {
                Some(near) => error.help(format!("did you mean {near:?}?")),
                None => error.help(format!("modelled columns: {}", known().collect::<Vec<_>>().join(", "))),
            }
        })
    };
    Ok(sorted(metadata, names.iter().map(place).collect::<Result<_>>()?))
}

/// All modelled columns in the order of their names, so that the order of columns decides nothing.
pub fn modelled(metadata: &Metadata) -> Vec<usize> {
    sorted(metadata, metadata.modelled().collect())
}

fn sorted(metadata: &Metadata, mut places: Vec<usize>) -> Vec<usize> {
    places.sort_by(|&a, &b| metadata.columns[a].name.cmp(&metadata.columns[b].name));
    places.dedup();
    places
}

/// Rows on which entropy is taken.
const ROWS_MAX: usize = 20_000;

/// Those of `places` that vary, by falling entropy of their codes (deciles of numbers, the ten commonest
/// levels) on 20,000 rows that `seed` chooses; equals keep their order.
pub fn by_entropy(table: &Table, places: &[usize], seed: &Seed, budget: &Budget) -> Result<Vec<usize>> {
    let mut rows = seed.child("entropy").rng().permutation(table.rows());
    rows.truncate(ROWS_MAX);
    let (some, none) = (table.take(&rows), table.head(0));
    let entropies = each(budget, places.len(), |index| {
        let [codes, _] = quantile_codes::of(&some, &none, places[index]);
        let mut counts = [0u32; quantile_codes::CODES];
        codes.iter().for_each(|&code| counts[code as usize] += 1);
        Ok(entropy(counts.into_iter()))
    })?;
    let mut found: Vec<(usize, f64)> = places.iter().copied().zip(entropies).filter(|(_, entropy)| *entropy > 0.0).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(found.into_iter().map(|(place, _)| place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind};
    use synthfleet_table::{Column, Values};

    fn metadata() -> Metadata {
        let columns =
            [("b", Kind::Continuous), ("a", Kind::Continuous), ("id", Kind::Id)].map(|(name, kind)| ColumnMeta::plain(name, kind));
        Metadata::plain("t", columns.to_vec())
    }

    #[test]
    fn names_are_found_whatever_the_order_of_columns() {
        assert_eq!(modelled(&metadata()), [1, 0]);
        assert_eq!(places(&metadata(), "known", &["b".to_owned(), "a".to_owned(), "b".to_owned()]).expect("known"), [1, 0]);
    }

    #[test]
    fn a_column_that_is_none_is_refused_with_its_neighbour() {
        let error = places(&metadata(), "known", &["bb".to_owned()]).expect_err("unknown");
        assert_eq!(error.code(), "benchmark::unknown_column");
        assert!(error.helps()[0].contains("\"b\""), "{:?}", error.helps());
        assert!(places(&metadata(), "known", &["id".to_owned()]).is_err());
    }

    #[test]
    fn a_column_of_more_values_tells_more_and_a_constant_one_nothing() {
        let names = ["few", "many", "one"];
        let metadata = Arc::new(Metadata::plain("t", names.map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec()));
        let column = |values: [i64; 4]| Column::new(Values::Whole(values.into()), None).expect("column");
        let table = Table::new(metadata, 4, vec![column([1, 1, 1, 2]), column([1, 2, 3, 4]), column([7; 4])]).expect("table");
        let found = by_entropy(&table, &[0, 1, 2], &Seed::of_task(1, "t"), &Budget::quiet(1));
        assert_eq!(found.expect("nobody stops it"), [1, 0]);
    }
}

//! Coarser views of a code column: bins in pairs, labels in groups of four.
//!
//! **Definition.** Step g of a number column puts 2^g neighbouring bins together, as long as two groups are
//! left; codes of missing cells and atoms stand alone at every step. Step g of a label column puts 4^g
//! neighbouring codes together, as long as two groups are left. Step 0 is the column itself.

use synthfleet_table::encode::CodeColumn;

/// All steps of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taxonomy {
    steps: Vec<Step>,
}

/// One step: the group of each code, and how many groups there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) map: Vec<u32>,
    pub(super) cells: u32,
}

impl Taxonomy {
    /// The steps of a column of a view.
    pub(super) fn of(column: &CodeColumn) -> Self {
        if column.is_number() { Self::new(column.bins() as u32, column.levels, 2) } else { Self::new(column.levels, column.levels, 4) }
    }

    /// The first `grouped` of `levels` codes in groups of powers of `fan`.
    fn new(grouped: u32, levels: u32, fan: u32) -> Self {
        let mut steps = Vec::new();
        let mut size = 1u32;
        loop {
            let groups = grouped.div_ceil(size);
            if size > 1 && groups < 2 {
                break;
            }
            let map = (0..levels).map(|code| if code < grouped { code / size } else { groups + code - grouped }).collect();
            steps.push(Step { map, cells: groups + levels - grouped });
            match size.checked_mul(fan) {
                Some(next) if groups > 1 => size = next,
                _ => break,
            }
        }
        Self { steps }
    }

    /// The steps, finest first.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(grouped: u32, levels: u32, fan: u32) -> Vec<u32> {
        Taxonomy::new(grouped, levels, fan).steps.iter().map(|step| step.cells).collect()
    }

    #[test]
    fn bins_pair_up_and_states_stand_alone() {
        assert_eq!(cells(16, 16, 2), [16, 8, 4, 2]);
        assert_eq!(cells(16, 18, 2), [18, 10, 6, 4]);
        assert_eq!(Taxonomy::new(3, 4, 2).steps[1].map, [0, 0, 1, 2]);
    }

    #[test]
    fn labels_gather_in_fours() {
        assert_eq!(cells(9, 9, 4), [9, 3]);
        assert_eq!((cells(4, 4, 4), cells(1, 1, 4), cells(40, 40, 4)), (vec![4], vec![1], vec![40, 10, 3]));
    }
}

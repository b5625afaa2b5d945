//! Labels: shown levels keep their order; missing is a level; rare labels hide behind one more.
//!
//! **Definition.** Coded levels: shown labels in the order of the table's codes, then missing (if any
//! cell is), then rare (nominal columns with rare labels). A rare level is restored by a draw among
//! the shown labels by their train frequency. In ordered columns a rare label becomes the nearest
//! shown one instead, the lower on ties. With a token, rare labels of nominal columns are that label, which is shown.

use super::shelf::{Reader, Writer};
use super::{Coded, Sort};
use crate::Bits;
use crate::random::Draw;
use crate::table::{Column, Values};
use synthfleet_proto::Result;
use synthfleet_proto::metadata::{ColumnMeta, Kind};

/// Codes of labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Labels {
    ordered: bool,
    /// Shown table codes, ascending.
    shown: Vec<u32>,
    /// Cumulative train counts of the shown labels; empty unless rare labels exist.
    cumulative: Vec<u32>,
    missing: bool,
    /// Number of labels of the table's column.
    labels: u32,
    /// Level of the label that stands for rare ones.
    token: Option<u32>,
}

impl Labels {
    /// Fits the codes of a discrete column with `labels` labels. The flag says that no label had `k` rows
    /// and only the commonest is shown. `token`: the label that stands for rare ones. `None` when no cell is present.
    pub(crate) fn fit(column: &Column, labels: usize, ordered: bool, k: usize, token: Option<u32>) -> Option<(Self, bool)> {
        let counts = counts(column, labels)?;
        let commonest = (0..labels).max_by_key(|&code| (counts[code], std::cmp::Reverse(code))).filter(|&code| counts[code] > 0)?;
        let mut shown: Vec<u32> = (0..labels as u32).filter(|&code| counts[code as usize] as usize >= k).collect();
        let collapsed = shown.is_empty();
        let mut rare = counts.iter().filter(|&&count| count > 0).count() > shown.len();
        let token = token.filter(|_| rare && !ordered);
        if let Some(code) = token {
            let after = shown.partition_point(|&shown| shown < code);
            if shown.get(after) != Some(&code) {
                shown.insert(after, code);
            }
            rare = false;
        } else if collapsed {
            shown = vec![commonest as u32];
        }
        let token = token.map(|code| shown.partition_point(|&shown| shown < code) as u32);
        // with one label left there is nothing to draw among: rare rows take it
        let cumulative = if rare && !ordered && shown.len() > 1 { cumulate(&shown, &counts) } else { Vec::new() };
        Some((Self { ordered, shown, cumulative, missing: column.missing_count() > 0, labels: labels as u32, token }, collapsed))
    }

    /// Whether some label has rows, but fewer than `k`.
    pub(crate) fn has_rarer(column: &Column, labels: usize, k: usize) -> bool {
        counts(column, labels).is_some_and(|counts| counts.iter().any(|&count| count > 0 && (count as usize) < k))
    }

    /// The first `shown` labels of a description, known without a look at the rows. `others` are the weights by
    /// which labels that are not shown are replaced; empty: there are none. `None` where numbers disagree.
    pub(crate) fn declared(shown: u32, others: &[u32], missing: bool, meta: &ColumnMeta) -> Option<Self> {
        let labels = meta.levels.len() as u32;
        let is_right = shown > 0 && shown <= labels && (others.is_empty() || others.len() == shown as usize && !others.contains(&0));
        let cumulative = if shown > 1 && !others.is_empty() { cumulate(&(0..shown).collect::<Vec<_>>(), others) } else { Vec::new() };
        is_right.then(|| Self {
            ordered: meta.kind == Kind::Ordinal,
            shown: (0..shown).collect(),
            cumulative,
            missing,
            labels,
            token: None,
        })
    }

    /// Number of levels.
    pub(crate) fn levels(&self) -> u32 {
        self.shown.len() as u32 + u32::from(self.missing) + u32::from(self.has_rare())
    }

    /// Table codes of the shown labels, ascending.
    pub(crate) fn shown(&self) -> &[u32] {
        &self.shown
    }

    /// The share of a column's present cells whose label is not shown.
    pub(crate) fn hidden_share(&self, column: &Column) -> f64 {
        let Values::Code(codes) = column.values() else { return 0.0 };
        let hidden = |row: &usize| !column.is_missing(*row) && self.shown.binary_search(&codes[*row]).is_err();
        let present = column.len() - column.missing_count();
        (0..column.len()).filter(hidden).count() as f64 / present.max(1) as f64
    }

    pub(crate) fn rare_level(&self) -> Option<u32> {
        self.has_rare().then(|| self.levels() - 1)
    }

    fn has_rare(&self) -> bool {
        !self.cumulative.is_empty()
    }

    pub(crate) fn missing_level(&self) -> Option<u32> {
        self.missing.then_some(self.shown.len() as u32)
    }

    pub(crate) fn sort(&self) -> Sort {
        Sort::Levels { levels: self.levels(), ordered: self.ordered }
    }

    pub(crate) fn encode(&self, column: &Column) -> Coded {
        let Values::Code(codes) = column.values() else { return Coded::Levels(vec![0; column.len()].into()) };
        let map: Vec<u32> = (0..self.labels).map(|code| self.level(code)).collect();
        let missing = self.shown.len() as u32;
        let level = |(row, &code): (usize, &u32)| {
            if self.missing && column.is_missing(row) { missing } else { map.get(code as usize).copied().unwrap_or(0) }
        };
        Coded::Levels(codes.iter().enumerate().map(level).collect())
    }

    fn level(&self, code: u32) -> u32 {
        let after = self.shown.partition_point(|&shown| shown < code);
        if self.shown.get(after) == Some(&code) {
            return after as u32;
        }
        if self.has_rare() {
            return self.levels() - 1;
        }
        if let Some(token) = self.token {
            return token;
        }
        match (after.checked_sub(1).map(|place| self.shown[place]), self.shown.get(after)) {
            (_, None) => self.shown.len() as u32 - 1,
            (None, _) => 0,
            (Some(below), Some(above)) => after as u32 - u32::from(code - below <= above - code),
        }
    }

    /// Table codes of coded rows; `random` draws what hides behind the rare level.
    pub(crate) fn decode(&self, codes: &[u32], random: &mut impl Draw) -> (Values, Option<Bits>) {
        let shown = self.shown.len();
        let total = self.cumulative.last().copied().unwrap_or(0);
        let cell = |&code: &u32| match code as usize {
            code if code < shown => self.shown[code],
            code if self.missing && code == shown => 0,
            _ if total > 0 => {
                let drawn = random.below(u64::from(total)) as u32;
                self.shown[self.cumulative.partition_point(|&sum| sum <= drawn)]
            }
            _ => self.shown[0],
        };
        let cells = codes.iter().map(cell).collect();
        let missing = self.missing.then(|| Bits::collect(codes.iter().map(|&code| code as usize == shown)));
        (Values::Code(cells), missing)
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        out.flag("ordered", self.ordered);
        out.codes("shown", &self.shown);
        out.codes("cumulative", &self.cumulative);
        out.flag("missing", self.missing);
        if let Some(token) = self.token {
            out.code("token", token);
        }
    }

    pub(crate) fn load(reader: &Reader, labels: usize) -> Result<Self> {
        let shown = reader.codes("shown")?.to_vec();
        let cumulative = reader.codes("cumulative")?.to_vec();
        let is_right = shown.is_sorted_by(|a, b| a < b)
            && shown.last().is_some_and(|&last| (last as usize) < labels)
            && (cumulative.is_empty() || cumulative.len() == shown.len() && cumulative[0] > 0 && cumulative.is_sorted_by(|a, b| a < b));
        if !is_right {
            return Err(reader.damaged("shown"));
        }
        let token = if reader.contains("token") { Some(reader.code("token")?) } else { None };
        if token.is_some_and(|token| token as usize >= shown.len()) {
            return Err(reader.damaged("token"));
        }
        Ok(Self { ordered: reader.flag("ordered")?, shown, cumulative, missing: reader.flag("missing")?, labels: labels as u32, token })
    }
}

/// Rows of each label, `[labels]`; none for columns without labels.
fn counts(column: &Column, labels: usize) -> Option<Vec<u32>> {
    let Values::Code(codes) = column.values() else { return None };
    let mut counts = vec![0u32; labels];
    for (row, &code) in codes.iter().enumerate() {
        if !column.is_missing(row) {
            counts[code as usize] += 1;
        }
    }
    Some(counts)
}

fn cumulate(shown: &[u32], counts: &[u32]) -> Vec<u32> {
    let mut sum = 0;
    shown
        .iter()
        .map(|&code| {
            sum += counts[code as usize];
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeedExt;
    use synthfleet_proto::Seed;

    fn column(codes: &[u32]) -> Column {
        Column::new(Values::Code(codes.into()), None).expect("legal")
    }

    fn repeated(counts: &[usize]) -> Column {
        let codes: Vec<u32> = counts.iter().enumerate().flat_map(|(code, &count)| std::iter::repeat_n(code as u32, count)).collect();
        column(&codes)
    }

    #[test]
    fn a_rare_label_never_comes_back() {
        let column = repeated(&[20, 3, 10, 1]);
        let (labels, _) = Labels::fit(&column, 4, false, 5, None).expect("cells");
        assert_eq!(labels.levels(), 3);
        let coded = labels.encode(&column);
        let (Values::Code(back), _) = labels.decode(coded.codes().expect("levels"), &mut Seed::shared(0).rng()) else { panic!("codes") };
        assert!(back.iter().all(|code| [0, 2].contains(code)));
        assert_eq!(&back[..20], &[0; 20]);
    }

    #[test]
    fn an_ordered_rare_label_becomes_its_neighbour() {
        let column = repeated(&[20, 3, 10, 1]);
        let (labels, _) = Labels::fit(&column, 4, true, 5, None).expect("cells");
        let coded = labels.encode(&column);
        let codes = coded.codes().expect("levels");
        assert_eq!((labels.levels(), codes[20], codes[33]), (2, 0, 1));
    }

    #[test]
    fn without_any_common_label_the_commonest_is_left() {
        let (labels, collapsed) = Labels::fit(&repeated(&[1, 2, 2]), 3, false, 5, None).expect("cells");
        assert!(collapsed);
        assert_eq!((labels.shown(), labels.levels()), (&[1u32][..], 1));
    }

    #[test]
    fn rare_labels_are_the_token_where_there_is_one() {
        let column = repeated(&[20, 3, 10, 1]);
        let (labels, collapsed) = Labels::fit(&column, 5, false, 5, Some(4)).expect("cells");
        assert_eq!((labels.shown(), labels.rare_level(), collapsed), (&[0, 2, 4][..], None, false));
        let coded = labels.encode(&column);
        let (Values::Code(back), _) = labels.decode(coded.codes().expect("levels"), &mut Seed::shared(0).rng()) else { panic!("codes") };
        assert_eq!((&back[..20], &back[20..23], &back[33..]), (&[0; 20][..], &[4; 3][..], &[4][..]));
        let (ordered, _) = Labels::fit(&column, 5, true, 5, Some(4)).expect("cells");
        assert_eq!(ordered.shown(), [0, 2], "an ordered label has a neighbour");
    }

    #[test]
    fn a_token_shows_no_label_where_all_are_rare_and_none_is_needed_where_none_is() {
        let (labels, collapsed) = Labels::fit(&repeated(&[1, 2, 2]), 4, false, 5, Some(3)).expect("cells");
        assert_eq!((labels.shown(), collapsed), (&[3][..], true));
        let (labels, _) = Labels::fit(&repeated(&[10, 20, 20]), 4, false, 5, Some(3)).expect("cells");
        assert_eq!(labels.shown(), [0, 1, 2]);
    }
}

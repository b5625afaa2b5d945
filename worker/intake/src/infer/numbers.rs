//! What the numbers of a column have in common: range, and the form they are written in.

use super::number::{Number, parse};
use std::ops::AddAssign;
use synthfleet_proto::metadata::NumberForm;

/// Pairs of prefix and suffix that are told apart.
const FORMS_MAX: usize = 8;
/// More decimals than this are floating point.
const DECIMALS_MAX: u32 = 15;

/// Counts of everything, for either decimal mark and for each pair of affixes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    forms: Vec<Form>,
}

#[derive(Debug, Clone)]
struct Form {
    prefix: String,
    suffix: String,
    /// With a decimal point, with a decimal comma.
    sums: [Sums; 2],
}

/// What is counted of numbers under one reading.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    pub(crate) cells: u64,
    pub(crate) whole: u64,
    pub(crate) leading_zero: u64,
    pub(crate) beyond: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) whole_min: i64,
    pub(crate) whole_max: i64,
    negative_zero: u64,
    decimals: (u32, u32),
    significant: u32,
    exponent: u64,
    plus: u64,
    positive: u64,
    parentheses: u64,
    minus: u64,
    sign_first: u64,
    grouped: u64,
    ungrouped: u64,
    mark: Option<char>,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            cells: 0,
            whole: 0,
            leading_zero: 0,
            beyond: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            whole_min: i64::MAX,
            whole_max: i64::MIN,
            negative_zero: 0,
            decimals: (u32::MAX, 0),
            significant: 0,
            exponent: 0,
            plus: 0,
            positive: 0,
            parentheses: 0,
            minus: 0,
            sign_first: 0,
            grouped: 0,
            ungrouped: 0,
            mark: None,
        }
    }
}

impl Sums {
    fn add(&mut self, number: &Number<'_>, count: u64) {
        let add = |sum: &mut u64, yes: bool| sum.add_assign(if yes { count } else { 0 });
        self.cells += count;
        self.min = self.min.min(number.value);
        self.max = self.max.max(number.value);
        if let Some(whole) = number.whole {
            self.whole += count;
            self.whole_min = self.whole_min.min(whole);
            self.whole_max = self.whole_max.max(whole);
        }
        add(&mut self.leading_zero, number.leading_zero);
        add(&mut self.beyond, number.beyond);
        add(&mut self.negative_zero, number.value == 0.0 && number.value.is_sign_negative());
        add(&mut self.exponent, number.exponent);
        add(&mut self.plus, number.plus);
        add(&mut self.positive, number.value > 0.0);
        add(&mut self.parentheses, number.parentheses);
        add(&mut self.minus, number.minus);
        add(&mut self.sign_first, number.sign_first);
        add(&mut self.grouped, number.thousands.is_some());
        add(&mut self.ungrouped, number.thousands.is_none() && number.value.abs() >= 1_000.0);
        self.mark = self.mark.or(number.thousands);
        if !number.exponent {
            self.decimals = (self.decimals.0.min(number.decimals), self.decimals.1.max(number.decimals));
        }
        self.significant = self.significant.max(number.significant);
    }

    fn merge(&mut self, other: &Self) {
        self.cells += other.cells;
        self.whole += other.whole;
        self.leading_zero += other.leading_zero;
        self.beyond += other.beyond;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.whole_min = self.whole_min.min(other.whole_min);
        self.whole_max = self.whole_max.max(other.whole_max);
        self.negative_zero += other.negative_zero;
        self.decimals = (self.decimals.0.min(other.decimals.0), self.decimals.1.max(other.decimals.1));
        self.significant = self.significant.max(other.significant);
        self.exponent += other.exponent;
        self.plus += other.plus;
        self.positive += other.positive;
        self.parentheses += other.parentheses;
        self.minus += other.minus;
        self.sign_first += other.sign_first;
        self.grouped += other.grouped;
        self.ungrouped += other.ungrouped;
        self.mark = self.mark.or(other.mark);
    }

    /// Whether every number is whole, fits 64 bits and loses nothing as a whole number.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole == self.cells && self.negative_zero == 0
    }
}

/// The reading of a column as numbers.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) form: NumberForm,
    pub(crate) sums: Sums,
}

impl Numbers {
    /// Counts a cell that is not missing.
    pub(crate) fn add(&mut self, cell: &str, count: u64, thousands: Option<char>) {
        let fits = |number: &Number<'_>| number.thousands.is_none() || thousands.is_none() || number.thousands == thousands;
        let point = parse(cell, b'.').filter(fits);
        let comma = if memchr::memchr2(b'.', b',', cell.as_bytes()).is_some() { parse(cell, b',').filter(fits) } else { point };
        for (place, number) in [point, comma].iter().enumerate() {
            let Some(number) = number else { continue };
            let found = self.forms.iter().position(|form| form.prefix == number.prefix && form.suffix == number.suffix);
            let at = match found {
                Some(at) => at,
                None if self.forms.len() < FORMS_MAX => {
                    let (prefix, suffix) = (number.prefix.to_owned(), number.suffix.to_owned());
                    self.forms.push(Form { prefix, suffix, sums: Default::default() });
                    self.forms.len() - 1
                }
                None => continue,
            };
            self.forms[at].sums[place].add(number, count);
        }
    }

    /// The reading with a decimal mark, plain numbers let in beside those with the commonest affixes if
    /// these hold 99 %.
    pub(crate) fn reading(&self, decimal: char) -> Option<Reading> {
        let place = usize::from(decimal == ',');
        let best = self.forms.iter().reduce(|best, form| if form.sums[place].cells > best.sums[place].cells { form } else { best })?;
        let mut sums = best.sums[place].clone();
        if sums.cells == 0 {
            return None;
        }
        let plain =
            self.forms.iter().find(|form| form.prefix.is_empty() && form.suffix.is_empty()).filter(|plain| !std::ptr::eq(*plain, best));
        if let Some(plain) = plain
            && plain.sums[place].cells * 99 <= sums.cells
        {
            sums.merge(&plain.sums[place]);
        }
        let form = form_of(best, &sums, decimal);
        Some(Reading { form, sums })
    }
}

fn form_of(best: &Form, sums: &Sums, decimal: char) -> NumberForm {
    let exponent = sums.exponent * 2 > sums.cells;
    let fixed = sums.decimals.0 == sums.decimals.1 && sums.decimals.1 > 0 && sums.exponent == 0;
    let decimals = if fixed { sums.decimals.1 } else { sums.significant };
    NumberForm {
        integer: sums.is_whole(),
        decimals: u8::try_from(decimals).ok().filter(|_| decimals <= DECIMALS_MAX && !exponent),
        fixed_decimals: fixed && decimals <= DECIMALS_MAX,
        decimals_min: u8::try_from(sums.decimals.0.min(sums.decimals.1).min(DECIMALS_MAX)).unwrap_or(0),
        decimal_mark: decimal,
        thousands: sums.mark.filter(|_| sums.grouped > sums.ungrouped),
        prefix: best.prefix.clone(),
        suffix: best.suffix.clone(),
        plus: sums.plus > 0 && sums.plus * 100 >= sums.positive * 99,
        parentheses: sums.parentheses > sums.minus,
        sign_first: sums.sign_first * 2 > sums.minus + sums.plus,
        exponent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cells: &[&str], decimal: char) -> Reading {
        let mut numbers = Numbers::default();
        cells.iter().for_each(|cell| numbers.add(cell, 1, None));
        numbers.reading(decimal).expect("numbers")
    }

    #[test]
    fn the_form_of_money_is_found() {
        let form = reading(&["$1,200.50", "-$5.00", "$17.25"], '.').form;
        assert_eq!((form.prefix.as_str(), form.thousands, form.decimals, form.fixed_decimals), ("$", Some(','), Some(2), true));
        assert!(form.sign_first && !form.integer);
    }

    #[test]
    fn whole_numbers_with_a_written_decimal_stay_whole() {
        let found = reading(&["41.0", "7.0"], '.');
        assert!(found.form.integer && found.form.fixed_decimals);
        assert_eq!((found.form.decimals, found.sums.whole_max), (Some(1), 41));
    }

    #[test]
    fn decimals_are_as_few_as_lose_nothing() {
        assert_eq!(reading(&["1.5", "2.25", "3"], '.').form.decimals, Some(2));
        assert_eq!(reading(&["1.0", "2.25", "1e-5"], '.').form.decimals_min, 1);
        assert_eq!(reading(&["0.1000000000000000055", "2"], '.').form.decimals, None);
        assert_eq!(reading(&["1.234,5", "7,25"], ',').form.thousands, Some('.'));
    }

    #[test]
    fn negative_zero_is_not_whole() {
        assert!(!reading(&["-0.0", "1.0"], '.').form.integer);
    }
}

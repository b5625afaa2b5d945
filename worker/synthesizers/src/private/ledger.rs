//! The wrapper around what must not be seen, and the mechanisms that answer questions about it at a price.
//!
//! **Definition.** A ledger has a claim and one unit: epsilon (pure, added up) or rho (zCDP, added up). With
//! the relation replace-one a row moves from one cell of a count table to another: sensitivity 2 in L1 and
//! √2 in L2; with add/remove-one it is 1 in both. Prices: discrete Laplace of scale b, `L1/b` epsilon;
//! discrete Gaussian of width s, `L2²/(2s²)` rho; exponential mechanism of epsilon, itself or epsilon²/8.
//! A question that would exceed the claim is refused before anything is answered, and so is a question
//! that was asked before: its noise would be the same.
//! **Reference.** McSherry, Talwar 2007, doi 10.1109/FOCS.2007.66, for the exponential mechanism; Cesar,
//! Rogers 2021, arXiv 2004.07223, for its price in rho.

use super::account;
use super::coding::Counts;
use super::key::NoiseSource;
use super::noise::{CHOICE_SLACK, Fraction};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use synthfleet_proto::privacy::{Privacy, Relation, Spend};
use synthfleet_proto::{Error, Result};

/// What sums of many prices may exceed their total by: rounding of the sums alone.
const ROUNDING: f64 = 1.0 + 1e-9;

/// A value that hangs on the rows of the train table. Only mechanisms of a [`Ledger`] look into it; code
/// that maps one promises that nothing but the mapped value leaves the closure.
#[derive(Debug, Clone)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// What a function without side effects makes of the value.
    #[must_use]
    pub fn map<U>(&self, function: impl FnOnce(&T) -> U) -> Private<U> {
        Private(function(&self.0))
    }

    /// The value, for the mechanisms of this folder.
    pub(super) fn open(&self) -> &T {
        &self.0
    }
}

impl<T> Private<Result<T>> {
    /// The value, or that there is none because of a bug; what the error says stays hidden.
    pub(super) fn whole(self) -> Result<Private<T>> {
        self.0.map(Private).map_err(|_| Error::internal("privacy::domain", "the rows do not fit the domain that was made for them"))
    }
}

impl<T> FromIterator<Private<T>> for Private<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = Private<T>>>(items: I) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }
}

/// What a ledger may spend, and in which unit it adds up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    relation: Relation,
    epsilon: f64,
    /// Failure probability of everything together.
    delta: f64,
    /// Part of `delta` that thresholds of labels may spend.
    labels_delta: f64,
    /// Most concentrated loss; `None`: epsilon is added up.
    rho: Option<f64>,
}

impl Claim {
    /// Replace-one, epsilon added up. `delta` is for what [`Ledger::group`] and label thresholds spend; 0
    /// claims pure epsilon.
    pub fn pure(epsilon: f64, delta: f64) -> Self {
        Self { relation: Relation::ReplaceOne, epsilon, delta, labels_delta: delta, rho: None }
    }

    /// Add/remove-one, rho added up. With `measures_labels` half of delta is kept for label thresholds.
    pub fn concentrated(epsilon: f64, delta: f64, measures_labels: bool) -> Self {
        let labels_delta = if measures_labels { delta / 2.0 } else { 0.0 };
        let rho = account::rho_of(epsilon, delta - labels_delta);
        Self { relation: Relation::AddRemoveOne, epsilon, delta, labels_delta, rho: Some(rho) }
    }

    /// Everything that may be spent, in the unit of the ledger.
    pub fn total(&self) -> f64 {
        self.rho.unwrap_or(self.epsilon)
    }

    /// What label thresholds may spend of delta.
    pub fn labels_delta(&self) -> f64 {
        self.labels_delta
    }
}

/// A pad of [`Ledger::pad`]. It stays that of the answers before it was asked for.
pub struct Pad {
    source: NoiseSource,
    question: String,
}

impl Pad {
    /// The numbers under the pad.
    pub fn seal(&self, numbers: &Private<Vec<f64>>) -> Vec<i64> {
        self.over(numbers.open().iter().map(|number| number.to_bits())).map(u64::cast_signed).collect()
    }

    /// What [`Pad::seal`] hid under the pad of the same answers.
    pub fn unseal(&self, sealed: &[i64]) -> Private<Vec<f64>> {
        Private(self.over(sealed.iter().map(|bits| bits.cast_unsigned())).map(f64::from_bits).collect())
    }

    fn over(&self, words: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
        let mut stream = self.source.stream(&self.question);
        words.map(move |word| word ^ stream.below(1 << 64) as u64)
    }
}

/// Answers questions at a price and keeps the bill.
pub struct Ledger {
    source: NoiseSource,
    claim: Claim,
    spent: f64,
    delta_spent: f64,
    entries: Vec<Spend>,
    asked: BTreeSet<String>,
    /// Hash over every answer so far: what choices hang on beside their question.
    transcript: Sha256,
    /// The group that pays now.
    group: Option<String>,
}

impl Ledger {
    /// An empty bill over a source of noise.
    pub fn new(source: NoiseSource, claim: Claim) -> Self {
        let (entries, asked) = (Vec::new(), BTreeSet::new());
        Self { source, claim, spent: 0.0, delta_spent: 0.0, entries, asked, transcript: Sha256::new(), group: None }
    }

    /// What it may spend.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What is left, in the unit of the ledger (rho or epsilon).
    pub fn left(&self) -> f64 {
        (self.claim.total() - self.spent).max(0.0)
    }

    /// Counts with discrete Gaussian noise of width `sigma`; they may be negative. Price `L2²/(2·sigma²)` rho.
    pub fn gaussian_counts(&mut self, counts: &Private<Counts>, sigma: f64, id: &str) -> Result<Vec<i64>> {
        let variance = Fraction::variance(sigma * sigma).ok_or_else(|| width(sigma))?;
        let squared = if self.claim.relation == Relation::ReplaceOne { 2.0 } else { 1.0 };
        let spend = Spend { rho: Some(squared / (2.0 * sigma * sigma)), ..spend("discrete_gaussian", id) };
        self.pay(spend)?;
        let mut noise = self.source.stream(&format!("{id}\0discrete_gaussian\0{:016x}", sigma.to_bits()));
        let noisy: Vec<i64> = counts.open().cells().iter().map(|&count| noisy(count, noise.gaussian(variance))).collect();
        self.note(&noisy);
        Ok(noisy)
    }

    /// Counts with discrete Laplace noise of a scale. Price `L1/scale` epsilon.
    pub fn laplace_counts(&mut self, counts: &Private<Counts>, scale: f64, id: &str) -> Result<Vec<i64>> {
        let fraction = Fraction::scale(scale).ok_or_else(|| width(scale))?;
        let moved = if self.claim.relation == Relation::ReplaceOne { 2.0 } else { 1.0 };
        self.pay(Spend { epsilon: Some(moved / scale), ..spend("discrete_laplace", id) })?;
        let mut noise = self.source.stream(&format!("{id}\0discrete_laplace\0{:016x}", scale.to_bits()));
        let noisy: Vec<i64> = counts.open().cells().iter().map(|&count| noisy(count, noise.laplace(fraction))).collect();
        self.note(&noisy);
        Ok(noisy)
    }

    /// A choice of an earlier attempt, which this one repeats: the price is paid, the answer is known.
    pub fn exponential_again(&mut self, id: &str, chosen: usize, epsilon: f64) -> Result<()> {
        self.pay_choice(id, epsilon)?;
        self.note(&[chosen as i64]);
        Ok(())
    }

    /// The pad that key and answers so far give, for numbers that may have to wait outside for a later attempt. To be
    /// used once between two answers, and always with the same numbers.
    pub fn pad(&self) -> Pad {
        Pad { source: self.source.clone(), question: format!("state\0{}", self.answers()) }
    }

    /// Digest of every answer so far.
    fn answers(&self) -> String {
        synthfleet_proto::id::hex(&self.transcript.clone().finalize())
    }

    /// The place of one score, drawn with probability proportional to `exp(epsilon·score/(2·sensitivity))`.
    /// Price `epsilon`, or epsilon²/8 rho. The draw hangs on every answer before it.
    pub fn exponential(&mut self, id: &str, scores: &Private<Vec<f64>>, sensitivity: f64, epsilon: f64) -> Result<usize> {
        // the rounding of the choice is paid out of what was asked for
        let effective = epsilon - CHOICE_SLACK;
        if !(effective > 0.0 && sensitivity > 0.0) {
            return Err(width(epsilon));
        }
        self.pay_choice(id, epsilon)?;
        let before = self.answers();
        let mut noise = self.source.stream(&format!("{id}\0exponential\0{:016x}\0{before}", epsilon.to_bits()));
        let logs: Vec<f64> = scores.open().iter().map(|score| effective * score / (2.0 * sensitivity)).collect();
        let chosen = noise.choose(&logs).ok_or_else(|| Error::internal("privacy::choice", "the scores of a choice are no numbers"))?;
        self.note(&[chosen as i64]);
        Ok(chosen)
    }

    /// Adds noise to counts of which nobody knows which exist: places whose noisy count does not pass the
    /// threshold stay secret. Price as [`Ledger::gaussian_counts`] and `delta`: the chance that a cell with
    /// a single row passes. Gives places and noisy counts.
    pub fn gaussian_threshold(&mut self, counts: &Private<Counts>, sigma: f64, delta: f64, id: &str) -> Result<Vec<(usize, i64)>> {
        if !(delta > 0.0 && delta < 0.5) {
            return Err(Error::internal("privacy::delta", format!("a threshold at a failure probability of {delta}")));
        }
        let variance = Fraction::variance(sigma * sigma).ok_or_else(|| width(sigma))?;
        let squared = if self.claim.relation == Relation::ReplaceOne { 2.0 } else { 1.0 };
        self.pay(Spend { rho: Some(squared / (2.0 * sigma * sigma)), delta, ..spend("discrete_gaussian_threshold", id) })?;
        let least = threshold(sigma, delta);
        let mut noise = self.source.stream(&format!("{id}\0threshold\0{:016x}", sigma.to_bits()));
        let mut kept = Vec::new();
        for (place, &count) in counts.open().cells().iter().enumerate() {
            let noisy = noisy(count, noise.gaussian(variance));
            if count > 0 && noisy >= least {
                kept.push((place, noisy));
            }
        }
        self.note(&kept.iter().map(|&(_, noisy)| noisy).collect::<Vec<_>>());
        Ok(kept)
    }

    /// Runs questions in rho below a ledger in epsilon, which pays `epsilon` and `delta` for all of them.
    pub fn group<T>(&mut self, id: &str, epsilon: f64, delta: f64, questions: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.is_concentrated() {
            return Err(Error::internal("privacy::group", "a group in rho needs a ledger in epsilon"));
        }
        self.pay(Spend { epsilon: Some(epsilon), delta, ..spend("group", id) })?;
        let inner = Claim { rho: Some(account::rho_of(epsilon, delta)), ..self.claim };
        let (claim, spent) = (std::mem::replace(&mut self.claim, inner), std::mem::replace(&mut self.spent, 0.0));
        self.group = Some(id.to_owned());
        let answer = questions(self);
        (self.claim, self.spent, self.group) = (claim, spent, None);
        answer
    }

    /// From now on the questions are asked in a context: the domain, the member's options. The same question
    /// in another context has other noise; it must name whatever a question means beside its words.
    pub fn bind(&mut self, context: &[u8]) {
        self.source.bind(context);
        self.transcript.update(context);
    }

    /// The bill.
    pub fn close(&self) -> Privacy {
        Privacy {
            relation: self.claim.relation,
            epsilon: self.claim.epsilon,
            delta: if self.is_concentrated() { self.claim.delta } else { self.delta_spent },
            rho: self.claim.rho,
            ledger: self.entries.clone(),
            public: Privacy::PUBLIC.to_owned(),
            outside: Privacy::OUTSIDE.to_owned(),
        }
    }

    fn is_concentrated(&self) -> bool {
        self.claim.rho.is_some()
    }

    fn pay_choice(&mut self, id: &str, epsilon: f64) -> Result<()> {
        let mut spend = spend("exponential", id);
        match self.is_concentrated() {
            true => spend.rho = Some(epsilon * epsilon / 8.0),
            false => spend.epsilon = Some(epsilon),
        }
        self.pay(spend)
    }

    /// Takes the price of a question, or refuses it.
    fn pay(&mut self, mut spend: Spend) -> Result<()> {
        let price = match (self.is_concentrated(), spend.rho, spend.epsilon) {
            (true, Some(rho), _) => rho,
            (false, _, Some(epsilon)) => epsilon,
            _ => return Err(Error::internal("privacy::unit", format!("{} has no price in the unit of its ledger", spend.mechanism))),
        };
        let (spent, delta) = (self.spent + price, self.delta_spent + spend.delta);
        let is_within = spent <= self.claim.total() * ROUNDING && delta <= self.claim.labels_delta * ROUNDING;
        if !is_within {
            let message = format!("{} would cost {price}, {} of {} are left", spend.id, self.left(), self.claim.total());
            return Err(Error::internal("privacy::overspent", message));
        }
        if !self.asked.insert(format!("{}\0{}", spend.mechanism, spend.id)) {
            return Err(Error::internal("privacy::asked_before", format!("{} was asked before", spend.id)));
        }
        (self.spent, self.delta_spent) = (spent, delta);
        spend.part_of.clone_from(&self.group);
        self.entries.push(spend);
        Ok(())
    }

    fn note(&mut self, answer: &[i64]) {
        for number in answer {
            self.transcript.update(number.to_le_bytes());
        }
    }
}

/// The least noisy count that shows a cell: one row passes with at most `delta`, since a discrete Gaussian
/// reaches m as rarely as a continuous one reaches m - 1 (Canonne et al., proposition 25).
pub fn threshold(sigma: f64, delta: f64) -> i64 {
    let beyond = (sigma * synthfleet_stats::normal::quantile(1.0 - delta)).ceil();
    2 + beyond.clamp(0.0, 1e15) as i64
}

fn noisy(count: u64, noise: i64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).saturating_add(noise)
}

fn spend(mechanism: &str, id: &str) -> Spend {
    Spend { id: id.to_owned(), mechanism: mechanism.to_owned(), part_of: None, epsilon: None, rho: None, delta: 0.0 }
}

fn width(number: f64) -> Error {
    Error::unsupported("privacy::width", format!("noise of width {number} cannot be made")).help("allow more privacy loss: raise epsilon")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use synthfleet_proto::privacy::NoiseKey;

    fn ledger(claim: Claim) -> Ledger {
        Ledger::new(NoiseSource::new(NoiseKey::new([7; 32]), &tables::plain(20)), claim)
    }

    fn counts(cells: &[u64]) -> Private<Counts> {
        Private::new(Counts::of(cells.to_vec()))
    }

    #[test]
    fn a_purchase_beyond_the_claim_is_an_internal_error() {
        let mut ledger = ledger(Claim::pure(1.0, 0.0));
        assert!(ledger.laplace_counts(&counts(&[5, 5]), 4.0, "a").is_ok()); // 2/4
        let error = ledger.laplace_counts(&counts(&[5, 5]), 3.9, "b").expect_err("more than is left");
        assert_eq!((error.kind(), error.code()), (synthfleet_proto::ErrorKind::Internal, "privacy::overspent"));
        assert_eq!(ledger.close().ledger.len(), 1);
        assert!(ledger.laplace_counts(&counts(&[5, 5]), 4.0, "c").is_ok());
    }

    #[test]
    fn a_thousand_equal_prices_fill_a_claim() {
        let mut ledger = ledger(Claim::concentrated(1.0, 1e-6, false));
        let sigma = (1_000.0 / (2.0 * ledger.claim().total())).sqrt();
        for question in 0..1_000 {
            ledger.gaussian_counts(&counts(&[1]), sigma, &question.to_string()).expect("within the claim");
        }
        assert!(ledger.gaussian_counts(&counts(&[1]), sigma, "one more").is_err());
        assert!(ledger.left() < 1e-9);
    }

    #[test]
    fn equal_questions_have_equal_answers_and_are_asked_once() {
        let ask = |id: &str| ledger(Claim::pure(1.0, 0.0)).laplace_counts(&counts(&[100; 4]), 20.0, id).expect("within the claim");
        assert_eq!(ask("a"), ask("a"));
        assert_ne!(ask("a"), ask("b"));
        let mut twice = ledger(Claim::pure(1.0, 0.0));
        twice.laplace_counts(&counts(&[1]), 20.0, "a").expect("within the claim");
        assert_eq!(twice.laplace_counts(&counts(&[1]), 20.0, "a").expect_err("again").code(), "privacy::asked_before");
    }

    #[test]
    fn sealed_numbers_come_back_after_the_same_answers_alone() {
        let mut first = ledger(Claim::pure(1.0, 0.0));
        let scores = Private::new(vec![1.0, 2.0, -0.5]);
        let chosen = first.exponential("a", &scores, 1.0, 0.5).expect("within the claim");
        let pad = first.pad();
        // what is asked later does not change the pad
        first.exponential("b", &scores, 1.0, 0.25).expect("within the claim");
        let sealed = pad.seal(&scores);
        assert!(sealed.iter().zip(scores.open()).all(|(&sealed, score)| sealed.cast_unsigned() != score.to_bits()));
        let mut again = ledger(Claim::pure(1.0, 0.0));
        assert_ne!(again.pad().unseal(&sealed).open(), scores.open());
        again.exponential_again("a", chosen, 0.5).expect("within the claim");
        assert_eq!(again.pad().unseal(&sealed).open(), scores.open());
        assert_eq!(again.close().ledger, first.close().ledger[..1]);
    }

    #[test]
    fn the_relation_sets_the_prices() {
        let mut replaced = ledger(Claim::pure(1.0, 0.0));
        replaced.laplace_counts(&counts(&[1]), 8.0, "a").expect("within the claim");
        replaced.exponential("b", &Private::new(vec![0.0, 1.0]), 1.0, 0.5).expect("within the claim");
        let bill = replaced.close();
        assert_eq!((bill.ledger[0].epsilon, bill.ledger[1].epsilon, bill.delta), (Some(0.25), Some(0.5), 0.0));
        let mut added = ledger(Claim::concentrated(1.0, 1e-6, false));
        added.gaussian_counts(&counts(&[1]), 10.0, "a").expect("within the claim");
        added.exponential("b", &Private::new(vec![0.0, 1.0]), 1.0, 0.1).expect("within the claim");
        let bill = added.close();
        assert_eq!((bill.ledger[0].rho, bill.ledger[1].rho), (Some(0.005), Some(0.1 * 0.1 / 8.0)));
    }

    #[test]
    fn a_group_pays_once_for_its_questions() {
        let mut ledger = ledger(Claim::pure(1.0, 1e-6));
        let rho = account::rho_of(0.2, 5e-7);
        let ask = |inner: &mut Ledger| inner.gaussian_counts(&counts(&[9]), (1.0 / rho).sqrt(), "inner");
        ledger.group("domain", 0.2, 5e-7, ask).expect("within the claim");
        assert!((ledger.left() - 0.8).abs() < 1e-12);
        let bill = ledger.close();
        assert_eq!((bill.ledger[1].part_of.as_deref(), bill.delta), (Some("domain"), 5e-7));
        let more = |inner: &mut Ledger| inner.gaussian_counts(&counts(&[9]), (0.9 / rho).sqrt(), "inner more");
        assert_eq!(ledger.group("again", 0.2, 5e-7, more).expect_err("too dear").code(), "privacy::overspent");
    }

    #[test]
    fn a_choice_hangs_on_earlier_answers() {
        let scores = Private::new((0..1_000).map(|_| 0.0).collect::<Vec<f64>>());
        let chosen = |rows: u64| {
            let mut ledger = ledger(Claim::pure(1.0, 0.0));
            ledger.laplace_counts(&counts(&[rows]), 20.0, "a").expect("within the claim");
            ledger.exponential("b", &scores, 1.0, 0.5).expect("within the claim")
        };
        assert_eq!(chosen(5), chosen(5));
        assert_ne!(chosen(5), chosen(6));
    }

    #[test]
    fn single_rows_pass_a_threshold_as_rarely_as_said() {
        let (sigma, delta, trials) = (4.0, 0.02, 20_000);
        let mut noise = NoiseSource::new(NoiseKey::new([3; 32]), &tables::plain(20)).stream("singletons");
        let variance = Fraction::variance(sigma * sigma).expect("a variance");
        let passed = (0..trials).filter(|_| 1 + noise.gaussian(variance) >= threshold(sigma, delta)).count() as f64;
        let error = (delta * (1.0 - delta) / f64::from(trials)).sqrt();
        let rate = passed / f64::from(trials);
        assert!(rate <= delta + 3.0 * error, "{rate}");
        assert!(rate > delta / 2.0, "the threshold is too high: {rate}");
    }

    #[test]
    fn a_threshold_shows_great_cells_and_no_empty_one() {
        let mut ledger = ledger(Claim::concentrated(2.0, 1e-6, true));
        let cells = counts(&[0, 1, 5_000, 0, 800]);
        let kept = ledger.gaussian_threshold(&cells, 10.0, 1e-7, "labels").expect("within the claim");
        assert_eq!(kept.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [2, 4]);
        assert!(ledger.gaussian_threshold(&cells, 10.0, 1e-6, "more").is_err(), "only half of delta is for labels");
    }
}

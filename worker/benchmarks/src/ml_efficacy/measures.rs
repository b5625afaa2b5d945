//! How good predictions are, on all test rows and without each fold of them.

use super::task::{Aims, Problem};
use crate::folds::{Estimate, FOLDS};
use crate::parts::fold_auc;
use serde_json::{Value, json};

/// Shares are held this far from 0 and 1 in the log loss.
const SHARE_MIN: f64 = 1e-15;

/// The measure that utility is made of: AUC (macro one against rest for several classes) or R². `None` if the
/// test rows have one class or one value.
pub fn main(problem: &Problem, aims: &Aims, predictions: &[f64], folds: &[u8]) -> Option<Estimate> {
    match aims {
        Aims::Numbers(numbers) => r2(numbers, predictions, folds),
        Aims::Classes(codes) => {
            let outputs = problem.outputs();
            let wanted: Vec<u32> = if outputs == 1 { vec![1] } else { (0..outputs as u32).collect() };
            let area = |(output, class): (usize, &u32)| {
                let scores: Vec<f64> = predictions.iter().skip(output).step_by(outputs).copied().collect();
                let positive: Vec<bool> = codes.iter().map(|code| code == class).collect();
                fold_auc::auc(&scores, &positive, folds)
            };
            let areas: Vec<Estimate> = wanted.iter().enumerate().filter_map(area).collect();
            (!areas.is_empty()).then(|| Estimate::mean(&areas))
        }
    }
}

/// All measures by name.
pub fn all(problem: &Problem, aims: &Aims, predictions: &[f64], main: Option<Estimate>) -> Value {
    let main = main.map(|estimate| estimate.value);
    match aims {
        Aims::Numbers(numbers) => {
            let squares: f64 = numbers.iter().zip(predictions).map(|(number, predicted)| (number - predicted) * (number - predicted)).sum();
            json!({ "r2": main, "rmse": (squares / numbers.len().max(1) as f64).sqrt() })
        }
        Aims::Classes(codes) => {
            let outputs = problem.outputs();
            let shares: Vec<Vec<f64>> = predictions
                .chunks_exact(outputs)
                .map(|shares| if outputs == 1 { vec![1.0 - shares[0], shares[0]] } else { shares.to_vec() })
                .collect();
            let guesses: Vec<u32> = shares.iter().map(|shares| largest(shares)).collect();
            let rows = codes.len().max(1) as f64;
            let accuracy = codes.iter().zip(&guesses).filter(|(code, guess)| code == guess).count() as f64 / rows;
            let loss =
                codes.iter().zip(&shares).map(|(&code, shares)| -libm::log(shares[code as usize].clamp(SHARE_MIN, 1.0))).sum::<f64>()
                    / rows;
            if outputs == 1 {
                json!({ "auc": main, "f1": f1(codes, &guesses, 1), "accuracy": accuracy, "log_loss": loss })
            } else {
                let present: Vec<f64> =
                    (0..outputs as u32).filter(|class| codes.contains(class)).map(|class| f1(codes, &guesses, class)).collect();
                let macro_f1 = present.iter().sum::<f64>() / present.len().max(1) as f64;
                json!({ "auc": main, "macro_f1": macro_f1, "micro_f1": accuracy, "accuracy": accuracy, "log_loss": loss })
            }
        }
    }
}

/// The class of the largest share; ties: the first.
fn largest(shares: &[f64]) -> u32 {
    let best = (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b]).then(b.cmp(&a)));
    best.unwrap_or(0) as u32
}

fn f1(codes: &[u32], guesses: &[u32], class: u32) -> f64 {
    let count = |of: &dyn Fn(bool, bool) -> bool| {
        codes.iter().zip(guesses).filter(|&(&code, &guess)| of(code == class, guess == class)).count() as f64
    };
    let (hits, either) = (count(&|is, said| is && said), count(&|is, said| is != said));
    if hits + either > 0.0 { 2.0 * hits / (2.0 * hits + either) } else { 0.0 }
}

fn r2(numbers: &[f64], predictions: &[f64], folds: &[u8]) -> Option<Estimate> {
    let center = numbers.iter().map(|number| number / numbers.len() as f64).sum::<f64>();
    // n, sum, squares about the centre, squared errors: of each fold
    let mut parts = [[0.0; 4]; FOLDS];
    for ((number, predicted), &fold) in numbers.iter().zip(predictions).zip(folds) {
        let (apart, error) = (number - center, number - predicted);
        let part = &mut parts[usize::from(fold)];
        [1.0, apart, apart * apart, error * error].into_iter().zip(part).for_each(|(add, sum)| *sum += add);
    }
    let all = parts.iter().fold([0.0; 4], |sum, part| std::array::from_fn(|i| sum[i] + part[i]));
    let of = |[n, sum, squares, errors]: [f64; 4]| 1.0 - errors / (squares - sum * sum / n);
    let value = of(all);
    value.is_finite().then(|| Estimate { value, without: std::array::from_fn(|fold| of(std::array::from_fn(|i| all[i] - parts[fold][i]))) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_two_classes_are_known() {
        let problem = Problem::Binary { positive: 0 };
        let aims = Aims::Classes(vec![1, 0, 1, 0]);
        let found = all(&problem, &aims, &[0.9, 0.6, 0.4, 0.1], None);
        assert_eq!((found["f1"].as_f64(), found["accuracy"].as_f64()), (Some(0.5), Some(0.5)));
        let loss = -(libm::log(0.9) + libm::log(0.4) + libm::log(0.4) + libm::log(0.9)) / 4.0;
        assert!((found["log_loss"].as_f64().expect("number") - loss).abs() < 1e-12);
    }

    #[test]
    fn r2_is_one_at_the_truth_and_zero_at_the_mean() {
        let numbers: Vec<f64> = (0..60).map(f64::from).collect();
        let folds: Vec<u8> = (0..60).map(|i| (i % 20) as u8).collect();
        assert_eq!(r2(&numbers, &numbers, &folds).expect("varies").value, 1.0);
        assert!(r2(&numbers, &[29.5; 60], &folds).expect("varies").value.abs() < 1e-12);
        assert!(r2(&[2.0; 60], &numbers, &folds).is_none());
    }
}

//! The grid on which a number column lies: an unrounded number gives itself away.

/// Most decimals looked for.
const DECIMALS_MAX: i32 = 15;

/// Coarsest step looked for: 10^9.
const DECIMALS_MIN: i32 = -9;

/// The largest power of ten of which all values are multiples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grain {
    decimals: i32,
}

impl Grain {
    /// The grain of some values, not numbers among them ignored; `None` if there is none or no value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let present = || values.iter().copied().filter(|value| !value.is_nan());
        present().find(|value| *value != 0.0)?;
        let mut decimals = DECIMALS_MIN;
        for value in present() {
            while !(Self { decimals }).holds(value) {
                decimals += 1;
                if decimals > DECIMALS_MAX {
                    return None;
                }
            }
        }
        Some(Self { decimals })
    }

    /// Whether a value is a multiple.
    pub fn holds(self, value: f64) -> bool {
        let scale = libm::pow(10.0, f64::from(self.decimals.abs()));
        if self.decimals < 0 {
            value % scale == 0.0
        } else {
            // beyond 2^53 steps a double has no finer digits
            let steps = value * scale;
            steps.abs() > 9e15 || libm::rint(steps) / scale == value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarsest_decimal_step_is_found() {
        let decimals = |values: &[f64]| Grain::of(values).map(|grain| grain.decimals);
        assert_eq!(decimals(&[1.25, 3.5]), Some(2));
        assert_eq!(decimals(&[1_200.0, 300.0, f64::NAN]), Some(-2));
        assert_eq!(decimals(&[0.1 + 0.2, 0.5]), None);
        assert_eq!(decimals(&[0.0, f64::NAN]), None);
    }

    #[test]
    fn unrounded_values_do_not_hold() {
        let grain = Grain::of(&[17.0, 90.0, 41.0]).expect("whole");
        assert!(grain.holds(33.0) && grain.holds(0.0) && !grain.holds(33.2));
    }
}

//! The grid on which a number column lies: an unrounded number gives itself away.

/// Most decimals looked for.
const DECIMALS_MAX: i32 = 15;

/// Coarsest step looked for: 10^9.
const DECIMALS_MIN: i32 = -9;

/// The largest power of ten of which all values are multiples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grain {
    decimals: i32,
    /// Ten to the number of decimals, without its sign.
    scale: f64,
}

impl Grain {
    fn new(decimals: i32) -> Self {
        Self { decimals, scale: libm::pow(10.0, f64::from(decimals.abs())) }
    }

    /// The grain of some values, not numbers among them ignored; `None` if there is none or no value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let present = || values.iter().copied().filter(|value| !value.is_nan());
        present().find(|value| *value != 0.0)?;
        let mut grain = Self::new(DECIMALS_MIN);
        for value in present() {
            while !grain.holds(value) {
                if grain.decimals == DECIMALS_MAX {
                    return None;
                }
                grain = Self::new(grain.decimals + 1);
            }
        }
        Some(grain)
    }

    /// Whether a value is a multiple.
    pub fn holds(self, value: f64) -> bool {
        if self.decimals < 0 {
            value % self.scale == 0.0
        } else {
            // beyond 2^53 steps a double has no finer digits
            let steps = value * self.scale;
            steps.abs() > 9e15 || libm::rint(steps) / self.scale == value
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

//! Success rates of attacks, and what is left of an attack once its control is subtracted.
//!
//! # Definition
//! k successes of n, z a point of the normal law. Rate `r = (k + z²/2) / (n + z²)`, half-width
//! `h = z / (n + z²) · sqrt(k (n - k) / n + z²/4)`: centre and half of Wilson's interval. The residual of
//! rates `r_1 .. r_K` over a control `c` is `R = Σ (r_k - c) / (1 - c)`, with
//! `h_R² = Σ (h_k / (1 - c))² + (Σ (1 - r_k) · h_c / (1 - c)²)²`. It is never clipped.
//!
//! # Reference
//! Wilson 1927, doi 10.1080/01621459.1927.10502953; residual, K = 1: Giomi et al. 2023,
//! doi 10.56553/popets-2023-0055.

/// A rate or a residual and the half of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The estimate.
    pub value: f64,
    /// Half the interval's width.
    pub half_width: f64,
}

/// The rate of `successes` among `trials`; successes may be fractions. 1/2 with half-width 1/2 for 0 trials.
pub fn rate(successes: f64, trials: f64, z: f64) -> Rate {
    let (square, all) = (z * z, trials + z * z);
    let spread = if trials > 0.0 { successes * (trials - successes) / trials } else { 0.0 };
    Rate { value: (successes + square / 2.0) / all, half_width: z / all * (spread.max(0.0) + square / 4.0).sqrt() }
}

/// What is left of `attacks` over `control`. Finite, because Wilson's centre is below 1.
pub fn residual(attacks: &[Rate], control: Rate) -> Rate {
    let missed = 1.0 - control.value;
    let sum = |of: &dyn Fn(&Rate) -> f64| attacks.iter().map(of).sum::<f64>();
    let of_attacks = sum(&|attack| attack.half_width * attack.half_width) / (missed * missed);
    let of_control = sum(&|attack| 1.0 - attack.value) * control.half_width / (missed * missed);
    Rate { value: sum(&|attack| attack.value - control.value) / missed, half_width: (of_attacks + of_control * of_control).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Z: f64 = 1.959_963_984_540_054;

    fn near(found: Rate, value: f64, half_width: f64) {
        assert!((found.value - value).abs() < 1e-12, "{found:?}");
        assert!((found.half_width - half_width).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn rates_are_those_of_anonymeter() {
        // anonymeter.stats.confidence.success_rate(n, k, 0.95)
        near(rate(137.0, 2_000.0, Z), 0.06932720590186064, 0.01109084051208203);
        near(rate(0.0, 2_000.0, Z), 0.0009585236406264672, 0.0009585236406264671);
        near(rate(500.0, 500.0, Z), 0.9961878297692239, 0.00381217023077612);
        near(rate(37.0, 100.0, Z), 0.3748091547669081, 0.0929855494236628);
    }

    #[test]
    fn residuals_are_those_of_anonymeter() {
        // anonymeter.stats.confidence.residual_success(success_rate(n, k, 0.95), success_rate(n, c, 0.95))
        near(residual(&[rate(420.0, 2_000.0, Z)], rate(300.0, 2_000.0, Z)), 0.07050857183082528, 0.02710340337151968);
        near(residual(&[rate(180.0, 2_000.0, Z)], rate(210.0, 2_000.0, Z)), -0.016741812016356255, 0.020754398521640027);
        near(residual(&[rate(99.0, 100.0, Z)], rate(97.0, 100.0, Z)), 0.4064438080652221, 0.7250871297550354);
        near(residual(&[rate(0.0, 1_500.0, Z)], rate(0.0, 1_500.0, Z)), 0.0, 0.0018085652115795217);
    }

    #[test]
    fn an_attack_on_nobody_in_particular_leaves_nothing() {
        let control = rate(300.0, 1_000.0, Z);
        assert_eq!(residual(&[control], control).value, 0.0);
    }

    #[test]
    fn blocks_add_up() {
        let (attack, control) = (rate(400.0, 1_000.0, Z), rate(300.0, 1_000.0, Z));
        let (one, two) = (residual(&[attack], control), residual(&[attack, attack], control));
        assert!((two.value - 2.0 * one.value).abs() < 1e-15);
        assert!(two.half_width > one.half_width);
    }

    #[test]
    fn even_a_control_that_always_succeeds_gives_a_finite_residual() {
        let sure = rate(50.0, 50.0, Z);
        let found = residual(&[sure], sure);
        assert_eq!(found.value, 0.0);
        assert!(found.half_width.is_finite() && found.half_width > 1.0);
    }
}

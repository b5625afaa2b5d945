//! The rule in numbers: gates with their limits, components with their weights. Nobody else knows a limit.

use std::collections::BTreeMap;
use synthfleet_proto::job::{Gate as GateWish, Weights as WeightsWish};
use synthfleet_proto::{Error, Result, id};

/// Which rule judges.
pub const VERSION: &str = "verdict.v2";
/// Candidates nearer to the top score than this are tied.
pub const TIE: f64 = 0.002;
/// Beyond a limit by more than this, an interval is too wide to prove anything.
pub const WEAK: f64 = 0.05;
/// What an undefined component of one candidate counts as, and the least any component counts.
pub const COMPONENT_MIN: f64 = 0.01;
/// What tells a holdout that shares rows with train: a score of the holdout row, and the excess that its lower bound may
/// reach.
pub const SHARED_ROWS: (&str, f64) = ("distances.overlap_excess", 0.005);
/// One-sided 99.9 %: a job has a dozen privacy gates, and a holdout that fails one of them by chance would cost the job all.
pub const Z_TRUST: f64 = 3.090_232_306_167_813;
/// One-sided 95 %.
pub const Z_ONE_SIDED: f64 = 1.644_853_626_951_472_2;
/// Two-sided 95 %.
pub const Z_TWO_SIDED: f64 = 1.96;

/// How a statistic is held against its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// The value is at least the limit.
    AtLeast,
    /// The lower bound is at most the limit: no proof of a leak beyond it.
    LowerAtMost,
    /// The upper bound is at least the limit.
    UpperAtLeast,
    /// The value is at most the limit, and the upper bound at most twice (balanced) or 2.5 times (strict) it. Where
    /// only one of the two holds, or the lower bound reaches the fair value, the evidence is weak.
    ValueAtMost,
}

/// One gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateRule {
    /// Name.
    pub name: &'static str,
    /// The benchmark that judges it.
    pub benchmark: &'static str,
    /// Its statistics; the worst counts.
    pub scores: &'static [&'static str],
    /// A score that must be 1 besides.
    pub whole: Option<&'static str>,
    /// How they are held against the limit.
    pub test: Test,
    /// What an honest sample gets.
    pub fair: f64,
    /// Limit in profile `balanced`.
    pub balanced: f64,
    /// Limit in profile `strict`.
    pub strict: f64,
    /// Whether it guards privacy.
    pub privacy: bool,
    /// Whether it enters the risk.
    pub risk: bool,
    /// Which jobs have it.
    pub exists: Exists,
}

/// Which jobs have a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exists {
    /// Every job.
    Always,
    /// Jobs in which some row has its score.
    WithScore,
    /// Jobs that give it a limit.
    OnRequest,
}

const VALID: GateRule = GateRule {
    name: "structure",
    benchmark: "diagnostic",
    scores: &["diagnostic.structure"],
    whole: None,
    test: Test::AtLeast,
    fair: 1.0,
    balanced: 1.0,
    strict: 1.0,
    privacy: false,
    risk: false,
    exists: Exists::Always,
};

const SHARE: GateRule = GateRule {
    name: "dcr_share",
    benchmark: "distances",
    scores: &["distances", "distances.dcr_share", "distances.dcr_share_full"],
    whole: None,
    test: Test::LowerAtMost,
    fair: 0.5,
    balanced: 0.52,
    strict: 0.50,
    privacy: true,
    risk: true,
    exists: Exists::Always,
};

const RESIDUAL: GateRule = GateRule {
    name: "singling_out",
    benchmark: "anonymity",
    scores: &["anonymity.singling_out"],
    test: Test::ValueAtMost,
    fair: 0.0,
    balanced: 0.05,
    strict: 0.02,
    exists: Exists::WithScore,
    ..SHARE
};

/// Every gate, in the order in which verdicts show them.
pub const GATES: [GateRule; 13] = [
    VALID,
    GateRule { name: "validity", scores: &["diagnostic.validity"], whole: Some("diagnostic.keys"), balanced: 0.99, strict: 0.999, ..VALID },
    GateRule { name: "constraints", scores: &["diagnostic.constraint_validity"], balanced: 0.999, exists: Exists::WithScore, ..VALID },
    GateRule {
        name: "pii_copy",
        benchmark: "diagnostic",
        scores: &["diagnostic.pii_copy"],
        fair: 0.0,
        balanced: 0.0,
        strict: 0.0,
        risk: false,
        ..SHARE
    },
    GateRule { name: "identical", scores: &["distances.identical_excess"], fair: 0.0, balanced: 0.005, strict: 0.0, ..SHARE },
    SHARE,
    GateRule {
        name: "nndr",
        scores: &["distances.nndr_ratio"],
        test: Test::UpperAtLeast,
        fair: 1.0,
        balanced: 0.90,
        strict: 0.95,
        ..SHARE
    },
    GateRule { name: "membership_nn", benchmark: "membership", scores: &["membership.nn_attack"], ..SHARE },
    GateRule {
        name: "membership_density",
        benchmark: "membership",
        scores: &["membership.density_attack"],
        balanced: 0.55,
        strict: 0.52,
        exists: Exists::WithScore,
        ..SHARE
    },
    RESIDUAL,
    GateRule { name: "linkability", scores: &["anonymity.linkability"], ..RESIDUAL },
    GateRule { name: "inference", scores: &["anonymity.inference"], ..RESIDUAL },
    GateRule {
        name: "disclosure",
        benchmark: "disclosure",
        scores: &["disclosure", "disclosure.excess_cap"],
        fair: 0.0,
        balanced: 0.05,
        strict: 0.05,
        risk: false,
        exists: Exists::OnRequest,
        ..SHARE
    },
];

/// Components of the score: name in weights, score id.
pub const COMPONENTS: [(&str, &str); 4] = [
    ("accuracy", "accuracy.component"),
    ("detection.gbt", "detection.gbt"),
    ("ml_efficacy", "ml_efficacy"),
    ("accuracy.nmi", "accuracy.nmi"),
];

/// Measures of profile `sdgym2020`, the first that some candidate has: the mean over models of the 2020 evaluator's
/// first measure; for simulated sets the likelihood of real rows under a model of the sample.
pub const MEASURES_2020: [(&str, &str); 2] = [("sdgym2020", "sdgym2020"), ("likelihood", "likelihood.t")];

/// The weights profile that ranks by [`MEASURES_2020`].
pub const RESEARCH: &str = "sdgym2020";

/// How components become one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Weighted geometric mean of shares.
    Geometric,
    /// The component itself, whatever its range.
    Plain,
}

/// Which gate limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateProfile {
    /// What cannot be assessed is told and passes.
    Balanced,
    /// What cannot be assessed fails.
    Strict,
    /// `structure` alone decides who is ranked; the others, at balanced limits, whether the first is released.
    Structure,
    /// Gates are shown and stop nobody.
    Off,
}

impl GateProfile {
    /// The name in jobs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Strict => "strict",
            Self::Structure => "structure",
            Self::Off => "off",
        }
    }
}

/// The rule of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Gate limits.
    pub gate_profile: GateProfile,
    /// Name of the weights profile.
    pub weights_profile: String,
    /// Limits of the job's own.
    pub limits: BTreeMap<String, f64>,
    /// Weight by component.
    pub weights: BTreeMap<String, f64>,
    /// Components of the score: name in weights, score id.
    pub components: &'static [(&'static str, &'static str)],
    /// How they become one score.
    pub scale: Scale,
}

impl Rule {
    /// The rule that a job asks for.
    pub fn of(gate: &GateWish, weights: &WeightsWish) -> Result<Self> {
        let weights_profile = weights.profile.as_deref().unwrap_or("balanced");
        let (profile_weights, profile_gate) = match weights_profile {
            "balanced" => (&[1.0, 1.0, 1.0, 1.0][..], GateProfile::Balanced),
            "utility" => (&[0.5, 0.5, 2.0, 0.5][..], GateProfile::Balanced),
            "strict-privacy" => (&[1.0, 1.0, 1.0, 1.0][..], GateProfile::Strict),
            RESEARCH => (&[1.0, 1.0][..], GateProfile::Structure),
            other => return Err(unknown("weights profile", other, &["balanced", "utility", "strict-privacy", RESEARCH])),
        };
        let (components, scale) = match weights_profile {
            RESEARCH => (&MEASURES_2020[..], Scale::Plain),
            _ => (&COMPONENTS[..], Scale::Geometric),
        };
        let gate_profile = match gate.profile.as_deref() {
            None => profile_gate,
            Some("balanced") => GateProfile::Balanced,
            Some("strict") => GateProfile::Strict,
            Some("off") => GateProfile::Off,
            Some(other) => return Err(unknown("gate", other, &["balanced", "strict", "off"])),
        };
        let names = GATES.map(|gate| gate.name);
        if let Some(other) = gate.limits.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(unknown("gate limit", other, &names));
        }
        Ok(Self {
            gate_profile,
            weights_profile: weights_profile.to_owned(),
            limits: gate.limits.clone(),
            weights: own_weights(weights, components, profile_weights)?,
            components,
            scale,
        })
    }

    /// The limit of a gate in this job.
    pub fn limit(&self, gate: &GateRule) -> f64 {
        let of_profile = if self.gate_profile == GateProfile::Strict { gate.strict } else { gate.balanced };
        self.limits.get(gate.name).copied().unwrap_or(of_profile)
    }
}

/// The job's own weights, else the profile's. What the job does not name weighs nothing.
fn own_weights(wish: &WeightsWish, components: &[(&str, &str)], of_profile: &[f64]) -> Result<BTreeMap<String, f64>> {
    let names: Vec<&str> = components.iter().map(|(name, _)| *name).collect();
    if let Some(other) = wish.components.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(unknown("component", other, &names));
    }
    let weight =
        |name: &str, profile: f64| if wish.components.is_empty() { profile } else { wish.components.get(name).copied().unwrap_or(0.0) };
    let weights: BTreeMap<String, f64> =
        names.iter().zip(of_profile).map(|(name, profile)| ((*name).to_owned(), weight(name, *profile))).collect();
    let legal = weights.values().all(|weight| weight.is_finite() && *weight >= 0.0) && weights.values().any(|weight| *weight > 0.0);
    if legal {
        Ok(weights)
    } else {
        Err(Error::invalid("verdict::weights", "weights must be 0 or more, and one above 0").at_pointer("/weights"))
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    let error = Error::invalid("verdict::unknown_name", format!("no {what} {name:?}, known: {}", known.join(", ")));
    match id::nearest(name, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean {near:?}?")),
        None => error,
    }
}

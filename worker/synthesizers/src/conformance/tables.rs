//! Tables for tests: plain ones, ones of known law, and the hostile set H1 to H16.

use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::sync::Arc;
use synthfleet_proto::Seed;
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::metadata::{ColumnMeta, DateForm, DeclaredDomain, Kind, Metadata, ProblemType, Sensitivity};
use synthfleet_stats::normal;
use synthfleet_table::random::Draw;
use synthfleet_table::{Bits, Column, SeedExt, Table, Values};

/// Columns under construction.
pub(crate) struct Builder {
    rows: usize,
    metas: Vec<ColumnMeta>,
    columns: Vec<Column>,
    target: Option<String>,
}

impl Builder {
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows, metas: Vec::new(), columns: Vec::new(), target: None }
    }

    fn push(mut self, mut meta: ColumnMeta, values: Values, missing: Option<Vec<bool>>) -> Self {
        meta.nullable = missing.is_some();
        self.columns.push(Column::new(values, missing.map(|flags| Bits::collect(flags.into_iter()))).expect("legal cells"));
        self.metas.push(meta);
        self
    }

    pub(crate) fn labels(self, name: &str, levels: &[&str], code: impl FnMut(usize) -> u32) -> Self {
        let codes = (0..self.rows).map(code).collect();
        let mut meta = ColumnMeta::plain(name, Kind::Categorical);
        meta.levels = levels.iter().map(|level| (*level).to_owned()).collect();
        self.push(meta, Values::Code(codes), None)
    }

    pub(crate) fn many_labels(self, name: &str, levels: u32, code: impl FnMut(usize) -> u32) -> Self {
        let names: Vec<String> = (0..levels).map(|level| format!("level {level}")).collect();
        self.labels(name, &names.iter().map(String::as_str).collect::<Vec<_>>(), code)
    }

    pub(crate) fn reals(self, name: &str, number: impl FnMut(usize) -> f64) -> Self {
        let numbers = (0..self.rows).map(number).collect();
        self.push(ColumnMeta::plain(name, Kind::Continuous), Values::Real(numbers), None)
    }

    pub(crate) fn wholes(self, name: &str, number: impl FnMut(usize) -> i64) -> Self {
        let numbers = (0..self.rows).map(number).collect();
        self.push(ColumnMeta::plain(name, Kind::Continuous), Values::Whole(numbers), None)
    }

    fn dates(self, name: &str, grain: Grain, instant: impl FnMut(usize) -> i64) -> Self {
        let instants = (0..self.rows).map(instant).collect();
        let mut meta = ColumnMeta::plain(name, Kind::Datetime);
        meta.date = Some(DateForm { format: "%Y-%m-%d".to_owned(), grain, offset_minutes: None, formats: Vec::new() });
        self.push(meta, Values::Whole(instants), None)
    }

    fn texts(self, name: &str, kind: Kind, what: Option<&str>, text: impl FnMut(usize) -> String) -> Self {
        let texts = (0..self.rows).map(text).collect();
        let mut meta = ColumnMeta::plain(name, kind);
        meta.sensitivity = what.map(|what| Sensitivity { direct: true, what: what.to_owned(), by_value: true });
        self.push(meta, Values::Text(texts), None)
    }

    /// Makes cells of the last column missing.
    fn missing(mut self, flag: impl FnMut(usize) -> bool) -> Self {
        let column = self.columns.pop().expect("a column");
        let meta = self.metas.pop().expect("a column");
        let flags = (0..self.rows).map(flag).collect();
        self.push(meta, column.values().clone(), Some(flags))
    }

    fn target(mut self, name: &str) -> Self {
        self.target = Some(name.to_owned());
        self
    }

    pub(crate) fn build(self) -> Table {
        let mut metadata = Metadata::plain("hostile", self.metas);
        metadata.train_rows = self.rows as u64;
        metadata.problem_type = self.target.as_ref().map(|_| ProblemType::BinaryClassification);
        metadata.target = self.target;
        Table::new(Arc::new(metadata), self.rows, self.columns).expect("legal columns")
    }
}

/// The same table whose labels are declared: public, and not to be measured.
pub(crate) fn with_declared_labels(table: &Table) -> Table {
    let mut metadata = Metadata::clone(table.metadata());
    for meta in &mut metadata.columns {
        meta.declared = Some(DeclaredDomain { levels: meta.levels.clone(), ..DeclaredDomain::default() });
    }
    Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec()).expect("legal columns")
}

fn random(name: &str) -> ChaCha8Rng {
    Seed::from_task_seed(1).child(name).rng()
}

fn normals(name: &str) -> impl FnMut(usize) -> f64 {
    let mut random = random(name);
    move |_| normal::quantile(random.open_uniform())
}

/// Every kind, a dependence, a target.
pub(crate) fn plain(rows: usize) -> Table {
    let mut colours = random("colour");
    let mut noise = normals("noise");
    let mut sizes = normals("size");
    Builder::new(rows)
        .labels("colour", &["red", "green", "blue"], |_| if colours.uniform() < 0.6 { 0 } else { 1 + colours.below(2) as u32 })
        .reals("size", &mut sizes)
        .missing(|row| row % 17 == 5)
        .wholes("age", |row| 18 + (row * 7 % 60) as i64)
        .wholes("zero_inflated", |row| if row % 3 == 0 { (row % 97) as i64 } else { 0 })
        .reals("weight", |row| ((row % 50) as f64 + noise(row)) * 1.5)
        .dates("day", Grain::Day, |row| 10_000 + (row * 13 % 900) as i64)
        .labels("target", &["no", "yes"], |row| u32::from(row * 7 % 60 > 30))
        .target("target")
        .build()
}

/// Rows that keep constraints of every sort; a label of three rows, missing cells beside lower and upper numbers.
pub(crate) fn constrained(rows: usize) -> Table {
    let mut random = random("constrained");
    let mut draws = |below: u64| -> Vec<i64> { (0..rows).map(|_| random.below(below) as i64).collect() };
    let [low, gap, town, floor, grade, colour] = [500, 40, 5, 2, 5, 3].map(&mut draws);
    let town_of = |row: usize| if row < 3 { 5 } else { town[row] as u32 };
    let builder = Builder::new(rows)
        .labels("town", &["Ulm", "Bern", "Graz", "Linz", "Cham", "Atlantis"], town_of)
        .wholes("low", |row| low[row])
        .missing(|row| row % 11 == 3)
        .reals("high", |row| (low[row] * 10 + gap[row] * low[row] / 40) as f64 / 10.0)
        .missing(|row| row % 9 == 1)
        .wholes("floor", |row| i64::from(town_of(row)) + floor[row])
        .wholes("grade", |row| grade[row])
        .labels("word", &["bad", "good"], |row| u32::from(grade[row] > 2))
        .wholes("red", |row| i64::from(colour[row] == 0))
        .wholes("green", |row| i64::from(colour[row] == 1))
        .wholes("blue", |row| i64::from(colour[row] == 2))
        .dates("start", Grain::Day, |row| 10_000 + low[row])
        .dates("end", Grain::Day, |row| 10_000 + low[row] + gap[row])
        .wholes("first", |row| low[row] / 10)
        .wholes("last", |row| low[row] / 10 + 1 + gap[row] / 20)
        .target("word");
    let plain = builder.build();
    let mut metadata = Metadata::clone(plain.metadata());
    let rules = [
        "low <= high",
        "start <= end",
        "combinations of town, floor",
        "grade -> word",
        "one hot red, green, blue",
        "first < last",
        "0 <= grade <= 4",
    ];
    metadata.constraints = rules.map(|text| Constraint::parse(text).expect("legal")).into();
    Table::new(Arc::new(metadata), rows, plain.columns().to_vec()).expect("legal columns")
}

/// How the share of missing cells falls with a whole number of 0 to 99.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fall {
    /// 85 % below 50, 15 % from there on.
    Step,
    /// Evenly from 95 % to 5 %.
    Even,
}

/// A whole number 0 to 99, and a number that is missing mostly where the first is small.
pub(crate) fn missing_where_small(rows: usize, fall: Fall) -> Table {
    let mut random = random("missing");
    let whole: Vec<i64> = (0..rows).map(|_| random.below(100) as i64).collect();
    let share = |a: i64| match fall {
        Fall::Step if a < 50 => 0.85,
        Fall::Step => 0.15,
        Fall::Even => 0.95 - 0.9 * a as f64 / 99.0,
    };
    let flags: Vec<bool> = whole.iter().map(|&a| random.uniform() < share(a)).collect();
    Builder::new(rows).wholes("a", |row| whole[row]).reals("c", normals("missing/c")).missing(|row| flags[row]).build()
}

/// A few columns of different kinds, of whose cells a share is missing at random.
pub(crate) fn missing_everywhere(rows: usize, share: f64) -> Table {
    let mut random = random("missing everywhere");
    let mut cells = |missing: f64, below: u64| -> (Vec<u64>, Vec<bool>) {
        (0..rows).map(|_| (random.below(below), random.uniform() < missing)).unzip()
    };
    let [whole, real, label] = [40, 1_000, 2].map(|below| cells(share, below));
    Builder::new(rows)
        .wholes("whole", |row| whole.0[row] as i64)
        .missing(|row| whole.1[row])
        .reals("real", |row| real.0[row] as f64 / 1_000.0)
        .missing(|row| real.1[row])
        .labels("label", &["blue", "red"], |row| label.0[row] as u32)
        .missing(|row| label.1[row])
        .build()
}

/// Codes of a random tree network of 3-level columns, and its edges.
pub(crate) fn tree_network(rows: usize, columns: usize, seed: u64) -> (Table, BTreeSet<(usize, usize)>) {
    let mut random = Seed::from_task_seed(seed).child("tree").rng();
    let (mut codes, mut edges): (Vec<Vec<u32>>, BTreeSet<(usize, usize)>) = (Vec::new(), BTreeSet::new());
    for column in 0..columns {
        let parent = (column > 0).then(|| random.below(column as u64) as usize);
        edges.extend(parent.map(|parent| (parent, column)));
        // each parent level prefers its own child level, by shares that differ from edge to edge
        let favour = 0.55 + 0.3 * random.uniform();
        let turn = random.permutation(3);
        let mut draw = |row: usize| match parent {
            Some(parent) if random.uniform() < favour => turn[codes[parent][row] as usize],
            _ => random.below(3) as u32,
        };
        let column = (0..rows).map(&mut draw).collect();
        codes.push(column);
    }
    let mut builder = Builder::new(rows);
    for (place, codes) in codes.iter().enumerate() {
        builder = builder.labels(&format!("c{place}"), &["a", "b", "c"], |row| codes[row]);
    }
    (builder.build(), edges)
}

/// Rows of the network "asia": asia, tub, smoke, lung, bronc, either, xray, dysp; 1 is yes. Lauritzen, Spiegelhalter
/// 1988, Journal of the Royal Statistical Society B 50, 157-224.
pub(crate) fn asia(rows: usize) -> Table {
    let mut random = Seed::from_task_seed(1).child("asia").rng();
    let mut columns: Vec<Vec<u32>> = vec![Vec::new(); 8];
    for _ in 0..rows {
        let mut yes = |share: f64| random.uniform() < share;
        let (asia, smoke) = (yes(0.01), yes(0.5));
        let tub = yes(if asia { 0.05 } else { 0.01 });
        let lung = yes(if smoke { 0.1 } else { 0.01 });
        let bronc = yes(if smoke { 0.6 } else { 0.3 });
        let either = tub || lung;
        let xray = yes(if either { 0.98 } else { 0.05 });
        let dysp = yes(match (bronc, either) {
            (true, true) => 0.9,
            (true, false) => 0.8,
            (false, true) => 0.7,
            (false, false) => 0.1,
        });
        let row = [asia, tub, smoke, lung, bronc, either, xray, dysp];
        columns.iter_mut().zip(row).for_each(|(column, yes)| column.push(u32::from(yes)));
    }
    let names = ["asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp"];
    let built =
        names.iter().zip(&columns).fold(Builder::new(rows), |built, (name, codes)| built.labels(name, &["no", "yes"], |row| codes[row]));
    built.build()
}

/// Two numbers and two thresholded columns of hidden normal numbers, and their correlations.
pub(crate) fn hidden_normals(rows: usize, seed: u64) -> (Table, Vec<Vec<f64>>) {
    let truth = vec![vec![1.0, 0.6, 0.5, -0.3], vec![0.6, 1.0, 0.3, 0.2], vec![0.5, 0.3, 1.0, 0.25], vec![-0.3, 0.2, 0.25, 1.0]];
    let flat: Vec<f64> = truth.iter().flatten().copied().collect();
    let lower = synthfleet_stats::matrix::cholesky(&flat, 4).expect("a correlation matrix");
    let mut random = Seed::from_task_seed(seed).child("hidden").rng();
    let hidden: Vec<[f64; 4]> = (0..rows)
        .map(|_| {
            let free: [f64; 4] = std::array::from_fn(|_| normal::quantile(random.open_uniform()));
            std::array::from_fn(|row| (0..=row).map(|k| lower[row * 4 + k] * free[k]).sum())
        })
        .collect();
    let table = Builder::new(rows)
        .reals("a", |row| libm::exp(hidden[row][0]))
        .reals("b", |row| hidden[row][1] * 3.0 + 1.0)
        .wholes("five", |row| [-0.8, -0.2, 0.3, 1.0].iter().filter(|&&cut| hidden[row][2] > cut).count() as i64)
        .labels("two", &["low", "high"], |row| u32::from(hidden[row][3] > 0.4))
        .build();
    (table, truth)
}

/// The hostile set, with its names.
pub(crate) fn hostile() -> Vec<(&'static str, Table)> {
    let mut set: Vec<(&'static str, Table)> = Vec::new();
    let kinds = |rows| plain(rows);
    set.push(("H1 ten rows", kinds(10)));
    set.push(("H2 one column", Builder::new(200).reals("only", normals("h2")).build()));
    set.push(("H3 one row", kinds(1)));
    let mut h4 = random("h4");
    let mut builder = Builder::new(500);
    for place in 0..6u32 {
        builder = builder.many_labels(&format!("c{place}"), 2 + place * 3, |_| h4.below(u64::from(2 + place * 3)) as u32);
    }
    set.push(("H4 labels only", builder.build()));
    let mut builder = Builder::new(500);
    for place in 0..6 {
        builder = builder.reals(&format!("n{place}"), normals(&format!("h5/{place}")));
    }
    set.push(("H5 numbers only", builder.build()));
    set.push((
        "H6 constant and all missing",
        Builder::new(100)
            .labels("one label", &["always"], |_| 0)
            .reals("one number", |_| 4.25)
            .reals("no number", |_| 0.0)
            .missing(|_| true)
            .labels("no label", &["unused"], |_| 0)
            .missing(|_| true)
            .wholes("varies", |row| row as i64)
            .build(),
    ));
    let mut h7 = random("h7");
    set.push((
        "H7 half missing, not at random",
        Builder::new(1_000)
            .wholes("a", |row| (row % 100) as i64)
            .reals("c", normals("h7/c"))
            .missing(|row| row % 100 < 50)
            .labels("d", &["x", "y"], |row| (row % 2) as u32)
            .missing(|_| h7.uniform() < 0.5)
            .build(),
    ));
    let mut h8 = random("h8");
    set.push((
        "H8 20,000 levels",
        Builder::new(25_000)
            .many_labels("wide", 20_000, |row| if row < 20_000 { row as u32 } else { h8.below(40) as u32 })
            .reals("n", normals("h8/n"))
            .build(),
    ));
    let mut h9 = random("h9");
    set.push((
        "H9 huge numbers",
        Builder::new(400)
            .wholes("wholes", |row| if row % 2 == 0 { (1i64 << 62) - row as i64 } else { -(1i64 << 62) + row as i64 })
            .reals("reals", |_| (h9.uniform() - 0.5) * 2e300)
            .reals("signed zeros", |row| if row % 3 == 0 { -0.0 } else { (row % 5) as f64 })
            .wholes("extremes", |row| if row % 2 == 0 { i64::MAX } else { i64::MIN + row as i64 })
            .build(),
    ));
    set.push((
        "H10 dates of all ages",
        Builder::new(400)
            .dates("days", Grain::Day, |row| -719_162 + (row as i64 * 9_130) % 3_652_058)
            .dates("seconds", Grain::Second, |row| -62_135_596_800 + row as i64 * 788_000_017)
            .dates("nanoseconds", Grain::Nanosecond, |row| row as i64 * 20_000_000_000_000_003)
            .dates("months", Grain::Month, |row| row as i64 * 7 - 1_000)
            .missing(|row| row % 9 == 0)
            .build(),
    ));
    let mut builder = Builder::new(200);
    for place in 0..500 {
        builder = match place % 4 {
            0 => builder.many_labels(&format!("c{place}"), 5, |row| ((row * (place + 3)) % 5) as u32),
            1 => builder.reals(&format!("c{place}"), normals(&format!("h11/{place}"))).missing(|row| (row + place) % 13 == 0),
            _ => builder.reals(&format!("c{place}"), normals(&format!("h11/{place}"))),
        };
    }
    set.push(("H11 500 columns", builder.build()));
    let (mut first, mut second) = (normals("h12"), normals("h12"));
    set.push((
        "H12 duplicates",
        Builder::new(300)
            .reals("n", |row| if row < 150 { first(row) } else { 0.5 })
            .reals("n again", |row| if row < 150 { second(row) } else { 0.5 })
            .labels("l", &["a", "b"], |row| u32::from(row > 200))
            .build(),
    ));
    let odd = ["say \"hi\"", "two\nlines", "\u{1f600}", " leading", "", "_RARE_", "a,b;c\t"];
    set.push((
        "H13 odd labels",
        Builder::new(350)
            .labels("odd", &odd, |row| (row % 7) as u32)
            .missing(|row| row % 10 == 0)
            .wholes("n", |row| (row % 30) as i64)
            .build(),
    ));
    set.push((
        "H14 target of one class",
        Builder::new(200).reals("n", normals("h14")).labels("target", &["no", "yes"], |_| 1).target("target").build(),
    ));
    let mut cauchy = random("h15");
    set.push((
        "H15 zeros and heavy tails",
        Builder::new(1_000)
            .wholes("zeros", |row| if row % 20 == 0 { row as i64 } else { 0 })
            .reals("cauchy", |_| {
                let turn = std::f64::consts::PI * (cauchy.open_uniform() - 0.5);
                libm::tan(turn)
            })
            .build(),
    ));
    set.push((
        "H16 ids, texts, addresses",
        Builder::new(300)
            .texts("id", Kind::Id, None, |row| format!("AX{:06}", row * 7_919 % 999_983))
            .texts("note", Kind::Text, None, |row| format!("patient {row} was seen on a rainy day"))
            .missing(|row| row % 6 == 1)
            .texts("mail", Kind::Text, Some("email"), |row| format!("person{row}@real-company.test"))
            .reals("n", normals("h16"))
            .build(),
    ));
    set
}

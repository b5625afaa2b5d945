//! The battery that every synthesizer in the list passes; tests are named `battery::<member>::<check>`.

mod conditions;
mod constraints;
mod deadlines;
mod resumed;
pub(crate) mod tables;

pub(crate) use conditions::{conditions_hold_in_every_row, conditions_keep_the_law};
pub(crate) use constraints::constraints_hold_in_every_row;
pub(crate) use deadlines::a_deadline_leaves_the_stop_or_a_model_that_says_so;
pub(crate) use resumed::{a_resumed_fit_is_like_one_that_was_never_stopped, goes_on};

use crate::{AnyModel, AnySynthesizer, Given, SYNTHESIZERS, Seeds, find, load_model};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use synthfleet_proto::about::Shape;
use synthfleet_proto::metadata::Kind;
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_proto::{ErrorKind, id};
use synthfleet_table::budget::Silent;
use synthfleet_table::{Budget, Table, Values};

/// One test for each check, for one member.
macro_rules! battery {
    ($member:expr; $($check:ident),* $(,)?) => {
        $(
            #[test]
            fn $check() {
                crate::conformance::$check($member);
            }
        )*
    };
}
pub(crate) use battery;

fn seeds() -> Seeds {
    Seeds::of_task(7, "syn-battery-r0").with_noise(NoiseKey::new([9; 32]))
}

fn member(name: &str) -> &'static dyn AnySynthesizer {
    find(name).expect("listed")
}

fn fitted(name: &str, table: &Table, budget: &Budget) -> Box<dyn AnyModel> {
    member(name).fit_any(table, &Value::Null, &seeds(), budget).expect("fits")
}

fn sampled(model: &dyn AnyModel, rows: std::ops::Range<u64>, threads: usize) -> Table {
    model.sample(rows, &Given::NOTHING, &Budget::quiet(threads)).expect("samples")
}

/// Every hostile table gives a valid sample, or is refused as unsupported with a reason.
pub(crate) fn hostile_tables(name: &str) {
    for (title, table) in tables::hostile() {
        let budget = Budget::quiet(2);
        let model = match member(name).fit_any(&table, &Value::Null, &seeds(), &budget) {
            Ok(model) => model,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{name} on {title}: {error}");
                assert!(!error.message().is_empty(), "{name} on {title} gives no reason");
                continue;
            }
        };
        let rows = table.rows().max(100) as u64;
        match model.sample(0..rows, &Given::NOTHING, &budget) {
            // a private member may not know what it would have to keep to
            Ok(sample) if member(name).about().private => no_foreign_labels(&format!("{name} on {title}"), &table, &sample),
            Ok(sample) => valid(&format!("{name} on {title}"), &table, &sample, member(name).about().real_rows),
            Err(error) => panic!("{name} on {title}: {error}"),
        }
    }
}

/// What can be asked of a sample whose ranges are noisy and whose labels may all be hidden: sorts of cells,
/// and no label that train does not have.
fn no_foreign_labels(what: &str, train: &Table, sample: &Table) {
    assert_eq!(train.width(), sample.width(), "{what}: other columns");
    for ((meta, real), (described, made)) in train.described().zip(sample.described()) {
        match (real.values(), made.values()) {
            (Values::Code(_), Values::Code(codes)) => {
                let shown = (0..made.len()).filter(|&row| !made.is_missing(row)).map(|row| &described.levels[codes[row] as usize]);
                assert!({ shown }.all(|label| meta.levels.contains(label)), "{what}, column {}: an unknown label", meta.name);
            }
            (real, made) => {
                assert_eq!(
                    std::mem::discriminant(real),
                    std::mem::discriminant(made),
                    "{what}, column {}: cells of another sort",
                    meta.name
                );
            }
        }
    }
}

/// What the benchmark `diagnostic` asks of a sample, column by column.
fn valid(what: &str, train: &Table, sample: &Table, real_rows: bool) {
    assert!(Arc::ptr_eq(train.metadata(), sample.metadata()) || train.metadata() == sample.metadata(), "{what}: another description");
    for ((meta, real), made) in train.described().zip(sample.columns()) {
        let what = format!("{what}, column {}", meta.name);
        assert!(made.missing_count() == 0 || real.missing_count() > 0, "{what}: missing cells where train has none");
        let present = |column: &synthfleet_table::Column| (0..column.len()).filter(|&row| !column.is_missing(row)).collect::<Vec<_>>();
        let (of_real, of_made) = (present(real), present(made));
        match (real.values(), made.values()) {
            (Values::Real(a), Values::Real(b)) => {
                let (low, high) = of_real.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &row| (l.min(a[row]), h.max(a[row])));
                assert!(of_made.iter().all(|&row| (low..=high).contains(&b[row])), "{what}: out of range");
            }
            (Values::Whole(a), Values::Whole(b)) => {
                let (low, high) = of_real.iter().fold((i64::MAX, i64::MIN), |(l, h), &row| (l.min(a[row]), h.max(a[row])));
                assert!(of_made.iter().all(|&row| (low..=high).contains(&b[row])), "{what}: out of range");
            }
            (Values::Code(a), Values::Code(b)) => {
                let known: BTreeSet<u32> = of_real.iter().map(|&row| a[row]).collect();
                assert!(of_made.iter().all(|&row| known.contains(&b[row])), "{what}: a label that train does not have");
            }
            (Values::Text(a), Values::Text(b)) if !real_rows => {
                let known: BTreeSet<&str> = of_real.iter().map(|&row| a.get(row)).filter(|text| text.len() >= 4).collect();
                let copied = of_made.iter().filter(|&&row| known.contains(b.get(row))).count();
                assert!(copied * 100 <= of_made.len(), "{what}: {copied} real texts");
                let distinct: BTreeSet<&str> = of_made.iter().map(|&row| b.get(row)).collect();
                assert!(meta.kind != Kind::Id || distinct.len() == of_made.len(), "{what}: an id twice");
            }
            (Values::Text(_), Values::Text(_)) => {}
            _ => panic!("{what}: cells of another sort"),
        }
    }
}

/// A longer sample starts with the shorter one; parts made apart join to the whole.
pub(crate) fn prefix_and_parts(name: &str) {
    let model = fitted(name, &tables::plain(600), &Budget::quiet(2));
    let long = sampled(&*model, 0..9_000, 2);
    assert!(sampled(&*model, 0..700, 2) == long.head(700), "{name}: the short sample is no prefix");
    let part = sampled(&*model, 4_000..4_200, 2);
    assert!(part == long.take(&(4_000..4_200).collect::<Vec<_>>()), "{name}: a part made apart differs");
    let none = sampled(&*model, 5..5, 1);
    assert_eq!((none.rows(), none.width()), (0, long.width()), "{name}: no rows");
}

/// 1, 2 and 7 threads give equal models and samples.
pub(crate) fn threads_change_nothing(name: &str) {
    let table = tables::plain(2_000);
    let made = |threads: usize| {
        let model = fitted(name, &table, &Budget::quiet(threads));
        (model.save().expect("saves"), sampled(&*model, 0..5_000, threads))
    };
    let (bytes, sample) = made(1);
    for threads in [2, 7] {
        let other = made(threads);
        assert!(other.0 == bytes, "{name}: the model differs on {threads} threads");
        assert!(other.1 == sample, "{name}: the sample differs on {threads} threads");
    }
}

/// A stored model gives the same cells and the same bytes again.
pub(crate) fn stored_models_give_the_same(name: &str) {
    for (title, table) in tables::hostile().into_iter().filter(|(title, _)| !title.starts_with("H8") && !title.starts_with("H11")) {
        let Ok(model) = member(name).fit_any(&table, &Value::Null, &seeds(), &Budget::quiet(2)) else { continue };
        let bytes = model.save().expect("saves");
        let loaded = load_model(&bytes).unwrap_or_else(|error| panic!("{name} on {title}: {error}"));
        let same = sampled(&*loaded, 0..300, 1).columns() == sampled(&*model, 0..300, 1).columns();
        assert!(same, "{name} on {title}: the loaded model samples otherwise");
        assert_eq!(loaded.findings(), model.findings(), "{name} on {title}");
        assert_eq!(loaded.about().name, name);
    }
}

/// A damaged file is refused; a forged one with a right checksum is refused or samples without panic.
pub(crate) fn damaged_models_are_refused(name: &str) {
    let bytes = fitted(name, &tables::plain(300), &Budget::quiet(2)).save().expect("saves");
    for place in (0..bytes.len()).step_by(bytes.len() / 200 + 1) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        let error = load_model(&changed).err().unwrap_or_else(|| panic!("{name}: byte {place} was changed unseen"));
        assert_eq!(error.code(), "model::damaged");
    }
    for forged in crate::container::forgeries(&bytes, 400) {
        if let Ok(model) = load_model(&forged) {
            drop(model.sample(0..100, &Given::NOTHING, &Budget::quiet(1)));
        }
    }
}

/// A model holds no real id, no real text and no hidden label, unless its samples are real rows anyway.
pub(crate) fn a05_no_training_row_in_a_model(name: &str) {
    if member(name).about().real_rows {
        return;
    }
    let table = tables::Builder::new(2_000)
        .labels("disease", &["none", "common", "very rare syndrome"], |row| if row == 77 { 2 } else { (row % 2) as u32 })
        .wholes("income", |row| if row == 3 { 987_654_321 } else { 1_000 + (row % 90) as i64 })
        .build();
    let model = fitted(name, &table, &Budget::quiet(1));
    let stored = crate::container::unpacked(&model.save().expect("saves"));
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"common"), "{name}: the test looks at the wrong bytes");
    assert!(!holds(b"very rare syndrome"), "{name}: a hidden label");
    assert!(!holds(&987_654_321i64.to_le_bytes()) && !holds(&987_654_321f64.to_le_bytes()), "{name}: an extreme");
}

/// Told to stop, a fit ends within 200 ms.
pub(crate) fn a_stop_ends_a_fit_soon(name: &str) {
    let table = tables::plain(60_000);
    let attempt = || {
        let stop = Arc::new(AtomicBool::new(false));
        let budget = Budget::new(2, 4 << 30, Arc::clone(&stop), Box::new(Silent), None);
        std::thread::scope(|scope| {
            let fit = scope.spawn(|| member(name).fit_any(&table, &Value::Null, &seeds(), &budget).map(|_| ()));
            std::thread::sleep(Duration::from_millis(40));
            stop.store(true, Ordering::Relaxed);
            let told = Instant::now();
            let ended = fit.join().expect("no panic");
            assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::Stopped), "{name}: another error");
            told.elapsed()
        })
    };
    let soonest = (0..4).map(|_| attempt()).min().expect("attempts");
    assert!(soonest <= Duration::from_millis(200), "{name}: {soonest:?}");
    let stopped = Budget::new(2, 4 << 30, Arc::new(AtomicBool::new(true)), Box::new(Silent), None);
    let model = fitted(name, &tables::plain(100), &Budget::quiet(1));
    assert_eq!(model.sample(0..100, &Given::NOTHING, &stopped).err().map(|error| error.kind()), Some(ErrorKind::Stopped), "{name}");
}

/// With a quarter of the memory that is planned for all rows, fewer rows are fitted, and the model says so.
pub(crate) fn little_memory_means_fewer_rows(name: &str) {
    let table = tables::plain(60_000);
    let shape = Shape::of(table.metadata());
    let natural = member(name).estimate_any(&shape, &Value::Null).expect("defaults").peak_bytes;
    let budget = Budget::new(2, natural / 4, Arc::default(), Box::new(Silent), None);
    let model = fitted(name, &table, &budget);
    assert!(model.findings().iter().any(|finding| finding.code == "subsampled"), "{name}: no finding");
    assert_eq!(sampled(&*model, 0..50, 1).rows(), 50);
    let tiny = Budget::new(1, 1_000, Arc::default(), Box::new(Silent), None);
    let error = member(name).fit_any(&table, &Value::Null, &seeds(), &tiny).err();
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Unsupported), "{name}: 1,000 bytes");
}

/// Defaults pass the check, the schema knows every default, an unknown option names its neighbours.
pub(crate) fn a10_defaults_are_legal(name: &str) {
    let member = member(name);
    assert!(member.check(&member.defaults()).is_empty() && member.check(&Value::Null).is_empty(), "{name}");
    let (schema, defaults) = (member.schema(), member.defaults());
    for field in defaults.as_object().expect("an object").keys() {
        let text = schema["properties"][field]["description"].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{name}: option {field} has no sentence");
    }
    assert_eq!(member.check(&serde_json::json!({"no_such_option": 1})).len(), 1, "{name}");
}

/// 64 rows of a fixed table have the pinned hash: seeded bytes change only with the version.
pub(crate) fn the_sample_is_pinned(name: &str) {
    let model = fitted(name, &tables::plain(1_000), &Budget::quiet(2));
    let sample = sampled(&*model, 0..64, 2);
    let found = digest(&sample);
    let pinned =
        include_str!("conformance/pinned.txt").lines().find_map(|line| line.strip_prefix(&format!("{name} {} ", model.about().version)));
    assert_eq!(
        pinned,
        Some(found.as_str()),
        "{name} {}: a changed sample is a new version and a new line in pinned.txt",
        model.about().version
    );
}

fn digest(table: &Table) -> String {
    let mut bytes = Vec::new();
    for column in table.columns() {
        for row in 0..column.len() {
            bytes.push(u8::from(column.is_missing(row)));
            match column.values() {
                Values::Real(cells) => bytes.extend(cells[row].to_le_bytes()),
                Values::Whole(cells) => bytes.extend(cells[row].to_le_bytes()),
                Values::Code(cells) => bytes.extend(cells[row].to_le_bytes()),
                Values::Text(cells) => bytes.extend(cells.get(row).as_bytes()),
            }
        }
    }
    id::hex(&Sha256::digest(&bytes)[..16])
}

/// Missing cells stay as frequent, and as tied to another column, as in train: cells of `c` are missing
/// where `a` is small. Members that model no dependence only keep the share.
pub(crate) fn missing_cells_follow_their_cause(name: &str) {
    let rows = 8_000usize;
    // at an epsilon of 1 a private member may rightly hold the pair's thousand cells for noise
    let options = if member(name).about().private { serde_json::json!({ "epsilon": 10.0 }) } else { Value::Null };
    for fall in [tables::Fall::Step, tables::Fall::Even] {
        let table = tables::missing_where_small(rows, fall);
        let model = member(name).fit_any(&table, &options, &seeds(), &Budget::quiet(2)).expect("fits");
        let sample = sampled(&*model, 0..rows as u64, 2);
        let share = |table: &Table| table.column(1).missing_count() as f64 / table.rows() as f64;
        let error = (share(&table) * (1.0 - share(&table)) / rows as f64).sqrt();
        assert!((share(&sample) - share(&table)).abs() <= 4.0 * error, "{name}: {} missing for {}", share(&sample), share(&table));
        if !member(name).about().baseline {
            let (real, made) = (tie(&table), tie(&sample));
            // noise and wide bins cost a private member up to a fifth
            let allowed = if member(name).about().private { 0.2 } else { 0.1 };
            assert!((made - real).abs() <= allowed * real, "{name}, {fall:?}: information {made} for {real}");
        }
    }
}

/// Each column of each kind lacks as large a share of cells as in train, within three standard errors of train's. Noise of
/// a private member at an epsilon of 10 may be one more of these. privbn is left out: what it clamps at 0 of the noise of
/// thousands of small cells is mass that goes to missing cells as to all others.
pub(crate) fn missing_cells_are_as_frequent_as_in_train(name: &str) {
    if name == "privbn" {
        return;
    }
    let (rows, private) = (8_000usize, member(name).about().private);
    let (options, shares, allowed) = match private {
        true => (serde_json::json!({ "epsilon": 10.0 }), [0.02, 0.3], 4.0),
        false => (Value::Null, [0.02, 0.3], 3.0),
    };
    for share in shares {
        let table = tables::missing_everywhere(rows, share);
        let model = member(name).fit_any(&table, &options, &seeds(), &Budget::quiet(2)).expect("fits");
        // more rows than train has, so that the chance of the draw is the smaller part
        let sample = sampled(&*model, 0..4 * rows as u64, 2);
        for (real, made) in table.columns().iter().zip(sample.columns()) {
            let [known, found] = [real, made].map(|column| column.missing_count() as f64 / column.len() as f64);
            let error = (known * (1.0 - known) / rows as f64).sqrt();
            assert!((found - known).abs() <= allowed * error, "{name}: {found} missing for {known}, {error} is one standard error");
        }
    }
}

/// Mutual information between the tenth of column 0 and whether column 1 is missing.
fn tie(table: &Table) -> f64 {
    let Values::Whole(cells) = table.column(0).values() else { return f64::NAN };
    let mut counts = [0u32; 20];
    for (row, cell) in cells.iter().enumerate() {
        counts[(cell / 10).clamp(0, 9) as usize * 2 + usize::from(table.column(1).is_missing(row))] += 1;
    }
    synthfleet_stats::information::Pair::of(&counts, 2).information()
}

#[test]
fn the_list_and_the_folder_name_the_same_members() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("own sources") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.contains("\nimpl Synthesizer for ") {
            found.insert(path.file_stem().expect("a name").to_string_lossy().into_owned());
        }
    }
    let listed: BTreeSet<String> = SYNTHESIZERS.iter().map(|member| member.about().name.to_owned()).collect();
    assert_eq!(found.difference(&listed).next(), None, "src/lib.rs lacks the lines of this file");
    assert_eq!(listed.difference(&found).next(), None, "src/lib.rs lists this member, but no file has its `impl Synthesizer for`");
    assert!(SYNTHESIZERS.is_sorted_by(|a, b| a.about().name < b.about().name), "the list is in the order of names");
}

#[test]
fn a11_names_and_aliases_are_unique() {
    let mut seen = BTreeSet::new();
    for member in SYNTHESIZERS {
        let about = member.about();
        assert!(id::check_name("synthesizer", about.name, 24).is_ok());
        for name in std::iter::once(&about.name).chain(about.aliases) {
            assert!(seen.insert(name.to_lowercase()), "{name} is used twice");
        }
    }
}

#[test]
fn a09_a_table_that_cannot_be_taken_is_unsupported_with_a_reason() {
    let empty = tables::plain(10).head(0);
    for member in SYNTHESIZERS {
        let name = member.about().name;
        let error =
            member.fit_any(&empty, &Value::Null, &seeds(), &Budget::quiet(1)).err().unwrap_or_else(|| panic!("{name} fits no rows"));
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
        assert!(!error.message().is_empty(), "{name} gives no reason");
    }
}

#[test]
fn a08_baselines_and_only_they_are_marked() {
    let baselines: Vec<&str> =
        SYNTHESIZERS.iter().map(|member| member.about()).filter(|about| about.baseline).map(|about| about.name).collect();
    assert_eq!(baselines, ["identity", "independent", "uniform"]);
}

#[test]
fn names_are_found_by_alias_and_neighbour() {
    assert_eq!(find("GaussianCopulaSynthesizer").expect("an alias").about().name, "gaussian_copula");
    let error = find("identty").err().expect("unknown");
    assert_eq!((error.code(), error.helps()[0].as_str()), ("synthesizer::unknown", "did you mean \"identity\"?"));
}

#[test]
fn what_comes_later_is_not_here_and_what_is_nearest_is() {
    for later in &synthfleet_proto::later::LATER {
        assert_eq!(find(later.name).err().expect("later").code(), "synthesizer::later", "{} is here: take it off the list", later.name);
        assert!(later.nearest.iter().all(|name| find(name).is_ok()), "{later:?}");
    }
}

#[test]
fn a_model_of_the_first_format_is_still_read() {
    let golden = include_bytes!("../tests/golden/independent_v1.sfm");
    let model = load_model(golden).expect("an old file");
    assert_eq!(digest(&sampled(&*model, 0..64, 1)), include_str!("../tests/golden/independent_v1.txt").trim());
}

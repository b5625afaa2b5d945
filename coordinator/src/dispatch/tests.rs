//! Tests of `dispatch.rs`.

use super::*;
use proptest::prelude::*;

fn ready(tenant: &str, job: &str, task: TaskId) -> Ready {
    let (tenant, job, pool) = (tenant.to_owned(), job.to_owned(), "p".to_owned());
    Ready { tenant, job, task, pool, class: Class::Batch, weight: 50, submitted_at: 0, place: 0, cost: CostClass::Light, seconds: 1.0 }
}

fn names(chosen: &[Ready]) -> Vec<&str> {
    chosen.iter().map(|ready| ready.task.as_str()).collect()
}

fn windows(tenant: usize, job: usize, pool: usize) -> Windows {
    Windows { tenant, job, pools: ["p", "q"].map(|name| (name.to_owned(), pool)).into() }
}

fn wide() -> Windows {
    windows(99, 99, 99)
}

#[test]
fn what_others_wait_for_goes_first() {
    let tasks = [TaskId::benchmark("a", 0, "x"), TaskId::benchmark(PREPARE, 0, "x"), TaskId::synthesize("a", 0)];
    let mut all: Vec<_> = tasks.map(|task| ready("t", "j", task)).into();
    all.push(Ready { cost: CostClass::Medium, ..ready("t", "j", TaskId::synthesize("z", 0)) });
    let chosen = choose(&wide(), &mut Flow::default(), all, &BTreeMap::new());
    assert_eq!(names(&chosen), ["syn-z-r0", "syn-a-r0", "ben-ref_prepare-r0-x", "ben-a-r0-x"]);
}

#[test]
fn a_row_is_completed_before_the_next_one_begins() {
    let of = |candidate: &str, benchmark: &str, place| Ready { place, ..ready("t", "j", TaskId::benchmark(candidate, 0, benchmark)) };
    let dear = Ready { cost: CostClass::Heavy, ..of("a", "y", 2) };
    let chosen = choose(&wide(), &mut Flow::default(), vec![dear, of("b", "x", 1), of("b", "z", 1), of("a", "x", 2)], &BTreeMap::new());
    assert_eq!(names(&chosen), ["ben-b-r0-x", "ben-b-r0-z", "ben-a-r0-y", "ben-a-r0-x"]);
}

#[test]
fn interactive_goes_before_weight_and_weight_before_age() {
    let a = Ready { submitted_at: -5, ..ready("t", "a", TaskId::profile()) };
    let b = Ready { weight: 60, ..ready("t", "b", TaskId::profile()) };
    let c = Ready { class: Class::Interactive, weight: 1, ..ready("t", "c", TaskId::profile()) };
    let chosen = choose(&wide(), &mut Flow::default(), vec![a, b, c], &BTreeMap::new());
    assert_eq!(chosen.iter().map(|ready| ready.job.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
}

#[test]
fn windows_hold_back_and_open_again() {
    let all = || (0..10).map(|i| ready("t", "j", TaskId::synthesize("a", i))).collect::<Vec<_>>();
    let windows = windows(99, 3, 99);
    let mut flow = Flow::default();
    assert_eq!(choose(&windows, &mut flow, all(), &BTreeMap::new()).len(), 3);
    assert!(choose(&windows, &mut flow, all(), &BTreeMap::new()).is_empty());
    flow.end("t", "j", &TaskId::synthesize("a", 0));
    let rest = all().into_iter().skip(1).collect();
    assert_eq!(names(&choose(&windows, &mut flow, rest, &BTreeMap::new())), ["syn-a-r3"]);
}

#[test]
fn a_full_pool_or_job_keeps_nobody_else_waiting() {
    let of = |job: &str, pool: &str| {
        (0..4).map(move |i| Ready { pool: pool.into(), ..ready("t", job, TaskId::synthesize("a", i)) }).collect::<Vec<_>>()
    };
    let all = [of("a", "p"), of("b", "q")].concat();
    let chosen = choose(
        &Windows { pools: [("p".to_owned(), 1), ("q".to_owned(), 9)].into(), ..wide() },
        &mut Flow::default(),
        all,
        &BTreeMap::new(),
    );
    assert_eq!(chosen.iter().filter(|ready| ready.pool == "q").count(), 4, "{:?}", names(&chosen));
    let chosen = choose(&windows(99, 2, 99), &mut Flow::default(), [of("a", "p"), of("b", "p")].concat(), &BTreeMap::new());
    assert_eq!(chosen.iter().filter(|ready| ready.job == "b").count(), 2);
}

#[test]
fn a_pool_that_nobody_knows_gets_nothing() {
    let lost = Ready { pool: "gone".into(), ..ready("t", "j", TaskId::profile()) };
    assert!(choose(&wide(), &mut Flow::default(), vec![lost], &BTreeMap::new()).is_empty());
}

#[test]
fn a_small_tenant_is_not_behind_a_large_one() {
    let mut all: Vec<_> = (0..1_000).map(|i| ready("large", "a", TaskId::synthesize("a", i))).collect();
    all.extend((0..5).map(|i| ready("small", "b", TaskId::synthesize("a", i))));
    let chosen = choose(&windows(99, 99, 20), &mut Flow::default(), all, &BTreeMap::new());
    assert_eq!(chosen.iter().filter(|ready| ready.tenant == "small").count(), 5);
}

/// What the service gathers of all that is ready: each tenant's first, no more than there is room for.
fn gathered(windows: &Windows, flow: &Flow, all: &[Ready]) -> Vec<Ready> {
    let mut gathered = Vec::new();
    for tenant in ["s", "t"] {
        let mut of_tenant: Vec<&Ready> = all.iter().filter(|ready| ready.tenant == tenant).collect();
        of_tenant.sort_by(|a, b| a.order().cmp(&b.order()));
        let (mut room, mut taken) = (Room::of(windows, flow), BTreeMap::<&str, BTreeMap<String, usize>>::new());
        for ready in of_tenant {
            if room.take(&ready.pool, taken.entry(&ready.job).or_default(), flow.of_job(&ready.job)) {
                gathered.push(ready.clone());
            }
        }
    }
    gathered
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_one_pool_what_is_chosen_of_the_gathered_is_what_is_chosen_of_all(
        seen in proptest::collection::vec((0usize..2, 0usize..3, 0usize..1, 0u32..8), 0..60),
        job in 1usize..5, pool in 1usize..9, flying in 0usize..4,
    ) {
        let windows = windows(99, job, pool);
        let mut all = BTreeMap::new();
        for (tenant, job, to, repeat) in seen {
            let (tenant, task) = (["s", "t"][tenant], TaskId::synthesize("a", repeat));
            let job = format!("{tenant}{job}");
            let one = Ready { pool: ["p", "q"][to].to_owned(), ..ready(tenant, &job, task.clone()) };
            all.insert((job, task), one);
        }
        let all: Vec<Ready> = all.into_values().collect();
        let mut flow = Flow::default();
        for ready in all.iter().take(flying) {
            flow.begin(&ready.tenant, &ready.job, &ready.task, &ready.pool);
        }
        let waiting: Vec<Ready> = all.iter().filter(|ready| !flow.contains(&ready.job, &ready.task)).cloned().collect();
        let some = gathered(&windows, &flow, &waiting);
        let (mut one, mut other) = (flow.clone(), flow);
        let chosen = choose(&windows, &mut one, some, &BTreeMap::new());
        let of_all = choose(&windows, &mut other, waiting, &BTreeMap::new());
        prop_assert_eq!(names(&chosen), names(&of_all));
    }

    #[test]
    fn nobody_starves_and_shares_hold(share in 1u32..5, slots in 1usize..6) {
        let shares = BTreeMap::from([("a".to_owned(), f64::from(share))]);
        let windows = windows(99, 999, slots);
        let (mut flow, mut served) = (Flow::default(), BTreeMap::<String, u32>::new());
        let mut left: Vec<Ready> = ["a", "b"].iter().flat_map(|t| (0..400).map(|i| ready(t, t, TaskId::synthesize("a", i)))).collect();
        for _ in 0..200 {
            let chosen = choose(&windows, &mut flow, left.clone(), &shares);
            for done in chosen {
                flow.end(&done.tenant, &done.job, &done.task);
                left.retain(|other| other.tenant != done.tenant || other.task != done.task);
                *served.entry(done.tenant).or_default() += 1;
            }
            if left.iter().filter(|ready| ready.tenant == "a").count() < 10 {
                break;
            }
        }
        prop_assert!(served.values().all(|count| *count > 0), "{served:?}");
    }
}

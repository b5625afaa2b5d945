//! A fleet whose processes are killed, stopped and cut off at random: no job is lost, none is published twice, and the
//! bytes are those of an undisturbed laptop.
//!
//! Faults are drawn from a seed, so that a failure prints the command that draws the same again.

mod support;

use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::fleet::{Ground, Role, USER, until};
use support::{Desk, Dice, plain};
use synthfleet_harness::{Node, Proxy, http};

const JOBS: usize = 20;
const WORKER_KILLS: usize = 60;
const COORDINATOR_KILLS: usize = 30;
const BROKER_KILLS: usize = 5;
const PROXY_RESETS: usize = 15;
/// Longer than a lease is believed: 3 x 15 s and 5 s.
const STOPPED: Duration = Duration::from_secs(55);
/// Every job has ended so long after the last fault.
const RECOVERY: Duration = Duration::from_secs(120);

/// The job with a number: small, of fresh work, with attempts to spare for a fleet that is killed all the time.
fn job(number: usize) -> Value {
    json!({
        "source": format!("s3://{USER}/in/t.csv"), "synthesizers": ["seqtree"], "benchmarks": ["diagnostic", "accuracy", "distances"],
        "repeats": 1, "seed": number as u64 % 4, "cache": false, "output": format!("s3://{USER}/out/{number}/"), "budget": { "attempts": 20 },
    })
}

/// What an undisturbed laptop makes of the job with a seed.
fn at_home(table: &str, seed: usize) -> BTreeMap<String, String> {
    let desk = Desk::new();
    desk.file("t.csv", table);
    let mut wish = job(seed);
    wish["source"] = json!("t.csv");
    wish.as_object_mut().expect("an object").retain(|field, _| field != "output");
    desk.file("job.json", wish.to_string());
    desk.run(&["run", "--job", "job.json", "-o", "out"]).must_be_done();
    desk.identity_set("out")
}

/// The processes of the fleet under fire.
struct Fleet<'a> {
    ground: &'a Ground,
    takes: Vec<&'static str>,
    coordinators: Vec<Role>,
    workers: Vec<Role>,
}

impl<'a> Fleet<'a> {
    fn start(ground: &'a Ground) -> Self {
        let takes = vec!["*", "*", "synthesize:*,profile", "benchmark:*,generate"];
        let coordinators = (0..2).map(|_| ground.coordinator()).collect();
        let workers = takes.iter().map(|take| ground.worker(take, 1)).collect();
        Self { ground, takes, coordinators, workers }
    }

    fn kill_worker(&mut self, dice: &mut Dice) {
        let at = dice.below(self.workers.len() as u64) as usize;
        self.workers[at].kill();
        self.workers[at] = self.ground.worker(self.takes[at], 1);
    }

    fn kill_coordinator(&mut self, dice: &mut Dice) {
        let at = dice.below(self.coordinators.len() as u64) as usize;
        self.coordinators[at].kill();
        self.coordinators[at] = self.ground.role(&["coordinator"]);
    }

    /// Submits under a key of its own until some coordinator takes it: whoever lost the answer asks again.
    fn submit(&self, number: usize) -> String {
        let (job, key) = (job(number).to_string(), format!("job-{number}"));
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        until(Duration::from_secs(60), "a coordinator that takes a job", || {
            self.coordinators.iter().find_map(|coordinator| {
                let port = coordinator.port_now("api")?;
                let answer = http::ask(port, "POST", "/v1/jobs", &headers, job.as_bytes()).ok()?;
                let told: Value = serde_json::from_slice(&answer.body).ok()?;
                (answer.status == 202).then(|| told["id"].as_str().map(str::to_owned)).flatten()
            })
        })
    }
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Worker,
    Coordinator,
    Broker,
    Stop,
    Reset,
}

/// All faults, in the order of the dice.
fn schedule(dice: &mut Dice) -> Vec<Fault> {
    let mut faults = Vec::new();
    let counts = [
        (Fault::Worker, WORKER_KILLS),
        (Fault::Coordinator, COORDINATOR_KILLS),
        (Fault::Broker, BROKER_KILLS),
        (Fault::Stop, 2),
        (Fault::Reset, PROXY_RESETS),
    ];
    for (fault, count) in counts {
        faults.extend(std::iter::repeat_n(fault, count));
    }
    for i in (1..faults.len()).rev() {
        faults.swap(i, dice.below(i as u64 + 1) as usize);
    }
    faults
}

#[expect(clippy::disallowed_methods, reason = "a failure is replayed by a variable")]
fn seed() -> u64 {
    std::env::var("SYNTHFLEET_CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_whoever_is_killed() {
    let seed = seed();
    println!("replay: SYNTHFLEET_CHAOS_SEED={seed} cargo nextest run --release -p synthfleet --test chaos --profile merge");
    let mut dice = Dice(seed);
    let table = plain(400, 5);
    let home: Vec<_> = (0..4).map(|seed| at_home(&table, seed)).collect();
    let node = Node::private(&[]).expect("a RabbitMQ node: cargo xtask test --setup installs it");
    let proxy = Proxy::to(node.port()).await.expect("a proxy");
    let mut ground = Ground::on(node);
    ground.s3.put(USER, "in/t.csv", table);
    ground.broker_port = proxy.port();
    let mut fleet = Fleet::start(&ground);
    fleet.coordinators[0].sees(fleet.workers.len());

    let faults = schedule(&mut dice);
    let (mut jobs, mut stopped, started) = (Vec::new(), Vec::<(usize, Instant)>::new(), Instant::now());
    for (at, fault) in faults.iter().enumerate() {
        if at * JOBS / faults.len() >= jobs.len() {
            jobs.push(fleet.submit(jobs.len()));
        }
        stopped.retain(|(worker, since)| {
            let is_over = since.elapsed() >= STOPPED;
            if is_over {
                fleet.workers[*worker].signal(Signal::CONT);
            }
            !is_over
        });
        match fault {
            Fault::Worker => fleet.kill_worker(&mut dice),
            Fault::Coordinator => fleet.kill_coordinator(&mut dice),
            Fault::Broker => {
                ground.node.kill().expect("killed");
                ground.node.start().expect("started again");
            }
            Fault::Stop => {
                let worker = dice.below(fleet.workers.len() as u64) as usize;
                fleet.workers[worker].signal(Signal::STOP);
                stopped.push((worker, Instant::now()));
            }
            Fault::Reset => proxy.reset(),
        }
        std::thread::sleep(Duration::from_millis(400 + dice.below(2_800)));
    }
    while jobs.len() < JOBS {
        jobs.push(fleet.submit(jobs.len()));
    }
    for (worker, since) in stopped {
        std::thread::sleep(STOPPED.saturating_sub(since.elapsed()));
        fleet.workers[worker].signal(Signal::CONT);
    }
    println!("{} faults in {:.0} s", faults.len(), started.elapsed().as_secs_f64());

    let calm = Instant::now();
    let last = |job: &String| ground.facts(&format!("/j/{job}/f/final")).pop();
    let open = || jobs.iter().filter(|job| last(job).is_none()).count();
    while open() > 0 && calm.elapsed() < RECOVERY {
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("all ended {:.0} s after the last fault", calm.elapsed().as_secs_f64());
    assert_eq!(open(), 0, "jobs that have not ended {RECOVERY:?} after the last fault");

    // lost or doubled: each job has its end, its place, and nothing else
    for (number, job) in jobs.iter().enumerate() {
        let end = ground.fact(&last(job).expect("seen above"));
        assert_eq!(end["state"], "done", "{end}");
        assert_eq!(ground.published(&format!("out/{number}/")), home[number % 4], "job {number}");
    }
    assert_eq!(ground.user_keys("manifest.json").len(), JOBS, "published twice");
    // a kill costs at most one attempt more
    let claims = ground.facts(".claim").len();
    let tasks = ground.facts("/f/o/").len();
    let extra = claims.saturating_sub(tasks);
    println!("{tasks} tasks, {extra} attempts more than one a task");
    assert!(extra <= WORKER_KILLS + 2, "{extra} attempts more for {WORKER_KILLS} kills and 2 stops");
}

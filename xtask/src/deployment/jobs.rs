//! Pools of long tasks: the settings of their ScaledJobs, and what would become of recorded tasks under them. KEDA starts
//! Jobs and ends none; a Job ends by itself, so that nobody takes it away from its task.

use super::pods::{list, name_of};
use super::scaling::{self, POLL_SECONDS_MAX};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Tasks of a real job: when each came and how long it took, seconds. The head says how it was made.
const RECORDED: &str = include_str!("../../deployment/long_tasks.csv");
/// The recorded job is submitted again after so many seconds each: while the first one works, after a lull, at once.
const AGAIN_SECONDS: [u64; 4] = [0, 40, 1_500, 1_505];
/// From a Job's creation to its first look for a task, seconds: the node is there, the image is not.
const START_SECONDS: u64 = 20;

/// Every broken rule of every ScaledJob.
pub fn problems(documents: &[Value]) -> Vec<String> {
    let mut broken = Vec::new();
    for object in documents.iter().filter(|d| d["kind"] == "ScaledJob") {
        let name = name_of(object);
        broken.extend(of_object(object).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    broken
}

fn of_object(object: &Value) -> Vec<String> {
    let (spec, job) = (&object["spec"], &object["spec"]["jobTargetRef"]);
    let disruption = json!([{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]);
    let triggers = list(&spec["triggers"]).count();
    let rules = [
        (spec["rollout"]["strategy"] == "gradual", "rollout is not gradual: a change kills running Jobs"),
        (spec["scalingStrategy"]["strategy"] == "default", "its strategy is not default, which fits counts of what is worked on"),
        (
            spec["scalingStrategy"]["pendingPodConditions"] == json!(["Ready", "PodScheduled"]),
            "pendingPodConditions are not Ready, PodScheduled",
        ),
        (triggers < 2 || spec["scalingStrategy"]["multipleScalersCalculation"] == "sum", "its queues are not added"),
        (job["backoffLimit"] == 0, "backoffLimit is not 0"),
        (job["podFailurePolicy"]["rules"] == disruption, "a node that goes away is a failure of its Job"),
        (job["ttlSecondsAfterFinished"] == 600, "ttlSecondsAfterFinished is not 600"),
        (job["activeDeadlineSeconds"].is_null(), "a deadline takes a Job away from its task"),
        (job["template"]["spec"]["activeDeadlineSeconds"].is_null(), "a deadline takes a pod away from its task"),
        (job["template"]["spec"]["restartPolicy"] == "Never", "restartPolicy is not Never"),
        (
            scaling::variable(&job["template"], "SYNTHFLEET_WORKER_SCALE_TO_ZERO") == Some("true") || spec["minReplicaCount"] != 0,
            "no task is sent to a pool without workers that does not say SYNTHFLEET_WORKER_SCALE_TO_ZERO",
        ),
    ];
    let mut broken: Vec<String> = rules.iter().filter(|(holds, _)| !holds).map(|(_, problem)| (*problem).to_owned()).collect();
    broken.extend(scaling::counts(spec, &job["template"]));
    match Pool::of(spec) {
        Err(problem) => broken.push(problem),
        Ok(pool) => broken.extend(pool.trial(&recorded())),
    }
    broken
}

/// A task: when it comes, and how long it takes, seconds.
type Task = (u64, u64);

/// The recorded job, submitted again and again, in order of arrival.
fn recorded() -> Vec<Task> {
    let lines = RECORDED.lines().filter(|line| !line.starts_with(['#', 'a']));
    let tasks: Vec<Task> =
        lines.filter_map(|line| line.split_once(',')).filter_map(|(at, long)| Some((at.parse().ok()?, long.parse().ok()?))).collect();
    let mut all: Vec<Task> = AGAIN_SECONDS.iter().flat_map(|later| tasks.iter().map(move |(at, long)| (at + later, *long))).collect();
    all.sort_unstable();
    all
}

/// What decides the number of Jobs and how long each lives.
#[derive(Debug, Clone, Copy)]
struct Pool {
    most: u64,
    slots: u64,
    poll_seconds: u64,
    idle_seconds: u64,
    tasks_max: u64,
    deadline_seconds: Option<u64>,
}

/// A Job that is there.
struct Job {
    created: u64,
    idle_since: u64,
    /// When its tasks end, and how long they take.
    tasks: Vec<Task>,
    done: u64,
}

/// What a look of the scaler finds and leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// Tasks that wait or are worked on.
    messages: u64,
    /// Jobs afterwards.
    jobs: u64,
}

/// What became of some tasks.
#[derive(Debug, Default)]
struct Course {
    looks: Vec<Look>,
    /// Tasks that lost their Job.
    cut: usize,
    done: usize,
    /// Jobs that are there long after the last task.
    left: usize,
}

impl Pool {
    fn of(spec: &Value) -> Result<Self, String> {
        let job = &spec["jobTargetRef"];
        let arguments: Vec<&str> = list(&job["template"]["spec"]["containers"][0]["args"]).filter_map(Value::as_str).collect();
        let flag = |name: &str| {
            let place = arguments.iter().position(|argument| *argument == name);
            let value = place.and_then(|place| arguments.get(place + 1)?.parse().ok());
            value.filter(|value| *value > 0).ok_or_else(|| format!("its worker does not end by itself: no {name}"))
        };
        let slots = scaling::variable(&job["template"], "SYNTHFLEET_WORKER_SLOTS").and_then(|text| text.parse().ok());
        let poll_seconds = spec["pollingInterval"].as_u64().unwrap_or(30);
        if poll_seconds == 0 || poll_seconds > POLL_SECONDS_MAX {
            return Err(format!("looks every {poll_seconds} s only"));
        }
        Ok(Self {
            most: spec["maxReplicaCount"].as_u64().unwrap_or(100),
            slots: slots.unwrap_or(1).max(1),
            poll_seconds,
            idle_seconds: flag("--exit-when-idle")?,
            tasks_max: flag("--max-tasks")?,
            deadline_seconds: job["activeDeadlineSeconds"].as_u64(),
        })
    }

    /// Jobs that are wished for so many messages: `min(most, ceil(messages / slots))`.
    fn wish(&self, messages: u64) -> u64 {
        messages.div_ceil(self.slots).min(self.most)
    }

    /// Second by second: tasks come, Jobs take them and end; at each look KEDA adds the wish less the Jobs there are.
    fn course(&self, tasks: &[Task]) -> Course {
        let mut coming: VecDeque<Task> = tasks.iter().copied().collect();
        let (mut waiting, mut jobs, mut course) = (VecDeque::new(), Vec::<Job>::new(), Course::default());
        let end = tasks.iter().map(|(at, long)| at + long).sum::<u64>() + self.idle_seconds + 10 * (self.poll_seconds + START_SECONDS);
        for now in 0..end {
            while coming.front().is_some_and(|(at, _)| *at <= now) {
                waiting.extend(coming.pop_front().map(|(_, long)| long));
            }
            for job in &mut jobs {
                let before = job.tasks.len();
                job.tasks.retain(|(until, _)| *until > now);
                let ended = before - job.tasks.len();
                (job.done, course.done) = (job.done + ended as u64, course.done + ended);
                if ended > 0 {
                    job.idle_since = now;
                }
            }
            jobs.retain(|job| {
                let cut = self.deadline_seconds.is_some_and(|deadline| now - job.created >= deadline);
                if cut {
                    course.cut += job.tasks.len();
                    waiting.extend(job.tasks.iter().map(|(_, long)| *long));
                }
                !cut && !self.is_over(job, now)
            });
            for job in jobs.iter_mut().filter(|job| now >= job.created + START_SECONDS) {
                while (job.tasks.len() as u64) < self.slots && job.done + (job.tasks.len() as u64) < self.tasks_max {
                    let Some(long) = waiting.pop_front() else { break };
                    job.tasks.push((now + long, long));
                }
            }
            if now % self.poll_seconds == 0 {
                let messages = (waiting.len() + jobs.iter().map(|job| job.tasks.len()).sum::<usize>()) as u64;
                for _ in jobs.len() as u64..self.wish(messages) {
                    jobs.push(Job { created: now, idle_since: now + START_SECONDS, tasks: Vec::new(), done: 0 });
                }
                course.looks.push(Look { messages, jobs: jobs.len() as u64 });
            }
            if coming.is_empty() && waiting.is_empty() && jobs.is_empty() {
                break;
            }
        }
        course.left = jobs.len();
        course
    }

    /// A worker ends when its tasks are used up, or after a time without any; never with one.
    fn is_over(&self, job: &Job, now: u64) -> bool {
        job.tasks.is_empty() && (job.done >= self.tasks_max || now.saturating_sub(job.idle_since) >= self.idle_seconds)
    }

    /// Enough Jobs two looks after tasks came, never more than allowed, none taken away from its task, none left.
    fn trial(&self, tasks: &[Task]) -> Vec<String> {
        let course = self.course(tasks);
        let mut broken = Vec::new();
        if let Some(late) = course.looks.windows(2).find(|pair| pair[1].jobs < self.wish(pair[0].messages.min(pair[1].messages))) {
            broken.push(format!("{} Jobs for {} tasks two looks after they came", late[1].jobs, late[1].messages));
        }
        if course.looks.iter().any(|look| look.jobs > self.most) {
            broken.push("more Jobs than allowed".to_owned());
        }
        if course.cut > 0 {
            broken.push(format!("{} tasks lost their Job", course.cut));
        }
        if course.done != tasks.len() {
            broken.push(format!("{} of {} tasks were done", course.done, tasks.len()));
        }
        if course.left > 0 {
            broken.push(format!("{} Jobs are left long after the last task", course.left));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: Pool = Pool { most: 3, slots: 1, poll_seconds: 15, idle_seconds: 60, tasks_max: 8, deadline_seconds: None };

    fn jobs(pool: Pool, tasks: &[Task]) -> Vec<u64> {
        pool.course(tasks).looks.iter().map(|look| look.jobs).collect()
    }

    #[test]
    fn jobs_come_at_the_next_look_and_go_a_minute_after_their_last_task() {
        // seen at 15 s, at work from 35 s; three end at 135 s, two of them take the rest until 235 s
        assert_eq!(jobs(POOL, &[(1, 100); 5]), [vec![0], vec![3; 12], vec![2; 7]].concat());
        assert_eq!(POOL.course(&[(1, 100); 5]).left, 0);
    }

    #[test]
    fn a_job_whose_tasks_are_used_up_makes_room_for_another() {
        let one = Pool { most: 1, tasks_max: 1, ..POOL };
        let course = one.course(&[(0, 30); 2]);
        // 0 s: created; 20 to 50 s: its task; 60 s: the next Job
        assert_eq!(
            course.looks.iter().map(|look| (look.messages, look.jobs)).collect::<Vec<_>>(),
            [(2, 1), (2, 1), (2, 1), (2, 1), (1, 1), (1, 1), (1, 1), (1, 1)]
        );
        assert_eq!(course.done, 2);
    }

    #[test]
    fn recorded_tasks_keep_their_jobs_unless_there_is_a_deadline() {
        let tasks = recorded();
        assert!(tasks.len() >= 4 * 6 && tasks.iter().any(|(_, long)| *long >= 10), "{tasks:?}");
        assert_eq!(POOL.trial(&tasks), [""; 0]);
        let hasty = Pool { deadline_seconds: Some(30), ..POOL };
        assert!(hasty.trial(&tasks).iter().any(|problem| problem.contains("lost their Job")));
    }

    #[test]
    fn slots_share_a_job() {
        let wide = Pool { slots: 2, ..POOL };
        assert_eq!(wide.course(&[(0, 50); 4]).looks[0], Look { messages: 4, jobs: 2 });
    }
}

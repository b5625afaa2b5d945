//! Scaled pools: an object fits the pool that it scales, and what the scaler would do with it stays within bounds.

use super::pods::{list, name_of, templates};
use serde_json::Value;

/// Longest time between two looks of a scaler.
pub const POLL_SECONDS_MAX: u64 = 30;
/// A lull that pods must outlast: between two jobs of one user.
const LULL_SECONDS: u64 = 280;

/// Every broken rule of every scaled pool.
pub fn problems(documents: &[Value]) -> Vec<String> {
    let mut broken = Vec::new();
    for object in documents.iter().filter(|d| d["kind"] == "ScaledObject") {
        let name = name_of(object);
        broken.extend(of_object(object, documents).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    broken
}

fn of_object(object: &Value, documents: &[Value]) -> Vec<String> {
    let spec = &object["spec"];
    let target = spec["scaleTargetRef"]["name"].as_str().unwrap_or_default();
    let deployments = templates(documents);
    let Some((_, template)) = deployments.iter().find(|(owner, _)| *owner == format!("Deployment/{target}")) else {
        return vec![format!("there is no Deployment/{target} to scale")];
    };
    let mut broken = counts(spec, template);
    let scaler = Scaler::of(spec);
    if scaler.poll_seconds > POLL_SECONDS_MAX || scaler.poll_seconds == 0 {
        broken.push(format!("looks every {} s only", scaler.poll_seconds));
    }
    broken.extend(scaler.trial());
    broken
}

/// The value of a variable of a pod.
pub fn variable<'a>(template: &'a Value, name: &str) -> Option<&'a str> {
    let mut variables = list(&template["spec"]["containers"]).flat_map(|container| list(&container["env"]));
    variables.find(|entry| entry["name"] == name).and_then(|entry| entry["value"].as_str())
}

/// Whether triggers count the queues of the pool whose pods are scaled, by the slots of one of them.
pub fn counts(spec: &Value, template: &Value) -> Vec<String> {
    let slots = variable(template, "SYNTHFLEET_WORKER_SLOTS").unwrap_or_default();
    let pool = variable(template, "SYNTHFLEET_WORKER_POOL").unwrap_or_default();
    let mut broken = Vec::new();
    for trigger in list(&spec["triggers"]) {
        let facts = &trigger["metadata"];
        let wanted = facts["value"].as_str().or(facts["queueLength"].as_str()).unwrap_or_default();
        if wanted != slots {
            broken.push(format!("scales by {wanted} messages a pod, which has {slots} slots"));
        }
        let queue = facts["queueName"].as_str().or(facts["queueURL"].as_str()).unwrap_or_default();
        if pool.is_empty() || !(queue.contains(&format!(".{pool}\\.")) || queue.contains(&format!("-{pool}-"))) {
            broken.push(format!("counts {queue}, which is not of the pool {pool:?}"));
        }
    }
    broken
}

/// What decides the number of pods.
#[derive(Debug, Clone, Copy)]
struct Scaler {
    least: u64,
    most: u64,
    messages_per_pod: u64,
    poll_seconds: u64,
    window_seconds: u64,
    /// Pods that may go in so many seconds.
    down: (u64, u64),
}

impl Scaler {
    fn of(spec: &Value) -> Self {
        let down = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"];
        let facts = &spec["triggers"][0]["metadata"];
        let messages = facts["value"].as_str().or(facts["queueLength"].as_str()).and_then(|text| text.parse().ok());
        let number = |value: &Value, absent: u64| value.as_u64().unwrap_or(absent);
        Self {
            least: number(&spec["minReplicaCount"], 0),
            most: number(&spec["maxReplicaCount"], 100),
            messages_per_pod: messages.unwrap_or(1).max(1),
            poll_seconds: number(&spec["pollingInterval"], 30),
            window_seconds: number(&down["stabilizationWindowSeconds"], 300),
            down: (number(&down["policies"][0]["value"], u64::MAX), number(&down["policies"][0]["periodSeconds"], 15).max(1)),
        }
    }

    /// Pods at each look, from messages (waiting and worked on) at each look: `ceil(messages / messages per pod)`
    /// within the bounds; upward at once, downward by the highest wish of the window and no faster than allowed.
    fn pods(&self, messages: &[u64]) -> Vec<u64> {
        let looks = |seconds: u64| seconds.div_ceil(self.poll_seconds.max(1)) as usize;
        let wish = |count: &u64| count.div_ceil(self.messages_per_pod).clamp(self.least.min(self.most), self.most);
        let wishes: Vec<u64> = messages.iter().map(wish).collect();
        let mut pods: Vec<u64> = Vec::with_capacity(wishes.len());
        for (now, wish) in wishes.iter().enumerate() {
            let last = pods.last().copied().unwrap_or(self.least);
            let highest = wishes[now.saturating_sub(looks(self.window_seconds))..=now].iter().max().copied().unwrap_or(*wish);
            let before = now.checked_sub(looks(self.down.1)).and_then(|then| pods.get(then)).copied().unwrap_or(self.least).max(last);
            let floor = before.saturating_sub(self.down.0);
            pods.push(if *wish >= last { *wish } else { highest.max(floor).min(last) });
        }
        pods
    }

    /// A burst, a lull and an end: enough pods two looks after the burst, never more than allowed, and no fewer while
    /// the lull lasts.
    fn trial(&self) -> Vec<String> {
        let full = self.most * self.messages_per_pod;
        let looks = |seconds: u64| (seconds / self.poll_seconds.max(1)) as usize;
        let lull = looks(LULL_SECONDS);
        let end = looks(self.window_seconds + self.most * self.down.1) + 4;
        let series: Vec<u64> = [vec![0; 4], vec![2 * full; 4], vec![0; lull], vec![full; 4], vec![0; end]].concat();
        let pods = self.pods(&series);
        let mut broken = Vec::new();
        if pods[5] < self.most {
            broken.push(format!("{} of {} pods two looks after a burst", pods[5], self.most));
        }
        if pods.iter().any(|count| *count > self.most) {
            broken.push("more pods than allowed".to_owned());
        }
        if pods[5..8 + lull].iter().any(|count| *count < self.most) {
            broken.push("pods go in a short lull: their tasks begin anew".to_owned());
        }
        if pods.last() != Some(&self.least) {
            broken.push(format!("{:?} pods long after the last message, {} wished", pods.last(), self.least));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALER: Scaler = Scaler { least: 1, most: 3, messages_per_pod: 2, poll_seconds: 15, window_seconds: 30, down: (1, 15) };

    #[test]
    fn pods_follow_messages_up_at_once_and_down_one_by_one_after_the_window() {
        assert_eq!(SCALER.pods(&[0, 5, 9, 9, 0, 0, 0, 0, 0]), [1, 3, 3, 3, 3, 3, 2, 1, 1]);
    }

    #[test]
    fn a_sound_scaler_passes_its_trial_and_a_hasty_one_does_not() {
        let patient = Scaler { window_seconds: 300, ..SCALER };
        assert_eq!(patient.trial(), [""; 0]);
        assert_eq!(SCALER.trial(), ["pods go in a short lull: their tasks begin anew"]);
    }
}

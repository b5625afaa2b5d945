//! What a running task tells, sent on at most so often.

use super::{Attempt, Ran, event};
use crate::context::Context;
use crate::execute::Told;
use std::time::Instant;
use synthfleet_proto::envelope::{EventHint, EventType};

/// The latest progress.
#[derive(Default)]
pub struct Voice {
    pub phase: String,
    pub fraction: f64,
    seq: u64,
    sent: Option<Instant>,
}

impl Voice {
    /// A task that has nothing more to say: its files are brought or taken away.
    pub fn done() -> Self {
        Self { fraction: 1.0, ..Self::default() }
    }

    /// Hears one word; gives the name and step of a state that the task left.
    pub async fn hear(&mut self, context: &Context, attempt: &Attempt, said: Told, ran: &mut Ran) -> Option<(String, u64)> {
        match said {
            Told::Progress { fraction, phase } => {
                self.fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { self.fraction };
                self.phase = phase.chars().take(32).collect();
            }
            Told::Measure { name, value, .. } if name.ends_with(crate::SECONDS) => {
                ran.phase_seconds.push((name.trim_end_matches(crate::SECONDS).to_owned(), value));
                return None;
            }
            Told::Measure { name, step, value } => {
                let hint = EventHint { name: Some(name), step: Some(step), value: Some(value), ..event(EventType::Measure, context) };
                context.tell_event(attempt.about(), hint).await;
                return None;
            }
            Told::Checkpoint { name, step } => return Some((name, step)),
            Told::Log(text) => {
                tracing::debug!(bytes = text.len(), "a task wrote a line");
                return None;
            }
            // the process itself is watched elsewhere
            Told::Begun | Told::Memory(_) => return None,
        }
        if self.sent.is_none_or(|sent| sent.elapsed() >= context.options.progress_every) {
            self.seq += 1;
            self.sent = Some(Instant::now());
            let hint = EventHint {
                seq: self.seq,
                fraction: Some(self.fraction),
                phase: Some(self.phase.clone()),
                attempt: Some(attempt.number),
                ..event(EventType::Progress, context)
            };
            context.tell_event(attempt.about(), hint).await;
        }
        None
    }
}

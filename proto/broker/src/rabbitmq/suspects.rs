//! Queues that the broker lists and cannot serve. RabbitMQ forgets the log of a quorum queue when it is killed right
//! after the declaration; from then on each look into the queue closes the whole connection, so that one queue would
//! cost a process all the others.

use crate::topology::Queue;

/// Lives in a row that must end at a queue before it counts as broken: two processes that declare a queue at once
/// get the same error, but only once.
const LIVES: usize = 3;

/// The queue at which lives ended lately.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    queue: Option<Queue>,
    lives: Vec<u64>,
}

impl Suspects {
    /// A look into a queue ended a life by an error inside the broker. All slots of a life count once.
    pub fn blame(&mut self, queue: &Queue, life: u64) {
        if self.queue.as_ref() != Some(queue) {
            *self = Self { queue: Some(queue.clone()), lives: Vec::new() };
        }
        if !self.lives.contains(&life) {
            self.lives.push(life);
        }
    }

    /// A life lasted: whatever was wrong is over.
    pub fn acquit(&mut self) {
        *self = Self::default();
    }

    /// The queue that is broken beyond doubt, once.
    pub fn convicted(&mut self) -> Option<Queue> {
        if self.lives.len() < LIVES {
            return None;
        }
        std::mem::take(self).queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_broken_when_three_lives_in_a_row_ended_at_it() {
        let (one, other) = (Queue::result(), Queue::submit(None));
        let mut suspects = Suspects::default();
        [1, 1, 2].into_iter().for_each(|life| suspects.blame(&one, life));
        assert_eq!(suspects.convicted(), None);
        suspects.blame(&other, 3);
        suspects.blame(&one, 4);
        assert_eq!(suspects.convicted(), None, "another one was between");
        [5, 6].into_iter().for_each(|life| suspects.blame(&one, life));
        assert_eq!(suspects.convicted(), Some(one.clone()));
        assert_eq!(suspects.convicted(), None, "told once");
        [7, 8].into_iter().for_each(|life| suspects.blame(&one, life));
        suspects.acquit();
        suspects.blame(&one, 9);
        assert_eq!(suspects.convicted(), None, "a life lasted meanwhile");
    }
}

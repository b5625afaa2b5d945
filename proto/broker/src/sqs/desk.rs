//! Who waits for which of at most two queues, and which queue is asked next for whom: plain data.
//!
//! A waiting taker is covered by at most one running question, and a question asks for no more messages
//! than it covers takers, so that nothing is received that nobody wants. A taker of both queues is asked
//! for alternately: the first queue without waiting, the second with a short wait.

use super::service::BATCH_MAX;
use std::time::Duration;

/// Wait of a question for takers of one queue alone.
const LONG: Duration = Duration::from_secs(20);
/// Wait of a question at the second queue for takers who want both.
const SHORT: Duration = Duration::from_secs(2);

/// One question to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    /// Most messages.
    pub most: usize,
    /// How long to wait for the first.
    pub wait: Duration,
}

struct Waiter<D> {
    /// Which queues it takes from.
    wants: [bool; 2],
    /// The queue that is asked for it next.
    turn: usize,
    /// Whether a running question covers it.
    covered: bool,
    door: D,
}

/// Takers in the order of their coming.
pub(super) struct Desk<D> {
    waiters: Vec<Waiter<D>>,
    /// The running question of each queue.
    running: [Option<Ask>; 2],
}

impl<D> Default for Desk<D> {
    fn default() -> Self {
        Self { waiters: Vec::new(), running: [None; 2] }
    }
}

impl<D> Desk<D> {
    /// Somebody waits.
    pub fn wait(&mut self, wants: [bool; 2], door: D) {
        let turn = self.turn_after(1, wants);
        self.waiters.push(Waiter { wants, turn, covered: false, door });
    }

    /// Forgets takers who went away.
    pub fn prune(&mut self, gone: impl Fn(&D) -> bool) {
        self.waiters.retain(|waiter| !gone(&waiter.door));
    }

    /// Begins the next question to a queue, if somebody is to be asked for.
    pub fn ask(&mut self, queue: usize) -> Option<Ask> {
        if self.running[queue].is_some() {
            return None;
        }
        let mut wait = LONG;
        let mut most = 0;
        for waiter in self.waiters.iter_mut().filter(|waiter| waiter.turn == queue && !waiter.covered).take(BATCH_MAX) {
            waiter.covered = true;
            most += 1;
            if waiter.wants == [true; 2] {
                wait = if queue == 0 { Duration::ZERO } else { SHORT };
            }
        }
        self.running[queue] = (most > 0).then_some(Ask { most, wait });
        self.running[queue]
    }

    /// The question to a queue ended and its messages are handed out: those it covered and who got nothing
    /// are asked for again.
    pub fn answered(&mut self, queue: usize) {
        self.running[queue] = None;
        for place in 0..self.waiters.len() {
            let Waiter { wants, turn, covered, .. } = self.waiters[place];
            if covered && turn == queue {
                let turn = self.turn_after(queue, wants);
                let waiter = &mut self.waiters[place];
                (waiter.turn, waiter.covered) = (turn, false);
            }
        }
    }

    /// Whom a message of a queue goes to: those who want no other queue first, then by their coming. A
    /// taker of both gets nothing of the second queue before the first was asked for it.
    pub fn next(&mut self, queue: usize) -> Option<D> {
        let wants = |waiter: &Waiter<D>| waiter.wants[queue] && waiter.turn >= queue;
        let only = |waiter: &Waiter<D>| wants(waiter) && waiter.wants != [true; 2];
        let place = self.waiters.iter().position(only).or_else(|| self.waiters.iter().position(wants))?;
        Some(self.waiters.remove(place).door)
    }

    /// Ends the running question to a queue, with those who were waiting for it.
    pub fn fail(&mut self, queue: usize) -> Vec<D> {
        let (lost, kept) = std::mem::take(&mut self.waiters).into_iter().partition(|waiter| waiter.covered && waiter.turn == queue);
        self.waiters = kept;
        self.running[queue] = None;
        lost.into_iter().map(|waiter| waiter.door).collect()
    }

    /// The queue to ask after one that gave nothing. A long question at the first queue serves the takers
    /// of both as well, so they go on with the second.
    fn turn_after(&self, queue: usize, wants: [bool; 2]) -> usize {
        let waits_long = self.running[0].is_some_and(|ask| ask.wait > Duration::ZERO);
        match wants {
            [true, true] if queue == 0 || waits_long => 1,
            [true, _] => 0,
            [false, _] => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [bool; 2] = [true, true];
    const FIRST: [bool; 2] = [true, false];

    fn ask(most: usize, seconds: u64) -> Option<Ask> {
        Some(Ask { most, wait: Duration::from_secs(seconds) })
    }

    #[test]
    fn a_taker_of_both_is_asked_for_alternately() {
        let mut desk = Desk::default();
        desk.wait(BOTH, 'a');
        for _ in 0..3 {
            assert_eq!((desk.ask(1), desk.ask(0)), (None, ask(1, 0)));
            desk.answered(0);
            assert_eq!((desk.ask(0), desk.ask(1)), (None, ask(1, 2)));
            desk.answered(1);
        }
    }

    #[test]
    fn takers_of_one_queue_wait_long_and_ten_at_most_at_once() {
        let mut desk = Desk::default();
        (0..12).for_each(|i| desk.wait(FIRST, i));
        assert_eq!((desk.ask(0), desk.ask(0)), (ask(10, 20), None));
        (0..10).for_each(|i| assert_eq!(desk.next(0), Some(i)));
        desk.answered(0);
        assert_eq!((desk.ask(0), desk.next(1)), (ask(2, 20), None));
    }

    #[test]
    fn a_reserved_taker_does_not_hold_up_the_others() {
        let mut desk = Desk::default();
        desk.wait(FIRST, 'r');
        assert_eq!(desk.ask(0), ask(1, 20));
        // a slot falls free while the reserved one waits long at the first queue
        desk.wait(BOTH, 'g');
        for _ in 0..3 {
            assert_eq!(desk.ask(1), ask(1, 2));
            desk.answered(1);
        }
        assert_eq!(desk.next(0), Some('r'), "the reserved one goes first");
        assert_eq!(desk.next(0), Some('g'));
    }

    #[test]
    fn a_new_taker_is_asked_for_although_a_question_for_a_vanished_one_runs() {
        let mut desk = Desk::default();
        desk.wait(BOTH, 1);
        desk.ask(0);
        desk.answered(0);
        assert_eq!(desk.ask(1), ask(1, 2));
        desk.prune(|door| *door == 1);
        desk.wait(BOTH, 2);
        assert_eq!(desk.ask(0), ask(1, 0));
        assert_eq!(desk.next(1), None, "not before the first queue was asked");
        desk.answered(0);
        assert_eq!((desk.ask(1), desk.next(1)), (None, Some(2)), "the old question may serve it now");
    }

    #[test]
    fn a_failed_question_takes_with_it_those_it_covered() {
        let mut desk = Desk::default();
        desk.wait(FIRST, 'a');
        desk.ask(0);
        desk.wait(FIRST, 'b');
        assert_eq!(desk.fail(0), ['a']);
        assert_eq!(desk.ask(0), ask(1, 20));
    }
}

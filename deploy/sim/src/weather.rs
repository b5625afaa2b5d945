//! Whether the broker is there. Who waits for a change hears of it in the order in which they began to wait, which
//! tokio's watch channel does not promise.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Whether the broker is there.
pub struct Weather {
    is_up: AtomicBool,
    changed: Notify,
}

impl Default for Weather {
    fn default() -> Self {
        Self { is_up: AtomicBool::new(true), changed: Notify::new() }
    }
}

impl Weather {
    /// Whether it is there now.
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// It comes or goes.
    pub fn set(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// Returns as soon as it is there, or as soon as it is not.
    pub async fn until(&self, is_up: bool) {
        loop {
            let changed = self.changed.notified();
            if self.is_up() == is_up {
                return;
            }
            changed.await;
        }
    }
}

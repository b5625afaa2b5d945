//! Copies of outputs that this process is making: whoever asks for one that runs waits for it and hears how it ended.

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use synthfleet_proto::error::WireError;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::{Error, Result};

/// How a copy ends. It goes on without those who wait.
pub type Copying = Shared<BoxFuture<'static, Result<(), WireError>>>;

/// Copies under way, by tenant and job.
#[derive(Default)]
pub struct Copies(Mutex<BTreeMap<(String, String), Copying>>);

impl Copies {
    /// The copy of a job's output that runs, or else the one that `work` begins.
    pub fn join<W>(&self, keys: &JobKeys, work: impl FnOnce() -> W) -> Copying
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, copying| copying.peek().is_none());
        let job = (keys.tenant().to_owned(), keys.job().to_owned());
        if let Some(copying) = running.get(&job) {
            return copying.clone();
        }
        // a copy that is cut off with its caller would leave half a folder
        let made = tokio::spawn(work());
        let told = async move {
            let broken = |error| Error::internal("coordinator::panic", format!("a copy stopped: {error}"));
            made.await.map_err(broken).flatten().map_err(|error| error.to_wire())
        };
        let copying = told.boxed().shared();
        // somebody has to look at its end, so that the next who asks begins anew
        tokio::spawn(copying.clone());
        running.insert(job, copying.clone());
        copying
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    fn keys(job: &str) -> JobKeys {
        JobKeys::new("local", &synthfleet_proto::id::job_id("local", job)).expect("legal")
    }

    #[tokio::test]
    async fn who_asks_for_a_copy_that_runs_hears_how_it_ends() {
        let copies = Copies::default();
        let (end, ended) = oneshot::channel::<Result<()>>();
        let first = copies.join(&keys("a"), || async { ended.await.expect("told") });
        let second = copies.join(&keys("a"), || async { panic!("a second copy") });
        let other = copies.join(&keys("b"), || async { Ok(()) });
        assert_eq!(other.await, Ok(()));
        end.send(Err(Error::unavailable("output::denied", "no"))).expect("somebody waits");
        let code = |told: Result<(), WireError>| told.expect_err("denied").code;
        assert_eq!([code(first.await), code(second.await)], ["output::denied", "output::denied"]);
    }

    #[tokio::test]
    async fn a_copy_after_one_that_ended_is_a_new_one() {
        let copies = Copies::default();
        let failed = copies.join(&keys("a"), || async { panic!("made to fail") }).await;
        assert_eq!(failed.expect_err("it broke").code, "coordinator::panic");
        assert_eq!(copies.join(&keys("a"), || async { Ok(()) }).await, Ok(()));
    }

    #[tokio::test]
    async fn a_copy_goes_on_when_nobody_waits_for_it() {
        let copies = Copies::default();
        let (done, seen) = oneshot::channel();
        drop(copies.join(&keys("a"), || async {
            done.send(()).expect("somebody looks");
            Ok(())
        }));
        seen.await.expect("the copy was made");
    }
}

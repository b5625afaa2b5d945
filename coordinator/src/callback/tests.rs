//! Calls against a line that answers as told.

use super::*;
use crate::Roster;
use crate::testing::{Counting, Still, catalogue, memory, spec};
use std::sync::Mutex;
use synthfleet_proto::job::JobState;
use tokio::sync::broadcast;

/// One call: page, headers, body.
type Call = (String, Vec<(String, String)>, Bytes);

/// Answers with a status, or not at all; keeps what it heard.
#[derive(Default)]
struct Scripted {
    answers: Mutex<Vec<u16>>,
    heard: Mutex<Vec<Call>>,
}

#[async_trait]
impl Line for Scripted {
    async fn call(&self, page: &str, headers: &[(&str, String)], body: Bytes) -> Result<u16> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.heard.lock().expect("one thread").push((page.to_owned(), headers, body));
        self.answers.lock().expect("one thread").pop().ok_or_else(|| Error::unavailable("source::unreachable", "nobody is there"))
    }
}

struct World {
    parts: Parts,
    line: Arc<Scripted>,
    keys: JobKeys,
    book: Book,
}

impl World {
    /// A job that ended and names a page.
    async fn new(answers: &[u16]) -> Self {
        let line = Arc::new(Scripted { answers: Mutex::new(answers.iter().rev().copied().collect()), ..Scripted::default() });
        let parts = Parts {
            store: Arc::new(memory()),
            broker: Arc::new(synthfleet_broker::InProcess::default()),
            clock: Arc::new(Still),
            entropy: Arc::new(Counting::default()),
            roster: Arc::new(Roster::fixed(catalogue(), "local", 2)),
            links: None,
            callbacks: Some(Callbacks::new(line.clone(), "sixteen bytes or more").expect("long enough")),
            run: None,
            events: broadcast::channel(16).0,
        };
        let spec = spec(json!({"source": "a.csv", "callback_url": "https://example.org/told?key=s"}));
        let keys = JobKeys::new(&spec.tenant, &spec.job).expect("legal");
        let last: FinalFact =
            serde_json::from_value(json!({"v": 1, "state": JobState::Done, "outcome": "winner", "winner": "clbn"})).expect("legal");
        create_fact(parts.store.as_ref(), &keys.spec().expect("legal"), &spec, [1; 16]).await.expect("created");
        create_fact(parts.store.as_ref(), &keys.last().expect("legal"), &last, [2; 16]).await.expect("created");
        begin(&parts, &keys, &spec).await.expect("noted");
        Self { parts, line, keys, book: Book::new(&[metrics::CATALOGUE]) }
    }

    /// One turn, as if the marker had that age.
    async fn turn(&self, age: Duration) {
        let marker = self.keys.call().expect("legal");
        if let Some(entry) = self.parts.store.head(marker.key()).await.expect("read") {
            turn(&self.parts, &self.book, self.keys.tenant(), self.keys.job(), &Entry { age, ..entry }).await.expect("turned");
        }
    }

    async fn called(&self) -> Option<CallFact> {
        let known = read_fact::<CallFact>(self.parts.store.as_ref(), self.keys.called().expect("legal").key()).await.expect("read");
        known.map(|kept| kept.fact)
    }

    /// Calls that were delivered, refused, unanswered; pages that were given up.
    fn counted(&self) -> [f64; 4] {
        ["delivered", "refused", "unanswered", "given_up"].map(|outcome| self.book.value(metrics::CALLBACKS, &[outcome]).unwrap_or(0.0))
    }

    fn heard(&self) -> usize {
        self.line.heard.lock().expect("one thread").len()
    }
}

const LONG: Duration = Duration::from_secs(86_400);

/// The figure is that of Python's hmac.
#[test]
fn a_signature_is_the_code_of_the_time_and_the_body() {
    let callbacks = Callbacks::new(Arc::new(Scripted::default()), "sixteen bytes or more").expect("long enough");
    let code = "ca01cc9110dc59dc1c3125223218e0a09883c98c16a0940b4d5acf5e6f1ae1c4";
    assert_eq!(callbacks.signature(1_700_000_000, br#"{"a":1}"#), format!("t=1700000000,v1={code}"));
}

#[tokio::test]
async fn a_page_hears_a_signed_event_once() {
    let world = World::new(&[204]).await;
    world.turn(Duration::ZERO).await;
    world.turn(LONG).await;
    assert_eq!(world.called().await, Some(CallFact { v: 1, calls: 1, told: true, status: Some(204) }));
    let heard = world.line.heard.lock().expect("one thread").clone();
    let [(page, headers, body)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(page, "https://example.org/told?key=s");
    let event: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!((&event["specversion"], &event["id"], &event["data"]["winner"]), (&json!("1.0"), &json!("job_0.final"), &json!("clbn")));
    let expected = world.parts.callbacks.as_ref().expect("set").signature(1_700_000_000, body);
    assert!(headers.contains(&("synthfleet-signature".to_owned(), expected)), "{headers:?}");
    assert_eq!(world.counted(), [1.0, 0.0, 0.0, 0.0]);
}

#[tokio::test]
async fn a_page_that_fails_is_called_five_times_more_after_growing_pauses() {
    let world = World::new(&[500, 302]).await;
    for calls in 1..=6 {
        world.turn(LONG).await;
        assert_eq!(world.heard(), calls);
        world.turn(PAUSE / 2).await;
        assert_eq!(world.heard(), calls, "before its pause was over");
    }
    assert_eq!(world.called().await, Some(CallFact { v: 1, calls: 6, told: false, status: None }));
    assert_eq!(world.counted(), [0.0, 2.0, 4.0, 1.0]);
    world.turn(LONG).await;
    assert_eq!(world.heard(), 6);
    let pauses: Vec<u64> = (1..=5).map(|calls| pause("job_0", calls).as_secs()).collect();
    for (pause, seconds) in pauses.iter().zip([10, 30, 90, 270, 810]) {
        assert!((seconds * 9 / 10..=seconds * 11 / 10).contains(pause), "{pauses:?}");
    }
}

#[tokio::test]
async fn a_deleted_job_is_told_to_nobody() {
    let world = World::new(&[200]).await;
    world.parts.store.delete(world.keys.spec().expect("legal").key()).await.expect("deleted");
    world.turn(LONG).await;
    let marker = world.keys.call().expect("legal");
    assert_eq!((world.heard(), world.parts.store.head(marker.key()).await.expect("read")), (0, None));
}

#[test]
fn a_secret_that_could_be_guessed_is_refused() {
    assert_eq!(
        Callbacks::new(Arc::new(Scripted::default()), "short\n").err().map(|error| error.code().to_owned()).as_deref(),
        Some("callback::secret")
    );
}

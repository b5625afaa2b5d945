//! A broker that tells what it does: messages sent, errors, connections.

use crate::metrics::{BLOCKED, CONNECTED, PUBLISH, PUBLISH_ERRORS, RECONNECTS, ROUND_TRIP, UNCONFIRMED};
use crate::{Broker, Delivery, Depth, Health, Inbox, Line, Listener, Properties, Route, Settle, Topic};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_metrics::{Book, Raised};
use synthfleet_proto::{ErrorKind, Result};
use tokio::time::Instant;

/// Time between two looks at the connections.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A broker that is measured.
pub struct Measured {
    inner: Arc<dyn Broker>,
    book: Arc<Book>,
}

impl Measured {
    /// `inner`, measured in a book that has [`crate::metrics::CATALOGUE`]. Its connections are looked at from time to
    /// time on the runtime that calls, as long as the broker lives.
    pub fn start(inner: Arc<dyn Broker>, book: Arc<Book>) -> Self {
        let (watched, kept) = (Arc::downgrade(&inner), Arc::clone(&book));
        tokio::spawn(async move {
            let mut before = Line::default();
            // the broker is gone: so is the reason to look
            while let Some(line) = watched.upgrade().map(|broker| broker.line()) {
                note(&kept, line, before);
                before = line;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { inner, book }
    }

    async fn sent(&self, sending: impl Future<Output = Result<()>>) -> Result<()> {
        let began = Instant::now();
        let on_its_way = Raised::new(&self.book, UNCONFIRMED, &[], 1.0);
        let sent = sending.await;
        drop(on_its_way);
        self.book.observe(PUBLISH, &[], began.elapsed().as_secs_f64());
        let reason = match &sent {
            Err(error) if error.code() == "broker::unroutable" => Some("returned"),
            Err(error) if error.code() == "broker::rejected" => Some("nacked"),
            Err(error) if error.kind() == ErrorKind::Unavailable => Some("timeout"),
            // what cannot be sent at all is the sender's affair
            _ => None,
        };
        if let Some(reason) = reason {
            self.book.add(PUBLISH_ERRORS, &[reason], 1);
        }
        sent
    }
}

/// Notes what the connections are now. Both are built and lost together; only the one that sends can be blocked.
fn note(book: &Book, line: Line, before: Line) {
    let one = |is: bool| f64::from(u8::from(is));
    for connection in ["in", "out"] {
        book.set(CONNECTED, &[connection], one(line.connected));
        book.add(RECONNECTS, &[connection], line.reconnects.saturating_sub(before.reconnects));
    }
    book.set(BLOCKED, &["out"], one(line.blocked));
    if let Some(time) = line.round_trip {
        book.set(ROUND_TRIP, &[], time.as_secs_f64());
    }
}

#[async_trait]
impl Broker for Measured {
    async fn publish(&self, route: &Route, body: &[u8]) -> Result<()> {
        self.sent(self.inner.publish(route, body)).await
    }

    async fn publish_with(&self, route: &Route, body: &[u8], properties: &Properties) -> Result<()> {
        self.sent(self.inner.publish_with(route, body, properties)).await
    }

    async fn reply(&self, to: &str, body: &[u8], properties: &Properties) -> Result<()> {
        self.sent(self.inner.reply(to, body, properties)).await
    }

    async fn take(&self, inbox: &Inbox) -> Result<Delivery> {
        self.inner.take(inbox).await
    }

    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()> {
        self.inner.settle(delivery, verb).await
    }

    async fn extend(&self, delivery: &Delivery) -> Result<()> {
        self.inner.extend(delivery).await
    }

    async fn broadcast(&self, body: &[u8]) -> Result<()> {
        self.sent(self.inner.broadcast(body)).await
    }

    async fn emit(&self, event: &[u8]) {
        self.inner.emit(event).await;
    }

    async fn listen(&self, topic: Topic) -> Result<Listener> {
        self.inner.listen(topic).await
    }

    async fn depth(&self, inbox: &Inbox) -> Result<Depth> {
        self.inner.depth(inbox).await
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn has_own_queues(&self) -> bool {
        self.inner.has_own_queues()
    }

    fn line(&self) -> Line {
        self.inner.line()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CATALOGUE;
    use crate::{Fault, Faults, Faulty, InProcess, Operation, Settings};

    fn measured(faults: Faults) -> (Arc<Book>, Measured) {
        let book = Arc::new(Book::new(&[CATALOGUE]));
        let queues = InProcess::new(Settings { pools: vec!["p".into()], ..Settings::default() });
        (Arc::clone(&book), Measured::start(Arc::new(Faulty::new(Arc::new(queues), faults)), book))
    }

    #[tokio::test]
    async fn messages_and_their_errors_are_counted() {
        let (book, broker) = measured(Faults::once(Operation::Publish, 1, Fault::Reject));
        broker.publish(&Route::Result, b"1").await.expect("sent");
        broker.publish(&Route::Result, b"2").await.expect_err("full");
        broker.reply("nobody", b"3", Properties::NONE).await.expect_err("no queue");
        assert_eq!(book.value(PUBLISH, &[]), Some(3.0));
        assert_eq!(["returned", "nacked", "timeout"].map(|reason| book.value(PUBLISH_ERRORS, &[reason])), [1.0, 1.0, 0.0].map(Some));
        assert_eq!(book.value(UNCONFIRMED, &[]), Some(0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_counts_while_its_fate_is_unknown_even_if_nobody_waits_any_more() {
        let (book, broker) = measured(Faults::NONE);
        {
            let mut waiting = std::pin::pin!(broker.sent(std::future::pending()));
            assert!(futures::future::FutureExt::now_or_never(&mut waiting).is_none());
            assert_eq!(book.value(UNCONFIRMED, &[]), Some(1.0));
        }
        assert_eq!(book.value(UNCONFIRMED, &[]), Some(0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_looked_at_while_the_broker_lives() {
        let (book, broker) = measured(Faults::NONE);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(book.value(CONNECTED, &["in"]), Some(1.0), "a broker in the process is always there");
        drop(broker);
        tokio::time::sleep(LOOK_EVERY * 2).await;
        assert_eq!(Arc::strong_count(&book), 1, "somebody still looks");
    }

    #[test]
    fn each_time_that_a_connection_was_built_again_counts_once() {
        let book = Book::new(&[CATALOGUE]);
        let lines = [0, 2, 2, 3].map(|reconnects| Line { connected: true, reconnects, ..Line::default() });
        note(&book, lines[0], Line::default());
        lines.windows(2).for_each(|two| note(&book, two[1], two[0]));
        assert_eq!(book.value(RECONNECTS, &["out"]), Some(3.0));
        note(&book, Line { blocked: true, round_trip: Some(Duration::from_millis(5)), ..Line::default() }, lines[3]);
        assert_eq!((book.value(BLOCKED, &["out"]), book.value(BLOCKED, &["in"])), (Some(1.0), Some(0.0)));
        assert_eq!((book.value(CONNECTED, &["out"]), book.value(ROUND_TRIP, &[])), (Some(0.0), Some(0.005)));
    }
}

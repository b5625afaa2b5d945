//! Ports of a process: opened with a clear word when that cannot be, served until the process ends.

use crate::tell;
use std::net::SocketAddr;
use std::sync::Arc;
use synthfleet_broker::Broker;
use synthfleet_coordinator::Handle;
use synthfleet_coordinator::api::{self, admin};
use synthfleet_metrics::{Book, Series};
use synthfleet_proto::{Error, Result};
use synthfleet_store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The line to the coordinator of this process, and the book in which the process counts.
pub struct Line {
    /// The line.
    pub handle: Handle,
    /// The book.
    pub book: Arc<Book>,
}

/// The book of a process: the families of its roles and of what they stand on.
pub fn book(roles: &[&[Series]]) -> Arc<Book> {
    Arc::new(Book::new(
        &[roles, &[synthfleet_store::metrics::CATALOGUE, synthfleet_broker::metrics::CATALOGUE, crate::traces::metrics::CATALOGUE]]
            .concat(),
    ))
}

/// A store whose requests are counted.
pub fn measured_store(store: Arc<dyn Store>, book: &Arc<Book>) -> Arc<dyn Store> {
    Arc::new(synthfleet_store::Measured::new(store, Arc::clone(book)))
}

/// A broker whose messages are counted.
pub fn measured_broker(broker: Arc<dyn Broker>, book: &Arc<Book>) -> Arc<dyn Broker> {
    Arc::new(synthfleet_broker::Measured::start(broker, Arc::clone(book)))
}

/// Opens a port that a setting names; port 0 is any free one.
pub async fn listen(setting: &str, address: &str) -> Result<(TcpListener, SocketAddr)> {
    let failed = |e: std::io::Error| {
        let error = Error::invalid("api::listen", format!("cannot listen on {address}: {e}"));
        error.help(format!("name another address in {setting}; port 0 is any free one"))
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves the port for operators, if the settings name one. `ready` says whether the process can work.
pub async fn operators(
    address: &str,
    ready: admin::Ready,
    book: Arc<Book>,
    stopping: watch::Receiver<bool>,
    served: &mut JoinSet<()>,
) -> Result<()> {
    if address.is_empty() {
        return Ok(());
    }
    let (listener, address) = listen("admin", address).await?;
    tell!("  admin    http://{address}/metrics");
    let router = admin::router(ready, Arc::new(move || book.text()));
    served.spawn(serving("the port for operators", api::serve_router(listener, router, stopping)));
    Ok(())
}

/// A port that is served until it ends, with a word in the log if it ended by itself.
pub async fn serving(what: &'static str, served: impl Future<Output = Result<()>> + Send) {
    if let Err(error) = served.await {
        tracing::error!(code = error.code(), "{what} is not served any more: {}", error.message());
    }
}

/// Waits until everything that was let in is done; if the role did not end because it was told to, nothing else was
/// told either.
pub async fn close(mut served: JoinSet<()>, ended: Result<()>) -> Result<u8> {
    if ended.is_err() {
        served.abort_all();
    }
    while served.join_next().await.is_some() {}
    ended.map(|()| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named_with_its_setting() {
        let (_held, address) = listen("serve.listen", "127.0.0.1:0").await.expect("a free port");
        for wrong in [address.to_string(), "nowhere".to_owned(), "127.0.0.1:99999".to_owned()] {
            let error = listen("serve.listen", &wrong).await.expect_err("in use or no address");
            assert_eq!(error.code(), "api::listen", "{wrong}");
            assert!(error.helps()[0].contains("serve.listen"));
        }
    }
}

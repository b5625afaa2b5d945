//! Serves the HTTP door on a port that the caller has opened.

use super::doors::Doors;
use super::routes::router;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::{Error, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Time that requests have to end once the door closes.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stopping` becomes true, then lets requests under way end, for at most ten seconds.
pub async fn serve(listener: TcpListener, doors: Arc<Doors>, stopping: watch::Receiver<bool>) -> Result<()> {
    serve_router(listener, router(doors), stopping).await
}

/// Serves any router in the same way.
pub async fn serve_router(listener: TcpListener, router: axum::Router, stopping: watch::Receiver<bool>) -> Result<()> {
    let (mut told, mut over) = (stopping.clone(), stopping);
    let closing = async move {
        let _ = told.wait_for(|stop| *stop).await;
    };
    let served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).with_graceful_shutdown(closing);
    let patience = async move {
        let _ = over.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = served => ended.map_err(|error| Error::unavailable("api::served", format!("the port cannot be served: {error}"))),
        () = patience => {
            tracing::warn!("requests were cut off");
            Ok(())
        }
    }
}

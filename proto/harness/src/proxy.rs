//! A TCP proxy on loopback that breaks connections on purpose: a reset, or a network that lets nothing
//! through while both ends believe that they are connected.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They pass.
    Clear,
    /// They wait, in both directions, until the weather is clear again.
    Frozen,
}

/// A running proxy. Dropping it resets its connections and frees its port.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    _listening: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    weather: watch::Sender<Weather>,
    /// Counts resets; a connection ends when the number changes.
    resets: watch::Sender<u64>,
    accepted: AtomicU64,
}

impl Proxy {
    /// A proxy to a loopback port, on the runtime that calls.
    pub async fn to(target: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (weather, _) = watch::channel(Weather::Clear);
        let (resets, _) = watch::channel(0);
        let shared = Arc::new(Shared { target, weather, resets, accepted: AtomicU64::new(0) });
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, _listening: listening })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Resets every connection (RST, no goodbye). New ones are accepted.
    pub fn reset(&self) {
        self.shared.resets.send_modify(|number| *number += 1);
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.reset();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // a broken connection is what this is for
            let _ = carry(client, &shared).await;
        });
    }
}

/// Carries bytes both ways until one end closes or a reset comes.
async fn carry(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut resets = shared.resets.subscribe();
    let server = TcpStream::connect(("127.0.0.1", shared.target)).await?;
    // dropping a socket with no time to linger sends RST
    client.set_zero_linger()?;
    server.set_zero_linger()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        done = pump(from_client, to_server, shared.weather.subscribe()) => done,
        done = pump(from_server, to_client, shared.weather.subscribe()) => done,
        _ = resets.changed() => Ok(()),
    }
}

async fn pump(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, mut weather: watch::Receiver<Weather>) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if weather.wait_for(|weather| *weather == Weather::Clear).await.is_err() || length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
    }
}

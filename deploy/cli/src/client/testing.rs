//! A server that says what a test tells it, one answer a connection.

use super::Client;
use crate::config::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An answer of a status with a body.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// Gives the answers in turn and then closes the port; the handle has the requests that came.
pub async fn server(answers: Vec<String>) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let place = format!("http://{}", listener.local_addr().expect("bound"));
    let served = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut piece = [0; 4_096];
                let read = stream.read(&mut piece).await.expect("a request");
                assert!(read > 0, "the request is cut");
                request.extend_from_slice(&piece[..read]);
            }
            asked.push(String::from_utf8_lossy(&request).into_owned());
            stream.write_all(answer.as_bytes()).await.expect("taken");
        }
        asked
    });
    let config = ClientConfig { server: place, token: "sf_a_secret".into(), token_file: String::new() };
    (Client::open(&config, None).expect("legal"), served)
}

/// Whether head and announced body are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    request.len() >= head.len() + 4 + length.unwrap_or(0)
}

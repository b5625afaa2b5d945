//! A store in a bucket of our own S3 server.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};
use synthfleet_proto::{
    Seed,
    key::{DataKey, FactKey, JobKeys},
};
use synthfleet_store::{Nonce, S3, s3};
use synthfleet_store_server::{ACCESS_KEY, SECRET_KEY, Server, Settings};

/// The bucket that every test server has.
pub const BUCKET: &str = "synthfleet";

pub fn server() -> Server {
    Server::start(Settings::default()).expect("a port of the loopback and a thread")
}

/// Makes the bucket on a server that asks for no signature.
pub fn make(url: &str) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    write!(stream, "PUT /{BUCKET} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    // whoever was first made it
    assert!(answer.contains(" 200 ") || answer.contains("BucketAlreadyOwnedByYou"), "{answer}");
}

pub fn credentials(access_key: &str, secret_key: &str) -> s3::Credentials {
    s3::Credentials::Keys { access_key: access_key.to_owned(), secret_key: secret_key.to_owned(), session_token: None }
}

pub fn settings_at(url: String, keys: (&str, &str), prefix: &str) -> s3::Settings {
    s3::Settings {
        prefix: prefix.to_owned(),
        endpoint: Some(url),
        credentials: credentials(keys.0, keys.1),
        deadline: Duration::from_secs(20),
        ..s3::Settings::parse("s3://synthfleet").expect("legal")
    }
}

pub fn settings(server: &Server) -> s3::Settings {
    settings_at(server.url(), (ACCESS_KEY, SECRET_KEY), "base")
}

pub async fn open(settings: &s3::Settings) -> S3 {
    S3::open(settings, Seed::of_task(1, "pauses")).await.expect("legal settings")
}

pub async fn fresh() -> (Server, S3) {
    let server = server();
    let store = open(&settings(&server)).await;
    (server, store)
}

pub fn keys() -> JobKeys {
    JobKeys::new("tenant", "job_1").expect("legal")
}

pub fn spec() -> FactKey {
    keys().spec().expect("legal")
}

pub fn data(name: &str) -> DataKey {
    keys().attempt("syn-a-r0", 1, "01234567").and_then(|attempt| attempt.output(name)).expect("legal")
}

pub fn nonce(number: u8) -> Nonce {
    Nonce([number; 16])
}

/// Where an object of the store lies in the bucket.
pub fn place(key: &str) -> String {
    format!("base/{key}")
}

//! A store in a bucket of our own S3 server.

use std::time::Duration;
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

pub fn credentials(secret_key: &str) -> s3::Credentials {
    s3::Credentials::Keys { access_key: ACCESS_KEY.to_owned(), secret_key: secret_key.to_owned(), session_token: None }
}

pub fn settings(server: &Server) -> s3::Settings {
    s3::Settings {
        endpoint: Some(server.url()),
        credentials: credentials(SECRET_KEY),
        deadline: Duration::from_secs(20),
        ..s3::Settings::parse("s3://synthfleet/base").expect("legal")
    }
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

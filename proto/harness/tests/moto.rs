//! The moto server that tests start: shared by handles, and answering.

use std::io::{Read, Write};
use std::net::TcpStream;
use synthfleet_harness::Moto;

#[test]
fn handles_share_one_server_that_answers() {
    let (one, two) = (Moto::shared().expect("a server"), Moto::shared().expect("the same server"));
    assert_eq!(one.url(), two.url());
    let address = one.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream.write_all(b"GET /moto-api/ HTTP/1.0\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it writes");
    assert!(answer.starts_with("HTTP/1.") && answer.contains(" 200 "), "{answer}");
}

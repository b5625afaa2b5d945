//! The server as a stranger meets it: control requests, signatures, faults on the wire.

use std::{
    io::{Read, Write},
    net::TcpStream,
};
use synthfleet_store_server::{Fault, Operation, Rule, Server, Settings};

/// One request on a connection of its own; what came back.
fn ask(server: &Server, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).expect("it listens");
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").expect("sent");
    let mut answer = Vec::new();
    // a reset by script is an answer too
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn server() -> Server {
    Server::start(Settings::default()).expect("a port of the loopback and a thread")
}

#[test]
fn faults_are_set_and_healed_over_the_control_endpoint() {
    let server = server();
    let rules = r#"[{"fault":"busy","operation":"GetObject","times":2},{"fault":"reset"}]"#;
    assert!(ask(&server, "POST", "/_control/faults", rules).starts_with("HTTP/1.1 200"));
    for _ in 0..2 {
        assert!(ask(&server, "GET", "/synthfleet/key", "").starts_with("HTTP/1.1 503"));
    }
    assert_eq!(ask(&server, "GET", "/synthfleet/key", ""), "", "reset");
    assert!(ask(&server, "POST", "/_control/faults", "[]").starts_with("HTTP/1.1 200"));
    let counts = ask(&server, "GET", "/_control/counts", "");
    assert!(counts.contains("\"GetObject\":3") && counts.contains("\"get\":3"), "{counts}");
}

#[test]
fn rules_that_cannot_be_meant_are_told() {
    let server = server();
    for (body, why) in [
        ("{}", "the rules are a list"),
        (r#"[{"fault":"sulk"}]"#, "sulk"),
        (r#"[{"fault":"reset","operation":"Put"}]"#, "Put"),
        (r#"[{"fault":"status","status":99999}]"#, "out of range"),
    ] {
        let answer = ask(&server, "POST", "/_control/faults", body);
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(why), "{body}: {answer}");
    }
}

#[test]
fn requests_without_signature_are_denied() {
    let server = server();
    server.put("synthfleet", "key", "bytes");
    assert!(ask(&server, "GET", "/synthfleet/key", "").starts_with("HTTP/1.1 403"));
    assert!(ask(&server, "PUT", "/synthfleet/key", "other").starts_with("HTTP/1.1 403"));
    assert_eq!(server.object("synthfleet", "key").as_deref(), Some(&b"bytes"[..]));
}

#[test]
fn a_rule_skips_and_counts_what_it_matches() {
    let server = server();
    server.fail([Rule::once(Operation::GetObject, Fault::busy()).after(1).on("/a")]);
    let status = |path: &str| ask(&server, "GET", path, "")[9..12].to_owned();
    assert_eq!([status("/bucket/a"), status("/bucket/x"), status("/bucket/a"), status("/bucket/a")], ["403", "403", "503", "403"]);
}

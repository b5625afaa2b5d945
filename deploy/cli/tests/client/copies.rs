//! `jobs publish` against a server that takes its time: it waits for the truth, and whoever leaves says nothing false.

use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

const JOB: &str = "job_11111111111111111111111111";
const WORKING: (&str, &str) = ("202 Accepted", r#"{"id":"job_11111111111111111111111111","state":"done"}"#);

/// Gives these answers, one a connection, the last of them for ever; gives its address.
fn server(answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    // it goes with the process of the test
    std::thread::spawn(move || {
        for (place, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a caller");
            let _ = stream.read(&mut [0; 4_096]);
            let (status, body) = answers[place.min(answers.len() - 1)];
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close", body.len());
            let _ = write!(stream, "{head}\r\n\r\n{body}");
        }
    });
    url
}

fn publish(desk: &Desk, url: &str) -> Command {
    desk.command(&["jobs", "publish", JOB, "--server", url])
}

#[test]
fn the_end_of_a_long_copy_is_what_is_told() {
    let desk = Desk::new();
    let ended = |url: String| Ended::of(&publish(&desk, &url).output().expect("the binary starts"));
    let copied = ended(server(&[WORKING, WORKING, ("200 OK", WORKING.1)])).must_end(0);
    assert!(
        copied.stdout.starts_with("copied job_") && copied.stderr.matches("copying").count() == 1,
        "{}{}",
        copied.stdout,
        copied.stderr
    );
    let conflict = r#"{"type":"/problems/conflict","detail":"x","errors":[{"code":"output::denied","detail":"no","help":["allow it"]}]}"#;
    let failed: &'static [_] = Box::leak(Box::new([WORKING, ("409 Conflict", conflict)]));
    assert_eq!(ended(server(failed)).must_refuse(1, "output::denied").stdout, "");
}

#[test]
fn who_leaves_a_copy_leaves_it_to_go_on() {
    let desk = Desk::new();
    let mut leaving = publish(&desk, &server(&[WORKING]));
    let mut child = leaving.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary starts");
    // it waits, and says so
    let (mut said, mut told) = ([0; 256], Vec::new());
    let stderr = child.stderr.as_mut().expect("piped");
    while !String::from_utf8_lossy(&told).contains("copying") {
        let read = stderr.read(&mut said).expect("it speaks");
        assert!(read > 0, "{}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&said[..read]);
    }
    let sent = Command::new("/bin/kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
    let left = Ended::of(&child.wait_with_output().expect("it ends")).must_end(130);
    assert!(left.stderr.contains("the copy goes on") && left.stdout.is_empty(), "{}{}", left.stdout, left.stderr);
}

//! Tables of any size go through a server that holds next to nothing of them.

use super::*;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use support::Used;
use synthfleet_proto::id;

/// Bytes that are made at a time.
const BLOCK: usize = 1 << 20;
/// Bytes of a part.
const PART: u64 = 16 << 20;
/// Memory that a server may take, whatever passes through it.
const MEMORY_MAX: u64 = 100_000_000;

/// Blocks that differ from each other, so that none could be mistaken for another.
struct Blocks {
    block: Vec<u8>,
    number: u64,
    digest: Sha256,
}

impl Blocks {
    fn new() -> Self {
        let line = b"17,north,2.5,2024-01-31,some text of a cell\n";
        Self { block: line.iter().copied().cycle().take(BLOCK).collect(), number: 0, digest: Sha256::new() }
    }

    fn next(&mut self) -> &[u8] {
        self.block[..16].copy_from_slice(format!("{:015}\n", self.number).as_bytes());
        self.number += 1;
        self.digest.update(&self.block);
        &self.block
    }
}

/// How the bytes come.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// One body of unknown length.
    Stream,
    /// Parts with `Content-Range`.
    Parts,
}

/// Sends so many bytes as one upload, and tells what the server used.
fn used(bytes: u64, way: Way) -> Used {
    let desk = Desk::new();
    let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0", "--isolate", "pool", "--store", &store_url(&desk)]);
    command.env("SYNTHFLEET_SERVE_AUTH", "off").env("SYNTHFLEET_WORKER_SLOTS", "1");
    let role = Role::start(command, desk.path("serve.log"));
    let (status, begun) = role.ask("POST", "/v1/uploads", Some(&json!({ "name": "long.csv" })));
    assert_eq!(status, 201, "{begun}");
    let put = begun["put"].as_str().expect("an address");
    let mut blocks = Blocks::new();
    match way {
        Way::Stream => send(role.port("api"), put, "transfer-encoding: chunked", bytes, &mut blocks),
        Way::Parts => {
            for first in (0..bytes).step_by(PART as usize) {
                let range = format!("content-length: {PART}\r\ncontent-range: bytes {first}-{}/{bytes}", first + PART - 1);
                send(role.port("api"), put, &range, PART, &mut blocks);
            }
        }
    }
    let (status, done) = role.ask("POST", &format!("{put}/complete"), Some(&json!({})));
    assert_eq!((status, &done["bytes"]), (200, &bytes.into()), "{done}");
    assert_eq!(done["sha256"], id::hex(&blocks.digest.finalize()), "other bytes came");
    let mut used = Used::default();
    used.look(role.pid().as_raw_nonzero());
    used
}

/// One `PUT` of so many bytes; `framing`: how the server knows where they end.
fn send(port: u16, path: &str, framing: &str, bytes: u64, blocks: &mut Blocks) {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the API listens");
    let mut out = BufWriter::new(&stream);
    let head = format!("PUT {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-type: application/octet-stream\r\n");
    write!(out, "{head}{framing}\r\n\r\n").expect("sent");
    let is_chunked = framing.starts_with("transfer");
    for _ in 0..bytes / BLOCK as u64 {
        if is_chunked {
            write!(out, "{BLOCK:x}\r\n").expect("sent");
        }
        out.write_all(blocks.next()).expect("sent");
        if is_chunked {
            out.write_all(b"\r\n").expect("sent");
        }
    }
    if is_chunked {
        out.write_all(b"0\r\n\r\n").expect("sent");
    }
    out.flush().expect("sent");
    let mut answer = String::new();
    (&stream).read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

fn holds_little(bytes: u64, way: Way) {
    let used = used(bytes, way);
    eprintln!("{} MiB by {way:?}: the server held at most {:.1} MB", bytes >> 20, used.peak_bytes as f64 / 1e6);
    assert!(used.peak_bytes > 0 && used.peak_bytes < MEMORY_MAX, "{used:?}");
}

#[test]
fn an_upload_of_256_mebibytes_is_never_held() {
    holds_little(256 << 20, Way::Stream);
    holds_little(256 << 20, Way::Parts);
}

#[test]
#[ignore = "long: five gibibytes, which lie twice on the disk for a moment"]
fn an_upload_of_five_gibibytes_is_never_held() {
    holds_little(5 << 30, Way::Stream);
    holds_little(5 << 30, Way::Parts);
}

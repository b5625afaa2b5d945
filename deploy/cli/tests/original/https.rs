//! A table behind `https://`: row 2. The server under test runs in a network of its own, in which a public address
//! leads to a page of ours; nothing of the guard of addresses is switched off for it.

use super::support::{Desk, Ended, plain};
use base64::Engine;
use serde_json::Value;

/// The only host of that network, and an address that is nobody's inside.
const HOST: &str = "data.example.org";
const ADDRESS: &str = "93.184.215.14";

/// Serves a folder behind TLS: certificate, key.
const PAGES: &str = r"
import http.server, ssl, sys
server = http.server.ThreadingHTTPServer(('', 443), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";

/// What happens inside: `$0` is the binary, `$1` the Python, `$2` the link. All of it ends with the last line.
const INSIDE: &str = r#"
ip link set lo up && ip address add "$ADDRESS/32" dev lo && mount --bind hosts /etc/hosts || exit 99
(cd pages && exec "$1" -c "$PAGES" ../cert.pem ../key.pem) 2>pages.log &
"$0" serve --listen 127.0.0.1:8080 --isolate pool --store "file://$PWD/store" 2>serve.log &
tries=0
until "$0" jobs ls >/dev/null 2>&1; do tries=$((tries + 1)); [ $tries -lt 300 ] || exit 98; sleep 0.2; done
"$0" submit "$2" --job small.json --wait --json
"#;

fn pem(what: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("letters")).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

fn submitted(desk: &Desk, link: &str) -> Ended {
    let python = std::env::home_dir().expect("a home").join(".cache/synthfleet/moto/bin/python");
    assert!(python.exists(), "there is no Python at {}: run `cargo xtask test --setup`", python.display());
    let own = ["--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE];
    let mut command = desk.of_program("unshare", &own);
    command.arg(env!("CARGO_BIN_EXE_synthfleet")).arg(python).arg(link);
    command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").env("ADDRESS", ADDRESS).env("PAGES", PAGES);
    command.env("SSL_CERT_FILE", desk.path("cert.pem")).env("SYNTHFLEET_SOURCES_HTTPS", format!("[\"{HOST}\"]"));
    command.env("SYNTHFLEET_SERVE_AUTH", "off").env("SYNTHFLEET_CLIENT_SERVER", "http://127.0.0.1:8080");
    let ended = Ended::of(&command.output().expect("unshare starts"));
    let said = |name: &str| std::fs::read_to_string(desk.path(name)).unwrap_or_default();
    assert!(![98, 99].contains(&ended.code), "{}\n{}\n{}", ended.stderr, said("serve.log"), said("pages.log"));
    ended
}

#[test]
fn orig_02_a_table_comes_in_over_https_from_a_host_that_is_allowed() {
    let desk = Desk::new();
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate");
    desk.file("cert.pem", pem("CERTIFICATE", made.cert.der()));
    desk.file("key.pem", pem(concat!("PRIVATE ", "KEY"), &made.signing_key.serialize_der()));
    desk.file("hosts", format!("127.0.0.1 localhost\n{ADDRESS} {HOST} other.example.org\n"));
    desk.file("small.json", r#"{"synthesizers": ["clbn"], "benchmarks": ["diagnostic"], "gate": "off", "repeats": 1}"#);
    std::fs::create_dir(desk.path("pages")).expect("a folder");
    desk.file("pages/t.csv", plain(400, 2));
    let ended = submitted(&desk, &format!("https://{HOST}/t.csv")).must_end(0);
    let told: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let job = &told["jobs"][0];
    assert_eq!((&job["state"], &job["results"]["table"]["rows"]), (&"done".into(), &400.into()), "{told}");
    assert!(std::fs::read_to_string(desk.path("pages.log")).expect("a log").contains("GET /t.csv"), "nobody asked for the page");
    // another name of the same address is nobody's permission
    submitted(&desk, "https://other.example.org/t.csv").must_refuse(3, "source::refused");
}

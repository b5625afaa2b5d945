//! The S3 test server as a process:
//! `s3_server [--port N] [--bucket NAME].. [--access-key KEY --secret-key SECRET] [--with-parent]`.
//!
//! It prints one line, `listening http://127.0.0.1:PORT`, and serves until it is killed; with
//! `--with-parent` until its standard input ends, so that it does not outlive whoever started it.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    process::ExitCode,
};
use synthfleet_store_server::{Server, Settings};

fn main() -> ExitCode {
    match read(std::env::args().skip(1)).and_then(|(settings, with_parent)| serve(settings, with_parent)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "s3_server: {why}");
            ExitCode::from(2)
        }
    }
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<(Settings, bool), String> {
    let (mut settings, mut with_parent, mut buckets) = (Settings::default(), false, Vec::new());
    while let Some(flag) = arguments.next() {
        if flag == "--with-parent" {
            with_parent = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{flag} takes a value"))?;
        match flag.as_str() {
            "--port" => settings.address = SocketAddr::from(([127, 0, 0, 1], value.parse().map_err(|e| format!("{flag}: {e}"))?)),
            "--bucket" => buckets.push(value),
            "--access-key" => settings.access_key = value,
            "--secret-key" => settings.secret_key = value,
            _ => return Err(format!("no flag is called {flag}")),
        }
    }
    if !buckets.is_empty() {
        settings.buckets = buckets;
    }
    Ok((settings, with_parent))
}

fn serve(settings: Settings, with_parent: bool) -> Result<(), String> {
    let server = Server::start(settings).map_err(|error| error.to_string())?;
    let mut out = io::stdout();
    writeln!(out, "listening {}", server.url()).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    if with_parent {
        // its end is what counts, however it comes
        let _ = io::stdin().read_to_end(&mut Vec::new());
        return Ok(());
    }
    loop {
        std::thread::park();
    }
}

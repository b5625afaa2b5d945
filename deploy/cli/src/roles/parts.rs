//! The parts that only the outermost room may make: clock, entropy, and what the settings name: store, broker.

use crate::config::{ServeConfig, SourcesConfig, StoreConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use synthfleet_coordinator::callback::Callbacks;
use synthfleet_metrics::Book;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::{Error, Result, Seed, id};
use synthfleet_store::foreign::{self, Links};
use synthfleet_store::metrics::ATOMIC_CREATE;
use synthfleet_store::{Local, S3, Settings as LocalSettings, Store, races, s3};

/// The machine's wall clock.
pub struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the one wall clock of the process")]
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

/// The machine's random bits.
pub struct MachineEntropy;

impl Entropy for MachineEntropy {
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        if getrandom::fill(&mut bits).is_err() {
            // Without a system generator ids still differ: by process and instant.
            let now = WallClock.now_ms();
            bits[..8].copy_from_slice(&now.to_le_bytes());
            bits[8..12].copy_from_slice(&std::process::id().to_le_bytes());
        }
        bits
    }
}

/// A fresh name of a process: `w-` or `c-` and 16 random characters.
pub fn name(letter: char) -> String {
    format!("{letter}-{}", &id::base32(MachineEntropy.bits())[10..])
}

/// A setting that is empty where nothing is named.
pub fn named(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The folder that a `file://` address names.
pub fn folder(url: &str) -> Option<PathBuf> {
    url.strip_prefix("file://").filter(|path| path.starts_with('/')).map(PathBuf::from)
}

/// A bucket as the settings say, with a server and rights of its own if they name one.
pub fn bucket(url: &str, config: &StoreConfig) -> Result<s3::Settings> {
    let path_style = match config.path_style.as_str() {
        "auto" => None,
        "yes" => Some(true),
        "no" => Some(false),
        other => {
            let error = Error::invalid("config::value", format!("store.path_style takes auto, yes or no, not {other:?}"));
            return Err(error.help("synthfleet config show --origin names the place of each setting"));
        }
    };
    let credentials = s3::Credentials::Chain { profile: named(&config.profile) };
    let (endpoint, region) = (named(&config.endpoint), named(&config.region));
    Ok(s3::Settings { endpoint, region, path_style, credentials, ..s3::Settings::parse(url)? })
}

/// Draws that differ from process to process.
pub fn seed() -> Seed {
    let mut number = [0; 8];
    number.copy_from_slice(&MachineEntropy.bits()[..8]);
    Seed::from_task_seed(u64::from_le_bytes(number))
}

/// Which links of users are read and written, as the settings say.
pub async fn links(sources: &SourcesConfig, config: &StoreConfig) -> Result<Links> {
    let buckets = sources.buckets.iter().map(|url| bucket(url, config)).collect::<Result<_>>()?;
    let https = if sources.https.is_empty() { foreign::Https::Off } else { foreign::Https::Hosts(sources.https.clone()) };
    Links::open(foreign::Settings { buckets, https, ..foreign::Settings::default() }, seed()).await
}

/// What calls pages of users, if the settings name a secret to sign with.
pub fn callbacks(config: &ServeConfig, links: &Links) -> Result<Option<Callbacks>> {
    if config.callback_secret_file.is_empty() {
        return Ok(None);
    }
    let file = &config.callback_secret_file;
    let secret = std::fs::read_to_string(file).map_err(|e| Error::io(file, e))?;
    Callbacks::new(Arc::new(links.clone()), &secret).map(Some)
}

/// The store that the settings name, on a disk that always syncs or in a bucket. `fallback`: the folder to use if
/// they name none.
pub async fn store(config: &StoreConfig, fallback: Option<&Path>) -> Result<Arc<dyn Store>> {
    let refused = |message: String| {
        Err(Error::invalid("config::store", message).help("set store.url (SYNTHFLEET_STORE_URL) to file:///folder or s3://bucket/prefix"))
    };
    let place = match (config.url.as_str(), fallback) {
        ("", Some(folder)) => folder.to_owned(),
        (url, _) if url.starts_with("s3://") => return Ok(Arc::new(S3::open(&bucket(url, config)?, seed()).await?)),
        ("", None) => return refused("processes of a fleet need a common store, and none is named".to_owned()),
        (url, _) => match folder(url) {
            Some(folder) => folder,
            None => return refused(format!("no store is known for {:?}", url.split("://").next().unwrap_or(url))),
        },
    };
    Ok(Arc::new(Local::open(&place, LocalSettings { sync: true })?))
}

/// Tries a store out before facts are entrusted to it. A folder needs no trial: its system calls are atomic.
///
/// # Errors
/// `store::racy` unless the settings let that pass; then it is said and measured.
pub async fn try_out(store: &Arc<dyn Store>, config: &StoreConfig, book: &Book) -> Result<()> {
    if !config.url.starts_with("s3://") {
        return Ok(());
    }
    match races(store, &MachineEntropy).await {
        Err(error) if error.code() == "store::racy" && config.allow_racy => {
            tracing::warn!(code = error.code(), "creates of this store are not atomic: work may be done twice");
            book.set(ATOMIC_CREATE, &[], 0.0);
            Ok(())
        }
        Err(error) if error.code() == "store::racy" => {
            Err(error.help("use another store; store.allow_racy lets it pass, and work may be done twice"))
        }
        tried => tried,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_parts_of_keys_and_never_equal() {
        let (one, other) = (name('w'), name('w'));
        assert!(one != other && synthfleet_proto::key::worker(&one).is_ok(), "{one} {other}");
    }

    #[tokio::test]
    async fn a_fleet_without_a_common_store_is_refused() {
        let config = StoreConfig {
            url: String::new(),
            endpoint: String::new(),
            region: String::new(),
            path_style: "auto".into(),
            profile: String::new(),
            allow_racy: false,
        };
        for url in ["", "ftp://x", "file://relative"] {
            let refused = store(&StoreConfig { url: url.into(), ..config.clone() }, None).await.err().expect("refused");
            assert_eq!(refused.code(), "config::store", "{url}");
        }
    }
}

//! What a table is read from, and what its first bytes say of it.

use super::decode::TextReader;
use super::decompress::{Decompressed, Raw};
use super::options::ReadOptions;
use crate::sniff::magic;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::metadata::Format;
use synthfleet_proto::{Error, Result};

/// Where the bytes are. Intake reads them twice, so both forms can be read again.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// Bytes in memory with the name that messages show.
    Bytes(String, Arc<[u8]>),
}

impl Source {
    /// The name that messages show.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Bytes(name, _) => name.clone(),
        }
    }

    /// The table's name: the file's stem, other characters than `[A-Za-z0-9_]` replaced by `_`.
    pub fn table_name(&self) -> String {
        let name = self.name();
        let file = Path::new(&name).file_name().map_or(name.clone(), |file| file.to_string_lossy().into_owned());
        let stem = file.trim_start_matches('.').split('.').next().unwrap_or_default();
        let clean: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
        if clean.is_empty() { "table".to_owned() } else { clean }
    }

    fn raw(&self) -> Result<Raw> {
        match self {
            Self::Path(path) => {
                let fault = |error| Error::io(path.display(), error).in_source(path.display().to_string());
                let file = File::open(path)
                    .map_err(|error| if nearby(path).is_empty() { fault(error) } else { fault(error).help(nearby(path)) })?;
                if file.metadata().map_err(fault)?.is_dir() {
                    let error = Error::data("input::unsupported", "this is a directory, not a table format we read");
                    return Err(error.in_source(path.display().to_string()).help("name one CSV or Parquet file"));
                }
                Ok(Box::new(file))
            }
            Self::Bytes(_, bytes) => Ok(Box::new(std::io::Cursor::new(Arc::clone(bytes)))),
        }
    }
}

/// Names in the same folder that resemble a missing file's.
fn nearby(path: &Path) -> String {
    let Some(wanted) = path.file_name().map(|name| name.to_string_lossy().to_lowercase()) else { return String::new() };
    if path.exists() {
        return String::new();
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let stem = wanted.split('.').next().unwrap_or_default().to_owned();
    let mut close: Vec<String> = names.filter(|name| !stem.is_empty() && name.to_lowercase().starts_with(&stem)).take(3).collect();
    close.sort();
    if close.is_empty() { String::new() } else { format!("there is {}", close.join(", ")) }
}

/// How the bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Gzip, one or more members.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The name used in profiles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A source whose form is known. Every call that reads starts at its beginning.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Where the bytes are.
    pub source: Source,
    /// Form of the table.
    pub format: Format,
    /// How the bytes are packed.
    pub compression: Compression,
    options: ReadOptions,
}

/// Finds out form and packing of a source by its first bytes. What is not read is refused by name.
pub fn open(source: &Source, options: &ReadOptions) -> Result<Opened> {
    let name = source.name();
    let mut head = [0u8; 8];
    let mut raw = source.raw()?;
    let length = read_full(&mut raw, &mut head).map_err(|error| Error::io(&name, error).in_source(&name))?;
    if length == 0 {
        return Err(empty(&name));
    }
    let compression = magic::compression(&head[..length]);
    let mut opened =
        Opened { source: source.clone(), format: options.format.unwrap_or(Format::Csv), compression, options: options.clone() };
    let mut sample = vec![0; magic::SAMPLE_BYTES];
    let mut bytes = opened.bytes()?;
    let length = bytes.read(&mut sample)?;
    if length == 0 {
        return Err(empty(&name));
    }
    let found = magic::format(&sample[..length]);
    // a run of one byte that packs a thousandfold: worth reading on, to tell a bomb from a blank file
    if compression != Compression::None && length == sample.len() && sample.iter().all(|&byte| byte == sample[0]) {
        while bytes.bytes() <= 2 * options.limits.ratio_from_bytes && bytes.read(&mut sample)? > 0 {}
    }
    opened.format = match (options.format, found) {
        (Some(Format::Csv), Err(_)) if magic::is_text(&sample[..length]) => Format::Csv,
        (Some(Format::Csv), Ok(Format::Csv)) => Format::Csv,
        (_, found) => found.map_err(|error| error.in_source(&name))?,
    };
    Ok(opened)
}

fn empty(name: &str) -> Error {
    Error::data("input::empty", format!("{name} has no bytes")).in_source(name).help("name a file that holds a table")
}

fn read_full(raw: &mut Raw, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match raw.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Opened {
    /// The bytes after decompression, from the beginning.
    pub fn bytes(&self) -> Result<Decompressed> {
        Decompressed::new(&self.source.name(), self.source.raw()?, self.compression, &self.options.limits)
    }

    /// The text, from the beginning.
    pub fn text(&self) -> Result<TextReader> {
        TextReader::new(&self.source.name(), self.bytes()?, self.options.encoding.as_deref(), self.options.bad_bytes)
    }

    /// How it is read.
    pub fn options(&self) -> &ReadOptions {
        &self.options
    }
}

/// Writes all of a stream (standard input) into a new file that only its owner may read, since intake
/// reads twice. Fails with `source::too_large` past `bytes_max`.
pub fn spool(stream: &mut dyn Read, path: &Path, bytes_max: u64) -> Result<Source> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| Error::io(path.display(), error))?;
    let copied = std::io::copy(&mut stream.take(bytes_max + 1), &mut file).map_err(|error| Error::io(path.display(), error))?;
    file.flush().map_err(|error| Error::io(path.display(), error))?;
    if copied > bytes_max {
        return Err(Error::data("source::too_large", format!("standard input exceeds {bytes_max} bytes")).help("give a part of the table"));
    }
    Ok(Source::Path(path.to_owned()))
}

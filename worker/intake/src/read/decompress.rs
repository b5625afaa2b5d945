//! Bytes of a source after decompression, bounded while they stream.

use super::Limits;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use synthfleet_proto::{Error, Result};

use super::source::Compression;

/// A plain, seek-free stream of bytes.
pub(crate) type Raw = Box<dyn Read + Send>;

/// A decompressed stream. Gzip files of several members are one stream.
pub struct Decompressed {
    name: String,
    inner: Inner,
    bytes_in: Arc<AtomicU64>,
    bytes_out: u64,
    limits: Limits,
}

enum Inner {
    Plain(Raw),
    Gzip(Box<MultiGzDecoder<Counted>>),
    Zstd(Box<zstd::Decoder<'static, std::io::BufReader<Counted>>>),
}

struct Counted(Raw, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

impl Decompressed {
    pub(crate) fn new(name: &str, raw: Raw, compression: Compression, limits: &Limits) -> Result<Self> {
        let bytes_in = Arc::new(AtomicU64::new(0));
        let counted = Counted(raw, Arc::clone(&bytes_in));
        let inner = match compression {
            Compression::None => Inner::Plain(Box::new(counted)),
            Compression::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(counted))),
            Compression::Zstd => {
                let decoder = zstd::Decoder::new(counted).map_err(|error| Error::io(name, error))?;
                Inner::Zstd(Box::new(decoder))
            }
        };
        Ok(Self { name: name.to_owned(), inner, bytes_in, bytes_out: 0, limits: limits.clone() })
    }

    /// Fills `buffer` as far as the source goes; 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(error)),
            }
        }
        self.bytes_out += filled as u64;
        self.check()?;
        Ok(filled)
    }

    /// Bytes read so far, after decompression.
    pub fn bytes(&self) -> u64 {
        self.bytes_out
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.inner {
            Inner::Plain(inner) => inner.read(buffer),
            Inner::Gzip(inner) => inner.read(buffer),
            Inner::Zstd(inner) => inner.read(buffer),
        }
    }

    fn check(&self) -> Result<()> {
        let (bytes_in, bytes_out) = (self.bytes_in.load(Ordering::Relaxed), self.bytes_out);
        if bytes_out > self.limits.input_bytes_max {
            let message = format!("the table exceeds {} bytes", self.limits.input_bytes_max);
            return Err(Error::data("source::too_large", message).in_source(&self.name).help("give a part of the table"));
        }
        let packed = !matches!(self.inner, Inner::Plain(_));
        if packed && bytes_out > self.limits.ratio_from_bytes && bytes_out / bytes_in.max(1) >= self.limits.ratio_max {
            let message = format!("{bytes_out} bytes from {bytes_in}, ratio over {}", self.limits.ratio_max);
            return Err(Error::data("source::bomb", message)
                .in_source(&self.name)
                .help("if the file is honest, unpack it first: plain files have no such limit"));
        }
        Ok(())
    }

    fn fault(&self, error: std::io::Error) -> Error {
        let what = match self.inner {
            Inner::Plain(_) => return Error::io(&self.name, error).in_source(&self.name),
            Inner::Gzip(_) => "gzip member",
            Inner::Zstd(_) => "zstd frame",
        };
        let at = self.bytes_in.load(Ordering::Relaxed);
        let error = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                Error::data("source::truncated", format!("ended inside {what} at byte {at}")).caused_by(error)
            }
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Other => {
                Error::data("source::damaged", format!("damaged {what} near byte {at}: {error}")).caused_by(error)
            }
            _ => Error::io(&self.name, error),
        };
        error.in_source(&self.name).help("fetch or compress the file again")
    }
}

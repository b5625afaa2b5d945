//! Compression of written files.

use crate::read::Compression;
use flate2::write::GzEncoder;
use std::io::{Result, Write};
use std::path::Path;

/// How a written file is packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    #[default]
    None,
    /// Gzip, without name and time, so that equal tables give equal bytes.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Packing {
    /// The packing that a file's name asks for by `.gz` or `.zst`.
    pub fn of_name(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl From<Compression> for Packing {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// A writer that packs what goes through it.
pub(crate) enum Packer<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packer<W> {
    /// Packs into `inner`.
    pub(crate) fn new(inner: W, packing: Packing) -> Result<Self> {
        Ok(match packing {
            Packing::None => Self::Plain(inner),
            Packing::Gzip => Self::Gzip(GzEncoder::new(inner, flate2::Compression::default())),
            Packing::Zstd => Self::Zstd(zstd::Encoder::new(inner, 3)?),
        })
    }

    /// Writes the end of the packed stream and gives the inner writer back.
    pub(crate) fn finish(self) -> Result<W> {
        match self {
            Self::Plain(inner) => Ok(inner),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Plain(inner) => inner.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Plain(inner) => inner.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn packed_bytes_unpack_and_are_equal_each_time() {
        for packing in [Packing::None, Packing::Gzip, Packing::Zstd] {
            let pack = || {
                let mut packer = Packer::new(Vec::new(), packing).expect("starts");
                packer.write_all(b"a,b\n1,2\n").expect("writes");
                packer.finish().expect("ends")
            };
            let (bytes, mut text) = (pack(), String::new());
            match packing {
                Packing::None => (&bytes[..]).read_to_string(&mut text).expect("plain"),
                Packing::Gzip => flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip"),
                Packing::Zstd => zstd::Decoder::new(&bytes[..]).expect("zstd").read_to_string(&mut text).expect("zstd"),
            };
            assert_eq!((text.as_str(), bytes), ("a,b\n1,2\n", pack()));
        }
    }
}

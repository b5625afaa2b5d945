//! Packing and form of a source by its first bytes; what is not read is refused by its name.

use crate::read::Compression;
use synthfleet_proto::metadata::Format;
use synthfleet_proto::{Error, Result};

/// Bytes that are looked at.
pub const SAMPLE_BYTES: usize = 64 << 10;

/// How the source is packed.
pub fn compression(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        // a frame, or a skippable frame before it
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

const EXPORT: &str = "export the table as CSV or Parquet";

/// First bytes, what they begin, and what to do about it.
const REFUSED: &[(&[u8], &str, &str)] = &[
    (b"PK\x05\x06", "an empty zip archive", "unpack it and name the table inside"),
    (b"%PDF", "a PDF document", EXPORT),
    (b"BZh", "bzip2 data", "unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\0", "xz data", "unpack it, or pack it with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!", "a rar archive", "unpack it"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an xls spreadsheet or another old Office file", EXPORT),
    (b"SQLite format 3\0", "a SQLite database", EXPORT),
    (b"ARROW1", "an Arrow IPC file", "write it as Parquet"),
    (b"\xff\xff\xff\xff", "an Arrow IPC stream", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", EXPORT),
    (b"ORC", "an ORC file", EXPORT),
    (b"\x93NUMPY", "a NumPy array", EXPORT),
    (b"\x89HDF", "an HDF5 file", EXPORT),
    (b"\x80\x02", "a pickle", EXPORT),
    (b"\x80\x03", "a pickle", EXPORT),
    (b"\x80\x04", "a pickle", EXPORT),
    (b"\x80\x05", "a pickle", EXPORT),
    (b"\x89PNG", "a PNG image", "name a table"),
    (b"\xff\xd8\xff", "a JPEG image", "name a table"),
    (b"GIF8", "a GIF image", "name a table"),
    (b"\x7fELF", "a program", "name a table"),
];

/// The form of a table by the first bytes of its decompressed content. Fails with `input::unsupported` naming what it is.
pub fn format(sample: &[u8]) -> Result<Format> {
    if sample.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    if sample.starts_with(b"PARE") {
        return Err(Error::data("parquet::encrypted", "cannot read footer: the file is encrypted").help("decrypt it first"));
    }
    // "ORC," or "ORC\n" begins a header as well
    let orc_table = sample.starts_with(b"ORC") && is_text(sample);
    if let Some((_, what, help)) = REFUSED.iter().find(|(magic, _, _)| sample.starts_with(magic) && !orc_table) {
        return Err(unsupported(what, help));
    }
    if sample.starts_with(b"PK\x03\x04") {
        let holds = |part: &[u8]| memchr::memmem::find(sample, part).is_some();
        return Err(match () {
            () if holds(b"xl/") || holds(b"[Content_Types].xml") => unsupported("an xlsx file", EXPORT),
            () if holds(b"opendocument.spreadsheet") => unsupported("an ods spreadsheet", EXPORT),
            () if holds(b".npy") => unsupported("an npz archive", EXPORT),
            () => unsupported("a zip archive", "unpack it and name the table inside, or pack it with gzip or zstd"),
        });
    }
    if crate::sniff::encoding::of_head(sample).is_ok_and(|(encoding, _)| encoding != encoding_rs::UTF_8) {
        return Ok(Format::Csv);
    }
    let text = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample).trim_ascii_start();
    if is_markup(text) {
        return Err(unsupported("an HTML or XML page", "fetch the raw file rather than the page that shows it"));
    }
    if is_json(text) {
        return Err(unsupported("a JSON document", EXPORT));
    }
    if !is_text(sample) {
        return Err(unsupported("binary data", EXPORT));
    }
    Ok(Format::Csv)
}

fn unsupported(what: &str, help: &str) -> Error {
    Error::data("input::unsupported", format!("this is {what}, not a table format we read")).help(help)
}

fn is_markup(text: &[u8]) -> bool {
    let head = text[..text.len().min(1_024)].to_ascii_lowercase();
    [&b"<!doctype"[..], b"<html", b"<?xml", b"<head", b"<body", b"<table", b"<svg", b"<!--"].iter().any(|tag| head.starts_with(tag))
}

/// A document that begins like JSON and whose first value parses as far as it is there.
fn is_json(text: &[u8]) -> bool {
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return false;
    }
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => matches!(text[values.byte_offset()..].trim_ascii_start().first(), None | Some(b'{' | b'[')),
        Some(Err(error)) => error.is_eof(),
        None => false,
    }
}

/// Whether bytes look like text of an ASCII-based encoding: few control characters, not mainly NULs.
pub fn is_text(sample: &[u8]) -> bool {
    let control = |byte: &u8| matches!(byte, 1..=8 | 11 | 14..=26 | 28..=31 | 127);
    let controls = sample.iter().filter(|byte| control(byte)).count();
    let nuls = memchr::memchr_iter(0, sample).count();
    controls * 50 <= sample.len() && nuls * 10 <= sample.len() * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_table_is_refused_by_name() {
        let cases: [(&[u8], &str); 9] = [
            (b"PK\x03\x04\x14\0\0\0 xl/workbook.xml", "xlsx"),
            (b"PK\x03\x04\x14\0\0\0 a.csv", "zip"),
            (b"%PDF-1.7 ..", "PDF"),
            (b"\n <!DOCTYPE html><html><body>404", "HTML"),
            (b"{\"a\": 1, \"b\": 2}\n{\"a\": 3, \"b\": 4}\n", "JSON"),
            (b"[{\"a\": 1}, {\"a\"", "JSON"),
            (b"ARROW1\0\0", "Arrow IPC"),
            (b"BZh91AY", "bzip2"),
            (b"\x01\x02\x03\x04\x05\x06\x07\x08", "binary"),
        ];
        for (bytes, name) in cases {
            let error = format(bytes).expect_err(name);
            assert_eq!(error.code(), "input::unsupported");
            assert!(error.message().contains(name), "{error}");
        }
    }

    #[test]
    fn tables_that_begin_like_something_else_are_read() {
        for text in ["[a],[b]\n1,2\n", "{x};{y}\n1;2\n", "ORC,ELF\n1,2\n", "<5,>5\n1,2\n"] {
            assert_eq!(format(text.as_bytes()).ok(), Some(Format::Csv), "{text}");
        }
    }
}

//! Bytes to UTF-8 text, whatever the encoding: a byte-order mark wins, then a pattern of NULs (UTF-16),
//! then UTF-8 while it is valid, then windows-1252.
//!
//! The change from UTF-8 to windows-1252 needs no second start: it happens at the first byte that is
//! neither, if everything before was ASCII, which both write alike.

use super::Decompressed;
use super::options::BadBytes;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, WINDOWS_1252};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Place, Result};

const CHUNK_BYTES: usize = 256 << 10;

/// A stream of text.
pub struct TextReader {
    name: String,
    bytes: Decompressed,
    /// Bytes that are not decoded yet.
    raw: Vec<u8>,
    /// The first chunk was read for its byte-order mark and waits.
    head_waits: bool,
    encoding: &'static Encoding,
    decoder: Option<Decoder>,
    bom: bool,
    stated: bool,
    seen_multibyte: bool,
    bad_bytes: BadBytes,
    line_feeds: u64,
    returns: u64,
    /// Bad bytes that were replaced and NULs that were left out.
    mended: u64,
    notes: Vec<Finding>,
    /// The source gave its last byte.
    ended: bool,
    /// And it is decoded.
    done: bool,
}

impl TextReader {
    pub(crate) fn new(name: &str, mut bytes: Decompressed, stated: Option<&str>, bad_bytes: BadBytes) -> Result<Self> {
        let mut raw = vec![0; CHUNK_BYTES];
        let length = bytes.read(&mut raw)?;
        raw.truncate(length);
        let ended = length < CHUNK_BYTES;
        let (found, bom_length) = crate::sniff::encoding::of_head(&raw).map_err(|error| error.in_source(name))?;
        let encoding = match stated {
            Some(label) => labelled(label)?,
            None => found,
        };
        // a mark of another encoding than the stated one is left to that encoding
        let bom = bom_length > 0 && encoding == found;
        if bom {
            raw.drain(..bom_length);
        }
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        Ok(Self {
            name: name.to_owned(),
            bytes,
            raw,
            head_waits: true,
            encoding,
            decoder,
            bom,
            stated: stated.is_some() || bom,
            seen_multibyte: false,
            bad_bytes,
            line_feeds: 0,
            returns: 0,
            mended: 0,
            notes: Vec::new(),
            ended,
            done: false,
        })
    }

    /// The encoding as far as it is known by now, as a lower-case WHATWG name.
    pub fn encoding(&self) -> String {
        self.encoding.name().to_lowercase()
    }

    /// Whether the source began with a byte-order mark.
    pub fn bom(&self) -> bool {
        self.bom
    }

    /// What was noticed so far.
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// Bytes that were replaced or left out so far.
    pub fn mended(&self) -> u64 {
        self.mended
    }

    /// Bytes read so far, after decompression.
    pub fn bytes(&self) -> u64 {
        self.bytes.bytes()
    }

    /// Appends at least `wanted` bytes of text, or what is left; `false` at the end.
    pub fn read(&mut self, wanted: usize, text: &mut String) -> Result<bool> {
        let before = text.len();
        while text.len() - before < wanted.max(1) && !self.done {
            self.fill()?;
            self.done = self.ended;
            let from = text.len();
            self.decode(text)?;
            let fresh = &text.as_bytes()[from..];
            self.line_feeds += memchr::memchr_iter(b'\n', fresh).count() as u64;
            self.returns += memchr::memchr_iter(b'\r', fresh).count() as u64;
            if self.bad_bytes == BadBytes::Strip && memchr::memchr(0, fresh).is_some() {
                let clean: String = text[from..].chars().filter(|&c| c != '\0').collect();
                self.mended += (text.len() - from - clean.len()) as u64;
                text.truncate(from);
                text.push_str(&clean);
            }
        }
        Ok(text.len() > before)
    }

    fn fill(&mut self) -> Result<()> {
        if std::mem::take(&mut self.head_waits) {
            return Ok(());
        }
        let kept = self.raw.len();
        self.raw.resize(kept + CHUNK_BYTES, 0);
        let length = self.bytes.read(&mut self.raw[kept..])?;
        self.raw.truncate(kept + length);
        self.ended = length < CHUNK_BYTES;
        Ok(())
    }

    fn decode(&mut self, text: &mut String) -> Result<()> {
        if self.decoder.is_some() { self.decode_other(text) } else { self.decode_utf8(text) }
    }

    fn decode_utf8(&mut self, text: &mut String) -> Result<()> {
        let raw = std::mem::take(&mut self.raw);
        let mut rest = raw.as_slice();
        loop {
            match simdutf8::compat::from_utf8(rest) {
                Ok(valid) => {
                    self.seen_multibyte |= !valid.is_ascii();
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    let valid = std::str::from_utf8(valid).unwrap_or_default();
                    self.seen_multibyte |= !valid.is_ascii();
                    text.push_str(valid);
                    rest = after;
                    let Some(length) = error.error_len().or(self.ended.then_some(after.len())) else {
                        break; // the rest of the character comes with the next chunk
                    };
                    if !self.stated && !self.seen_multibyte {
                        self.note_switch(after[0], valid);
                        self.encoding = WINDOWS_1252;
                        self.decoder = Some(WINDOWS_1252.new_decoder_without_bom_handling());
                        self.raw = rest.to_vec();
                        return self.decode_other(text);
                    }
                    if self.bad_bytes != BadBytes::Replace {
                        return Err(self.bad_byte(after[0], valid));
                    }
                    text.push('\u{fffd}');
                    self.mended += 1;
                    rest = &after[length..];
                }
            }
        }
        self.raw = rest.to_vec();
        Ok(())
    }

    fn decode_other(&mut self, text: &mut String) -> Result<()> {
        let raw = std::mem::take(&mut self.raw);
        let mut rest = raw.as_slice();
        let Some(mut decoder) = self.decoder.take() else { return Ok(()) };
        loop {
            let room = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len() * 4).max(16);
            text.reserve(room);
            let from = text.len();
            let (result, read) = decoder.decode_to_string_without_replacement(rest, text, self.ended);
            rest = &rest[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(_, _) => {
                    if self.bad_bytes != BadBytes::Replace {
                        let byte = raw[(raw.len() - rest.len()).saturating_sub(1)];
                        return Err(self.bad_byte(byte, &text[from..]));
                    }
                    text.push('\u{fffd}');
                    self.mended += 1;
                }
            }
        }
        self.decoder = Some(decoder);
        Ok(())
    }

    fn line(&self, before: &str) -> u64 {
        let count = |byte, seen: u64| seen + memchr::memchr_iter(byte, before.as_bytes()).count() as u64;
        let feeds = count(b'\n', self.line_feeds);
        // files without any line feed end their lines with carriage returns
        1 + if feeds > 0 { feeds } else { count(b'\r', self.returns) }
    }

    fn note_switch(&mut self, byte: u8, before: &str) {
        let line = self.line(before);
        self.notes.push(Finding {
            code: "encoding_guessed".to_owned(),
            column: None,
            number: Some(line as f64),
            text: format!("byte 0x{byte:02x} at line {line} is not UTF-8: read as windows-1252; --encoding says otherwise"),
        });
    }

    fn bad_byte(&self, byte: u8, before: &str) -> Error {
        let line = self.line(before);
        let tail = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let message = format!("byte 0x{byte:02x} at line {line} is not {}; earlier text was", self.encoding.name());
        let place = Place {
            source: Some(self.name.clone()),
            line: Some(line),
            position: Some(tail.chars().count() as u64 + 1),
            excerpt: Some(super::bad_rows::excerpt(tail, tail.len())),
            ..Place::default()
        };
        Error::data("csv::encoding", message)
            .at(place)
            .help("state the encoding: --encoding NAME")
            .help("replace such bytes: --bad-bytes replace")
    }
}

fn labelled(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Error::invalid("job::option", format!("{label} is not the name of an encoding"))
            .at_pointer("/source/dialect/encoding")
            .help("use a WHATWG label such as utf-8, windows-1252, utf-16le, shift_jis")
    })
}

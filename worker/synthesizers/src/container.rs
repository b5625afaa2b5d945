//! The file of a model, `model.bin`.
//!
//! **Form.** Magic `SFM1`, format version (u16: 2 if the encoder has constraints, which older readers would not
//! keep, else 1), number of sections (u16); each section: name length (u8),
//! name, raw length (u64), packed length (u64), zstd level 3; at the end SHA-256 of all before. Numbers
//! are little-endian. Sections: `about`, `options`, `findings` (JSON), `encoder`, `payload` (arrays), and of
//! differentially private members `privacy` (JSON).
//! **Reading** trusts nothing: every length is checked against the file before anything is allocated,
//! and no section unpacks to more than it claims.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use synthfleet_proto::privacy::Privacy;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;
use synthfleet_table::encode::Encoder;

const MAGIC: &[u8; 4] = b"SFM1";
/// The newest format that is read.
const FORMAT: u16 = 2;
/// The format of models without constraints.
const FORMAT_PLAIN: u16 = 1;
const LEVEL: i32 = 3;
const HASH_BYTES: usize = 32;
const SECTION_BYTES_MAX: u64 = 8 << 30;

/// Everything in the file of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Container {
    /// Name of the member.
    pub(crate) name: String,
    /// Version of the member that fitted it.
    pub(crate) version: String,
    /// The model holds real rows and is never published.
    pub(crate) contains_rows: bool,
    /// Seed of the task that fitted it.
    pub(crate) seed: u64,
    /// Options as checked.
    pub(crate) options: Value,
    /// Remarks of the fit.
    pub(crate) findings: Vec<Finding>,
    /// What the fit guarantees, if its member is differentially private.
    pub(crate) privacy: Option<Privacy>,
    /// The stored encoder.
    pub(crate) encoder: Arrays,
    /// The stored model.
    pub(crate) payload: Arrays,
}

impl Container {
    /// The bytes of `model.bin`.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let about = json!({
            "name": self.name, "version": self.version, "contains_rows": self.contains_rows, "seed": self.seed.to_string(),
        });
        let findings = serde_json::to_string(&self.findings).map_err(internal)?;
        let mut sections: Vec<(&str, Vec<u8>)> = vec![
            ("about", about.to_string().into_bytes()),
            ("options", self.options.to_string().into_bytes()),
            ("findings", findings.into_bytes()),
            ("encoder", self.encoder.to_bytes()),
            ("payload", self.payload.to_bytes()),
        ];
        if let Some(privacy) = &self.privacy {
            sections.push(("privacy", serde_json::to_vec(privacy).map_err(internal)?));
        }
        let mut out = MAGIC.to_vec();
        let format = if Encoder::has_constraints(&self.encoder) { FORMAT } else { FORMAT_PLAIN };
        out.extend(format.to_le_bytes());
        out.extend((sections.len() as u16).to_le_bytes());
        for (name, raw) in sections {
            let packed = zstd::bulk::compress(&raw, LEVEL).map_err(internal)?;
            out.push(name.len() as u8);
            out.extend(name.as_bytes());
            out.extend((raw.len() as u64).to_le_bytes());
            out.extend((packed.len() as u64).to_le_bytes());
            out.extend(packed);
        }
        let hash = Sha256::digest(&out);
        out.extend(hash);
        Ok(out)
    }

    /// Reads what [`Container::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let sections = Sections::open(bytes)?;
        let about = sections.json("about")?;
        let text = |field: &str| about[field].as_str().map(str::to_owned).ok_or_else(|| damaged(format!("about has no {field}")));
        Ok(Self {
            name: text("name")?,
            version: text("version")?,
            contains_rows: about["contains_rows"].as_bool().ok_or_else(|| damaged("about has no contains_rows"))?,
            seed: text("seed")?.parse().map_err(|_| damaged("the seed is no number"))?,
            options: sections.json("options")?,
            findings: serde_json::from_value(sections.json("findings")?).map_err(|_| damaged("findings have another form"))?,
            privacy: match sections.0.contains_key("privacy") {
                true => Some(serde_json::from_value(sections.json("privacy")?).map_err(|_| damaged("the bill has another form"))?),
                false => None,
            },
            encoder: Arrays::from_bytes(&sections.unpack("encoder")?)?,
            payload: Arrays::from_bytes(&sections.unpack("payload")?)?,
        })
    }

    /// The member's name alone, after the same checks of the file's frame.
    pub(crate) fn name_in(bytes: &[u8]) -> Result<String> {
        let about = Sections::open(bytes)?.json("about")?;
        about["name"].as_str().map(str::to_owned).ok_or_else(|| damaged("about has no name"))
    }
}

/// Packed sections by name, with their raw lengths.
struct Sections<'a>(BTreeMap<&'a str, (u64, &'a [u8])>);

impl<'a> Sections<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self> {
        let (body, hash) =
            bytes.len().checked_sub(HASH_BYTES).map(|end| bytes.split_at(end)).ok_or_else(|| damaged("the file is too short"))?;
        let mut rest = body.strip_prefix(MAGIC).ok_or_else(|| damaged("the file does not start with SFM1"))?;
        if Sha256::digest(body).as_slice() != hash {
            return Err(damaged("the checksum does not fit"));
        }
        let format = u16::from_le_bytes(take(&mut rest)?);
        if !(FORMAT_PLAIN..=FORMAT).contains(&format) {
            let message = format!("the model has format {format}, this version reads {FORMAT_PLAIN} to {FORMAT}");
            return Err(Error::data("model::format", message).help("fit the model again, or use a newer version"));
        }
        let count = u16::from_le_bytes(take(&mut rest)?);
        let mut sections = BTreeMap::new();
        for _ in 0..count {
            let [length] = take(&mut rest)?;
            let name = std::str::from_utf8(slice(&mut rest, length.into())?).map_err(|_| damaged("a section's name is not UTF-8"))?;
            let (raw, packed) = (u64::from_le_bytes(take(&mut rest)?), u64::from_le_bytes(take(&mut rest)?));
            sections.insert(name, (raw, slice(&mut rest, packed)?));
        }
        if rest.is_empty() { Ok(Self(sections)) } else { Err(damaged("bytes follow the last section")) }
    }

    fn unpack(&self, name: &str) -> Result<Vec<u8>> {
        let &(length, packed) = self.0.get(name).ok_or_else(|| damaged(format!("section {name} is missing")))?;
        if length > SECTION_BYTES_MAX {
            return Err(damaged(format!("section {name} claims {length} bytes")));
        }
        let mut raw = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(packed).map_err(internal)?;
        decoder.take(length + 1).read_to_end(&mut raw).map_err(|_| damaged(format!("section {name} cannot be unpacked")))?;
        if raw.len() as u64 == length { Ok(raw) } else { Err(damaged(format!("section {name} has another length than it claims"))) }
    }

    fn json(&self, name: &str) -> Result<Value> {
        serde_json::from_slice(&self.unpack(name)?).map_err(|_| damaged(format!("section {name} is not JSON")))
    }
}

fn slice<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8]> {
    let length = usize::try_from(length).map_err(|_| damaged("the file ends early"))?;
    let (head, tail) = rest.split_at_checked(length).ok_or_else(|| damaged("the file ends early"))?;
    *rest = tail;
    Ok(head)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or_else(|| damaged("the file ends early"))?;
    *rest = tail;
    Ok(*head)
}

fn damaged(message: impl Into<String>) -> Error {
    Error::data("model::damaged", message).help("fit the model again")
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::internal("model::unwritable", error.to_string())
}

/// Files whose arrays were changed behind a right checksum, for tests.
#[cfg(test)]
pub(crate) fn forgeries(bytes: &[u8], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let container = Container::from_bytes(bytes).expect("a whole file");
    (0..count).filter_map(move |i| {
        let mut forged = container.clone();
        let arrays = if i % 2 == 0 { &mut forged.payload } else { &mut forged.encoder };
        let mut raw = arrays.to_bytes();
        let place = (i * 7_919 + i * i * 31) % raw.len();
        raw[place] ^= 1 << (i % 8);
        *arrays = Arrays::from_bytes(&raw).ok()?;
        forged.to_bytes().ok()
    })
}

/// All that a file holds, unpacked, for tests.
#[cfg(test)]
pub(crate) fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let sections = Sections::open(bytes).expect("a whole file");
    sections.0.keys().flat_map(|name| sections.unpack(name).expect("a whole section")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Container {
        let (mut encoder, mut payload) = (Arrays::default(), Arrays::default());
        encoder.put_u32("a", vec![1, 2]);
        payload.put_f64("b", vec![0.5; 1_000]);
        let findings = vec![Finding { code: "x".to_owned(), column: None, number: Some(0.1), text: "y".to_owned() }];
        let (name, version) = ("independent".to_owned(), "1.0".to_owned());
        let options = json!({"k": 1});
        Container { name, version, contains_rows: false, seed: u64::MAX, options, findings, privacy: None, encoder, payload }
    }

    fn sealed(body: &[u8]) -> Vec<u8> {
        [body, Sha256::digest(body).as_slice()].concat()
    }

    #[test]
    fn a_model_file_comes_back_as_it_was() {
        let bytes = sample().to_bytes().expect("writes");
        assert_eq!(Container::from_bytes(&bytes).expect("reads"), sample());
        assert_eq!(Container::name_in(&bytes).expect("reads"), "independent");
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_refused() {
        let bytes = sample().to_bytes().expect("writes");
        for place in 0..bytes.len() {
            assert_eq!(Container::from_bytes(&bytes[..place]).expect_err("cut").code(), "model::damaged");
            let mut changed = bytes.clone();
            changed[place] ^= 0x40;
            assert!(Container::from_bytes(&changed).is_err(), "byte {place}");
        }
    }

    #[test]
    fn lengths_beyond_the_file_are_refused_behind_a_right_checksum() {
        let bytes = sample().to_bytes().expect("writes");
        let body = &bytes[..bytes.len() - HASH_BYTES];
        for place in 0..body.len() {
            let mut changed = body.to_vec();
            changed[place] = 0xff;
            let read = Container::from_bytes(&sealed(&changed));
            assert!(read.is_err() || changed == body || read.is_ok_and(|c| c != sample()), "byte {place}");
        }
    }

    #[test]
    fn a_section_that_unpacks_to_more_than_it_claims_is_refused() {
        let packed = zstd::bulk::compress(&vec![0; 1 << 20], 3).expect("packs");
        let mut body = MAGIC.to_vec();
        body.extend(FORMAT.to_le_bytes());
        body.extend(1u16.to_le_bytes());
        body.push(5);
        body.extend(b"about");
        body.extend(10u64.to_le_bytes());
        body.extend((packed.len() as u64).to_le_bytes());
        body.extend(packed);
        assert_eq!(Container::from_bytes(&sealed(&body)).expect_err("a bomb").code(), "model::damaged");
    }
}

//! The encoding that a source's first bytes show.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use synthfleet_proto::{Error, Result};

/// Bytes that are looked at for a pattern of NULs.
const HEAD_BYTES: usize = 4_096;

/// The encoding and the length of the byte-order mark, 0 if there is none. UTF-8 stands for "not known
/// yet" too: the reader leaves it at the first byte that is not UTF-8.
pub fn of_head(bytes: &[u8]) -> Result<(&'static Encoding, usize)> {
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(Error::data("csv::encoding", "the file is UTF-32, which is not read").help("save it as UTF-8"));
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        return Ok((UTF_8, 3));
    }
    if bytes.starts_with(&[0xff, 0xfe]) {
        return Ok((UTF_16LE, 2));
    }
    if bytes.starts_with(&[0xfe, 0xff]) {
        return Ok((UTF_16BE, 2));
    }
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let share = |parity: usize| {
        let places = head.iter().skip(parity).step_by(2);
        let (all, nul) = places.fold((0u32, 0u32), |(all, nul), &byte| (all + 1, nul + u32::from(byte == 0)));
        f64::from(nul) / f64::from(all.max(1))
    };
    let (even, odd) = (share(0), share(1));
    if odd >= 0.3 && even <= odd / 10.0 {
        return Ok((UTF_16LE, 0));
    }
    if even >= 0.3 && odd <= even / 10.0 {
        return Ok((UTF_16BE, 0));
    }
    Ok((UTF_8, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_nul_patterns_are_told_apart() {
        let wide = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        let cases = [
            (b"\xef\xbb\xbfa,b".to_vec(), UTF_8, 3),
            (b"a,b\n1,2\n".to_vec(), UTF_8, 0),
            (wide("\u{feff}a,b", false), UTF_16LE, 2),
            (wide("\u{feff}a,b", true), UTF_16BE, 2),
            (wide("a,b\n1,2\n", false), UTF_16LE, 0),
            (wide("a,b\n1,2\n", true), UTF_16BE, 0),
            (vec![0; 64], UTF_8, 0),
        ];
        for (bytes, encoding, length) in cases {
            assert_eq!(of_head(&bytes).expect("readable"), (encoding, length), "{bytes:?}");
        }
    }

    #[test]
    fn utf_32_is_refused() {
        assert_eq!(of_head(&[0xff, 0xfe, 0, 0, 97, 0, 0, 0]).expect_err("not read").code(), "csv::encoding");
    }
}

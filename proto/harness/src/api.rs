//! The node's management interface.

use crate::http;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Sends a request as a user and gives status and body of the answer.
pub(crate) fn request(port: u16, user: (&str, &str), method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
    let credentials = format!("Basic {}", base64(format!("{}:{}", user.0, user.1).as_bytes()));
    let headers = [("authorization", credentials.as_str()), ("content-type", "application/json")];
    let answer = http::ask(port, method, &format!("/api{path}"), &headers, body.as_bytes())?;
    Ok((answer.status, answer.text()))
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0, |sum, i| sum << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = ALPHABET[(number >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_standard() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}

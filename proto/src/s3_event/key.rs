//! Keys as notifications write them: form-encoded.

/// Undoes form encoding: `+` is a space, `%` and two hexadecimal digits are a byte, everything else stays.
/// `None`: the bytes are not UTF-8, so no key was ever encoded like that.
pub fn decode_key(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| hex_pair(after)).flatten();
        bytes.push(match (escaped, first) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, other) => *other,
        });
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |place: usize| char::from(*text.get(place)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_the_bucket_encoded_them() {
        let known = [
            ("in/red+flower.csv", "in/red flower.csv"),
            ("in/1%2B1.csv", "in/1+1.csv"),
            ("in/100%25.csv", "in/100%.csv"),
            ("in/%E6%97%A5%E6%9C%AC+%F0%9F%8C%B8.csv", "in/日本 🌸.csv"),
            ("in/a%2fb%2Fc", "in/a/b/c"),
            ("plain", "plain"),
            ("", ""),
        ];
        for (text, key) in known {
            assert_eq!(decode_key(text).as_deref(), Some(key), "{text}");
        }
    }

    #[test]
    fn what_is_no_escape_stays_and_what_is_no_text_is_refused() {
        for text in ["100%", "%zz", "%4", "a%"] {
            assert_eq!(decode_key(text).as_deref(), Some(text));
        }
        for text in ["%ff", "%C3%28", "ok%80"] {
            assert_eq!(decode_key(text), None, "{text}");
        }
    }
}

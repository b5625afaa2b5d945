//! Documents that anybody may have sent: JSON or MessagePack, read strictly. Nesting is bounded while reading, a
//! key that is given twice is refused (two readers could choose differently), and numbers are finite.

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use synthfleet_proto::{Error, Result};

/// Deepest nesting of a document.
pub const DEPTH_MAX: usize = 32;

/// Reads JSON.
pub fn read_json(bytes: &[u8]) -> Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(broken)?;
    reader.end().map_err(broken)?;
    Ok(value)
}

/// Reads MessagePack.
pub fn read_msgpack(bytes: &[u8]) -> Result<Value> {
    let mut rest = bytes;
    let mut reader = rmp_serde::Deserializer::new(&mut rest);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(broken)?;
    drop(reader);
    if rest.is_empty() { Ok(value) } else { Err(broken("bytes after the end")) }
}

fn broken(why: impl fmt::Display) -> Error {
    Error::invalid("document::syntax", format!("cannot read the document: {why}"))
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inside<E: serde::de::Error>(self) -> std::result::Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {DEPTH_MAX}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> std::result::Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a truth value, a number, text, a list or an object")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> std::result::Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let (inside, mut list) = (self.inside()?, Vec::new());
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> std::result::Result<Value, A::Error> {
        let (inside, mut map) = (self.inside()?, Map::new());
        while let Some(key) = fields.next_key::<String>()? {
            if map.contains_key(&key) {
                let shown: String = key.chars().take(64).collect();
                return Err(A::Error::custom(format!("the field {shown:?} is given twice")));
            }
            let value = fields.next_value_seed(inside)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_read_alike() {
        let value = json!({"a": [1, -2, 2.5, true, null, "x"], "b": {"c": {}}, "n": u64::MAX});
        assert_eq!(read_json(value.to_string().as_bytes()).expect("legal"), value);
        assert_eq!(read_msgpack(&rmp_serde::to_vec_named(&value).expect("encodes")).expect("legal"), value);
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        let error = read_json(br#"{"seed":1,"seed":2}"#).expect_err("twice");
        assert!(error.message().contains("\"seed\" is given twice"), "{error}");
        assert!(read_msgpack(&[0x82, 0xa1, b'a', 1, 0xa1, b'a', 2]).is_err());
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read_json(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(read_json(nested(DEPTH_MAX + 1).as_bytes()).is_err());
        assert!(read_json("[".repeat(1 << 20).as_bytes()).is_err());
        assert!(read_msgpack(&vec![0x91; 64 << 10]).is_err());
    }

    #[test]
    fn numbers_are_finite_and_lengths_never_allocate() {
        assert!(read_msgpack(&[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]).is_err(), "NaN");
        assert!(read_msgpack(&[0xdf, 0xff, 0xff, 0xff, 0xff]).is_err(), "a map that claims 4 billion fields");
    }

    #[test]
    fn nothing_may_follow() {
        assert!(read_json(b"{} {}").is_err() && read_msgpack(&[0x80, 0x80]).is_err());
    }
}

//! Named, shaped arrays: how models and checkpoints are stored. Reading trusts nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::{Error, Result};

/// The numbers of one array, little-endian on disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// 64-bit floating point.
    F64(Arc<[f64]>),
    /// 32-bit floating point.
    F32(Arc<[f32]>),
    /// 64-bit whole.
    I64(Arc<[i64]>),
    /// 32-bit whole, not negative.
    U32(Arc<[u32]>),
    /// Bytes.
    U8(Arc<[u8]>),
}

impl Numbers {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::U8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One array: its shape and its numbers in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<u32>,
    numbers: Numbers,
}

impl Array {
    /// The extents.
    pub fn shape(&self) -> &[u32] {
        &self.shape
    }

    /// The numbers in row-major order.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}

/// Arrays by name, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrays(BTreeMap<String, Array>);

macro_rules! accessors {
    ($($(#[$doc:meta])* $put:ident, $get:ident, $variant:ident, $type:ty);* $(;)?) => {
        $(
            #[doc = concat!("Stores a one-dimensional array of `", stringify!($type), "`.")]
            pub fn $put(&mut self, name: &str, numbers: impl Into<Arc<[$type]>>) {
                let numbers = numbers.into();
                self.0.insert(name.to_owned(), Array { shape: vec![numbers.len() as u32], numbers: Numbers::$variant(numbers) });
            }

            #[doc = concat!("The array `name`, which must hold `", stringify!($type), "`.")]
            pub fn $get(&self, name: &str) -> Result<&[$type]> {
                match self.get(name)?.numbers() {
                    Numbers::$variant(numbers) => Ok(numbers),
                    _ => Err(damaged(format!("array {name} is not of {}", stringify!($type)))),
                }
            }
        )*
    };
}

impl Arrays {
    accessors! {
        put_f64, f64s, F64, f64;
        put_f32, f32s, F32, f32;
        put_i64, i64s, I64, i64;
        put_u32, u32s, U32, u32;
        put_u8, u8s, U8, u8;
    }

    /// The array `name`.
    pub fn get(&self, name: &str) -> Result<&Array> {
        self.0.get(name).ok_or_else(|| damaged(format!("array {name} is missing")))
    }

    /// Whether there is an array `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes the array `name` out, if it is there.
    pub fn remove(&mut self, name: &str) -> Option<Array> {
        self.0.remove(name)
    }

    /// Arrays with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.0.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// How many arrays there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All arrays as bytes: count, then for each its name, type, shape and numbers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = (self.0.len() as u32).to_le_bytes().to_vec();
        for (name, array) in &self.0 {
            out.extend((name.len() as u32).to_le_bytes());
            out.extend(name.as_bytes());
            let (tag, body) = encode(&array.numbers);
            out.push(tag);
            out.push(array.shape.len() as u8);
            array.shape.iter().for_each(|extent| out.extend(extent.to_le_bytes()));
            out.extend(body);
        }
        out
    }

    /// Reads what [`Arrays::to_bytes`] wrote. Every length is checked against what is left before
    /// anything is allocated.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let count = reader.u32()?;
        let mut arrays = BTreeMap::new();
        for _ in 0..count {
            let length = reader.u32()? as usize;
            let name = std::str::from_utf8(reader.take(length)?).map_err(|_| damaged("an array's name is not UTF-8"))?;
            let (tag, dimensions) = (reader.u8()?, reader.u8()?);
            let shape = (0..dimensions).map(|_| reader.u32()).collect::<Result<Vec<u32>>>()?;
            let size = shape.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent as usize));
            let size = size.ok_or_else(|| damaged(format!("array {name} is too large")))?;
            let numbers = decode(tag, size, &mut reader)?;
            arrays.insert(name.to_owned(), Array { shape, numbers });
        }
        if reader.0.is_empty() { Ok(Self(arrays)) } else { Err(damaged("bytes follow the last array")) }
    }
}

fn encode(numbers: &Numbers) -> (u8, Vec<u8>) {
    match numbers {
        Numbers::F64(v) => (0, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::F32(v) => (1, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::I64(v) => (2, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::U32(v) => (3, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::U8(v) => (4, v.to_vec()),
    }
}

fn decode(tag: u8, size: usize, reader: &mut Reader) -> Result<Numbers> {
    let mut body = |width: usize| reader.take(size.checked_mul(width).ok_or_else(|| damaged("an array is too large"))?);
    Ok(match tag {
        0 => Numbers::F64(body(8)?.as_chunks().0.iter().map(|c| f64::from_le_bytes(*c)).collect()),
        1 => Numbers::F32(body(4)?.as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect()),
        2 => Numbers::I64(body(8)?.as_chunks().0.iter().map(|c| i64::from_le_bytes(*c)).collect()),
        3 => Numbers::U32(body(4)?.as_chunks().0.iter().map(|c| u32::from_le_bytes(*c)).collect()),
        4 => Numbers::U8(body(1)?.into()),
        _ => return Err(damaged(format!("array type {tag} is unknown"))),
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length).ok_or_else(|| damaged("the file ends early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32> {
        let mut four = [0; 4];
        four.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(four))
    }
}

fn damaged(message: impl Into<String>) -> Error {
    Error::data("model::damaged", message).help("fit the model again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Arrays {
        let mut arrays = Arrays::default();
        arrays.put_f64("weights", vec![1.5, -0.0]);
        arrays.put_u32("codes", vec![3, 2, 1]);
        arrays.put_u8("empty", Vec::new());
        arrays
    }

    #[test]
    fn arrays_come_back_as_they_were() {
        let arrays = sample();
        assert_eq!(Arrays::from_bytes(&arrays.to_bytes()).expect("own bytes"), arrays);
    }

    #[test]
    fn every_cut_of_the_bytes_is_refused() {
        let bytes = sample().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Arrays::from_bytes(&bytes[..end]).expect_err("cut short").code(), "model::damaged");
        }
    }

    #[test]
    fn a15_a_claimed_length_beyond_the_file_is_refused_without_allocation() {
        let mut bytes = 1u32.to_le_bytes().to_vec();
        bytes.extend(u32::MAX.to_le_bytes());
        assert!(Arrays::from_bytes(&bytes).is_err());
    }
}

//! Named arrays below a prefix: how plans store themselves and are read back with checks.

use crate::Arrays;
use crate::strings::Strings;
use synthfleet_proto::{Error, Result};

/// Writes arrays whose names start with a prefix.
pub(crate) struct Writer<'a> {
    arrays: &'a mut Arrays,
    prefix: String,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(arrays: &'a mut Arrays, prefix: impl Into<String>) -> Self {
        Self { arrays, prefix: prefix.into() }
    }

    pub(crate) fn below(&mut self, name: &str) -> Writer<'_> {
        Writer { prefix: format!("{}/{name}", self.prefix), arrays: self.arrays }
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    pub(crate) fn reals(&mut self, name: &str, numbers: &[f64]) {
        self.arrays.put_f64(&self.name(name), numbers);
    }

    pub(crate) fn wholes(&mut self, name: &str, numbers: &[i64]) {
        self.arrays.put_i64(&self.name(name), numbers);
    }

    pub(crate) fn codes(&mut self, name: &str, numbers: &[u32]) {
        self.arrays.put_u32(&self.name(name), numbers);
    }

    pub(crate) fn code(&mut self, name: &str, number: u32) {
        self.codes(name, &[number]);
    }

    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.code(name, u32::from(flag));
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.arrays.put_u8(&self.name(name), text.as_bytes());
    }

    pub(crate) fn texts(&mut self, name: &str, texts: &Strings) {
        let joined: String = texts.iter().collect();
        let lengths: Vec<u32> = texts.iter().map(|text| text.len() as u32).collect();
        self.codes(&format!("{name}/lengths"), &lengths);
        self.text(&format!("{name}/text"), &joined);
    }
}

/// Reads arrays whose names start with a prefix; everything it returns has been checked for its form.
pub(crate) struct Reader<'a> {
    arrays: &'a Arrays,
    prefix: String,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(arrays: &'a Arrays, prefix: impl Into<String>) -> Self {
        Self { arrays, prefix: prefix.into() }
    }

    pub(crate) fn below(&self, name: &str) -> Self {
        Self { arrays: self.arrays, prefix: format!("{}/{name}", self.prefix) }
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// Finite numbers.
    pub(crate) fn reals(&self, name: &str) -> Result<&'a [f64]> {
        let numbers = self.arrays.f64s(&self.name(name))?;
        if numbers.iter().all(|number| number.is_finite()) { Ok(numbers) } else { Err(self.damaged(name)) }
    }

    /// Exactly `N` finite numbers.
    pub(crate) fn some_reals<const N: usize>(&self, name: &str) -> Result<[f64; N]> {
        self.reals(name)?.try_into().map_err(|_| self.damaged(name))
    }

    pub(crate) fn wholes(&self, name: &str) -> Result<&'a [i64]> {
        self.arrays.i64s(&self.name(name))
    }

    /// Exactly `N` whole numbers.
    pub(crate) fn some_wholes<const N: usize>(&self, name: &str) -> Result<[i64; N]> {
        self.wholes(name)?.try_into().map_err(|_| self.damaged(name))
    }

    pub(crate) fn codes(&self, name: &str) -> Result<&'a [u32]> {
        self.arrays.u32s(&self.name(name))
    }

    pub(crate) fn code(&self, name: &str) -> Result<u32> {
        match self.codes(name)? {
            [code] => Ok(*code),
            _ => Err(self.damaged(name)),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.code(name)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged(name)),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<&'a str> {
        std::str::from_utf8(self.arrays.u8s(&self.name(name))?).map_err(|_| self.damaged(name))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Strings> {
        let mut rest = self.text(&format!("{name}/text"))?;
        let mut texts = Vec::new();
        for &length in self.codes(&format!("{name}/lengths"))? {
            let (text, after) = rest.split_at_checked(length as usize).ok_or_else(|| self.damaged(name))?;
            texts.push(text);
            rest = after;
        }
        if rest.is_empty() { Ok(texts.into_iter().collect()) } else { Err(self.damaged(name)) }
    }

    /// Whether there is an array of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.arrays.contains(&self.name(name))
    }

    /// Whether it reads what belongs to a plan inside another.
    pub(crate) fn is_nested(&self) -> bool {
        self.prefix.ends_with("/inner")
    }

    /// The error for an array whose numbers cannot be right.
    pub(crate) fn damaged(&self, name: &str) -> Error {
        Error::data("model::damaged", format!("array {} holds impossible numbers", self.name(name))).help("fit the model again")
    }
}

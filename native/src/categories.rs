//! The codes of one feature's categories, as its LabelEncoder would compute them.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::artifact::INTEGER_NULL;
use crate::text::Text;

/// The attributes of a LabelEncoder: keys, codes, and the code of all other values.
#[derive(Debug, Default)]
pub struct Encoder {
    /// The keys, if they are text.
    pub texts: Vec<Vec<u8>>,
    /// The keys, if they are integers.
    pub integers: Vec<i64>,
    /// The code of each key.
    pub codes: Vec<i64>,
    /// The code of all other values.
    pub unknown: i64,
}

/// The lookup of a category's codes.
#[derive(Debug)]
pub struct Codes {
    /// Texts of at most twelve bytes, which DuckDB stores inline: they are equal if those bytes
    /// are.
    short: HashMap<u128, i64, FixedState>,
    long: HashMap<Box<[u8]>, i64, FixedState>,
    integers: HashMap<i64, i64, FixedState>,
    unknown: i64,
    null: i64,
}

impl Codes {
    /// Build the lookup of an encoder.
    pub fn new(encoder: Encoder) -> Self {
        let mut codes = Self {
            short: HashMap::default(),
            long: HashMap::default(),
            integers: HashMap::default(),
            unknown: encoder.unknown,
            null: encoder.unknown,
        };
        for (key, &code) in encoder.texts.iter().zip(&encoder.codes) {
            match Text::inlined(key) {
                Some(bits) => codes.short.insert(bits, code),
                None => codes.long.insert(key.clone().into_boxed_slice(), code),
            };
        }
        codes.integers.extend(
            encoder
                .integers
                .iter()
                .copied()
                .zip(encoder.codes.iter().copied()),
        );
        let of_null = codes
            .short
            .get(&0)
            .or_else(|| codes.integers.get(&INTEGER_NULL));
        codes.null = of_null.copied().unwrap_or(encoder.unknown);
        codes
    }

    /// Return the code of NULL, which is the code of '' or of the smallest integer.
    pub fn null(&self) -> i64 {
        self.null
    }

    /// Return the code of a text in one of DuckDB's vectors.
    pub fn text(&self, text: &Text) -> i64 {
        let found = match text.as_inlined() {
            Some(bits) => self.short.get(&bits),
            None => self.long.get(text.bytes()),
        };
        found.copied().unwrap_or(self.unknown)
    }

    /// Return the code of a text.
    pub fn bytes(&self, text: &[u8]) -> i64 {
        let found = match Text::inlined(text) {
            Some(bits) => self.short.get(&bits),
            None => self.long.get(text),
        };
        found.copied().unwrap_or(self.unknown)
    }

    /// Return the code of an integer.
    pub fn integer(&self, value: i64) -> i64 {
        self.integers.get(&value).copied().unwrap_or(self.unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Codes {
        let texts: Vec<Vec<u8>> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let codes = (0..keys.len() as i64).collect();
        Codes::new(Encoder {
            texts,
            codes,
            unknown: -1,
            ..Default::default()
        })
    }

    #[test]
    fn texts_of_every_length_are_distinguished() {
        let names: Vec<String> = (0..40).map(|n| "x".repeat(n)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let codes = keys(&names);
        for (code, name) in names.iter().enumerate() {
            assert_eq!(codes.bytes(name.as_bytes()), code as i64);
        }
        assert_eq!(codes.bytes(b"y"), -1);
        assert_eq!(codes.bytes(&b"z".repeat(13)), -1);
    }

    #[test]
    fn a_zero_byte_is_part_of_a_text() {
        let codes = keys(&["a", "a\0"]);
        assert_eq!(
            (
                codes.bytes(b"a"),
                codes.bytes(b"a\0"),
                codes.bytes(b"a\0\0")
            ),
            (0, 1, -1)
        );
    }

    #[test]
    fn null_has_the_code_of_the_empty_text_or_of_its_number() {
        assert_eq!(keys(&["a", ""]).null(), 1);
        assert_eq!(keys(&["a"]).null(), -1);
        let integers = Encoder {
            integers: vec![7, INTEGER_NULL],
            codes: vec![3, 4],
            unknown: 9,
            ..Default::default()
        };
        let codes = Codes::new(integers);
        assert_eq!(
            (codes.null(), codes.integer(7), codes.integer(8)),
            (4, 3, 9)
        );
    }
}

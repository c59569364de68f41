//! Texts in DuckDB's vectors: sixteen bytes, which hold up to twelve bytes of text or a pointer to
//! a longer one.

use std::slice;

use libduckdb_sys::duckdb_string_t;

const INLINED: usize = 12;

/// One text of a vector.
#[repr(transparent)]
pub struct Text(duckdb_string_t);

impl Text {
    /// Return its bytes, which are UTF-8.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: both members of the union begin with the length, and the pointer is to that many
        // bytes.
        unsafe {
            let length = self.0.value.inlined.length as usize;
            if length <= INLINED {
                slice::from_raw_parts(self.0.value.inlined.inlined.as_ptr().cast(), length)
            } else {
                slice::from_raw_parts(self.0.value.pointer.ptr.cast(), length)
            }
        }
    }

    /// Return a short text as one number, or None for a longer one.
    ///
    /// Only the length and the bytes of the text count; DuckDB doesn't clear the bytes after them.
    pub fn as_inlined(&self) -> Option<u128> {
        // SAFETY: both members begin with the length, and a text is sixteen bytes in either.
        unsafe {
            let length = self.0.value.inlined.length as usize;
            if length > INLINED {
                return None;
            }
            let all = u128::from_le_bytes(*(&raw const self.0).cast::<[u8; 16]>());
            Some(all & (u128::MAX >> (8 * (INLINED - length))))
        }
    }

    /// Return the same number for a text that isn't in a vector.
    pub fn inlined(bytes: &[u8]) -> Option<u128> {
        let mut all = [0_u8; 16];
        let length = u32::try_from(bytes.len())
            .ok()
            .filter(|&length| length as usize <= INLINED)?;
        all[..4].copy_from_slice(&length.to_ne_bytes());
        all[4..4 + bytes.len()].copy_from_slice(bytes);
        Some(u128::from_le_bytes(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize, garbage: u8) -> Text {
        let mut bytes = [garbage; 16];
        bytes[..4].copy_from_slice(&(length as u32).to_ne_bytes());
        for byte in &mut bytes[4..4 + length] {
            *byte = b'x';
        }
        // SAFETY: sixteen bytes of a short text are one.
        unsafe { std::mem::transmute::<[u8; 16], Text>(bytes) }
    }

    #[test]
    fn bytes_after_a_short_text_are_ignored() {
        for length in 0..=INLINED {
            let expected = Text::inlined(&b"x".repeat(length));
            assert_eq!(text(length, 0).as_inlined(), expected);
            assert_eq!(text(length, 0xff).as_inlined(), expected);
            assert_eq!(text(length, 1).bytes(), b"x".repeat(length));
        }
        assert_eq!(Text::inlined(&b"x".repeat(13)), None);
    }
}

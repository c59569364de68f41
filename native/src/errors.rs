//! The errors of the engine, with the same texts as in the Python engine.

use std::fmt;

/// An error, as a text for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

/// The result of functions that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error {
    /// Make an error with a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The bytes don't have the SHA-256 that they are stored under.
    pub fn damaged(key: &str, found: &str) -> Self {
        Self(format!(
            "The stored model {}… is damaged: its bytes have the SHA-256 {}…. \
             Predictions from it can't be trusted. Use another version (model@n), or restore the \
             file from a backup.",
            short(key),
            short(found)
        ))
    }

    /// The bytes are in no registry that was read.
    pub fn gone(key: &str) -> Self {
        Self(format!(
            "The model {}… was in no database that was attached when duckml was loaded. \
             Read it with: SELECT duckml_read(onnx) FROM <database>._duckml.artifact \
             WHERE key = '{key}'",
            short(key)
        ))
    }

    /// A call has the wrong number of values.
    pub fn wrong_count<'a>(key: &str, given: usize, names: impl Iterator<Item = &'a str>) -> Self {
        Self(format!(
            "The model {}… was called with {given} values and takes {}.",
            short(key),
            listed(names)
        ))
    }

    /// onnxruntime can't open the bytes.
    pub fn unreadable(key: &str, detail: impl fmt::Display) -> Self {
        Self(format!(
            "onnxruntime can't open the stored model {}…: {detail}",
            short(key)
        ))
    }

    /// onnxruntime can't be loaded.
    pub fn no_runtime(path: &str, detail: impl fmt::Display) -> Self {
        Self(format!(
            "onnxruntime could not be loaded from '{path}': {detail}. Set the path of its library \
             with SELECT duckml_runtime('/path/to/libonnxruntime.so') or ORT_DYLIB_PATH. \
             pip install onnxruntime installs it in the folder onnxruntime/capi."
        ))
    }

    /// A column has a type that the feature doesn't accept.
    pub fn wrong_type(feature: &str, wanted: &str, found: &str) -> Self {
        Self(format!(
            "The feature \"{feature}\" is {wanted}, but its column has type {found}."
        ))
    }
}

/// Return the first characters of a key.
fn short(key: &str) -> String {
    key.chars().take(12).collect()
}

/// Return names for a message: in double quotes, separated by commas, at most twelve.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let given: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    match given.len().checked_sub(12) {
        None | Some(0) => given.join(", "),
        Some(more) => format!("{} and {more} more", given[..12].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..14).map(|i| format!("f{i}")).collect();
        let text = listed(names.iter().map(String::as_str));
        assert!(
            text.starts_with("\"f0\", \"f1\"") && text.ends_with("\"f11\" and 2 more"),
            "{text}"
        );
        assert_eq!(listed(["a", "b"].into_iter()), "\"a\", \"b\"");
    }

    #[test]
    fn keys_are_cut_between_characters() {
        assert!(
            Error::gone("äöüäöüäöüäöüä")
                .to_string()
                .contains("model äöüäöüäöüäöü…")
        );
    }
}

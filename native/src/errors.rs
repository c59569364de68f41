//! What can go wrong, in the words that the Python engine uses too.

use std::fmt;

/// A text for whoever wrote the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

/// The answer of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error {
    /// An error that says just this.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The bytes don't have the SHA-256 that they are stored under.
    pub fn damaged(key: &str, found: &str) -> Self {
        Self(format!(
            "The stored model {}… is damaged: its bytes have the SHA-256 {}…. Predictions from it can't be trusted. Use \
             another version (model@n), or restore the file from a backup.",
            short(key),
            short(found)
        ))
    }

    /// Nothing that was read holds the bytes.
    pub fn gone(key: &str) -> Self {
        Self(format!(
            "The model {}… was in no database that was attached when duckml was loaded. Read it from where it is: SELECT \
             duckml_read(onnx) FROM <database>._duckml.artifact WHERE key = '{key}'",
            short(key)
        ))
    }

    /// A call has another number of values than the model has features.
    pub fn wrong_count<'a>(key: &str, given: usize, names: impl Iterator<Item = &'a str>) -> Self {
        Self(format!(
            "The model {}… was called with {given} values and takes {}.",
            short(key),
            listed(names)
        ))
    }

    /// The bytes can't be served.
    pub fn unreadable(key: &str, detail: impl fmt::Display) -> Self {
        Self(format!(
            "onnxruntime can't open the stored model {}…: {detail}",
            short(key)
        ))
    }

    /// onnxruntime itself isn't there.
    pub fn no_runtime(path: &str, detail: impl fmt::Display) -> Self {
        Self(format!(
            "onnxruntime could not be loaded from '{path}': {detail}. Say where its library is, for example SELECT \
             duckml_runtime('/path/to/libonnxruntime.so'), or set ORT_DYLIB_PATH; pip install onnxruntime brings it in \
             the folder onnxruntime/capi."
        ))
    }

    /// A column has another type than the feature takes.
    pub fn wrong_type(feature: &str, wanted: &str, found: &str) -> Self {
        Self(format!(
            "The feature \"{feature}\" is {wanted} and was given a column of type {found}."
        ))
    }
}

/// As much of a key as a person compares.
fn short(key: &str) -> String {
    key.chars().take(12).collect()
}

/// Names for a message: in double quotes, with commas, cut after twelve.
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
        assert!(Error::gone("äöüäöüäöüäöüä").to_string().contains("model äöüäöüäöüäöü…"));
    }
}

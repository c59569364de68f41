//! Predictions of an ONNX model on DuckDB's columns, bit for bit as in
//! duckml/engines/predictor.py.

use std::ffi::c_char;
use std::slice;
use std::sync::Arc;

use ort::sys::OrtValue;

use crate::artifact::{Artifact, Feature, INTEGER_NULL, Storage, key_of};
use crate::categories::Codes;
use crate::columns::{Column, Kind, require};
use crate::errors::{Error, Result};
use crate::runtime::{self, Graph, Kept, Value};

/// A larger number gets no prediction, like an infinity: nets compute in float32.
const FLOAT32_MAX: f64 = f32::MAX as f64;

/// An open model, shared by all threads.
#[derive(Debug)]
pub struct Model {
    key: String,
    features: Vec<Feature>,
    codes: Vec<Option<Codes>>,
    classes: usize,
    null_answers_null: bool,
    graph: Graph,
}

impl Model {
    /// Open the bytes of a key, which is checked.
    pub fn open(key: &str, onnx: &[u8]) -> Result<Self> {
        let found = key_of(onnx);
        if found != key {
            return Err(Error::damaged(key, &found));
        }
        let artifact = Artifact::read(onnx).map_err(|error| Error::unreadable(key, error))?;
        let session =
            runtime::open(&artifact.graph)?.map_err(|error| Error::unreadable(key, error))?;
        // The first output of a classifier is the label. The class is read from the second one,
        // the probabilities.
        let output = usize::from(artifact.classes > 0);
        let graph = Graph::new(session, &artifact.feeds, output, artifact.classes.max(1));
        Ok(Self {
            key: key.to_owned(),
            features: artifact.features,
            codes: artifact
                .encoders
                .into_iter()
                .map(|encoder| encoder.map(Codes::new))
                .collect(),
            classes: artifact.classes,
            null_answers_null: artifact.null_answers_null,
            graph: graph.map_err(|error| Error::unreadable(key, error))?,
        })
    }

    /// Return the SHA-256 of its bytes.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Return the number of classes; 0 if the model predicts a number.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

/// The memory that one thread needs to predict a chunk, reused for the next chunk.
pub struct Worker {
    model: Arc<Model>,
    names: Vec<*const c_char>,
    feeds: Vec<Feed>,
    inputs: Vec<*const OrtValue>,
    output: Kept,
    classes: Vec<f64>,
    refused: Vec<bool>,
}

/// The values of one input.
#[derive(Default)]
struct Feed {
    doubles: Vec<f64>,
    integers: Vec<i64>,
    members: Vec<i64>,
    numbers: Kept,
    texts: Option<Value>,
}

impl Worker {
    /// Make a worker for a model.
    pub fn new(model: Arc<Model>) -> Self {
        let names = model.graph.input_names();
        let feeds = model.features.iter().map(|_| Feed::default()).collect();
        let (inputs, output) = (Vec::new(), Kept::default());
        Self {
            model,
            names,
            feeds,
            inputs,
            output,
            classes: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Return the model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Write the prediction for each row: a number, or the code of the class. Return the rows
    /// without a prediction, if there are any.
    pub fn predict(&mut self, columns: &[Column], out: &mut [f64]) -> Result<Option<&[bool]>> {
        let classes = self.model.classes;
        if classes == 0 {
            return self.run(columns, out);
        }
        let mut probabilities = std::mem::take(&mut self.classes);
        probabilities.resize(out.len() * classes, 0.0);
        let ran = self
            .run(columns, &mut probabilities)
            .map(|refused| refused.is_some());
        for (code, probabilities) in out.iter_mut().zip(probabilities.chunks_exact(classes)) {
            *code = likeliest(probabilities) as f64;
        }
        self.classes = probabilities;
        Ok(ran?.then_some(&self.refused))
    }

    /// Write the probabilities of the classes for each row. Return the rows without a prediction,
    /// if there are any.
    pub fn probabilities(
        &mut self,
        columns: &[Column],
        out: &mut [f64],
    ) -> Result<Option<&[bool]>> {
        if self.model.classes == 0 {
            return Err(Error::new(
                "This model predicts a number and has no probabilities.",
            ));
        }
        let any_refused = self.run(columns, out)?.is_some();
        for value in out {
            *value = value.clamp(0.0, 1.0); // a forest's sums can exceed 1 in float32
        }
        Ok(any_refused.then_some(&self.refused))
    }

    /// Run the graph, which writes as many numbers per row as `out` has space for. Return the rows
    /// without a prediction, if there are any.
    fn run(&mut self, columns: &[Column], out: &mut [f64]) -> Result<Option<&[bool]>> {
        let Self {
            model,
            names,
            feeds,
            inputs,
            output,
            refused,
            ..
        } = self;
        if columns.len() != model.features.len() {
            let names = model.features.iter().map(|feature| feature.name.as_str());
            return Err(Error::wrong_count(&model.key, columns.len(), names));
        }
        let rows = columns.first().map_or(0, Column::rows);
        let mut any_refused = refuse_nulls(columns, rows, model.null_answers_null, refused);
        if rows == 0 {
            return Ok(None);
        }
        inputs.clear();
        for (position, (column, feed)) in columns.iter().zip(feeds).enumerate() {
            let feature = &model.features[position];
            require(feature, column.column_type)?;
            let tensor = match (feature.storage, &model.codes[position]) {
                (Storage::Double, _) => feed.numbers(column, refused, &mut any_refused)?,
                (_, Some(codes)) => feed.codes(column, codes)?,
                (Storage::BigInt, None) => feed.whole_numbers(column)?,
                (Storage::Varchar, None) => feed.texts(column)?,
            };
            inputs.push(tensor.pointer());
        }
        let ran = model.graph.run(names, inputs, output, rows, out);
        ran.map_err(|error| Error::unreadable(&model.key, error))?;
        // A net can overflow in float32 although its inputs are finite.
        if !all_within(out, f64::MAX) {
            any_refused = true;
            for (answer, refused) in out.chunks_exact(out.len() / rows).zip(refused.iter_mut()) {
                *refused |= !all_within(answer, f64::MAX);
            }
        }
        Ok(any_refused.then_some(refused))
    }
}

/// Mark the rows that get no prediction because of NULLs. Return whether there are any.
fn refuse_nulls(
    columns: &[Column],
    rows: usize,
    one_is_enough: bool,
    refused: &mut Vec<bool>,
) -> bool {
    refused.clear();
    let possible = if one_is_enough {
        columns.iter().any(Column::has_nulls)
    } else {
        columns.iter().all(Column::has_nulls)
    };
    refused.resize(rows, possible && !one_is_enough);
    if !possible {
        return false;
    }
    for column in columns.iter().filter(|column| column.has_nulls()) {
        for (row, refused) in refused.iter_mut().enumerate() {
            *refused = if one_is_enough {
                *refused | column.is_null(row)
            } else {
                *refused & column.is_null(row)
            };
        }
    }
    refused.contains(&true)
}

impl Feed {
    /// Read the numbers of a column, with NaN for NULL. Mark the rows of other numbers that
    /// float32 can't hold.
    fn numbers(
        &mut self,
        column: &Column,
        refused: &mut [bool],
        any_refused: &mut bool,
    ) -> Result<&Value> {
        let shape = [column.rows(), 1];
        let has_nulls = column.has_nulls();
        if let (false, Some(values)) = (has_nulls, column.as_doubles()) {
            refuse_beyond_float32(values, refused, any_refused);
            // SAFETY: the column has a value for each row, and the graph only reads its inputs.
            return unsafe { self.numbers.over(values.as_ptr().cast_mut(), shape) };
        }
        self.doubles.resize(column.rows(), 0.0);
        column.write_doubles(&mut self.doubles);
        if !has_nulls {
            refuse_beyond_float32(&self.doubles, refused, any_refused);
        } else {
            for (row, value) in self.doubles.iter_mut().enumerate() {
                if column.is_null(row) {
                    *value = f64::NAN; // the value under a NULL is undefined
                } else if !all_within(slice::from_ref(value), FLOAT32_MAX) {
                    refused[row] = true;
                    *any_refused = true;
                }
            }
        }
        // SAFETY: the list has a value for each row, and isn't changed before the run.
        unsafe { self.numbers.over(self.doubles.as_mut_ptr(), shape) }
    }

    /// Read the code of each category.
    fn codes(&mut self, column: &Column, codes: &Codes) -> Result<&Value> {
        let rows = column.rows();
        self.integers.clear();
        let has_nulls = column.has_nulls();
        let is_null = |row: usize| has_nulls && column.is_null(row);
        let code_or_null = |row: usize, code: &dyn Fn(usize) -> i64| {
            if is_null(row) {
                codes.null()
            } else {
                code(row)
            }
        };
        match &column.column_type.kind {
            Kind::Null => self.integers.resize(rows, codes.null()),
            Kind::Text if !has_nulls => self
                .integers
                .extend(column.texts().iter().map(|text| codes.text(text))),
            Kind::Text => {
                let texts = column.texts();
                self.integers
                    .extend((0..rows).map(|row| code_or_null(row, &|row| codes.text(&texts[row]))));
            }
            Kind::Enum(_, members) => {
                if self.members.is_empty() {
                    self.members
                        .extend(members.iter().map(|member| codes.bytes(member)));
                }
                let known = &self.members;
                self.integers.extend(
                    (0..rows).map(|row| code_or_null(row, &|row| known[column.member(row)])),
                );
            }
            _ => {
                let code = |row: usize| codes.integer(column.integer(row));
                self.integers
                    .extend((0..rows).map(|row| code_or_null(row, &code)));
            }
        }
        // SAFETY: the list has a value for each row, and isn't changed before the run.
        unsafe { self.numbers.over(self.integers.as_mut_ptr(), [rows, 1]) }
    }

    /// Read the integers of a category that the graph encodes, with the smallest one for NULL.
    fn whole_numbers(&mut self, column: &Column) -> Result<&Value> {
        let rows = column.rows();
        self.integers.clear();
        let value = |row: usize| {
            if column.is_null(row) {
                INTEGER_NULL
            } else {
                column.integer(row)
            }
        };
        self.integers.extend((0..rows).map(value));
        // SAFETY: the list has a value for each row, and isn't changed before the run.
        unsafe { self.numbers.over(self.integers.as_mut_ptr(), [rows, 1]) }
    }

    /// Read the texts of a category that the graph encodes, with '' for NULL.
    fn texts(&mut self, column: &Column) -> Result<&Value> {
        let rows = column.rows();
        let text = |row: usize| match &column.column_type.kind {
            _ if column.is_null(row) => &[][..],
            Kind::Enum(_, members) => members[column.member(row)].as_slice(),
            _ => column.texts()[row].bytes(),
        };
        let value = Value::texts(rows, (0..rows).map(text))?;
        Ok(self.texts.insert(value))
    }
}

/// Mark the rows whose number float32 can't hold: NaN, infinities and too large numbers.
fn refuse_beyond_float32(values: &[f64], refused: &mut [bool], any_refused: &mut bool) {
    if all_within(values, FLOAT32_MAX) {
        return; // found in one pass
    }
    *any_refused = true;
    for (refused, value) in refused.iter_mut().zip(values) {
        *refused |= !all_within(slice::from_ref(value), FLOAT32_MAX);
    }
}

/// Return whether no number is larger than `largest`, and none is NaN.
///
/// Without their sign, doubles are ordered like their bits, with NaN last. For a larger one the
/// difference of the bits is negative. Compilers vectorize this, but not a comparison of doubles.
fn all_within(values: &[f64], largest: f64) -> bool {
    let largest = largest.to_bits();
    let beyond = values.iter().fold(0, |beyond, value| {
        beyond | largest.wrapping_sub(value.abs().to_bits())
    });
    beyond >> 63 == 0
}

/// Return the position of the largest value, or of the first of several.
fn likeliest(values: &[f64]) -> usize {
    let mut best = 0;
    for (position, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = position;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_likeliest_classes_wins() {
        assert_eq!(likeliest(&[0.2, 0.4, 0.4]), 1);
        assert_eq!(likeliest(&[1.0]), 0);
    }

    #[test]
    fn all_within_knows_every_kind_of_number() {
        for largest in [FLOAT32_MAX, f64::MAX] {
            for fine in [0.0, -0.0, 5e-324, -1.0, largest, -largest] {
                assert!(all_within(&[1.0, fine], largest), "{fine}");
            }
            for beyond in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!all_within(&[1.0, beyond, 1.0], largest), "{beyond}");
            }
        }
        assert!(!all_within(&[FLOAT32_MAX.next_up()], FLOAT32_MAX) && all_within(&[], 1.0));
    }

    #[test]
    fn numbers_beyond_float32_are_refused() {
        let values = [0.0, f64::NAN, f64::INFINITY, -1e39, FLOAT32_MAX, 5e-324];
        let mut refused = [false; 6];
        let mut any = false;
        refuse_beyond_float32(&values, &mut refused, &mut any);
        assert!(any);
        assert_eq!(refused, [false, true, true, true, false, false]);
    }
}

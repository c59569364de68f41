//! ONNX bytes → predictions on DuckDB's columns: what duckml/inference.py does, and bit for bit the same.

use std::ffi::c_char;
use std::slice;
use std::sync::Arc;

use ort::sys::OrtValue;

use crate::artifact::{Artifact, Feature, INTEGER_NULL, Storage, key_of};
use crate::categories::Codes;
use crate::columns::{Column, Kind, require};
use crate::errors::{Error, Result};
use crate::runtime::{self, Graph, Kept, Value};

/// Beyond it a number is refused like an infinity: the net computes in float32.
const FLOAT32_MAX: f64 = f32::MAX as f64;

/// A model, open; shared by all threads.
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
    /// Open the bytes that are stored under a key, which is checked.
    pub fn open(key: &str, onnx: &[u8]) -> Result<Self> {
        let found = key_of(onnx);
        if found != key {
            return Err(Error::damaged(key, &found));
        }
        let artifact = Artifact::read(onnx).map_err(|error| Error::unreadable(key, error))?;
        let session = runtime::open(&artifact.graph)?.map_err(|error| Error::unreadable(key, error))?;
        // A classifier answers the label first, then the probabilities, from which the code of the class is read here.
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

    /// The SHA-256 of its bytes.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How many classes it tells apart; 0 for a number.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

/// What one thread needs to predict with a model: memory for a chunk, used again for the next.
pub struct Worker {
    model: Arc<Model>,
    names: Vec<*const c_char>,
    feeds: Vec<Feed>,
    inputs: Vec<*const OrtValue>,
    output: Kept,
    classes: Vec<f64>,
    refused: Vec<bool>,
}

/// What is fed to one input.
#[derive(Default)]
struct Feed {
    doubles: Vec<f64>,
    integers: Vec<i64>,
    members: Vec<i64>,
    numbers: Kept,
    texts: Option<Value>,
}

impl Worker {
    /// A worker on a model.
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

    /// The model that it predicts with.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Write the prediction for each row, of a classifier the code of the class; which rows have none, if any.
    pub fn predict(&mut self, columns: &[Column], out: &mut [f64]) -> Result<Option<&[bool]>> {
        let classes = self.model.classes;
        if classes == 0 {
            return self.run(columns, out);
        }
        let mut probabilities = std::mem::take(&mut self.classes);
        probabilities.resize(out.len() * classes, 0.0);
        let ran = self.run(columns, &mut probabilities).map(|refused| refused.is_some());
        for (code, probabilities) in out.iter_mut().zip(probabilities.chunks_exact(classes)) {
            *code = likeliest(probabilities) as f64;
        }
        self.classes = probabilities;
        Ok(ran?.then_some(&self.refused))
    }

    /// Write the probabilities of the classes for each row; which rows have none, if any.
    pub fn probabilities(&mut self, columns: &[Column], out: &mut [f64]) -> Result<Option<&[bool]>> {
        if self.model.classes == 0 {
            return Err(Error::new("This model predicts a number and has no probabilities."));
        }
        let any_refused = self.run(columns, out)?.is_some();
        for value in out {
            *value = value.clamp(0.0, 1.0); // forests sum up to a little more than 1 in float32
        }
        Ok(any_refused.then_some(&self.refused))
    }

    /// Let the graph answer, as many numbers per row as there is room for; which rows it must not answer, if any.
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
        // A net overflows in float32 where its inputs do not.
        if !all_within(out, f64::MAX) {
            any_refused = true;
            for (answer, refused) in out.chunks_exact(out.len() / rows).zip(refused.iter_mut()) {
                *refused |= !all_within(answer, f64::MAX);
            }
        }
        Ok(any_refused.then_some(refused))
    }
}

/// Refuse the rows whose NULLs leave nothing to answer; whether there are such rows.
fn refuse_nulls(columns: &[Column], rows: usize, one_is_enough: bool, refused: &mut Vec<bool>) -> bool {
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
    /// The numbers of a column with NaN for NULL; refused is whatever else float32 can't hold.
    fn numbers(&mut self, column: &Column, refused: &mut [bool], any_refused: &mut bool) -> Result<&Value> {
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
                    *value = f64::NAN; // what a vector holds where it is NULL is no number to judge
                } else if !all_within(slice::from_ref(value), FLOAT32_MAX) {
                    refused[row] = true;
                    *any_refused = true;
                }
            }
        }
        // SAFETY: the list has a value for each row, and isn't touched before the run.
        unsafe { self.numbers.over(self.doubles.as_mut_ptr(), shape) }
    }

    /// The code of each category.
    fn codes(&mut self, column: &Column, codes: &Codes) -> Result<&Value> {
        let rows = column.rows();
        self.integers.clear();
        let has_nulls = column.has_nulls();
        let is_null = |row: usize| has_nulls && column.is_null(row);
        let code_or_null =
            |row: usize, code: &dyn Fn(usize) -> i64| if is_null(row) { codes.null() } else { code(row) };
        match &column.column_type.kind {
            Kind::Null => self.integers.resize(rows, codes.null()),
            Kind::Text if !has_nulls => self.integers.extend(column.texts().iter().map(|text| codes.text(text))),
            Kind::Text => {
                let texts = column.texts();
                self.integers
                    .extend((0..rows).map(|row| code_or_null(row, &|row| codes.text(&texts[row]))));
            }
            Kind::Enum(_, members) => {
                if self.members.is_empty() {
                    self.members.extend(members.iter().map(|member| codes.bytes(member)));
                }
                let known = &self.members;
                self.integers
                    .extend((0..rows).map(|row| code_or_null(row, &|row| known[column.member(row)])));
            }
            _ => {
                let code = |row: usize| codes.integer(column.integer(row));
                self.integers.extend((0..rows).map(|row| code_or_null(row, &code)));
            }
        }
        // SAFETY: the list has a value for each row, and isn't touched before the run.
        unsafe { self.numbers.over(self.integers.as_mut_ptr(), [rows, 1]) }
    }

    /// The whole numbers of a category that the graph itself encodes, with what stands for NULL.
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
        // SAFETY: the list has a value for each row, and isn't touched before the run.
        unsafe { self.numbers.over(self.integers.as_mut_ptr(), [rows, 1]) }
    }

    /// The texts of a category that the graph itself encodes, '' for NULL.
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

/// Refuse the rows whose number float32 can't hold: NaN, infinities, and what is beyond its largest.
fn refuse_beyond_float32(values: &[f64], refused: &mut [bool], any_refused: &mut bool) {
    if all_within(values, FLOAT32_MAX) {
        return; // one pass tells whether anything is wrong at all
    }
    *any_refused = true;
    for (refused, value) in refused.iter_mut().zip(values) {
        *refused |= !all_within(slice::from_ref(value), FLOAT32_MAX);
    }
}

/// Whether all numbers are at most as large as the largest, and none is NaN.
///
/// Without their sign, doubles are ordered as their bits are, NaN last: where one is beyond, the difference is negative.
/// Compilers make vector instructions of it, of a comparison of doubles they do not.
fn all_within(values: &[f64], largest: f64) -> bool {
    let largest = largest.to_bits();
    let beyond = values
        .iter()
        .fold(0, |beyond, value| beyond | largest.wrapping_sub(value.abs().to_bits()));
    beyond >> 63 == 0
}

/// The position of the largest value, the first of several.
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
    fn what_float32_cannot_hold_is_refused() {
        let values = [0.0, f64::NAN, f64::INFINITY, -1e39, FLOAT32_MAX, 5e-324];
        let mut refused = [false; 6];
        let mut any = false;
        refuse_beyond_float32(&values, &mut refused, &mut any);
        assert!(any);
        assert_eq!(refused, [false, true, true, true, false, false]);
    }
}

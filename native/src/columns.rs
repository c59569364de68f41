//! The conversion of DuckDB's vectors to float64, int64 or text, as in duckml/features/columns.py.

use std::ffi::c_void;
use std::slice;

use crate::artifact::{Feature, FeatureKind, Storage};
use crate::errors::{Error, Result};
use crate::text::Text;

// DuckDB's values of 'infinity'::DATE and 'infinity'::TIMESTAMP. -infinity is the negative.
const INFINITE_DAYS: f64 = i32::MAX as f64;
const INFINITE_TICKS: f64 = i64::MAX as f64;

/// The type of a column, as far as it matters to models.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A NULL without a type.
    Null,
    /// BOOLEAN.
    Boolean,
    /// A signed integer of 1, 2, 4, 8 or 16 bytes.
    Signed(usize),
    /// An unsigned integer of 1, 2, 4, 8 or 16 bytes.
    Unsigned(usize),
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// DECIMAL: the bytes of its integer, and its number of decimals.
    Decimal(usize, u8),
    /// DATE.
    Date,
    /// A TIMESTAMP of any kind, by its ticks per second.
    Timestamp(f64),
    /// VARCHAR.
    Text,
    /// ENUM: the bytes of its numbers, and its members.
    Enum(usize, Vec<Vec<u8>>),
    /// Anything else.
    Other,
}

/// The type of a column and its name in messages.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnType {
    /// The type.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

/// One of DuckDB's flat vectors.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The type of its values.
    pub column_type: &'a ColumnType,
    data: *const c_void,
    validity: *const u64,
    rows: usize,
}

impl<'a> Column<'a> {
    /// Make a column from the parts of a vector.
    ///
    /// # Safety
    /// `data` holds `rows` values of the type. `validity` holds a bit for each, or is null if all
    /// are valid. Both live as long as the column is used.
    pub unsafe fn new(
        column_type: &'a ColumnType,
        data: *const c_void,
        validity: *const u64,
        rows: usize,
    ) -> Self {
        Self {
            column_type,
            data,
            validity,
            rows,
        }
    }

    /// Return the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn values<T>(&self) -> &'a [T] {
        // SAFETY: the caller of `new` has promised rows of this type, and the callers here use it.
        unsafe { slice::from_raw_parts(self.data.cast(), self.rows) }
    }

    /// Return whether some row is NULL.
    pub fn has_nulls(&self) -> bool {
        if self.column_type.kind == Kind::Null {
            return self.rows > 0;
        }
        if self.validity.is_null() {
            return false;
        }
        // SAFETY: the caller of `new` has promised a bit for each row.
        let words = unsafe { slice::from_raw_parts(self.validity, self.rows.div_ceil(64)) };
        let (last, whole) = words
            .split_last()
            .map_or((u64::MAX, words), |(last, whole)| (*last, whole));
        let used = self.rows - 64 * whole.len();
        whole.iter().any(|&word| word != u64::MAX)
            || last | u64::MAX.checked_shl(used as u32).unwrap_or(0) != u64::MAX
    }

    /// Return whether a row is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        if self.column_type.kind == Kind::Null {
            return true;
        }
        // SAFETY: the caller of `new` has promised a bit for each row.
        !self.validity.is_null() && unsafe { *self.validity.add(row / 64) } >> (row % 64) & 1 == 0
    }

    /// Return the values if they are doubles already.
    pub fn as_doubles(&self) -> Option<&'a [f64]> {
        (self.column_type.kind == Kind::Double).then(|| self.values())
    }

    /// Write the values as doubles; for a NULL any number. `require` must have accepted the type.
    pub fn write_doubles(&self, out: &mut [f64]) {
        match self.column_type.kind {
            Kind::Double => out.copy_from_slice(self.values()),
            Kind::Float => convert(out, self.values::<f32>(), f64::from),
            Kind::Boolean => convert(out, self.values::<u8>(), |value| {
                f64::from(u8::from(value != 0))
            }),
            Kind::Signed(1) => convert(out, self.values::<i8>(), f64::from),
            Kind::Signed(2) => convert(out, self.values::<i16>(), f64::from),
            Kind::Signed(4) => convert(out, self.values::<i32>(), f64::from),
            Kind::Signed(8) => convert(out, self.values::<i64>(), |value| value as f64),
            Kind::Signed(_) => convert(out, self.values::<Wide>(), |value| value.signed() as f64),
            Kind::Unsigned(1) => convert(out, self.values::<u8>(), f64::from),
            Kind::Unsigned(2) => convert(out, self.values::<u16>(), f64::from),
            Kind::Unsigned(4) => convert(out, self.values::<u32>(), f64::from),
            Kind::Unsigned(8) => convert(out, self.values::<u64>(), |value| value as f64),
            Kind::Unsigned(_) => {
                convert(out, self.values::<Wide>(), |value| value.unsigned() as f64)
            }
            Kind::Decimal(bytes, scale) => {
                self.write_decimals(bytes, 10_f64.powi(i32::from(scale)), out)
            }
            Kind::Date => convert(out, self.values::<i32>(), |days| {
                scaled(f64::from(days), 1.0, INFINITE_DAYS)
            }),
            Kind::Timestamp(per_second) => {
                convert(out, self.values::<i64>(), |ticks| {
                    scaled(ticks as f64, per_second, INFINITE_TICKS)
                });
            }
            Kind::Null | Kind::Text | Kind::Enum(..) | Kind::Other => out.fill(f64::NAN),
        }
    }

    fn write_decimals(&self, bytes: usize, unit: f64, out: &mut [f64]) {
        match bytes {
            2 => convert(out, self.values::<i16>(), |value| f64::from(value) / unit),
            4 => convert(out, self.values::<i32>(), |value| f64::from(value) / unit),
            8 => convert(out, self.values::<i64>(), |value| value as f64 / unit),
            _ => convert(out, self.values::<Wide>(), |value| {
                value.signed() as f64 / unit
            }),
        }
    }

    /// Return the integer of a row that isn't NULL, in 64 bits.
    pub fn integer(&self, row: usize) -> i64 {
        match self.column_type.kind {
            Kind::Signed(1) => self.values::<i8>()[row].into(),
            Kind::Signed(2) => self.values::<i16>()[row].into(),
            Kind::Signed(4) => self.values::<i32>()[row].into(),
            Kind::Unsigned(1) => self.values::<u8>()[row].into(),
            Kind::Unsigned(2) => self.values::<u16>()[row].into(),
            Kind::Unsigned(4) => self.values::<u32>()[row].into(),
            _ => self.values::<i64>()[row],
        }
    }

    /// Return the texts of a text column; the text of a NULL is undefined.
    pub fn texts(&self) -> &'a [Text] {
        self.values()
    }

    /// Return the position of a row's ENUM member; the row isn't NULL.
    pub fn member(&self, row: usize) -> usize {
        match self.column_type.kind {
            Kind::Enum(1, _) => self.values::<u8>()[row].into(),
            Kind::Enum(2, _) => self.values::<u16>()[row].into(),
            _ => self.values::<u32>()[row] as usize,
        }
    }
}

/// A number of sixteen bytes, which DuckDB doesn't always align to sixteen.
#[derive(Clone, Copy)]
#[repr(C)]
struct Wide {
    lower: u64,
    upper: u64,
}

impl Wide {
    fn unsigned(self) -> u128 {
        u128::from(self.upper) << 64 | u128::from(self.lower)
    }

    fn signed(self) -> i128 {
        self.unsigned().cast_signed()
    }
}

fn convert<T: Copy>(out: &mut [f64], values: &[T], number: impl Fn(T) -> f64) {
    for (out, &value) in out.iter_mut().zip(values) {
        *out = number(value);
    }
}

/// Return a time in a larger unit, and DuckDB's infinities as infinities.
fn scaled(ticks: f64, per_unit: f64, infinite: f64) -> f64 {
    if ticks.abs() >= infinite {
        f64::INFINITY.copysign(ticks)
    } else {
        ticks / per_unit
    }
}

/// Return an error unless a feature accepts columns of a type.
pub fn require(feature: &Feature, found: &ColumnType) -> Result<()> {
    let is_number = |kind: &Kind| {
        matches!(
            kind,
            Kind::Signed(_) | Kind::Unsigned(_) | Kind::Float | Kind::Double | Kind::Decimal(..)
        )
    };
    let fits = match (&found.kind, feature.storage) {
        (Kind::Null, _) => true,
        (kind, Storage::Double) => match feature.kind {
            FeatureKind::Number => is_number(kind),
            FeatureKind::Boolean => *kind == Kind::Boolean,
            FeatureKind::Date => *kind == Kind::Date,
            FeatureKind::Timestamp => matches!(kind, Kind::Timestamp(_)),
            FeatureKind::Category => false,
        },
        (Kind::Signed(bytes) | Kind::Unsigned(bytes), Storage::BigInt) => *bytes <= 8,
        (Kind::Text | Kind::Enum(..), Storage::Varchar) => true,
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Error::wrong_type(
            &feature.name,
            &feature.sql_type,
            &found.name,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubles<T>(kind: Kind, values: &[T]) -> Vec<f64> {
        let column_type = ColumnType {
            kind,
            name: String::new(),
        };
        // SAFETY: the values outlive the column, and all are valid.
        let column = unsafe {
            Column::new(
                &column_type,
                values.as_ptr().cast(),
                std::ptr::null(),
                values.len(),
            )
        };
        let mut out = vec![0.0; values.len()];
        column.write_doubles(&mut out);
        out
    }

    #[test]
    fn numbers_become_doubles() {
        assert_eq!(doubles(Kind::Signed(1), &[-1_i8, 127]), [-1.0, 127.0]);
        assert_eq!(
            doubles(Kind::Unsigned(8), &[u64::MAX]),
            [18_446_744_073_709_551_615.0]
        );
        assert_eq!(
            doubles(Kind::Decimal(4, 2), &[12_345_i32, -1]),
            [123.45, -0.01]
        );
        assert_eq!(
            doubles(
                Kind::Signed(16),
                &[Wide {
                    lower: u64::MAX,
                    upper: u64::MAX
                }]
            ),
            [-1.0]
        );
        assert_eq!(doubles(Kind::Boolean, &[0_u8, 1]), [0.0, 1.0]);
        assert_eq!(doubles(Kind::Float, &[0.5_f32]), [0.5]);
    }

    #[test]
    fn times_become_days_and_seconds_and_infinities_stay() {
        assert_eq!(
            doubles(Kind::Date, &[1, i32::MAX, -i32::MAX]),
            [1.0, f64::INFINITY, f64::NEG_INFINITY]
        );
        let stamps = [1_500_000, i64::MAX, -i64::MAX];
        assert_eq!(
            doubles(Kind::Timestamp(1e6), &stamps),
            [1.5, f64::INFINITY, f64::NEG_INFINITY]
        );
    }

    #[test]
    fn nulls_are_found_wherever_they_are() {
        let column_type = ColumnType {
            kind: Kind::Double,
            name: String::new(),
        };
        for rows in [1, 63, 64, 65, 128, 130] {
            let values = vec![0.0_f64; rows];
            for null in 0..rows {
                let mut bits = vec![u64::MAX; rows.div_ceil(64)];
                bits[null / 64] &= !(1 << (null % 64));
                // SAFETY: the values and the bits outlive the column.
                let column = unsafe {
                    Column::new(&column_type, values.as_ptr().cast(), bits.as_ptr(), rows)
                };
                assert!(column.has_nulls());
                assert_eq!(
                    (0..rows)
                        .filter(|&row| column.is_null(row))
                        .collect::<Vec<_>>(),
                    [null]
                );
            }
            // Bits after the last row are undefined.
            let mut bits = vec![u64::MAX; rows.div_ceil(64)];
            if rows % 64 != 0 {
                bits[rows / 64] = (1 << (rows % 64)) - 1;
            }
            // SAFETY: as above.
            let column =
                unsafe { Column::new(&column_type, values.as_ptr().cast(), bits.as_ptr(), rows) };
            assert!(!column.has_nulls());
        }
    }

    #[test]
    fn a_feature_takes_its_own_types_only() {
        let feature = |kind, storage| Feature {
            name: "f".into(),
            sql_type: "DATE".into(),
            kind,
            storage,
        };
        let found = |kind| ColumnType {
            kind,
            name: "VARCHAR".into(),
        };
        let date = feature(FeatureKind::Date, Storage::Double);
        assert!(
            require(&date, &found(Kind::Date)).is_ok()
                && require(&date, &found(Kind::Null)).is_ok()
        );
        let error = require(&date, &found(Kind::Text)).unwrap_err().to_string();
        assert_eq!(
            error,
            "The feature \"f\" is DATE, but its column has type VARCHAR."
        );
        let category = feature(FeatureKind::Category, Storage::BigInt);
        assert!(require(&category, &found(Kind::Unsigned(8))).is_ok());
        assert!(require(&category, &found(Kind::Signed(16))).is_err());
    }
}

//! The functions that DuckDB calls with a chunk of rows: the key of a model, then its features.

use std::any::Any;
use std::ffi::{CStr, CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::slice;
use std::sync::Arc;

use libduckdb_sys::*;

use crate::columns::{Column, ColumnType, Kind};
use crate::errors::{Error, Result};
use crate::model::Worker;
use crate::registry::Database;
use crate::text::Text;
use crate::{host, models, runtime};

/// The result of `duckml_engine()`: the engine and its device.
const ENGINE: &str = "native:cpu";

/// Register the functions in the database of a connection.
///
/// # Safety
/// The connection is open.
pub unsafe fn register(connection: duckdb_connection, database: &Arc<Database>) -> Result<()> {
    // SAFETY: passed on from the caller; the types are destroyed below.
    unsafe {
        let mut types = Types::new();
        let number = types.plain(DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE);
        let numbers = types.kept(duckdb_create_list_type(number));
        let text = types.plain(DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR);
        let any = types.plain(DUCKDB_TYPE_DUCKDB_TYPE_ANY);

        let predicting = [
            (c"duckml_predict_double", number, predict as Call),
            (c"duckml_predict_doubles", numbers, probabilities),
        ];
        for (name, answer, call) in predicting {
            let function = Function::new(name, answer, call);
            duckdb_scalar_function_add_parameter(function.0, text);
            duckdb_scalar_function_set_varargs(function.0, any);
            duckdb_scalar_function_set_special_handling(function.0);
            duckdb_scalar_function_set_init(function.0, Some(init));
            duckdb_scalar_function_set_extra_info(
                function.0,
                boxed(Arc::clone(database)),
                Some(drop_box::<Arc<Database>>),
            );
            function.register(connection)?;
        }
        Function::new(c"duckml_engine", text, engine).register(connection)?;
        let function = Function::new(
            c"duckml_hosted",
            types.plain(DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN),
            hosted,
        );
        duckdb_scalar_function_set_volatile(function.0);
        function.register(connection)?;
        let function = Function::new(c"duckml_runtime", text, runtime_from);
        duckdb_scalar_function_add_parameter(function.0, text);
        duckdb_scalar_function_set_bind(function.0, Some(bind_runtime));
        duckdb_scalar_function_set_special_handling(function.0);
        duckdb_scalar_function_set_volatile(function.0);
        function.register(connection)?;
        let function = Function::new(c"duckml_read", text, read);
        duckdb_scalar_function_add_parameter(function.0, types.plain(DUCKDB_TYPE_DUCKDB_TYPE_BLOB));
        duckdb_scalar_function_set_bind(function.0, Some(bind_read));
        duckdb_scalar_function_set_extra_info(
            function.0,
            boxed(Arc::clone(database)),
            Some(drop_box::<Arc<Database>>),
        );
        duckdb_scalar_function_set_special_handling(function.0);
        duckdb_scalar_function_set_volatile(function.0);
        function.register(connection)
    }
}

type Call = unsafe extern "C" fn(duckdb_function_info, duckdb_data_chunk, duckdb_vector);

// Predictions

/// The state that a thread keeps between the chunks of one call.
#[derive(Default)]
struct State {
    /// The types of the features, read from the first chunk. At bind time they would need copies
    /// of the arguments, and DuckDB can't copy a subquery.
    types: Option<Vec<ColumnType>>,
    worker: Option<Worker>,
    columns: Vec<Column<'static>>,
}

unsafe extern "C" fn init(info: duckdb_init_info) {
    // SAFETY: DuckDB calls with an init info of this function.
    unsafe {
        duckdb_scalar_function_init_set_state(
            info,
            boxed(State::default()),
            Some(drop_box::<State>),
        )
    };
}

unsafe extern "C" fn predict(
    info: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
) {
    // SAFETY: DuckDB calls with a chunk of the arguments, and a vector of doubles for as many rows.
    unsafe {
        answered(info, chunk, result, |worker, columns, rows| {
            let out = slice::from_raw_parts_mut(duckdb_vector_get_data(result).cast::<f64>(), rows);
            worker.predict(columns, out)
        });
    }
}

unsafe extern "C" fn probabilities(
    info: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
) {
    // SAFETY: DuckDB calls with a chunk of the arguments, and a vector of lists of doubles of the
    // same length.
    unsafe {
        answered(info, chunk, result, |worker, columns, rows| {
            let classes = worker.model().classes();
            if classes == 0 {
                return worker.probabilities(columns, &mut []); // an error: there are none
            }
            let total = rows * classes;
            if duckdb_list_vector_reserve(result, total as idx_t) != DuckDBSuccess
                || duckdb_list_vector_set_size(result, total as idx_t) != DuckDBSuccess
            {
                return Err(Error::new("there is no memory for the probabilities."));
            }
            let lists = slice::from_raw_parts_mut(
                duckdb_vector_get_data(result).cast::<duckdb_list_entry>(),
                rows,
            );
            for (row, list) in lists.iter_mut().enumerate() {
                *list = duckdb_list_entry {
                    offset: (row * classes) as u64,
                    length: classes as u64,
                };
            }
            let child = duckdb_vector_get_data(duckdb_list_vector_get_child(result)).cast::<f64>();
            worker.probabilities(columns, slice::from_raw_parts_mut(child, total))
        });
    }
}

/// Fill the result of a chunk with `work`, and mark the rows without a prediction.
///
/// # Safety
/// The arguments are those of DuckDB's call of the function.
unsafe fn answered(
    info: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
    work: impl for<'w> FnOnce(&'w mut Worker, &[Column], usize) -> Result<Option<&'w [bool]>>,
) {
    let done = caught(|| {
        // SAFETY: passed on from the caller.
        unsafe {
            let rows = duckdb_data_chunk_get_size(chunk) as usize;
            if rows == 0 {
                return Ok(());
            }
            let Some(state) = duckdb_scalar_function_get_state(info)
                .cast::<State>()
                .as_mut()
            else {
                return Err(Error::new("DuckDB has no state for the call."));
            };
            let State {
                types,
                worker,
                columns,
            } = state;
            let types = types.get_or_insert_with(|| feature_types(chunk));
            let worker = worker_for(info, chunk, worker)?;
            let mut features = emptied(std::mem::take(columns));
            read_features(chunk, types, rows, &mut features)?;
            if let Some(refused) = work(worker, &features, rows)? {
                mark_null(result, refused);
            }
            *columns = emptied(features);
            Ok(())
        }
    });
    // SAFETY: passed on from the caller.
    unsafe { report(info, done) };
}

/// Return the worker for the model that a chunk names.
///
/// # Safety
/// The arguments are those of DuckDB's call of the function.
unsafe fn worker_for(
    info: duckdb_function_info,
    chunk: duckdb_data_chunk,
    worker: &mut Option<Worker>,
) -> Result<&mut Worker> {
    // SAFETY: the first argument is a text vector, and the chunk has a row.
    let key = unsafe {
        let vector = duckdb_data_chunk_get_vector(chunk, 0);
        let validity = duckdb_vector_get_validity(vector);
        if !validity.is_null() && *validity & 1 == 0 {
            return Err(Error::new("The key of a model is NULL."));
        }
        (*duckdb_vector_get_data(vector).cast::<Text>()).bytes()
    };
    if worker
        .as_ref()
        .is_none_or(|worker| worker.model().key().as_bytes() != key)
    {
        let key = String::from_utf8_lossy(key);
        // SAFETY: `register` has set the database.
        let database =
            unsafe { &*duckdb_scalar_function_get_extra_info(info).cast::<Arc<Database>>() };
        let model = models::opened(&key, || database.find(&key))?;
        *worker = Some(Worker::new(model));
    }
    worker
        .as_mut()
        .ok_or_else(|| Error::new("no model was opened."))
}

/// Read the features in a chunk, whose first column is the key.
///
/// # Safety
/// The chunk is that of DuckDB's call of the function.
unsafe fn read_features<'t>(
    chunk: duckdb_data_chunk,
    types: &'t [ColumnType],
    rows: usize,
    columns: &mut Vec<Column<'t>>,
) -> Result<()> {
    // SAFETY: passed on from the caller; DuckDB flattens the vectors before it calls.
    unsafe {
        let count = duckdb_data_chunk_get_column_count(chunk) as usize;
        if count != types.len() + 1 {
            return Err(Error::new(
                "DuckDB bound other arguments than it calls with.",
            ));
        }
        for (position, column_type) in types.iter().enumerate() {
            let vector = duckdb_data_chunk_get_vector(chunk, position as idx_t + 1);
            let (data, validity) = (
                duckdb_vector_get_data(vector),
                duckdb_vector_get_validity(vector),
            );
            columns.push(Column::new(column_type, data, validity, rows));
        }
        Ok(())
    }
}

/// Return the memory of a list of columns, empty, for the columns of another chunk.
fn emptied<'t>(mut columns: Vec<Column<'_>>) -> Vec<Column<'t>> {
    columns.clear();
    // Rust collects in place, into the memory of the list that it consumes.
    columns.into_iter().map(|_| unreachable!()).collect()
}

/// # Safety
/// The result is the vector of DuckDB's call, with this number of rows.
unsafe fn mark_null(result: duckdb_vector, refused: &[bool]) {
    // SAFETY: passed on from the caller.
    unsafe {
        duckdb_vector_ensure_validity_writable(result);
        let validity = duckdb_vector_get_validity(result);
        for (row, _) in refused.iter().enumerate().filter(|(_, refused)| **refused) {
            *validity.add(row / 64) &= !(1 << (row % 64));
        }
    }
}

// Types

/// Return the types of the columns in a chunk, without the first, which is the key.
///
/// # Safety
/// The chunk is that of DuckDB's call of the function.
unsafe fn feature_types(chunk: duckdb_data_chunk) -> Vec<ColumnType> {
    // SAFETY: passed on from the caller; each type is destroyed here.
    unsafe {
        let of_column = |position| {
            let mut logical =
                duckdb_vector_get_column_type(duckdb_data_chunk_get_vector(chunk, position));
            let column_type = column_type(logical);
            duckdb_destroy_logical_type(&mut logical);
            column_type
        };
        (1..duckdb_data_chunk_get_column_count(chunk))
            .map(of_column)
            .collect()
    }
}

/// # Safety
/// The type is one of DuckDB's.
unsafe fn column_type(logical: duckdb_logical_type) -> ColumnType {
    // SAFETY: passed on from the caller.
    let id = unsafe { duckdb_get_type_id(logical) };
    let plain = |kind, name: &str| ColumnType {
        kind,
        name: name.to_owned(),
    };
    match id {
        DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => plain(Kind::Null, "NULL"),
        DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => plain(Kind::Boolean, "BOOLEAN"),
        DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => plain(Kind::Signed(1), "TINYINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => plain(Kind::Signed(2), "SMALLINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => plain(Kind::Signed(4), "INTEGER"),
        DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => plain(Kind::Signed(8), "BIGINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => plain(Kind::Signed(16), "HUGEINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => plain(Kind::Unsigned(1), "UTINYINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => plain(Kind::Unsigned(2), "USMALLINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => plain(Kind::Unsigned(4), "UINTEGER"),
        DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => plain(Kind::Unsigned(8), "UBIGINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => plain(Kind::Unsigned(16), "UHUGEINT"),
        DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => plain(Kind::Float, "FLOAT"),
        DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => plain(Kind::Double, "DOUBLE"),
        DUCKDB_TYPE_DUCKDB_TYPE_DATE => plain(Kind::Date, "DATE"),
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => plain(Kind::Timestamp(1e6), "TIMESTAMP"),
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => plain(Kind::Timestamp(1.0), "TIMESTAMP_S"),
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => plain(Kind::Timestamp(1e3), "TIMESTAMP_MS"),
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => plain(Kind::Timestamp(1e9), "TIMESTAMP_NS"),
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ_NS => plain(Kind::Timestamp(1e9), "TIMESTAMPTZ_NS"),
        DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => {
            plain(Kind::Timestamp(1e6), "TIMESTAMP WITH TIME ZONE")
        }
        DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => plain(Kind::Text, "VARCHAR"),
        // SAFETY: the type has just been compared.
        DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => plain(unsafe { decimal(logical) }, "DECIMAL"),
        // SAFETY: as above.
        DUCKDB_TYPE_DUCKDB_TYPE_ENUM => plain(unsafe { members(logical) }, "ENUM"),
        DUCKDB_TYPE_DUCKDB_TYPE_TIME => plain(Kind::Other, "TIME"),
        DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => plain(Kind::Other, "INTERVAL"),
        DUCKDB_TYPE_DUCKDB_TYPE_BLOB => plain(Kind::Other, "BLOB"),
        DUCKDB_TYPE_DUCKDB_TYPE_UUID => plain(Kind::Other, "UUID"),
        DUCKDB_TYPE_DUCKDB_TYPE_LIST | DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => plain(Kind::Other, "LIST"),
        DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => plain(Kind::Other, "STRUCT"),
        DUCKDB_TYPE_DUCKDB_TYPE_MAP => plain(Kind::Other, "MAP"),
        other => plain(Kind::Other, &format!("number {other} of DuckDB's C API")),
    }
}

/// # Safety
/// The type is a DECIMAL.
unsafe fn decimal(logical: duckdb_logical_type) -> Kind {
    // SAFETY: passed on from the caller.
    unsafe {
        let bytes = match duckdb_decimal_internal_type(logical) {
            DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => 2,
            DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => 4,
            DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => 8,
            _ => 16,
        };
        Kind::Decimal(bytes, duckdb_decimal_scale(logical))
    }
}

/// # Safety
/// The type is an ENUM.
unsafe fn members(logical: duckdb_logical_type) -> Kind {
    // SAFETY: passed on from the caller; the texts are freed here.
    unsafe {
        let bytes = match duckdb_enum_internal_type(logical) {
            DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => 1,
            DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => 2,
            _ => 4,
        };
        let member = |position| {
            let text = duckdb_enum_dictionary_value(logical, position);
            let bytes = if text.is_null() {
                Vec::new()
            } else {
                CStr::from_ptr(text).to_bytes().to_vec()
            };
            duckdb_free(text.cast());
            bytes
        };
        Kind::Enum(
            bytes,
            (0..idx_t::from(duckdb_enum_dictionary_size(logical)))
                .map(member)
                .collect(),
        )
    }
}

// The engine itself

unsafe extern "C" fn engine(
    _: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
) {
    // SAFETY: DuckDB calls with a text vector of as many rows as the chunk has.
    unsafe {
        for row in 0..duckdb_data_chunk_get_size(chunk) {
            duckdb_vector_assign_string_element_len(
                result,
                row,
                ENGINE.as_ptr().cast(),
                ENGINE.len() as idx_t,
            );
        }
    }
}

/// Return whether the host process provides models.
unsafe extern "C" fn hosted(
    _: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
) {
    // SAFETY: DuckDB calls with a boolean vector of as many rows as the chunk has.
    unsafe {
        let rows = duckdb_data_chunk_get_size(chunk) as usize;
        slice::from_raw_parts_mut(duckdb_vector_get_data(result).cast::<bool>(), rows)
            .fill(host::has_loader());
    }
}

/// Store models that were in no database when the extension was loaded, and return their keys.
unsafe extern "C" fn read(
    info: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
) {
    // SAFETY: DuckDB calls with a vector of bytes and a text vector of the same length; `register`
    // has set the database.
    unsafe {
        let database = &*duckdb_scalar_function_get_extra_info(info).cast::<Arc<Database>>();
        answer_texts(info, chunk, result, |onnx| Ok(database.read(onnx)));
    }
}

/// Return a text for each text or BLOB in the first column of a chunk.
///
/// # Safety
/// The arguments are those of DuckDB's call: a text or BLOB vector, and a text vector of the same
/// length.
unsafe fn answer_texts(
    info: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
    answer: impl Fn(&[u8]) -> Result<String>,
) {
    let work = || {
        // SAFETY: passed on from the caller; DuckDB copies the texts.
        unsafe {
            for (row, given) in (0..).zip(texts(chunk)) {
                let said = answer(given?)?;
                duckdb_vector_assign_string_element_len(
                    result,
                    row,
                    said.as_ptr().cast(),
                    said.len() as idx_t,
                );
            }
        }
        Ok(())
    };
    // SAFETY: passed on from the caller.
    unsafe { report(info, caught(work)) };
}

/// Return the texts or BLOBs in the first column of a chunk; an error for a NULL.
///
/// # Safety
/// The first column holds texts or BLOBs, and lives as long as they are used.
unsafe fn texts<'c>(chunk: duckdb_data_chunk) -> impl Iterator<Item = Result<&'c [u8]>> {
    // SAFETY: passed on from the caller. DuckDB also calls for NULLs, as registered.
    unsafe {
        let vector = duckdb_data_chunk_get_vector(chunk, 0);
        let (values, validity) = (
            duckdb_vector_get_data(vector).cast::<Text>(),
            duckdb_vector_get_validity(vector),
        );
        (0..duckdb_data_chunk_get_size(chunk)).map(move |row| {
            if !validity.is_null() && !duckdb_validity_row_is_valid(validity, row) {
                return Err(Error::new("NULL was given where a value is needed."));
            }
            Ok((*values.add(row as usize)).bytes())
        })
    }
}

/// Loading a library runs its code. It needs the same settings as loading an unsigned extension.
unsafe extern "C" fn bind_runtime(info: duckdb_bind_info) {
    let text = c"duckml_runtime loads a library, for which allow_unsigned_extensions and \
                 enable_external_access must be on. Set ORT_DYLIB_PATH instead.";
    // SAFETY: DuckDB calls with a bind info of this function.
    unsafe {
        require_settings(
            info,
            &[c"allow_unsigned_extensions", c"enable_external_access"],
            text,
        )
    }
}

/// Without access to files, as in a server, a query must not provide models either.
unsafe extern "C" fn bind_read(info: duckdb_bind_info) {
    let text =
        c"duckml_read reads a model from a query, for which enable_external_access must be on.";
    // SAFETY: DuckDB calls with a bind info of this function.
    unsafe { require_settings(info, &[c"enable_external_access"], text) }
}

/// Report an error unless all these settings are on.
unsafe fn require_settings(info: duckdb_bind_info, names: &[&CStr], text: &CStr) {
    // SAFETY: everything that is created here is destroyed here.
    unsafe {
        let mut context = ptr::null_mut();
        duckdb_scalar_function_get_client_context(info, &mut context);
        let is_on = |name: &&CStr| {
            let mut value =
                duckdb_client_context_get_config_option(context, name.as_ptr(), ptr::null_mut());
            let is_on = !value.is_null() && duckdb_get_bool(value);
            duckdb_destroy_value(&mut value);
            is_on
        };
        let is_allowed = names.iter().all(is_on);
        duckdb_destroy_client_context(&mut context);
        if !is_allowed {
            duckdb_scalar_function_bind_set_error(info, text.as_ptr());
        }
    }
}

unsafe extern "C" fn runtime_from(
    info: duckdb_function_info,
    chunk: duckdb_data_chunk,
    result: duckdb_vector,
) {
    let load = |path: &[u8]| {
        let path = String::from_utf8_lossy(path);
        let loaded = &runtime::load(&path)?.path;
        let was_there = if *loaded == path { "" } else { " already" };
        Ok(format!("onnxruntime serves{was_there} from {loaded}"))
    };
    // SAFETY: DuckDB calls with two text vectors of the same length.
    unsafe { answer_texts(info, chunk, result, load) };
}

/// Report an error to DuckDB, if there was one.
///
/// # Safety
/// The info is that of DuckDB's call of the function.
unsafe fn report(info: duckdb_function_info, done: Result<()>) {
    if let Err(error) = done {
        // SAFETY: passed on from the caller; DuckDB copies the text.
        unsafe { duckdb_scalar_function_set_error(info, terminated(&error).as_ptr()) };
    }
}

// DuckDB's C API

/// A function under construction, destroyed with the value. DuckDB copies registered functions.
struct Function(duckdb_scalar_function);

impl Drop for Function {
    fn drop(&mut self) {
        // SAFETY: `new` created it, and only this code destroys it.
        unsafe { duckdb_destroy_scalar_function(&mut self.0) };
    }
}

impl Function {
    /// # Safety
    /// The type is one of DuckDB's, and the call writes results of that type.
    unsafe fn new(name: &CStr, answer: duckdb_logical_type, call: Call) -> Self {
        // SAFETY: passed on from the caller; DuckDB copies the name and the type.
        unsafe {
            let function = duckdb_create_scalar_function();
            duckdb_scalar_function_set_name(function, name.as_ptr());
            duckdb_scalar_function_set_return_type(function, answer);
            duckdb_scalar_function_set_function(function, Some(call));
            Self(function)
        }
    }

    /// # Safety
    /// The connection is open.
    unsafe fn register(self, connection: duckdb_connection) -> Result<()> {
        // SAFETY: passed on from the caller.
        if unsafe { duckdb_register_scalar_function(connection, self.0) } == DuckDBSuccess {
            return Ok(());
        }
        Err(Error::new(
            "DuckDB could not register a function of duckml.",
        ))
    }
}

/// DuckDB's types, destroyed with the value.
struct Types(Vec<duckdb_logical_type>);

impl Types {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn kept(&mut self, logical: duckdb_logical_type) -> duckdb_logical_type {
        self.0.push(logical);
        logical
    }

    fn plain(&mut self, id: duckdb_type) -> duckdb_logical_type {
        // SAFETY: the number is that of one of DuckDB's types.
        self.kept(unsafe { duckdb_create_logical_type(id) })
    }
}

impl Drop for Types {
    fn drop(&mut self) {
        for logical in &mut self.0 {
            // SAFETY: DuckDB created each of them, and only this code destroys it.
            unsafe { duckdb_destroy_logical_type(logical) };
        }
    }
}

fn boxed<T>(value: T) -> *mut c_void {
    Box::into_raw(Box::new(value)).cast()
}

unsafe extern "C" fn drop_box<T>(value: *mut c_void) {
    // SAFETY: DuckDB passes a pointer that `boxed` returned, once.
    drop(unsafe { Box::from_raw(value.cast::<T>()) });
}

/// Return a text that ends with a zero byte.
fn terminated(error: &Error) -> CString {
    CString::new(error.to_string().replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// Call a function and turn a panic into an error, because DuckDB can't handle one.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::new(format!("duckml failed: {}", said(&*panic)))))
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("for an unknown reason")
}

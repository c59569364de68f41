//! The bytes of models, from the host process or the registries of the databases.
//!
//! The registries are read once, when the extension is loaded. Every connection of DuckDB's C API
//! keeps its database open. If one were kept, the file would stay open after the user has closed
//! it. A program that opens it again in the same process would have it open twice, which no lock
//! prevents and which damages the file. Databases that are attached later are read by the user,
//! with `duckml_read`; a process that runs duckml provides its models.

use std::collections::HashMap;
use std::ffi::CString;
use std::mem;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libduckdb_sys::{
    DUCKDB_TYPE_DUCKDB_TYPE_BLOB, DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR, DuckDBSuccess,
    duckdb_bind_varchar, duckdb_column_type, duckdb_connect, duckdb_connection,
    duckdb_data_chunk_get_size, duckdb_data_chunk_get_vector, duckdb_database,
    duckdb_destroy_data_chunk, duckdb_destroy_prepare, duckdb_destroy_result, duckdb_disconnect,
    duckdb_execute_prepared, duckdb_fetch_chunk, duckdb_prepare, duckdb_prepared_statement,
    duckdb_result, duckdb_vector_get_data,
};

use crate::artifact::key_of;
use crate::errors::{Error, Result};
use crate::host;
use crate::text::Text;

// With full names, because the user's macros can have the names of DuckDB's functions.
const REGISTRIES: &str = "SELECT database_name FROM system.main.duckdb_tables() \
                          WHERE schema_name = '_duckml' AND table_name = 'artifact'";
const SERVED: &str = "SELECT 'yes' FROM system.main.duckdb_functions() \
                      WHERE function_name = 'duckml_predict_double' LIMIT 1";
/// The most bytes of models that are read from a database: default versions first, then small
/// ones.
const READ: usize = 256_000_000;

/// A database with the extension loaded.
#[derive(Default)]
pub struct Database {
    models: Mutex<HashMap<String, Arc<[u8]>>>,
}

impl Database {
    /// Read the models of a connection's database, and of the attached ones.
    pub fn new(connection: &Connection) -> Arc<Self> {
        let database = Self::default();
        if !host::is_loading() {
            for name in connection.texts(REGISTRIES, None).unwrap_or_default() {
                database.read_registry(
                    connection,
                    &String::from_utf8_lossy(&name).replace('"', "\"\""),
                );
            }
        }
        Arc::new(database)
    }

    fn models(&self) -> MutexGuard<'_, HashMap<String, Arc<[u8]>>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Read the models of one registry. An error is ignored, so that the models of others still
    /// predict.
    fn read_registry(&self, connection: &Connection, name: &str) {
        let registry = format!("\"{name}\".\"_duckml\"");
        let keys = format!(
            "WITH defaults AS (SELECT v.artifact_key FROM {registry}.model_version v \
             JOIN {registry}.model m ON v.schema_key = m.schema_key AND v.name_key = m.name_key \
             AND v.version = m.default_version), \
             sized AS (SELECT key, octet_length(onnx) AS bytes, \
             key NOT IN (FROM defaults) AS later \
             FROM {registry}.artifact WHERE onnx IS NOT NULL AND key IS NOT NULL) \
             SELECT key FROM sized QUALIFY sum(bytes) OVER (ORDER BY later, bytes, key) <= {READ}"
        );
        let onnx = format!(
            "SELECT CAST(onnx AS BLOB) FROM {registry}.artifact WHERE key = $1 AND onnx IS NOT NULL"
        );
        for key in connection.texts(&keys, None).unwrap_or_default() {
            let key = String::from_utf8_lossy(&key);
            for found in connection.texts(&onnx, Some(&key)).unwrap_or_default() {
                self.keep(key.to_string(), found);
            }
        }
    }

    /// Store the bytes of a key. Damaged bytes are stored only if there are no others, so that
    /// their use raises an error.
    fn keep(&self, key: String, onnx: Vec<u8>) {
        let mut models = self.models();
        if models.get(&key).is_none_or(|kept| key_of(kept) != key) {
            models.insert(key, onnx.into());
        }
    }

    /// Store a model and return its key.
    pub fn read(&self, onnx: &[u8]) -> String {
        let key = key_of(onnx);
        self.models().insert(key.clone(), onnx.into());
        key
    }

    /// Return the bytes of the model of a key.
    pub fn find(&self, key: &str) -> Result<Arc<[u8]>> {
        let kept = self.models().get(key).cloned();
        // After the lock is released, because the host process queries DuckDB.
        match kept {
            Some(onnx) => Ok(onnx),
            None if host::has_loader() => host::find(key).map(Arc::from),
            None => Err(Error::gone(key)),
        }
    }
}

// DuckDB's C API

/// A connection, closed with the value.
pub struct Connection(duckdb_connection);

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: `open` opened it, and only this code closes it.
        unsafe { duckdb_disconnect(&mut self.0) };
    }
}

struct Prepared(duckdb_prepared_statement);

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: it must be destroyed even if preparing failed.
        unsafe { duckdb_destroy_prepare(&mut self.0) };
    }
}

struct Rows(duckdb_result);

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: it must be destroyed even if the query failed.
        unsafe { duckdb_destroy_result(&mut self.0) };
    }
}

impl Connection {
    /// Connect to a database.
    ///
    /// # Safety
    /// `database` is open.
    pub unsafe fn open(database: duckdb_database) -> Result<Self> {
        let mut connection = ptr::null_mut();
        // SAFETY: passed on from the caller.
        if unsafe { duckdb_connect(database, &mut connection) } != DuckDBSuccess {
            return Err(Error::new(
                "duckml could not connect to the database that it is loaded into.",
            ));
        }
        Ok(Self(connection))
    }

    /// Return the connection for DuckDB's C API; it lives as long as the value.
    pub fn handle(&self) -> duckdb_connection {
        self.0
    }

    /// Return whether the database has an engine already.
    pub fn is_served(&self) -> Result<bool> {
        Ok(!self.texts(SERVED, None)?.is_empty())
    }

    /// Return the first column of a query's rows, which must be texts or BLOBs and not NULL.
    fn texts(&self, query: &str, parameter: Option<&str>) -> Result<Vec<Vec<u8>>> {
        let nul = |_| Error::new("a name holds a zero byte.");
        let query = CString::new(query).map_err(nul)?;
        let parameter = parameter.map(CString::new).transpose().map_err(nul)?;
        let failed = || Error::new("the registry can't be read.");
        let mut prepared = Prepared(ptr::null_mut());
        // SAFETY: the connection is open and the texts end with a zero byte.
        unsafe {
            if duckdb_prepare(self.0, query.as_ptr(), &mut prepared.0) != DuckDBSuccess {
                return Err(failed());
            }
            if let Some(text) = &parameter {
                duckdb_bind_varchar(prepared.0, 1, text.as_ptr());
            }
            let mut rows = Rows(mem::zeroed());
            if duckdb_execute_prepared(prepared.0, &mut rows.0) != DuckDBSuccess {
                return Err(failed());
            }
            match duckdb_column_type(&mut rows.0, 0) {
                DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR | DUCKDB_TYPE_DUCKDB_TYPE_BLOB => {
                    Ok(rows.first_column())
                }
                _ => Err(failed()),
            }
        }
    }
}

impl Rows {
    /// # Safety
    /// The first column holds texts or BLOBs, none of them NULL.
    unsafe fn first_column(&mut self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        loop {
            // SAFETY: the result is open; a chunk's vectors hold as many values as it has rows.
            unsafe {
                let mut chunk = duckdb_fetch_chunk(self.0);
                if chunk.is_null() {
                    return found;
                }
                let rows = duckdb_data_chunk_get_size(chunk) as usize;
                let texts: *const Text =
                    duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)).cast();
                found.extend((0..rows).map(|row| (*texts.add(row)).bytes().to_vec()));
                duckdb_destroy_data_chunk(&mut chunk);
            }
        }
    }
}

//! Where the bytes of a model come from: the registries of a database, or the process that DuckDB runs in.
//!
//! The extension needs a connection of its own to read with, and DuckDB's C API has no connection that lets go of its
//! database: while there is one the file stays open. So a watcher looks ten times a second whether the last connection
//! of a database is ours, and closes it then. A process that hands over models itself needs neither.

use std::ffi::CString;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::Duration;

use libduckdb_sys::{
    DuckDBSuccess, duckdb_bind_varchar, duckdb_connect, duckdb_connection, duckdb_data_chunk_get_size,
    duckdb_data_chunk_get_vector, duckdb_database, duckdb_destroy_data_chunk, duckdb_destroy_prepare,
    duckdb_destroy_result, duckdb_disconnect, duckdb_execute_prepared, duckdb_fetch_chunk, duckdb_prepare,
    duckdb_prepared_statement, duckdb_result, duckdb_vector_get_data,
};

use crate::errors::{Error, Result};
use crate::host;
use crate::text::Text;

const REGISTRIES: &str =
    "SELECT database_name FROM duckdb_tables() WHERE schema_name = '_duckml' AND table_name = 'artifact'";
const SERVED: &str = "SELECT 'yes' FROM duckdb_functions() WHERE function_name = 'duckml_predict_double' LIMIT 1";
const OTHERS: &str = "SELECT 'yes' FROM duckdb_connection_count() WHERE count > 1";
const LOOKS: Duration = Duration::from_millis(100);

/// A database that the extension is loaded into.
pub struct Database {
    source: Source,
}

enum Source {
    /// The process hands models over.
    Host,
    /// They are read on a connection of our own, until that is the last one.
    Own(Mutex<Option<Connection>>),
}

impl Database {
    /// The database that the extension is being loaded into.
    ///
    /// # Safety
    /// `database` is open.
    pub unsafe fn new(database: duckdb_database) -> Result<Arc<Self>> {
        if host::is_loading() {
            return Ok(Arc::new(Self { source: Source::Host }));
        }
        // SAFETY: passed on from the caller.
        let connection = unsafe { Connection::open(database) }?;
        let database = Arc::new(Self {
            source: Source::Own(Mutex::new(Some(connection))),
        });
        watch(&database);
        Ok(database)
    }

    /// The bytes of the model with a key.
    pub fn find(&self, key: &str) -> Result<Vec<u8>> {
        match &self.source {
            Source::Host => host::find(key),
            Source::Own(connection) => {
                let guard = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let connection = guard.as_ref().ok_or_else(|| Error::gone(key))?;
                find(connection, key)
            }
        }
    }

    /// Close our connection if nobody else has one; whether it is closed.
    fn close_if_last(&self) -> bool {
        let Source::Own(connection) = &self.source else {
            return true;
        };
        let mut guard = match connection.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false, // it is reading for somebody
        };
        let is_last = guard
            .as_ref()
            .is_some_and(|connection| matches!(connection.texts(OTHERS, None), Ok(rows) if rows.is_empty()));
        let last = if is_last { guard.take() } else { None };
        let is_closed = guard.is_none();
        drop(guard); // with the connection DuckDB frees the functions, and with them this database
        drop(last);
        is_closed
    }
}

/// The bytes of a key in any attached database that has a registry.
fn find(connection: &Connection, key: &str) -> Result<Vec<u8>> {
    for database in connection.texts(REGISTRIES, None)? {
        let name = String::from_utf8_lossy(&database).replace('"', "\"\"");
        let query = format!("SELECT onnx FROM \"{name}\".\"_duckml\".\"artifact\" WHERE key = $1");
        // Something wrong with one database must not keep another from predicting.
        if let Some(onnx) = connection.texts(&query, Some(key)).ok().and_then(|mut rows| rows.pop()) {
            return Ok(onnx);
        }
    }
    Err(Error::gone(key))
}

// The watcher

static WATCHED: Mutex<Vec<Weak<Database>>> = Mutex::new(Vec::new());
static EXITING: AtomicBool = AtomicBool::new(false);

fn watched() -> MutexGuard<'static, Vec<Weak<Database>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch(database: &Arc<Database>) {
    static STARTED: Once = Once::new();
    watched().push(Arc::downgrade(database));
    STARTED.call_once(|| {
        // SAFETY: the handler is a function without arguments that lives as long as the library, which DuckDB never
        // unloads.
        unsafe { atexit(at_exit) };
        thread::spawn(|| {
            while !EXITING.load(Ordering::Acquire) {
                thread::sleep(LOOKS);
                close_what_is_left();
            }
        });
    });
}

/// Close the databases that nobody uses any more.
fn close_what_is_left() {
    let mut databases = watched();
    if !EXITING.load(Ordering::Acquire) {
        databases.retain(|database| database.upgrade().is_some_and(|database| !database.close_if_last()));
    }
}

unsafe extern "C" {
    fn atexit(handler: extern "C" fn()) -> std::ffi::c_int;
}

/// The process ends: close what is left, so that DuckDB writes its log into the file, and let nothing run behind it.
extern "C" fn at_exit() {
    close_what_is_left();
    let guard = watched(); // the watcher is between two looks now, and sees that it is over at its next
    EXITING.store(true, Ordering::Release);
    drop(guard);
}

// DuckDB's C API

/// A connection, closed with the value.
pub struct Connection(duckdb_connection);

// SAFETY: DuckDB's connections may be used by any thread; the mutex around this one keeps it to one at a time.
unsafe impl Send for Connection {}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: it was opened by `open` and is closed here only.
        unsafe { duckdb_disconnect(&mut self.0) };
    }
}

struct Prepared(duckdb_prepared_statement);

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: DuckDB wants it destroyed even when preparing failed.
        unsafe { duckdb_destroy_prepare(&mut self.0) };
    }
}

struct Rows(duckdb_result);

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: DuckDB wants it destroyed even when the query failed.
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

    /// The connection as DuckDB's C API has it, for as long as the value lives.
    pub fn handle(&self) -> duckdb_connection {
        self.0
    }

    /// Whether models are served in the database already.
    pub fn is_served(&self) -> Result<bool> {
        Ok(!self.texts(SERVED, None)?.is_empty())
    }

    /// The first column of a query's rows, which are texts or bytes and not NULL.
    fn texts(&self, query: &str, parameter: Option<&str>) -> Result<Vec<Vec<u8>>> {
        let nul = |_| Error::new("a name holds a zero byte.");
        let query = CString::new(query).map_err(nul)?;
        let parameter = parameter.map(CString::new).transpose().map_err(nul)?;
        let failed = || Error::new("the registry can't be read.");
        let mut prepared = Prepared(ptr::null_mut());
        // SAFETY: the connection is open and the texts end in zero.
        unsafe {
            if duckdb_prepare(self.0, query.as_ptr(), &mut prepared.0) != DuckDBSuccess {
                return Err(failed());
            }
            if let Some(text) = &parameter {
                duckdb_bind_varchar(prepared.0, 1, text.as_ptr());
            }
            let mut rows = Rows(std::mem::zeroed());
            if duckdb_execute_prepared(prepared.0, &mut rows.0) != DuckDBSuccess {
                return Err(failed());
            }
            Ok(rows.first_column())
        }
    }
}

impl Rows {
    /// # Safety
    /// The first column holds texts or bytes, none of them NULL.
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
                let texts: *const Text = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)).cast();
                found.extend((0..rows).map(|row| (*texts.add(row)).bytes().to_vec()));
                duckdb_destroy_data_chunk(&mut chunk);
            }
        }
    }
}

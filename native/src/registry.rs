//! Where the bytes of a model come from: the registries of a database, or the process that DuckDB runs in.
//!
//! The extension needs a connection of its own to read with, and DuckDB's C API has no connection that lets go of its
//! database: while there is one the file stays open. So a watcher looks ten times a second whether the last connection
//! of a database is ours, and closes it then. A program may keep a database open without a connection, though, and
//! connect again, and DuckDB has no way to connect for us: for that case the models are read before. A process that
//! hands over models itself needs none of this.

use std::collections::HashMap;
use std::ffi::CString;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::Duration;

use libduckdb_sys::{
    DUCKDB_TYPE_DUCKDB_TYPE_BLOB, DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR, DuckDBSuccess, duckdb_bind_varchar,
    duckdb_column_type, duckdb_connect, duckdb_connection, duckdb_data_chunk_get_size, duckdb_data_chunk_get_vector,
    duckdb_database, duckdb_destroy_data_chunk, duckdb_destroy_prepare, duckdb_destroy_result, duckdb_disconnect,
    duckdb_execute_prepared, duckdb_fetch_chunk, duckdb_prepare, duckdb_prepared_statement, duckdb_result,
    duckdb_vector_get_data,
};

use crate::errors::{Error, Result};
use crate::host;
use crate::text::Text;

// By their full names: macros of the user's may have the names of DuckDB's functions.
const REGISTRIES: &str = "SELECT database_name FROM system.main.duckdb_tables() \
                          WHERE schema_name = '_duckml' AND table_name = 'artifact'";
const SERVED: &str = "SELECT 'yes' FROM system.main.duckdb_functions() \
                      WHERE function_name = 'duckml_predict_double' LIMIT 1";
const OTHERS: &str = "SELECT 'yes' FROM system.main.duckdb_connection_count() WHERE count > 1";
/// How many bytes of models a database remembers that nobody is connected to.
const REMEMBERED: usize = 100_000_000;
const LOOKS: Duration = Duration::from_millis(100);

/// A database that the extension is loaded into.
pub struct Database {
    source: Mutex<Source>,
}

/// Where its models come from.
enum Source {
    /// They are read on a connection of our own, until that is the last one.
    Own(Connection),
    /// The process hands them over.
    Host,
    /// They were read before our connection was closed, which was the last one.
    Memory(HashMap<String, Vec<u8>>),
}

impl Database {
    /// The database that the extension is being loaded into.
    ///
    /// # Safety
    /// `database` is open.
    pub unsafe fn new(database: duckdb_database) -> Result<Arc<Self>> {
        // SAFETY: passed on from the caller.
        let connection = unsafe { Connection::open(database) }?;
        let database = Arc::new(Self {
            source: Mutex::new(Source::Own(connection)),
        });
        watch(&database);
        Ok(database)
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Take models from the process, if it hands any over; whether it does.
    pub fn serve_from_host(&self) -> bool {
        let is_there = host::has_loader();
        if is_there {
            let before = mem::replace(&mut *self.source(), Source::Host);
            drop(before); // behind the lock
        }
        is_there
    }

    /// The bytes of the model with a key.
    pub fn find(&self, key: &str) -> Result<Vec<u8>> {
        match &*self.source() {
            Source::Own(connection) => return find(connection, key),
            Source::Memory(models) => return models.get(key).cloned().ok_or_else(|| Error::let_go(key)),
            Source::Host => {}
        }
        host::find(key) // behind the lock: the process asks DuckDB in its turn
    }

    /// Our connection, if it is the last one, to be closed by the caller; and whether there is none to look at.
    fn take_last(&self) -> (Option<Connection>, bool) {
        let mut source = match self.source.try_lock() {
            Ok(source) => source,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return (None, false), // it is reading for somebody
        };
        match &*source {
            Source::Own(connection) if connection.is_last() => {
                let models = remembered(connection);
                match mem::replace(&mut *source, Source::Memory(models)) {
                    Source::Own(connection) => (Some(connection), true),
                    Source::Host | Source::Memory(_) => (None, true),
                }
            }
            Source::Own(_) => (None, false),
            Source::Host | Source::Memory(_) => (None, true),
        }
    }
}

/// The tables of artifacts in all attached databases, as SQL.
fn tables(connection: &Connection) -> Vec<String> {
    let databases = connection.texts(REGISTRIES, None).unwrap_or_default();
    let quoted = |name: Vec<u8>| String::from_utf8_lossy(&name).replace('"', "\"\"");
    databases
        .into_iter()
        .map(|name| format!("\"{}\".\"_duckml\".\"artifact\"", quoted(name)))
        .collect()
}

/// The models of all attached databases by their keys, small ones first, as far as they fit into the memory for them.
fn remembered(connection: &Connection) -> HashMap<String, Vec<u8>> {
    let mut models = HashMap::new();
    for table in tables(connection) {
        let query = format!(
            "SELECT key FROM {table} WHERE onnx IS NOT NULL AND key IS NOT NULL \
             QUALIFY sum(octet_length(onnx)) OVER (ORDER BY octet_length(onnx), key) <= {REMEMBERED}"
        );
        for key in connection.texts(&query, None).unwrap_or_default() {
            let key = String::from_utf8_lossy(&key).into_owned();
            if let Ok(onnx) = find(connection, &key) {
                models.insert(key, onnx);
            }
        }
    }
    models
}

/// The bytes of a key in any attached database that has a registry.
fn find(connection: &Connection, key: &str) -> Result<Vec<u8>> {
    for table in tables(connection) {
        let query = format!("SELECT CAST(onnx AS BLOB) FROM {table} WHERE key = $1 AND onnx IS NOT NULL");
        // Something wrong with one database must not keep another from predicting.
        let found = connection.texts(&query, Some(key)).ok();
        if let Some(onnx) = found.and_then(|mut rows| rows.pop()) {
            return Ok(onnx);
        }
    }
    Err(Error::gone(key))
}

// The watcher

static WATCHED: Mutex<Vec<Weak<Database>>> = Mutex::new(Vec::new());
static CLOSING: Mutex<()> = Mutex::new(());
/// The process that has a watcher: a fork has the memory of its parent, and none of its threads.
static WATCHING: AtomicU32 = AtomicU32::new(0);
static EXITING: AtomicBool = AtomicBool::new(false);

fn watched() -> MutexGuard<'static, Vec<Weak<Database>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch(database: &Arc<Database>) {
    static REGISTERED: Once = Once::new();
    watched().push(Arc::downgrade(database));
    // SAFETY: the handler is a function without arguments that lives as long as the library, which DuckDB never unloads.
    REGISTERED.call_once(|| unsafe {
        atexit(at_exit);
    });
    let process = std::process::id();
    if WATCHING.swap(process, Ordering::AcqRel) != process {
        thread::spawn(|| {
            while !EXITING.load(Ordering::Acquire) {
                thread::sleep(LOOKS);
                close_what_is_left();
            }
        });
    }
}

/// Close the databases that nobody uses any more.
fn close_what_is_left() {
    let _closing = CLOSING.lock().unwrap_or_else(PoisonError::into_inner);
    if EXITING.load(Ordering::Acquire) {
        return;
    }
    let mut last = Vec::new();
    watched().retain(|database| {
        let (connection, is_done) = database.upgrade().map_or((None, true), |database| database.take_last());
        last.extend(connection);
        !is_done
    });
    drop(last); // with its last connection DuckDB closes a database, which may take a while
}

unsafe extern "C" {
    fn atexit(handler: extern "C" fn()) -> std::ffi::c_int;
}

/// The process ends: close what is left, so that DuckDB writes its log into the file, and let nothing run behind it.
extern "C" fn at_exit() {
    let last_look = || {
        close_what_is_left();
        let _closing = CLOSING.lock().unwrap_or_else(PoisonError::into_inner); // the watcher is between two looks now
        EXITING.store(true, Ordering::Release);
    };
    // On a thread of its own: what DuckDB keeps for the thread that exits is gone by now.
    let _ = thread::spawn(last_look).join();
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

    /// Whether nobody else is connected to the database; where DuckDB can't tell, somebody is.
    fn is_last(&self) -> bool {
        self.texts(OTHERS, None).is_ok_and(|rows| rows.is_empty())
    }

    /// Whether models are served in the database already.
    pub fn is_served(&self) -> Result<bool> {
        Ok(!self.texts(SERVED, None)?.is_empty())
    }

    /// The first column of a query's rows, which must be texts or bytes and not NULL.
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
            let mut rows = Rows(mem::zeroed());
            if duckdb_execute_prepared(prepared.0, &mut rows.0) != DuckDBSuccess {
                return Err(failed());
            }
            match duckdb_column_type(&mut rows.0, 0) {
                DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR | DUCKDB_TYPE_DUCKDB_TYPE_BLOB => Ok(rows.first_column()),
                _ => Err(failed()),
            }
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

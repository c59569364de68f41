//! duckml's native engine: the functions that serve models in DuckDB, as an extension of its stable C API.
//!
//! | Module | Its one job |
//! |---|---|
//! | `functions` | what DuckDB calls |
//! | `host` | what the process around DuckDB calls |
//! | `registry` | where the bytes of a model come from |
//! | `models` | the models that are open |
//! | `model` | columns → predictions |
//! | `artifact` | bytes → manifest and graph |
//! | `columns`, `text` | DuckDB's vectors |
//! | `categories` | text → code |
//! | `runtime` | onnxruntime |
//! | `errors` | what can go wrong |

mod artifact;
mod categories;
mod columns;
mod errors;
mod functions;
mod host;
mod model;
mod models;
mod registry;
mod runtime;
mod text;

use std::ffi::CString;

use libduckdb_sys::{duckdb_extension_access, duckdb_extension_info, duckdb_rs_extension_api_init};

use errors::{Error, Result};
use registry::{Connection, Database};

/// The oldest C API with what is used here; DuckDB 1.5.6 and every 2.x has it.
const API: &str = "v1.5.6";

/// What DuckDB calls when it loads the extension.
///
/// # Safety
/// DuckDB calls it, with what its C API promises to an extension.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_init_c_api(
    info: duckdb_extension_info,
    access: *const duckdb_extension_access,
) -> bool {
    // SAFETY: passed on from DuckDB.
    unsafe {
        match duckdb_rs_extension_api_init(info, access, API) {
            Ok(true) => {}
            _ => return false, // DuckDB has said why
        }
        match initialised(info, access) {
            Ok(()) => true,
            Err(error) => {
                if let (Some(set_error), Ok(text)) = ((*access).set_error, CString::new(error.to_string())) {
                    set_error(info, text.as_ptr());
                }
                false
            }
        }
    }
}

/// # Safety
/// As of `duckml_init_c_api`; the table of functions is there.
unsafe fn initialised(info: duckdb_extension_info, access: *const duckdb_extension_access) -> Result<()> {
    let no_database = || Error::new("DuckDB gives no database to duckml.");
    // SAFETY: passed on from DuckDB, which has the database open.
    unsafe {
        let get_database = (*access).get_database.ok_or_else(no_database)?;
        let database = *get_database(info).as_ref().ok_or_else(no_database)?;
        let connection = Connection::open(database)?;
        if connection.is_served()? {
            return Err(Error::new(
                "duckml's functions are in this database already: the Python engine serves it. Open the database anew \
                 to load the native engine.",
            ));
        }
        functions::register(connection.handle(), &Database::new(&connection))
    }
}

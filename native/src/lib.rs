//! duckml's native engine: an extension of DuckDB, over its stable C API, that runs models.
//!
//! | Module | Job |
//! |---|---|
//! | `functions` | the functions that DuckDB calls |
//! | `host` | the functions that the host process calls |
//! | `registry` | the bytes of models, from the host or the databases |
//! | `models` | the models that are open |
//! | `model` | columns → predictions |
//! | `artifact` | bytes → manifest and graph |
//! | `columns`, `text` | DuckDB's vectors |
//! | `categories` | text → code |
//! | `runtime` | onnxruntime |
//! | `errors` | error messages |

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

/// The oldest C API with the functions used here; DuckDB 1.5.6 and every 2.x has it.
const API: &str = "v1.5.6";

/// The entry point, which DuckDB calls when it loads the extension.
///
/// # Safety
/// The arguments are those of DuckDB's call, as its C API specifies them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_init_c_api(
    info: duckdb_extension_info,
    access: *const duckdb_extension_access,
) -> bool {
    // SAFETY: the arguments are DuckDB's.
    unsafe {
        match duckdb_rs_extension_api_init(info, access, API) {
            Ok(true) => {}
            _ => return false, // DuckDB reports the reason
        }
        match initialised(info, access) {
            Ok(()) => true,
            Err(error) => {
                if let (Some(set_error), Ok(text)) =
                    ((*access).set_error, CString::new(error.to_string()))
                {
                    set_error(info, text.as_ptr());
                }
                false
            }
        }
    }
}

/// # Safety
/// As for `duckml_init_c_api`; the table of functions has been set.
unsafe fn initialised(
    info: duckdb_extension_info,
    access: *const duckdb_extension_access,
) -> Result<()> {
    let no_database = || Error::new("DuckDB gives no database to duckml.");
    // SAFETY: the arguments are DuckDB's, which has the database open.
    unsafe {
        let get_database = (*access).get_database.ok_or_else(no_database)?;
        let database = *get_database(info).as_ref().ok_or_else(no_database)?;
        let connection = Connection::open(database)?;
        if connection.is_served()? {
            return Err(Error::new(
                "This database has duckml's functions already, from the Python engine. \
                 Open the database again to load the native engine.",
            ));
        }
        functions::register(connection.handle(), &Database::new(&connection))
    }
}

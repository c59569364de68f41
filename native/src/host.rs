//! The C functions that the host process calls: a process that runs duckml, such as Python.
//!
//! They take pointers, so they are not callable from SQL.

use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::catch_unwind;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::errors::{Error, Result};
use crate::{models, runtime};

/// The host's function that provides the model of a key. It calls `duckml_host_answer` or
/// `duckml_host_refuse` with the result.
type Loader = extern "C" fn(key: *const c_char, answer: *mut c_void);

static LOADER: Mutex<Option<Loader>> = Mutex::new(None);

static LOADING: AtomicBool = AtomicBool::new(false);

/// Return whether a LOAD that runs now is the host's, which then provides the models.
pub fn is_loading() -> bool {
    LOADING.load(Ordering::Acquire)
}

/// Return whether the host provides models.
pub fn has_loader() -> bool {
    LOADER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .is_some()
}

/// Return the bytes of a model from the host.
pub fn find(key: &str) -> Result<Vec<u8>> {
    let loader = *LOADER.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(loader), Ok(name)) = (loader, CString::new(key)) else {
        return Err(Error::gone(key));
    };
    let mut answer: Option<Result<Vec<u8>>> = None;
    loader(name.as_ptr(), (&raw mut answer).cast());
    answer.unwrap_or_else(|| Err(Error::gone(key)))
}

/// Set the loader of models; null removes it.
#[unsafe(no_mangle)]
pub extern "C" fn duckml_host_loader(loader: Option<Loader>) {
    *LOADER.lock().unwrap_or_else(PoisonError::into_inner) = loader;
}

/// Set whether a LOAD that runs now is the host's.
#[unsafe(no_mangle)]
pub extern "C" fn duckml_host_loading(loading: bool) {
    LOADING.store(loading, Ordering::Release);
}

/// Set the path of onnxruntime's library.
///
/// # Safety
/// `path` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_host_runtime(path: *const c_char) {
    // SAFETY: passed on from the caller.
    runtime::prefer(unsafe { owned(path) });
}

/// Open a model that no database has yet, and return whether it is open. An error is written to
/// `problem`.
///
/// # Safety
/// `key` ends with a zero byte, `onnx` holds `length` bytes, and `problem` has space for `room`
/// bytes, at least one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_host_open(
    key: *const c_char,
    onnx: *const u8,
    length: usize,
    problem: *mut c_char,
    room: usize,
) -> bool {
    let work = || {
        // SAFETY: passed on from the caller.
        let (key, bytes) = unsafe { (owned(key), slice::from_raw_parts(onnx, length)) };
        models::opened(&key, || Ok(bytes.into())).map(|_| ())
    };
    let said = match catch_unwind(work) {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "duckml's native engine failed inside; please report it.".to_owned(),
    };
    let end = said.floor_char_boundary(room.saturating_sub(1));
    // SAFETY: the buffer has space for `end` bytes and a zero byte.
    unsafe {
        said.as_ptr().copy_to_nonoverlapping(problem.cast(), end);
        *problem.add(end) = 0;
    }
    false
}

/// Return the bytes of a model from a loader.
///
/// # Safety
/// `answer` is the pointer that the loader was called with; `onnx` holds `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_host_answer(answer: *mut c_void, onnx: *const u8, length: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        *answer.cast::<Option<Result<Vec<u8>>>>() =
            Some(Ok(slice::from_raw_parts(onnx, length).to_vec()))
    };
}

/// Return an error from a loader: the reason why there is no such model.
///
/// # Safety
/// `answer` is the pointer that the loader was called with; `problem` ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_host_refuse(answer: *mut c_void, problem: *const c_char) {
    // SAFETY: passed on from the caller.
    unsafe { *answer.cast::<Option<Result<Vec<u8>>>>() = Some(Err(Error::new(owned(problem)))) };
}

/// Return the text of a C pointer.
///
/// # Safety
/// It is null, or ends with a zero byte.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: passed on from the caller.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

//! What a process that runs duckml itself, as Python does, says to the extension: C functions, called by their names.
//!
//! No SQL reaches them, because they take pointers.

use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::catch_unwind;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::errors::{Error, Result};
use crate::{models, runtime};

/// Asks the host for the model of a key; it answers through `duckml_host_answer` or `duckml_host_refuse`.
type Loader = extern "C" fn(key: *const c_char, answer: *mut c_void);

static LOADER: Mutex<Option<Loader>> = Mutex::new(None);

static LOADING: AtomicBool = AtomicBool::new(false);

/// Whether a LOAD that runs now is the host's, which will be asked for models.
pub fn is_loading() -> bool {
    LOADING.load(Ordering::Acquire)
}

/// Whether the host hands over models.
pub fn has_loader() -> bool {
    LOADER.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// The bytes of a model that the host has.
pub fn find(key: &str) -> Result<Vec<u8>> {
    let loader = *LOADER.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(loader), Ok(name)) = (loader, CString::new(key)) else {
        return Err(Error::gone(key));
    };
    let mut answer: Option<Result<Vec<u8>>> = None;
    loader(name.as_ptr(), (&raw mut answer).cast());
    answer.unwrap_or_else(|| Err(Error::gone(key)))
}

/// Take models from a loader, or from nobody when it is null.
#[unsafe(no_mangle)]
pub extern "C" fn duckml_host_loader(loader: Option<Loader>) {
    *LOADER.lock().unwrap_or_else(PoisonError::into_inner) = loader;
}

/// Say whether a LOAD that runs now is the host's.
#[unsafe(no_mangle)]
pub extern "C" fn duckml_host_loading(loading: bool) {
    LOADING.store(loading, Ordering::Release);
}

/// Say where onnxruntime is.
///
/// # Safety
/// `path` ends in zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_host_runtime(path: *const c_char) {
    // SAFETY: passed on from the caller.
    runtime::prefer(unsafe { owned(path) });
}

/// Open a model that no database has yet; whether it is open. What went wrong is written to `problem`.
///
/// # Safety
/// `key` ends in zero; `onnx` holds `length` bytes and `problem` has room for `room`, at least one.
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
    // SAFETY: the caller has room for `end` bytes and a zero.
    unsafe {
        said.as_ptr().copy_to_nonoverlapping(problem.cast(), end);
        *problem.add(end) = 0;
    }
    false
}

/// The answer of a loader: the bytes of the model.
///
/// # Safety
/// `answer` is what the loader was called with; `onnx` holds `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_host_answer(answer: *mut c_void, onnx: *const u8, length: usize) {
    // SAFETY: passed on from the caller.
    unsafe { *answer.cast::<Option<Result<Vec<u8>>>>() = Some(Ok(slice::from_raw_parts(onnx, length).to_vec())) };
}

/// The answer of a loader: why there is no such model.
///
/// # Safety
/// `answer` is what the loader was called with; `problem` ends in zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duckml_host_refuse(answer: *mut c_void, problem: *const c_char) {
    // SAFETY: passed on from the caller.
    unsafe { *answer.cast::<Option<Result<Vec<u8>>>>() = Some(Err(Error::new(owned(problem)))) };
}

/// The text behind a pointer of C's.
///
/// # Safety
/// It is null, or ends in zero.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: passed on from the caller.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

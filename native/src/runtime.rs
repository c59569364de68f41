//! onnxruntime: its library, sessions, and runs on memory of the caller.

use std::collections::HashSet;
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::AsPointer;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::sys::{ONNXTensorElementDataType as ElementType, OrtMemoryInfo, OrtStatusPtr, OrtValue};
use ort::value::ValueType;

use crate::errors::{Error, Result};

/// The onnxruntime of this process.
pub struct Runtime {
    /// The library that it was loaded from.
    pub path: String,
    environment: Environment,
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());
static PREFERRED: Mutex<Option<String>> = Mutex::new(None);

/// The name of the library that is loaded if none was set.
const LIBRARY: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// Load onnxruntime from a library, unless one is loaded already.
pub fn load(path: &str) -> Result<&'static Runtime> {
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let builder =
        ort::init_from(Path::new(path)).map_err(|error| Error::no_runtime(path, error))?;
    let environment = builder.with_name("duckml").with_telemetry(false).build();
    let environment = environment.map_err(|error| Error::no_runtime(path, error))?;
    environment.set_log_level(LogLevel::Error);
    Ok(RUNTIME.get_or_init(|| Runtime {
        path: path.to_owned(),
        environment,
    }))
}

/// Set the library to load when the first model is opened, unless ORT_DYLIB_PATH names another.
pub fn prefer(path: String) {
    *PREFERRED.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
}

fn runtime() -> Result<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let named = std::env::var("ORT_DYLIB_PATH")
        .ok()
        .filter(|path| !path.is_empty());
    let preferred = || {
        PREFERRED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    };
    load(
        &named
            .or_else(preferred)
            .unwrap_or_else(|| LIBRARY.to_owned()),
    )
}

/// Open a model on the CPU.
///
/// The outer error means that onnxruntime can't be loaded, the inner one is onnxruntime's.
pub fn open(onnx: &[u8]) -> Result<Result<Session>> {
    let runtime = runtime()?;
    let open = || -> ort::Result<Session> {
        SessionBuilder::new(&runtime.environment)?
            .with_intra_threads(1)? // DuckDB brings the threads: one chunk of rows each
            .with_inter_threads(1)?
            .with_log_level(LogLevel::Error)?
            .commit_from_memory(onnx)
    };
    Ok(open().map_err(|error| Error::new(first_line(&error.to_string()))))
}

fn first_line(text: &str) -> String {
    format!("{}.", text.trim().lines().next().unwrap_or_default())
}

/// A type of number in tensors.
pub trait Element {
    /// Its name in onnxruntime.
    const TYPE: ElementType;
}

impl Element for f64 {
    const TYPE: ElementType = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
}

impl Element for i64 {
    const TYPE: ElementType = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
}

/// A tensor, over memory that it or another value owns.
#[derive(Debug)]
pub struct Value(*mut OrtValue);

// SAFETY: onnxruntime's values may move between threads; each is used by one at a time.
unsafe impl Send for Value {}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: this code owns the value, and nothing else uses it.
        unsafe { (ort::api().ReleaseValue)(self.0) };
    }
}

struct CpuMemory(*mut OrtMemoryInfo);

// SAFETY: it is never changed after its creation.
unsafe impl Send for CpuMemory {}
// SAFETY: as above.
unsafe impl Sync for CpuMemory {}

fn cpu_memory() -> *const OrtMemoryInfo {
    static MEMORY: OnceLock<CpuMemory> = OnceLock::new();
    MEMORY
        .get_or_init(|| {
            let mut info = ptr::null_mut();
            // SAFETY: the out parameter is a local pointer. The call fails only without memory,
            // and returns null then.
            unsafe {
                let status = (ort::api().CreateCpuMemoryInfo)(
                    ort::sys::OrtAllocatorType::OrtDeviceAllocator,
                    ort::sys::OrtMemType::OrtMemTypeDefault,
                    &mut info,
                );
                let _ = checked(status);
            }
            CpuMemory(info)
        })
        .0
}

/// # Safety
/// onnxruntime has just returned the status.
unsafe fn checked(status: OrtStatusPtr) -> Result<()> {
    // SAFETY: passed on from the caller.
    unsafe { ort::Error::result_from_status(status) }.map_err(|error| Error::new(error.to_string()))
}

impl Value {
    /// Make a tensor of two dimensions over memory that another value owns.
    ///
    /// # Safety
    /// `data` holds a number for each of its elements for as long as a run uses the value.
    pub unsafe fn over<T: Element>(data: *mut T, shape: [usize; 2]) -> Result<Self> {
        let [rows, width] = shape;
        let shape = shape.map(|length| length as i64);
        let mut value = ptr::null_mut();
        // SAFETY: the caller has promised as much memory as the shape needs.
        unsafe {
            checked((ort::api().CreateTensorWithDataAsOrtValue)(
                cpu_memory(),
                data.cast(),
                rows * width * size_of::<T>(),
                shape.as_ptr(),
                shape.len(),
                T::TYPE,
                &mut value,
            ))?;
        }
        Ok(Self(value))
    }

    /// Return the pointer for `run`.
    pub fn pointer(&self) -> *const OrtValue {
        self.0
    }

    /// Make a tensor of texts, of shape [rows, 1], with its own memory.
    pub fn texts<'a>(rows: usize, texts: impl Iterator<Item = &'a [u8]>) -> Result<Self> {
        let shape = [rows as i64, 1];
        let mut allocator = ptr::null_mut();
        let mut value = ptr::null_mut();
        // SAFETY: the out parameters are local pointers, and the allocator is onnxruntime's.
        unsafe {
            checked((ort::api().GetAllocatorWithDefaultOptions)(&mut allocator))?;
            checked((ort::api().CreateTensorAsOrtValue)(
                allocator,
                shape.as_ptr(),
                shape.len(),
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
                &mut value,
            ))?;
        }
        let tensor = Self(value);
        for (row, text) in texts.enumerate().take(rows) {
            let mut buffer: *mut c_char = ptr::null_mut();
            // SAFETY: the returned buffer has space for exactly this text.
            unsafe {
                checked((ort::api().GetResizedStringTensorElementBuffer)(
                    value,
                    row,
                    text.len(),
                    &mut buffer,
                ))?;
                ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len());
            }
        }
        Ok(tensor)
    }

    /// Write the numbers of a tensor as doubles, one per element of `out`.
    fn write_doubles(&self, out: &mut [f64]) -> Result<()> {
        let mut info = ptr::null_mut();
        let mut count = 0;
        let mut element = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
        let mut data: *mut c_void = ptr::null_mut();
        // SAFETY: the value is a tensor that a run returned; the out parameters are local.
        unsafe {
            checked((ort::api().GetTensorTypeAndShape)(self.0, &mut info))?;
            let known = checked((ort::api().GetTensorElementType)(info, &mut element))
                .and_then(|()| checked((ort::api().GetTensorShapeElementCount)(info, &mut count)));
            (ort::api().ReleaseTensorTypeAndShapeInfo)(info);
            known?;
            checked((ort::api().GetTensorMutableData)(self.0, &mut data))?;
        }
        if count != out.len() {
            return Err(Error::new(format!(
                "the model returned {count} numbers instead of {}.",
                out.len()
            )));
        }
        // SAFETY: a tensor has as many numbers of its type as its shape states.
        unsafe {
            match element {
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE => {
                    copy::<f64>(out, data, |value| value)
                }
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT => {
                    copy::<f32>(out, data, f64::from)
                }
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 => {
                    copy::<i64>(out, data, |value| value as f64)
                }
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 => {
                    copy::<i32>(out, data, f64::from)
                }
                other => {
                    return Err(Error::new(format!(
                        "the model returns values of type {other:?}."
                    )));
                }
            }
        }
        Ok(())
    }
}

/// # Safety
/// `data` holds as many numbers of the type as `out` has space for, at least one.
unsafe fn copy<T: Copy>(out: &mut [f64], data: *const c_void, number: impl Fn(T) -> f64) {
    // SAFETY: passed on from the caller.
    let values: &[T] = unsafe { slice::from_raw_parts(data.cast(), out.len()) };
    for (out, &value) in out.iter_mut().zip(values) {
        *out = number(value);
    }
}

/// An open model: its inputs in the order of `run`, and one of its outputs.
#[derive(Debug)]
pub struct Graph {
    session: Session,
    inputs: Vec<CString>,
    output: CString,
    writes_directly: bool,
}

impl Graph {
    /// Open a graph. `output` is the position of the output to compute, `width` its numbers per
    /// row.
    pub fn new(session: Session, inputs: &[String], output: usize, width: usize) -> Result<Self> {
        let named = |name: &str| {
            CString::new(name).map_err(|_| Error::new(format!("it names a tensor {name:?}.")))
        };
        let known: HashSet<&str> = session.inputs().iter().map(|input| input.name()).collect();
        if let Some(missing) = inputs
            .iter()
            .find(|wanted| !known.contains(wanted.as_str()))
        {
            return Err(Error::new(format!("it has no input '{missing}'.")));
        }
        let outlet = session
            .outputs()
            .get(output)
            .ok_or_else(|| Error::new("it has too few outputs."))?;
        let writes_directly = match outlet.dtype() {
            ValueType::Tensor {
                ty: ort::value::TensorElementType::Float64,
                shape,
                ..
            } => {
                matches!(shape[..], [-1, second] if second == width as i64)
            }
            _ => false,
        };
        let output = named(outlet.name())?;
        let inputs = inputs
            .iter()
            .map(|name| named(name))
            .collect::<Result<_>>()?;
        Ok(Self {
            session,
            inputs,
            output,
            writes_directly,
        })
    }

    /// Return the names of the inputs for `run`.
    pub fn input_names(&self) -> Vec<*const c_char> {
        self.inputs.iter().map(|name| name.as_ptr()).collect()
    }

    /// Run the graph on a number of rows, and write the output to `out`, row by row.
    ///
    /// `names` is the result of `input_names`, with a tensor for each in `inputs`. `kept` is the
    /// caller's memory for the output's tensor.
    pub fn run(
        &self,
        names: &[*const c_char],
        inputs: &[*const OrtValue],
        kept: &mut Kept,
        rows: usize,
        out: &mut [f64],
    ) -> Result<()> {
        let output_name = self.output.as_ptr();
        let mut answer = ptr::null_mut();
        if self.writes_directly {
            // SAFETY: `out` has space for all rows and outlives the run.
            answer = unsafe { kept.over(out.as_mut_ptr(), [rows, out.len() / rows]) }?.0;
        }
        // SAFETY: there is a tensor for each name. onnxruntime's pointer to the session isn't
        // const, but it promises that several threads may run it at a time.
        unsafe {
            checked((ort::api().Run)(
                self.session.ptr().cast_mut(),
                ptr::null(),
                names.as_ptr(),
                inputs.as_ptr(),
                inputs.len(),
                &output_name,
                1,
                &mut answer,
            ))?;
        }
        if self.writes_directly {
            Ok(())
        } else {
            Value(answer).write_doubles(out)
        }
    }
}

/// A tensor over memory that it doesn't own, which is made again only if the memory changes.
#[derive(Debug, Default)]
pub struct Kept {
    address: usize,
    shape: [usize; 2],
    value: Option<Value>,
}

impl Kept {
    /// Return the tensor over some memory; the last one, if it has the same address and shape.
    ///
    /// # Safety
    /// As for `Value::over`: the run must end before the memory is freed.
    pub unsafe fn over<T: Element>(&mut self, data: *mut T, shape: [usize; 2]) -> Result<&Value> {
        let address = data as usize;
        if (self.address, self.shape) != (address, shape) {
            self.value = None;
        }
        if self.value.is_none() {
            // SAFETY: passed on from the caller.
            self.value = Some(unsafe { Value::over(data, shape) }?);
            (self.address, self.shape) = (address, shape);
        }
        self.value
            .as_ref()
            .ok_or_else(|| Error::new("no tensor was made."))
    }
}

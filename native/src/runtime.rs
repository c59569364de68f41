//! onnxruntime: found once in a process, then sessions and runs on memory that others own.

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

/// Where onnxruntime is looked for when nobody has said it.
const LIBRARY: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// Load onnxruntime from a library; where one is loaded already, that one stays.
pub fn load(path: &str) -> Result<&'static Runtime> {
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let builder = ort::init_from(Path::new(path)).map_err(|error| Error::no_runtime(path, error))?;
    let environment = builder.with_name("duckml").with_telemetry(false).build();
    let environment = environment.map_err(|error| Error::no_runtime(path, error))?;
    environment.set_log_level(LogLevel::Error);
    Ok(RUNTIME.get_or_init(|| Runtime {
        path: path.to_owned(),
        environment,
    }))
}

/// Take onnxruntime from a library when the first model is opened, unless ORT_DYLIB_PATH names another.
pub fn prefer(path: String) {
    *PREFERRED.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
}

fn runtime() -> Result<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let named = std::env::var("ORT_DYLIB_PATH").ok().filter(|path| !path.is_empty());
    let preferred = || PREFERRED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    load(&named.or_else(preferred).unwrap_or_else(|| LIBRARY.to_owned()))
}

/// Open a model on the CPU.
///
/// The outer error is that onnxruntime isn't there, the inner one what it says of the model.
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

/// A number that tensors are made of.
pub trait Element {
    /// What onnxruntime calls it.
    const TYPE: ElementType;
}

impl Element for f64 {
    const TYPE: ElementType = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
}

impl Element for i64 {
    const TYPE: ElementType = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
}

/// A tensor, over memory of its own or of somebody else.
#[derive(Debug)]
pub struct Value(*mut OrtValue);

// SAFETY: onnxruntime's values may move between threads; each is used by one at a time.
unsafe impl Send for Value {}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: the value is ours, and nothing uses it any more.
        unsafe { (ort::api().ReleaseValue)(self.0) };
    }
}

struct CpuMemory(*mut OrtMemoryInfo);

// SAFETY: it is never changed after it was made.
unsafe impl Send for CpuMemory {}
// SAFETY: as above.
unsafe impl Sync for CpuMemory {}

fn cpu_memory() -> *const OrtMemoryInfo {
    static MEMORY: OnceLock<CpuMemory> = OnceLock::new();
    MEMORY
        .get_or_init(|| {
            let mut info = ptr::null_mut();
            // SAFETY: the out parameter is a pointer of ours. It fails for want of memory only, and gives null then.
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
/// The status is one that onnxruntime has just answered.
unsafe fn checked(status: OrtStatusPtr) -> Result<()> {
    // SAFETY: passed on from the caller.
    unsafe { ort::Error::result_from_status(status) }.map_err(|error| Error::new(error.to_string()))
}

impl Value {
    /// A tensor of two dimensions over memory that stays somebody else's.
    ///
    /// # Safety
    /// `data` holds a number for each of its elements for as long as a run uses the value.
    pub unsafe fn over<T: Element>(data: *mut T, shape: [usize; 2]) -> Result<Self> {
        let [rows, width] = shape;
        let shape = shape.map(|length| length as i64);
        let mut value = ptr::null_mut();
        // SAFETY: the shape says how much memory there is, which the caller vouches for.
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

    /// The pointer that `run` wants.
    pub fn pointer(&self) -> *const OrtValue {
        self.0
    }

    /// A tensor of texts, of shape [rows, 1], with memory of its own.
    pub fn texts<'a>(rows: usize, texts: impl Iterator<Item = &'a [u8]>) -> Result<Self> {
        let shape = [rows as i64, 1];
        let mut allocator = ptr::null_mut();
        let mut value = ptr::null_mut();
        // SAFETY: the out parameters are pointers of ours, and the allocator is onnxruntime's own.
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
            // SAFETY: the buffer that is answered has room for just this text.
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

    /// The numbers of a tensor as doubles, `expected` of them.
    fn write_doubles(&self, out: &mut [f64]) -> Result<()> {
        let mut info = ptr::null_mut();
        let mut count = 0;
        let mut element = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
        let mut data: *mut c_void = ptr::null_mut();
        // SAFETY: the value is a tensor that a run has answered; the out parameters are ours.
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
                "the model answered {count} numbers where {} were due.",
                out.len()
            )));
        }
        // SAFETY: a tensor has as many numbers of its type as its shape says.
        unsafe {
            match element {
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE => copy::<f64>(out, data, |value| value),
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT => copy::<f32>(out, data, f64::from),
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 => copy::<i64>(out, data, |value| value as f64),
                ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 => copy::<i32>(out, data, f64::from),
                other => return Err(Error::new(format!("the model answers values of type {other:?}."))),
            }
        }
        Ok(())
    }
}

/// # Safety
/// `data` holds as many numbers of the type as `out` has room for, at least one.
unsafe fn copy<T: Copy>(out: &mut [f64], data: *const c_void, number: impl Fn(T) -> f64) {
    // SAFETY: passed on from the caller.
    let values: &[T] = unsafe { slice::from_raw_parts(data.cast(), out.len()) };
    for (out, &value) in out.iter_mut().zip(values) {
        *out = number(value);
    }
}

/// An open model: its inputs in the order that they are fed in, and one of its outputs.
#[derive(Debug)]
pub struct Graph {
    session: Session,
    inputs: Vec<CString>,
    output: CString,
    writes_directly: bool,
}

impl Graph {
    /// The graph in a session; `output` is the position of the output that is asked for, `width` its numbers per row.
    pub fn new(session: Session, inputs: &[String], output: usize, width: usize) -> Result<Self> {
        let named = |name: &str| CString::new(name).map_err(|_| Error::new(format!("it names a tensor {name:?}.")));
        let known: HashSet<&str> = session.inputs().iter().map(|input| input.name()).collect();
        if let Some(missing) = inputs.iter().find(|wanted| !known.contains(wanted.as_str())) {
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
        let inputs = inputs.iter().map(|name| named(name)).collect::<Result<_>>()?;
        Ok(Self {
            session,
            inputs,
            output,
            writes_directly,
        })
    }

    /// The names of the inputs, as `run` wants them.
    pub fn input_names(&self) -> Vec<*const c_char> {
        self.inputs.iter().map(|name| name.as_ptr()).collect()
    }

    /// Run the graph on a number of rows; the answer is written to `out`, row by row.
    ///
    /// `names` is what `input_names` answered, `inputs` a tensor for each; `kept` is the caller's for the answers.
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
            // SAFETY: `out` has room for all rows and outlives the run.
            answer = unsafe { kept.over(out.as_mut_ptr(), [rows, out.len() / rows]) }?.0;
        }
        // SAFETY: there is a tensor for each name, and a session may be run by several threads at a time: onnxruntime
        // takes it by a pointer that isn't const, but promises that.
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

/// A tensor over memory that it doesn't own, made again only when the memory is another.
#[derive(Debug, Default)]
pub struct Kept {
    address: usize,
    shape: [usize; 2],
    value: Option<Value>,
}

impl Kept {
    /// The tensor over some memory, the last one where that lay in the same place.
    ///
    /// # Safety
    /// As of `Value::over`: a run must follow before the memory goes.
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
        self.value.as_ref().ok_or_else(|| Error::new("no tensor was made."))
    }
}

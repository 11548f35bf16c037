//! The card: its capability, and memory for faces and scores.

use std::sync::Arc;

use cudarc::driver::{
    CudaContext, CudaSlice, CudaStream, DriverError, PinnedHostSlice, result, sys,
};

/// A card and a stream of work on it.
pub struct Device {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
}

impl Device {
    /// Opens card number `index`, counted from zero.
    ///
    /// # Errors
    /// One line: no driver, no such card, a driver that fails.
    pub fn open(index: usize) -> Result<Self, String> {
        // SAFETY: only opens the library and closes it again, as the loader does for any
        // program that is linked to the driver.
        if !unsafe { sys::is_culib_present() } {
            return Err("no NVIDIA driver (libcuda.so.1 can't be opened)".to_owned());
        }
        result::init().map_err(|e| format!("the NVIDIA driver: {}", text(e)))?;
        let count = result::device::get_count().map_err(text)?;
        if index as i64 >= i64::from(count) {
            return Err(format!("no card {index}: the driver has {count}"));
        }
        let context = CudaContext::new(index).map_err(text)?;
        // One stream orders all work, so events between streams would only cost time.
        // SAFETY: memory of this context is used on `stream` alone.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(text)?;
        Ok(Self { context, stream })
    }

    /// Such as `sm_86`.
    pub fn capability(&self) -> Result<String, String> {
        let (major, minor) = self.context.compute_capability().map_err(text)?;
        Ok(format!("sm_{major}{minor}"))
    }

    /// Its name, such as `NVIDIA GeForce RTX 3060`.
    pub fn name(&self) -> Result<String, String> {
        self.context.name().map_err(text)
    }

    /// Makes the card this thread's, which calls into TensorRT take it from.
    pub fn bind(&self) -> Result<(), String> {
        self.context.bind_to_thread().map_err(text)
    }

    /// The stream's handle.
    pub fn stream(&self) -> *mut std::ffi::c_void {
        self.stream.cu_stream().cast()
    }

    /// Waits until the stream has done all its work.
    pub fn wait(&self) -> Result<(), String> {
        self.stream.synchronize().map_err(text)
    }
}

/// The same values on the card and in host memory that the card can reach.
pub struct Buffer {
    host: PinnedHostSlice<f32>,
    device: CudaSlice<f32>,
    address: sys::CUdeviceptr,
}

impl Buffer {
    /// Room for `len` values.
    pub fn new(device: &Device, len: usize) -> Result<Self, String> {
        use cudarc::driver::DevicePtr;

        // SAFETY: every value is written before it is read: by `upload`'s caller or by
        // `download`. Flags 0 make memory that the host can also read fast.
        let mut host = unsafe { device.context.alloc_pinned_with_flags(len, 0) }.map_err(text)?;
        host.as_mut_slice().map_err(text)?.fill(0.0);
        let slice = device.stream.alloc_zeros::<f32>(len).map_err(text)?;
        let address = slice.device_ptr(&device.stream).0;
        Ok(Self {
            host,
            device: slice,
            address,
        })
    }

    /// Address on the card, good for as long as the buffer.
    pub fn address(&self) -> *mut std::ffi::c_void {
        self.address as *mut _
    }

    /// Starts to copy `values` to the card.
    pub fn upload(&mut self, device: &Device, values: &[f32]) -> Result<(), String> {
        let host = &mut self.host.as_mut_slice().map_err(text)?[..values.len()];
        host.copy_from_slice(values);
        debug_assert!(values.len() <= self.device.len());
        // SAFETY: both sides hold that many values, and the host's are neither freed nor
        // written to before `wait`: callers wait after each run.
        unsafe { result::memcpy_htod_async(self.address, host, device.stream.cu_stream()) }
            .map_err(text)
    }

    /// Copies the first values from the card, after all work before, into `values`.
    pub fn download(&mut self, device: &Device, values: &mut [f32]) -> Result<(), String> {
        let host = &mut self.host.as_mut_slice().map_err(text)?[..values.len()];
        // SAFETY: both sides hold that many values, and the host's are not touched before
        // the stream has done its work.
        unsafe { result::memcpy_dtoh_async(host, self.address, device.stream.cu_stream()) }
            .map_err(text)?;
        device.wait()?;
        values.copy_from_slice(host);
        Ok(())
    }
}

/// Name and explanation of a driver's error.
fn text(error: DriverError) -> String {
    let what = error.error_string().map_or_else(
        |_| "unknown error".to_owned(),
        |s| s.to_string_lossy().into_owned(),
    );
    format!("{what} ({:?})", error.0)
}

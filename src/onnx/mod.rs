//! ONNX files: the one place that knows their format. Engines, the model file and the trainer's
//! export build on it.

mod parts;
pub mod proto;

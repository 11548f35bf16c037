//! The messages of the Open Inference Protocol (`open_inference_grpc.proto`, package
//! `inference`), as far as faces need them: what is not declared here is skipped when an answer
//! is read, and not sent.

use prost::bytes::Bytes;

/// `ServerLiveRequest`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct LiveRequest {}

/// `ServerLiveResponse`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct LiveResponse {
    #[prost(bool, tag = "1")]
    pub live: bool,
}

/// `ModelReadyRequest` and `ModelMetadataRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, optional, tag = "2")]
    pub version: Option<String>,
}

/// `ModelReadyResponse`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct ReadyResponse {
    #[prost(bool, tag = "1")]
    pub ready: bool,
}

/// `ModelMetadataResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    #[prost(string, tag = "3")]
    pub platform: String,
    #[prost(message, repeated, tag = "4")]
    pub inputs: Vec<Tensor>,
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<Tensor>,
}

/// `TensorMetadata`, and what `InferInputTensor` and `InferOutputTensor` have of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Tensor {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub datatype: String,
    /// -1 for an open size.
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
    /// In answers, where they are not raw.
    #[prost(message, optional, tag = "5")]
    pub contents: Option<Contents>,
}

/// `InferTensorContents`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Contents {
    #[prost(float, repeated, tag = "6")]
    pub fp32: Vec<f32>,
    #[prost(double, repeated, tag = "7")]
    pub fp64: Vec<f64>,
}

/// `InferRequestedOutputTensor`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Wanted {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// `ModelInferRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferRequest {
    #[prost(string, tag = "1")]
    pub model_name: String,
    #[prost(string, optional, tag = "2")]
    pub model_version: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub inputs: Vec<Tensor>,
    #[prost(message, repeated, tag = "6")]
    pub outputs: Vec<Wanted>,
    /// One an input: its values, little-endian.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub raw_input_contents: Vec<Bytes>,
}

/// `ModelInferResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferResponse {
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<Tensor>,
    /// One an output: its values, little-endian.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub raw_output_contents: Vec<Bytes>,
}

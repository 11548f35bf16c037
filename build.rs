//! Names the model files that the library embeds: `FER_BUNDLED_MODEL`,
//! `FER_BUNDLED_SMALL_MODEL` and `FER_BUNDLED_ACCURATE_MODEL` from the environment, or those
//! in `models/`.

use std::path::PathBuf;

fn main() {
    name("FER_BUNDLED_MODEL", "mobilenet_v1_0.5_48_s1.onnx");
    name("FER_BUNDLED_SMALL_MODEL", "mobilenet_v1_0.5_48.onnx");
    name("FER_BUNDLED_ACCURATE_MODEL", "mobilenet_v1_1.0_48_s1.onnx");
}

/// Hands the compiler the path that `variable` has, or that of `file`.
fn name(variable: &str, file: &str) {
    println!("cargo::rerun-if-env-changed={variable}");
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
            .join("models")
            .join(file),
    };
    println!("cargo::rerun-if-changed={}", path.display());
    if path.is_file() {
        println!("cargo::rustc-env={variable}={}", path.display());
    } else {
        println!("cargo::error=no model file at {}", path.display());
    }
}

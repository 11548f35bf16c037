//! Names the model file that the library embeds: `FER_BUNDLED_MODEL` from the
//! environment, or the one in `models/`.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-env-changed=FER_BUNDLED_MODEL");
    let path = match std::env::var_os("FER_BUNDLED_MODEL") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
            .join("models/mobilenet_v1_1.0_48.onnx"),
    };
    println!("cargo::rerun-if-changed={}", path.display());
    if path.is_file() {
        println!("cargo::rustc-env=FER_BUNDLED_MODEL={}", path.display());
    } else {
        println!("cargo::error=no model file at {}", path.display());
    }
}

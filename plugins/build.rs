fn main() {
    gst_plugin_version_helper::info();
    let analytics = if std::env::var_os("CARGO_FEATURE_ANALYTICS").is_some() {
        "with analytics metadata"
    } else {
        "without analytics metadata, which needs GStreamer 1.24 when it is built"
    };
    let description = env!("CARGO_PKG_DESCRIPTION");
    println!("cargo:rustc-env=DESCRIPTION={description} ({analytics})");
}

//! What the library and TensorRT log, in GStreamer's debug log under the category `fer`.

use std::sync::LazyLock;

use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fer",
        gst::DebugColorFlags::empty(),
        Some("Facial expression recognition, the library"),
    )
});

struct Bridge;

impl log::Log for Bridge {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        CAT.above_threshold(level(metadata.level()))
    }

    fn log(&self, record: &log::Record) {
        CAT.log(
            None::<&gst::Object>,
            level(record.level()),
            gst::glib::GString::from(record.file().unwrap_or("")).as_gstr(),
            gst::glib::GString::from(record.target()).as_gstr(),
            record.line().unwrap_or(0),
            *record.args(),
        );
    }

    fn flush(&self) {}
}

fn level(level: log::Level) -> gst::DebugLevel {
    match level {
        log::Level::Error => gst::DebugLevel::Error,
        log::Level::Warn => gst::DebugLevel::Warning,
        log::Level::Info => gst::DebugLevel::Info,
        log::Level::Debug => gst::DebugLevel::Debug,
        log::Level::Trace => gst::DebugLevel::Log,
    }
}

/// Bridges the records. An application in Rust that is linked with the plugin and has a
/// logger of its own keeps it.
pub fn init() {
    if log::set_logger(&Bridge).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

//! The properties of `ferfacedetect`, and the finder's configuration that they make.

use std::path::PathBuf;
use std::sync::LazyLock;

use fer::Rect;
use fer::faces::detect::DetectorKind;
use fer::faces::{FaceSize, FinderConfig};
use gst::glib;
use gst::prelude::*;

use crate::element::{get, text};
use crate::property::{self, Properties, path};

/// Which detector to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerDetector")]
#[repr(i32)]
pub enum Detector {
    /// YuNet where its file is.
    #[default]
    #[enum_value(name = "Auto: YuNet where its file is found, else Haar", nick = "auto")]
    Auto,
    /// OpenCV's Haar cascade.
    #[enum_value(name = "Haar: OpenCV's cascade of Haar features", nick = "haar")]
    Haar,
    /// The YuNet network.
    #[enum_value(name = "YuNet: a small network, also for turned heads", nick = "yunet")]
    YuNet,
}

/// Whether frames wait for the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerMode")]
#[repr(i32)]
pub enum Mode {
    /// Async in a live pipeline.
    #[default]
    #[enum_value(name = "Auto: async in a live pipeline, else sync", nick = "auto")]
    Auto,
    /// Frames wait.
    #[enum_value(
        name = "Sync: frames wait for the detector, the same input gives the same result",
        nick = "sync"
    )]
    Sync,
    /// Frames pass.
    #[enum_value(
        name = "Async: frames pass while the detector works, faces are carried forward",
        nick = "async"
    )]
    Async,
    /// Frames wait, but not for long.
    #[enum_value(
        name = "Aligned: frames wait for their own faces, in a live pipeline at most for max-delay",
        nick = "aligned"
    )]
    Aligned,
}

/// A property of this element.
type Property = property::Property<Settings>;

static PROPERTIES: LazyLock<Vec<Property>> = LazyLock::new(Settings::properties);

/// The values of the properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub mode: Mode,
    pub max_delay: u64,
    pub detector: Detector,
    pub cascade: Option<PathBuf>,
    pub yunet_model: Option<PathBuf>,
    pub scale_factor: f64,
    pub min_neighbors: u32,
    pub min_confidence: f64,
    pub min_size: f64,
    pub max_size: f64,
    pub interval: u32,
    pub roi: Option<String>,
    pub post_messages: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let config = FinderConfig::default();
        Self {
            mode: Mode::default(),
            max_delay: 200_000_000,
            detector: Detector::default(),
            cascade: None,
            yunet_model: None,
            scale_factor: config.scale_factor,
            min_neighbors: config.min_neighbors,
            min_confidence: config.min_confidence.into(),
            min_size: match config.min_size {
                FaceSize::Pixels(size) | FaceSize::Share(size) => size.into(),
            },
            max_size: 0.0,
            interval: config.interval,
            roi: None,
            post_messages: false,
        }
    }
}

impl Properties for Settings {
    const STATS: &'static str = "Since start: mode (sync, async or aligned), frames, full-scans, \
                     local-scans, faces, skipped-scans (the detector was busy), late-frames \
                     (kept the faces before them); scale-time, scan-time, track-time in ns";

    fn all() -> &'static [Property] {
        &PROPERTIES
    }
}

impl Settings {
    fn properties() -> Vec<Property> {
        let default = Self::default();
        vec![
            Property::new(
                glib::ParamSpecEnum::builder_with_default("mode", default.mode)
                    .nick("Mode")
                    .blurb("Whether frames wait for the detector")
                    .mutable_ready()
                    .build(),
                |s| s.mode.to_value(),
                |s, value| s.mode = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt64::builder("max-delay")
                    .nick("Maximum delay")
                    .blurb(
                        "By how much frames of a live pipeline are delayed at most in \
                         mode=aligned, in ns",
                    )
                    .maximum(10_000_000_000)
                    .default_value(default.max_delay)
                    .mutable_playing()
                    .build(),
                |s| s.max_delay.to_value(),
                |s, value| s.max_delay = get(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("detector", default.detector)
                    .nick("Detector")
                    .blurb("How faces are found")
                    .mutable_ready()
                    .build(),
                |s| s.detector.to_value(),
                |s, value| s.detector = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("cascade")
                    .nick("Cascade")
                    .blurb(
                        "Cascade file of the Haar detector (unset: the frontal face of OpenCV \
                         where it is installed)",
                    )
                    .mutable_ready()
                    .build(),
                |s| path(s.cascade.as_ref()),
                |s, value| s.cascade = text(value).map(PathBuf::from),
            ),
            Property::new(
                glib::ParamSpecString::builder("yunet-model")
                    .nick("YuNet model")
                    .blurb(
                        "ONNX file of the YuNet detector (unset: FER_YUNET, or \
                         face_detection_yunet*.onnx beside the plugin, in ~/.local/share/fer, \
                         /usr/local/share/fer or /usr/share/fer)",
                    )
                    .mutable_ready()
                    .build(),
                |s| path(s.yunet_model.as_ref()),
                |s, value| s.yunet_model = text(value).map(PathBuf::from),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("scale-factor")
                    .nick("Scale factor")
                    .blurb(
                        "Ratio of one size of face looked for to the next; larger is faster and \
                         misses more",
                    )
                    .minimum(1.01)
                    .maximum(4.0)
                    .default_value(default.scale_factor)
                    .mutable_playing()
                    .build(),
                |s| s.scale_factor.to_value(),
                |s, value| s.scale_factor = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("min-neighbors")
                    .nick("Minimum neighbours")
                    .blurb(
                        "Windows that must agree on a face; larger gives fewer false faces and \
                         misses more",
                    )
                    .maximum(100)
                    .default_value(default.min_neighbors)
                    .mutable_playing()
                    .build(),
                |s| s.min_neighbors.to_value(),
                |s, value| s.min_neighbors = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("min-confidence")
                    .nick("Minimum confidence")
                    .blurb(
                        "Least confidence of the detector in a new face; one that is followed \
                         may have less for a while",
                    )
                    .minimum(0.0)
                    .maximum(1.0)
                    .default_value(default.min_confidence)
                    .mutable_playing()
                    .build(),
                |s| s.min_confidence.to_value(),
                |s, value| s.min_confidence = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("min-size")
                    .nick("Minimum size")
                    .blurb(
                        "Smallest face looked for: up to 1 a share of the frame's height, above \
                         1 pixels",
                    )
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.min_size)
                    .mutable_playing()
                    .build(),
                |s| s.min_size.to_value(),
                |s, value| s.min_size = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("max-size")
                    .nick("Maximum size")
                    .blurb(
                        "Largest face looked for: up to 1 a share of the frame's height, above 1 \
                         pixels; 0 for no limit",
                    )
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.max_size)
                    .mutable_playing()
                    .build(),
                |s| s.max_size.to_value(),
                |s, value| s.max_size = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("interval")
                    .nick("Interval")
                    .blurb(
                        "Frames from one scan of the whole frame to the next; known faces are \
                         followed between",
                    )
                    .minimum(1)
                    .maximum(10_000)
                    .default_value(default.interval)
                    .mutable_playing()
                    .build(),
                |s| s.interval.to_value(),
                |s, value| s.interval = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("roi")
                    .nick("Region of interest")
                    .blurb(
                        "Part of the frame in which faces are looked for, as x,y,width,height in \
                         pixels (unset: all)",
                    )
                    .mutable_playing()
                    .build(),
                |s| s.roi.to_value(),
                |s, value| s.roi = text(value),
            ),
            Property::new(
                glib::ParamSpecBoolean::builder("post-messages")
                    .nick("Post messages")
                    .blurb(
                        "Post an element message fer-faces for every frame with faces and when \
                         the last one has left",
                    )
                    .default_value(default.post_messages)
                    .mutable_playing()
                    .build(),
                |s| s.post_messages.to_value(),
                |s, value| s.post_messages = get(value),
            ),
        ]
    }

    /// By how much the element delays frames of a live pipeline.
    pub fn latency(&self) -> gst::ClockTime {
        match self.mode {
            Mode::Aligned => gst::ClockTime::from_nseconds(self.max_delay),
            Mode::Auto | Mode::Sync | Mode::Async => gst::ClockTime::ZERO,
        }
    }

    /// The finder's configuration, if all values make sense.
    ///
    /// # Errors
    /// That names the value.
    pub fn checked_config(&self) -> fer::Result<FinderConfig> {
        let config = self.config()?;
        config.check()?;
        Ok(config)
    }

    /// The finder's configuration.
    ///
    /// # Errors
    /// When `roi` is not four numbers.
    fn config(&self) -> fer::Result<FinderConfig> {
        Ok(FinderConfig {
            detector: match self.detector {
                Detector::Auto => DetectorKind::Auto,
                Detector::Haar => DetectorKind::Haar,
                Detector::YuNet => DetectorKind::YuNet,
            },
            cascade: self.cascade.clone(),
            yunet: self.yunet_model.clone(),
            scale_factor: self.scale_factor,
            min_neighbors: self.min_neighbors,
            min_confidence: self.min_confidence as f32,
            min_size: size(self.min_size),
            max_size: (self.max_size > 0.0).then(|| size(self.max_size)),
            interval: self.interval,
            roi: self.roi.as_deref().map(parse_roi).transpose()?,
            ..FinderConfig::default()
        })
    }
}

/// Up to 1 a share of the frame's height, above it pixels.
fn size(value: f64) -> FaceSize {
    if value <= 1.0 {
        FaceSize::Share(value as f32)
    } else {
        FaceSize::Pixels(value as f32)
    }
}

fn parse_roi(text: &str) -> fer::Result<Rect> {
    let numbers: Vec<f32> = text
        .split(',')
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    match numbers[..] {
        [x, y, width, height] if text.split(',').count() == 4 => Ok(Rect::new(x, y, width, height)),
        _ => Err(fer::Error::Setting(format!(
            "roi {text:?} is not x,y,width,height in pixels"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_up_to_one_are_shares() {
        assert_eq!(size(0.25), FaceSize::Share(0.25));
        assert_eq!(size(40.0), FaceSize::Pixels(40.0));
    }

    #[test]
    fn a_region_is_four_numbers() {
        assert_eq!(
            parse_roi("10, 20,300,200").unwrap(),
            Rect::new(10.0, 20.0, 300.0, 200.0)
        );
        for wrong in ["", "1,2,3", "1,2,3,4,5", "1,2,x,4", "1,2,x,4,5"] {
            assert!(parse_roi(wrong).is_err(), "{wrong}");
        }
    }
}

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::Instant;

use fer::finder::Threading;
use fer::{Face, FaceFinder};
use gst::glib;
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{InputBuffer, PrepareOutputBufferSuccess};
use gst_base::subclass::prelude::*;

use super::behind::{Behind, Missed};
use super::settings::{Detector, Mode, Settings};
use crate::{caps, frame, message, meta, stats};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ferfacedetect",
        gst::DebugColorFlags::empty(),
        Some("Face detection and tracking"),
    )
});

/// What exists while the element runs.
struct State {
    finder: FaceFinder,
    /// Whether it is still to be found out if the pipeline is live.
    undecided: bool,
    info: Option<gst_video::VideoInfo>,
    frame: u64,
    /// The faces of the latest frame, shown again where a frame is too late to be looked at.
    faces: Vec<Face>,
    /// Running time before which frames are too late downstream.
    earliest: Option<gst::ClockTime>,
    /// Frames that were too late to be looked at.
    late: u64,
    behind: Behind,
}

#[derive(Default)]
pub struct FaceDetect {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
}

impl FaceDetect {
    /// Applies a changed property to the running finder.
    fn reconfigure(&self) {
        let settings = self.settings.lock().unwrap().clone();
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            let result = settings
                .config()
                .and_then(|config| state.finder.set_config(config));
            if let Err(why) = result {
                gst::element_imp_error!(self, gst::ResourceError::Settings, ("{why}"));
            }
        }
    }

    /// In a live pipeline, gives the detector its own thread; asked at the first frame, when
    /// all that is upstream runs and can answer.
    fn decide_mode(&self) -> Result<(), gst::FlowError> {
        let undecided = |state: &Option<State>| state.as_ref().is_some_and(|s| s.undecided);
        if !undecided(&self.state.lock().unwrap()) {
            return Ok(());
        }
        // Without the lock: the query travels through other elements.
        let mut query = gst::query::Latency::new();
        let live = self.obj().sink_pad().peer_query(&mut query) && query.result().0;
        gst::debug!(CAT, imp = self, "the pipeline is live: {live}");
        let mut guard = self.state.lock().unwrap();
        let mut state = guard.take().ok_or(gst::FlowError::Flushing)?;
        state.undecided = false;
        if live {
            state.finder = state.finder.on_worker().map_err(|why| {
                gst::element_imp_error!(self, gst::CoreError::Thread, ("{why}"));
                gst::FlowError::Error
            })?;
        }
        *guard = Some(state);
        Ok(())
    }

    fn is_late(&self, state: &State, buffer: &gst::BufferRef) -> bool {
        let segment = self.obj().segment();
        let running_time = segment
            .downcast_ref::<gst::ClockTime>()
            .and_then(|s| s.to_running_time(buffer.pts()));
        matches!((running_time, state.earliest), (Some(now), Some(earliest)) if now < earliest)
    }

    fn find(
        &self,
        state: &mut State,
        buffer: &gst::BufferRef,
    ) -> Result<Vec<Face>, gst::FlowError> {
        let info = state.info.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let frame =
            gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(|_| {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Failed,
                    [
                        "a buffer of {} bytes can't be mapped as {}",
                        buffer.size(),
                        info.format()
                    ]
                );
                gst::FlowError::Error
            })?;
        frame::view(&frame)
            .and_then(|view| state.finder.process(&view))
            .map_err(|why| {
                gst::element_imp_error!(self, gst::StreamError::Failed, ("{why}"));
                gst::FlowError::Error
            })
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FaceDetect {
    const NAME: &'static str = "GstFerFaceDetect";
    type Type = super::FaceDetect;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for FaceDetect {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let default = Settings::default();
            vec![
                glib::ParamSpecEnum::builder_with_default("mode", default.mode)
                    .nick("Mode")
                    .blurb("Whether frames wait for the detector")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("detector", default.detector)
                    .nick("Detector")
                    .blurb("How faces are found")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("cascade")
                    .nick("Cascade")
                    .blurb("Cascade file of the Haar detector (unset: the frontal face of OpenCV where it is installed)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("yunet-model")
                    .nick("YuNet model")
                    .blurb("ONNX file of the YuNet detector")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecDouble::builder("scale-factor")
                    .nick("Scale factor")
                    .blurb("Ratio of one size of face looked for to the next; larger is faster and misses more")
                    .minimum(1.01)
                    .maximum(4.0)
                    .default_value(default.scale_factor)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt::builder("min-neighbors")
                    .nick("Minimum neighbours")
                    .blurb("Windows that must agree on a face; larger gives fewer false faces and misses more")
                    .maximum(100)
                    .default_value(default.min_neighbors)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("min-size")
                    .nick("Minimum size")
                    .blurb("Smallest face looked for: up to 1 a share of the frame's height, above 1 pixels")
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.min_size)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("max-size")
                    .nick("Maximum size")
                    .blurb("Largest face looked for: up to 1 a share of the frame's height, above 1 pixels; 0 for no limit")
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.max_size)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt::builder("interval")
                    .nick("Interval")
                    .blurb("Frames from one scan of the whole frame to the next; known faces are followed between")
                    .minimum(1)
                    .maximum(10_000)
                    .default_value(default.interval)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecString::builder("roi")
                    .nick("Region of interest")
                    .blurb("Part of the frame in which faces are looked for, as x,y,width,height in pixels (unset: all)")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("post-messages")
                    .nick("Post messages")
                    .blurb("Post an element message fer-faces for every frame with faces")
                    .default_value(default.post_messages)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Since start: mode (sync or async), frames, full-scans, local-scans, faces, skipped-scans (the detector was busy), late-frames (kept the faces before them); scale-time, scan-time, track-time in ns")
                    .read_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let path = |value: &glib::Value| {
            let text: Option<String> = value.get().expect("type checked upstream");
            text.filter(|t| !t.is_empty())
        };
        {
            let mut settings = self.settings.lock().unwrap();
            match pspec.name() {
                "mode" => settings.mode = value.get::<Mode>().expect("type checked upstream"),
                "detector" => {
                    settings.detector = value.get::<Detector>().expect("type checked upstream");
                }
                "cascade" => settings.cascade = path(value).map(PathBuf::from),
                "yunet-model" => settings.yunet_model = path(value).map(PathBuf::from),
                "scale-factor" => {
                    settings.scale_factor = value.get().expect("type checked upstream");
                }
                "min-neighbors" => {
                    settings.min_neighbors = value.get().expect("type checked upstream");
                }
                "min-size" => settings.min_size = value.get().expect("type checked upstream"),
                "max-size" => settings.max_size = value.get().expect("type checked upstream"),
                "interval" => settings.interval = value.get().expect("type checked upstream"),
                "roi" => settings.roi = path(value),
                "post-messages" => {
                    settings.post_messages = value.get().expect("type checked upstream");
                }
                _ => unimplemented!(),
            }
        }
        self.reconfigure();
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings.lock().unwrap();
        let text = |path: &Option<PathBuf>| path.as_ref().map(|p| p.display().to_string());
        match pspec.name() {
            "mode" => settings.mode.to_value(),
            "detector" => settings.detector.to_value(),
            "cascade" => text(&settings.cascade).to_value(),
            "yunet-model" => text(&settings.yunet_model).to_value(),
            "scale-factor" => settings.scale_factor.to_value(),
            "min-neighbors" => settings.min_neighbors.to_value(),
            "min-size" => settings.min_size.to_value(),
            "max-size" => settings.max_size.to_value(),
            "interval" => settings.interval.to_value(),
            "roi" => settings.roi.to_value(),
            "post-messages" => settings.post_messages.to_value(),
            "stats" => {
                drop(settings);
                self.stats().to_value()
            }
            _ => unimplemented!(),
        }
    }
}

impl FaceDetect {
    fn stats(&self) -> gst::Structure {
        let state = self.state.lock().unwrap();
        let (mode, stats, frames, late) = match &*state {
            Some(state) => {
                let mode = match state.finder.threading() {
                    _ if state.undecided => "auto",
                    Threading::Inline => "sync",
                    Threading::Worker => "async",
                };
                (mode, state.finder.stats().clone(), state.frame, state.late)
            }
            None => ("none", Default::default(), 0, 0),
        };
        gst::Structure::builder("stats")
            .field("mode", mode)
            .field("frames", frames)
            .field("full-scans", stats.full_scans)
            .field("local-scans", stats.local_scans)
            .field("faces", stats.faces)
            .field("skipped-scans", stats.skipped)
            .field("late-frames", late)
            .field("scale-time", stats::nanoseconds(stats.scale_time))
            .field("scan-time", stats::nanoseconds(stats.scan_time))
            .field("track-time", stats::nanoseconds(stats.track_time))
            .build()
    }
}

impl GstObjectImpl for FaceDetect {}

impl ElementImpl for FaceDetect {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Face detector",
                "Filter/Analyzer/Video",
                "Finds and follows faces and marks each with a region of interest",
                env!("CARGO_PKG_NAME"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| caps::pad_templates(&caps::CAPS));
        &TEMPLATES
    }
}

impl BaseTransformImpl for FaceDetect {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings.lock().unwrap().clone();
        let threading = match settings.mode {
            Mode::Async => Threading::Worker,
            Mode::Auto | Mode::Sync => Threading::Inline,
        };
        let finder = settings
            .config()
            .and_then(|config| FaceFinder::with_threading(config, threading))
            .map_err(|why| gst::error_msg!(gst::ResourceError::NotFound, ("{why}")))?;
        gst::debug!(CAT, imp = self, "started with {:?}", finder.config());
        *self.state.lock().unwrap() = Some(State {
            finder,
            undecided: settings.mode == Mode::Auto,
            info: None,
            frame: 0,
            faces: Vec::new(),
            earliest: None,
            late: 0,
            behind: Behind::default(),
        });
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        gst::info!(CAT, imp = self, "{}", self.stats());
        *self.state.lock().unwrap() = None;
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _out: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "no video in {incaps:?}"))?;
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            let resized = state
                .info
                .as_ref()
                .is_some_and(|old| (old.width(), old.height()) != (info.width(), info.height()));
            if resized {
                state.finder.reset();
                state.faces.clear();
            }
            state.info = Some(info);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if matches!(event.view(), gst::EventView::FlushStop(_))
            && let Some(state) = self.state.lock().unwrap().as_mut()
        {
            state.finder.reset();
            state.faces.clear();
            state.earliest = None;
        }
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Qos(qos) = event.view() {
            let (_, _, diff, timestamp) = qos.get();
            if let (Some(state), Some(timestamp)) = (self.state.lock().unwrap().as_mut(), timestamp)
            {
                // As GstVideoDecoder does: when a frame was late, give the sink twice that
                // time to catch up.
                state.earliest =
                    (diff > 0).then(|| timestamp + gst::ClockTime::from_nseconds(2 * diff as u64));
            }
        }
        self.parent_src_event(event)
    }

    fn prepare_output_buffer(
        &self,
        inbuf: InputBuffer,
    ) -> Result<PrepareOutputBufferSuccess, gst::FlowError> {
        // A shared buffer gets a new head for the metadata; the pixels stay shared.
        Ok(match inbuf {
            InputBuffer::Writable(_) => PrepareOutputBufferSuccess::InputBuffer,
            InputBuffer::Readable(buffer) => PrepareOutputBufferSuccess::Buffer(buffer.copy()),
        })
    }

    fn transform_ip(
        &self,
        buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.decide_mode()?;
        let (mode, post_messages) = {
            let settings = self.settings.lock().unwrap();
            (settings.mode, settings.post_messages)
        };
        let mut guard = self.state.lock().unwrap();
        let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
        if !buffer.flags().contains(gst::BufferFlags::GAP) {
            if mode != Mode::Sync && self.is_late(state, buffer) {
                state.late += 1;
                gst::debug!(
                    CAT,
                    imp = self,
                    "too late, faces of the frame before are kept"
                );
            } else {
                state.faces = self.find(state, buffer)?;
            }
        }
        let info = state.info.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        meta::add_faces(buffer, &state.faces, info.width(), info.height());
        gst::trace!(
            CAT,
            imp = self,
            "frame {}: {} faces",
            state.frame,
            state.faces.len()
        );
        let (frame, any) = (state.frame, !state.faces.is_empty());
        state.frame += 1;
        let missed = Missed {
            scans: state.finder.stats().skipped,
            late: state.late,
        };
        let behind = state.behind.report(missed, Instant::now());
        drop(guard);
        if let Some(missed) = behind {
            let mut structure = message::about_frame(self, "fer-behind", buffer, frame);
            structure.set("skipped-scans", missed.scans);
            structure.set("late-frames", missed.late);
            message::post(self, structure);
        }
        if post_messages && any {
            let faces = meta::faces(buffer, &[meta::FACE.to_owned()]);
            message::post_faces(self, "fer-faces", buffer, frame, &faces);
        }
        Ok(gst::FlowSuccess::Ok)
    }
}

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use fer::engine::Runs;
use fer::{Classifier, FaceBox, Prediction};
use gst::glib;
use gst::prelude::*;
use gst_base::subclass::base_transform::{InputBuffer, PrepareOutputBufferSuccess};
use gst_base::subclass::prelude::*;

use super::faces::Faces;
use super::settings::{BuiltinModel, Engine, InputColor, MODEL_MARGIN, Settings};
use crate::meta::FaceMeta;
use crate::{caps, frame, message, meta, stats};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ferclassify",
        gst::DebugColorFlags::empty(),
        Some("Facial expression classification"),
    )
});

/// What exists while the element runs.
struct State {
    classifier: Classifier,
    info: Option<gst_video::VideoInfo>,
    faces: Faces,
    stats: Stats,
}

#[derive(Clone, Default)]
struct Stats {
    frames: u64,
    faces: u64,
    classified: u64,
    batches: u64,
    time: Duration,
}

#[derive(Default)]
pub struct Classify {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
}

impl Classify {
    /// Classifies the faces at `due`.
    fn read(
        &self,
        state: &mut State,
        buffer: &gst::BufferRef,
        faces: &[FaceMeta],
        due: &[usize],
    ) -> Result<Vec<Prediction>, gst::FlowError> {
        if due.is_empty() {
            return Ok(Vec::new());
        }
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
        let boxes: Vec<FaceBox> = due
            .iter()
            .map(|i| faces[*i].face_box(info.width(), info.height()))
            .collect();
        let start = Instant::now();
        let predictions = frame::view(&frame)
            .and_then(|view| state.classifier.classify(&view, &boxes))
            .map_err(|why| {
                gst::element_imp_error!(self, gst::StreamError::Failed, ("{why}"));
                gst::FlowError::Error
            })?;
        state.stats.time += start.elapsed();
        state.stats.classified += boxes.len() as u64;
        state.stats.batches += 1;
        Ok(predictions)
    }

    fn stats(&self) -> gst::Structure {
        let state = self.state.lock().unwrap();
        let classifier = state.as_ref().map(|state| &state.classifier);
        let engine = classifier.map_or("none", |c| c.engine().name());
        let runs = classifier.map_or_else(Runs::default, |c| c.runs());
        let prepare_time = classifier.map_or(Duration::ZERO, |c| c.prepare_time());
        let stats = state
            .as_ref()
            .map_or_else(Stats::default, |s| s.stats.clone());
        gst::Structure::builder("stats")
            .field("engine", engine)
            .field("frames", stats.frames)
            .field("faces", stats.faces)
            .field("classified", stats.classified)
            .field("batches", stats.batches)
            .field("engine-batches", runs.batches)
            .field("engine-faces", runs.faces)
            .field("engine-largest-batch", runs.largest)
            .field("prepare-time", stats::nanoseconds(prepare_time))
            .field("classify-time", stats::nanoseconds(stats.time))
            .build()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Classify {
    const NAME: &'static str = "GstFerClassify";
    type Type = super::Classify;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for Classify {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let default = Settings::default();
            vec![
                glib::ParamSpecString::builder("model")
                    .nick("Model")
                    .blurb("ONNX file of the network, or an engine exported for TensorRT (unset: the one that is built in)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("builtin-model", default.builtin_model)
                    .nick("Built-in model")
                    .blurb("Which of the networks that are built in, where model is unset")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("engine", default.engine)
                    .nick("Engine")
                    .blurb("What runs the network")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("threads")
                    .nick("Threads")
                    .blurb("Threads for one inference")
                    .minimum(1)
                    .maximum(64)
                    .default_value(default.threads)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("device-id")
                    .nick("Device")
                    .blurb("Number of the NVIDIA card for TensorRT")
                    .maximum(255)
                    .default_value(default.device_id)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("precision", default.precision)
                    .nick("Precision")
                    .blurb("Arithmetic of an engine that TensorRT builds from an ONNX model")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("labels")
                    .nick("Labels")
                    .blurb("Class names in the order of the output, with commas between (unset: the model file's)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("input-color", default.input_color)
                    .nick("Input colour")
                    .blurb("Channels that the network takes")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("input-mean")
                    .nick("Input mean")
                    .blurb("Subtracted from pixel values of 0 to 255, one number or one a channel with commas between (unset: the model file's)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("input-std")
                    .nick("Input deviation")
                    .blurb("Pixel values are divided by it after the mean, one number or one a channel (unset: the model file's)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecDouble::builder("margin")
                    .nick("Margin")
                    .blurb("Share of the face's box added on every side before the crop; -1 for the model file's")
                    .minimum(MODEL_MARGIN)
                    .maximum(2.0)
                    .default_value(default.margin)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("shared-engine")
                    .nick("Shared engine")
                    .blurb("Use one engine for all elements of this process with the same model")
                    .default_value(default.shared_engine)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt64::builder("batch-timeout")
                    .nick("Batch timeout")
                    .blurb("How long a shared engine waits for faces of other streams to classify them together, in ns")
                    .maximum(1_000_000_000)
                    .default_value(default.batch_timeout)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("batch-size")
                    .nick("Batch size")
                    .blurb("Most faces given to the engine at once")
                    .minimum(1)
                    .maximum(256)
                    .default_value(default.batch_size)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("mirror")
                    .nick("Mirror")
                    .blurb("Looks at every face mirrored too and averages: a little more accurate for twice the work")
                    .default_value(default.mirror)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecDouble::builder("threshold")
                    .nick("Threshold")
                    .blurb("Confidence below which the label is `uncertain`")
                    .minimum(0.0)
                    .maximum(1.0)
                    .default_value(default.threshold)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("smoothing")
                    .nick("Smoothing")
                    .blurb("Weight of earlier readings in the smoothed label of a face; 0 for none")
                    .minimum(0.0)
                    .maximum(0.99)
                    .default_value(default.smoothing)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt::builder("reclassify-interval")
                    .nick("Reclassify interval")
                    .blurb("Frames after which a face with an id is classified again")
                    .minimum(1)
                    .maximum(10_000)
                    .default_value(default.reclassify_interval)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecString::builder("roi-types")
                    .nick("Region types")
                    .blurb("Types of the regions of interest that are faces, with commas between")
                    .default_value(Some(default.roi_types.as_str()))
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("post-messages")
                    .nick("Post messages")
                    .blurb("Post an element message fer-expressions for every frame with faces")
                    .default_value(default.post_messages)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Since start: engine, frames, faces, classified, batches; engine-batches, engine-faces and engine-largest-batch of all elements that share the engine; prepare-time and classify-time, which contains it, in ns")
                    .read_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let text = |value: &glib::Value| {
            let text: Option<String> = value.get().expect("type checked upstream");
            text.filter(|t| !t.is_empty())
        };
        let mut settings = self.settings.lock().unwrap();
        match pspec.name() {
            "model" => settings.model = text(value).map(PathBuf::from),
            "builtin-model" => {
                settings.builtin_model =
                    value.get::<BuiltinModel>().expect("type checked upstream");
            }
            "engine" => settings.engine = value.get::<Engine>().expect("type checked upstream"),
            "threads" => settings.threads = value.get().expect("type checked upstream"),
            "device-id" => settings.device_id = value.get().expect("type checked upstream"),
            "precision" => settings.precision = value.get().expect("type checked upstream"),
            "labels" => settings.labels = text(value),
            "input-color" => {
                settings.input_color = value.get::<InputColor>().expect("type checked upstream");
            }
            "input-mean" => settings.input_mean = text(value),
            "input-std" => settings.input_std = text(value),
            "margin" => settings.margin = value.get().expect("type checked upstream"),
            "shared-engine" => {
                settings.shared_engine = value.get().expect("type checked upstream");
            }
            "batch-timeout" => {
                settings.batch_timeout = value.get().expect("type checked upstream");
            }
            "batch-size" => settings.batch_size = value.get().expect("type checked upstream"),
            "mirror" => settings.mirror = value.get().expect("type checked upstream"),
            "threshold" => settings.threshold = value.get().expect("type checked upstream"),
            "smoothing" => {
                settings.smoothing = value.get().expect("type checked upstream");
                if let Some(state) = self.state.lock().unwrap().as_mut() {
                    state.faces.set_smoothing(settings.smoothing);
                }
            }
            "reclassify-interval" => {
                settings.reclassify_interval = value.get().expect("type checked upstream");
            }
            "roi-types" => {
                settings.roi_types = text(value).unwrap_or_else(|| meta::FACE.to_owned());
            }
            "post-messages" => {
                settings.post_messages = value.get().expect("type checked upstream");
            }
            _ => unimplemented!(),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings.lock().unwrap();
        match pspec.name() {
            "model" => {
                let path = settings.model.as_ref();
                path.map(|p| p.display().to_string()).to_value()
            }
            "builtin-model" => settings.builtin_model.to_value(),
            "engine" => settings.engine.to_value(),
            "threads" => settings.threads.to_value(),
            "device-id" => settings.device_id.to_value(),
            "precision" => settings.precision.to_value(),
            "labels" => settings.labels.to_value(),
            "input-color" => settings.input_color.to_value(),
            "input-mean" => settings.input_mean.to_value(),
            "input-std" => settings.input_std.to_value(),
            "margin" => settings.margin.to_value(),
            "shared-engine" => settings.shared_engine.to_value(),
            "batch-timeout" => settings.batch_timeout.to_value(),
            "batch-size" => settings.batch_size.to_value(),
            "mirror" => settings.mirror.to_value(),
            "threshold" => settings.threshold.to_value(),
            "smoothing" => settings.smoothing.to_value(),
            "reclassify-interval" => settings.reclassify_interval.to_value(),
            "roi-types" => settings.roi_types.to_value(),
            "post-messages" => settings.post_messages.to_value(),
            "stats" => {
                drop(settings);
                self.stats().to_value()
            }
            _ => unimplemented!(),
        }
    }
}

impl GstObjectImpl for Classify {}

impl ElementImpl for Classify {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Facial expression classifier",
                "Filter/Analyzer/Video",
                "Names the expression of every face that is marked with a region of interest",
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

impl BaseTransformImpl for Classify {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings.lock().unwrap().clone();
        let classifier = settings.open().map_err(|why| match why {
            fer::Error::Engine { .. } => gst::error_msg!(gst::LibraryError::Init, ("{why}")),
            _ => gst::error_msg!(gst::ResourceError::NotFound, ("{why}")),
        })?;
        gst::info!(
            CAT,
            imp = self,
            "model {} in {}",
            classifier.model().name(),
            classifier.reason()
        );
        *self.state.lock().unwrap() = Some(State {
            classifier,
            info: None,
            faces: Faces::new(settings.smoothing),
            stats: Stats::default(),
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
            state.info = Some(info);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if matches!(event.view(), gst::EventView::FlushStop(_))
            && let Some(state) = self.state.lock().unwrap().as_mut()
        {
            state.faces.reset();
        }
        self.parent_sink_event(event)
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
        let settings = self.settings.lock().unwrap().clone();
        let types = settings.types();
        let mut guard = self.state.lock().unwrap();
        let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
        let frame = state.stats.frames;
        state.stats.frames += 1;
        let mut faces = meta::faces(buffer, &types);
        let info = state.info.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let (width, height) = (info.width() as usize, info.height() as usize);
        let mut due = state.faces.due(&faces, settings.reclassify_interval);
        // A region from another element may lie outside the frame: there is no face to read.
        due.retain(|i| !faces[*i].rect.clamp(width, height).is_empty());
        let predictions = self.read(state, buffer, &faces, &due)?;
        state.stats.faces += faces.len() as u64;
        let labels = &state.classifier.model().info().labels;
        let expressions = state.faces.update(
            &self.obj().name(),
            &faces,
            &due,
            predictions,
            (labels, settings.threshold),
        );
        drop(guard);
        meta::add_expressions(buffer, &types, &expressions);
        if settings.post_messages && !faces.is_empty() {
            for (face, expression) in faces.iter_mut().zip(expressions) {
                face.expression = expression;
            }
            message::post_faces(self, "fer-expressions", buffer, frame, &faces);
        }
        Ok(gst::FlowSuccess::Ok)
    }
}

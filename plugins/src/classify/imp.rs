use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use fer::engine::{EngineKind, Membership, Runs};
use fer::{Classifier, FaceBox, Prediction};
use gst::glib;
use gst::prelude::*;
use gst_base::subclass::base_transform::{InputBuffer, PrepareOutputBufferSuccess};
use gst_base::subclass::prelude::*;

use super::faces::{Faces, express};
use super::settings::{FallbackChoice, Settings};
use crate::continuity::Continuity;
use crate::message::Told;
use crate::meta::FaceMeta;
use crate::property::Properties;
use crate::{caps, element, frame, message, meta, stats};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ferclassify",
        gst::DebugColorFlags::empty(),
        Some("Facial expression classification"),
    )
});

/// What exists while the element runs.
struct State {
    /// Taken out by the streaming thread while it works.
    classifier: Option<Classifier>,
    engine: EngineKind,
    /// The part in an engine that is shared.
    membership: Option<Membership>,
    /// What an engine that is not shared has run.
    runs: Runs,
    info: Option<gst_video::VideoInfo>,
    continuity: Continuity,
    faces: Faces,
    told: Told,
    /// Of the times that no server answered, those that the user was told of.
    outages_told: u64,
    stats: Stats,
}

#[derive(Clone, Default)]
struct Stats {
    frames: u64,
    faces: u64,
    classified: u64,
    unread: u64,
    batches: u64,
    prepare_time: Duration,
    time: Duration,
}

#[derive(Default)]
pub struct Classify {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    /// Whether the user was told that the network says nothing of a face.
    warned: AtomicBool,
    /// Whether the stream is to end, or is flushed: nothing is waited for.
    leaving: AtomicBool,
}

/// What a frame is to be worked on with, outside of the lock.
struct Task {
    classifier: Classifier,
    info: gst_video::VideoInfo,
    frame: u64,
    faces: Vec<FaceMeta>,
    /// Which of the faces are to be classified.
    due: Vec<usize>,
}

impl Classify {
    /// Takes out of the state what `buffer` is to be worked on with.
    fn begin(&self, buffer: &gst::BufferRef, settings: &Settings) -> Result<Task, gst::FlowError> {
        let segment = element::segment(self);
        let faces = meta::faces(buffer, &settings.reading.types());
        let mut guard = self.state.lock().unwrap();
        let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
        let info = state.info.clone().ok_or(gst::FlowError::NotNegotiated)?;
        let classifier = state.classifier.take().ok_or(gst::FlowError::Flushing)?;
        if state.continuity.is_broken_at(buffer, &segment) {
            state.faces.reset();
        }
        state.faces.set_smoothing(settings.reading.smoothing);
        let frame = state.stats.frames;
        state.stats.frames += 1;
        state.stats.faces += faces.len() as u64;
        let mut due = state
            .faces
            .due(&faces, settings.reading.reclassify_interval);
        let (width, height) = (info.width() as usize, info.height() as usize);
        let gap = buffer.flags().contains(gst::BufferFlags::GAP);
        due.retain(|i| {
            let rect = &faces[*i].rect;
            // A region from another element may lie outside the frame: there is no face
            // to read.
            let seen = !rect.clamp(width, height).is_empty();
            seen && !gap && settings.reading.is_in_range(rect, info.height())
        });
        Ok(Task {
            classifier,
            info,
            frame,
            faces,
            due,
        })
    }

    /// Classifies the faces that are due.
    fn read(
        &self,
        task: &mut Task,
        buffer: &gst::BufferRef,
    ) -> Result<Vec<fer::Result<Prediction>>, gst::FlowError> {
        if task.due.is_empty() {
            return Ok(Vec::new());
        }
        let info = &task.info;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
            .map_err(|_| element::map_error(&*self.obj(), buffer.size(), info))?;
        let aspect = frame::pixel_aspect(info);
        let face_box = |i: &usize| task.faces[*i].face_box(info.width(), info.height(), aspect);
        let boxes: Vec<FaceBox> = task.due.iter().map(face_box).collect();
        frame::view(&frame)
            .and_then(|view| task.classifier.classify_each(&view, &boxes))
            .map_err(|why| {
                if self.leaving.load(Ordering::Relaxed) {
                    return gst::FlowError::Flushing;
                }
                element::frame_error(&*self.obj(), &why)
            })
    }

    /// Puts the classifier back, with what it said; gives the expressions of all faces, and
    /// whether they are to be told of.
    fn end(
        &self,
        task: Task,
        predictions: Result<Vec<Option<Prediction>>, gst::FlowError>,
        took: Duration,
        threshold: f64,
    ) -> Result<(Vec<FaceMeta>, bool), gst::FlowError> {
        let name = self.obj().name();
        let Task {
            classifier,
            mut faces,
            due,
            ..
        } = task;
        let mut guard = self.state.lock().unwrap();
        let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
        if !due.is_empty() {
            state.stats.time += took;
            state.stats.batches += 1;
        }
        state.stats.prepare_time = classifier.prepare_time();
        state.runs = classifier.own_runs();
        let labels = &classifier.model().info().labels;
        let expressions = predictions.map(|predictions| {
            let unread = predictions.iter().filter(|p| p.is_none()).count();
            state.stats.unread += unread as u64;
            state.stats.classified += (predictions.len() - unread) as u64;
            let express = |prediction: Option<&Prediction>, smoothed| {
                express(&name, labels, threshold, prediction, smoothed)
            };
            state.faces.update(&faces, &due, predictions, express)
        });
        state.classifier = Some(classifier);
        for (face, expression) in faces.iter_mut().zip(expressions?) {
            face.expression = expression;
        }
        let tell = state.told.is_due(!faces.is_empty());
        Ok((faces, tell))
    }

    /// Leaves out the faces of which the network said nothing, with a warning on the bus for
    /// the first since the start: one bad frame need not end a stream.
    fn spare(
        &self,
        task: &Task,
        predictions: Vec<fer::Result<Prediction>>,
        fallback: FallbackChoice,
    ) -> Vec<Option<Prediction>> {
        let mut first = None;
        let predictions = predictions
            .into_iter()
            .map(|prediction| {
                prediction
                    .inspect_err(|why| gst::debug!(CAT, imp = self, "frame {}: {why}", task.frame))
                    .map_err(|why| {
                        first.get_or_insert(why);
                    })
                    .ok()
            })
            .collect();
        // What servers answer is checked, so that what is unread was not answered.
        let unanswered =
            task.classifier.engine() == EngineKind::Remote && fallback == FallbackChoice::Drop;
        if let Some(why) = first
            && !(unanswered && self.has_told_of_outage())
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            let text = match unanswered {
                true => "No server has read a face in time",
                false => "The network gives no probabilities for a face",
            };
            gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                ("{text}, which is uncertain therefore"),
                [
                    "frame {}: {why}; more of these are counted in stats",
                    task.frame
                ]
            );
        }
        predictions
    }

    /// Asks the others that share the engine to wait no longer for this stream, or ends that.
    fn hurry(&self, hurry: bool) {
        self.leaving.store(hurry, Ordering::Relaxed);
        if let Some(membership) = self.membership() {
            membership.set_hurry(hurry);
        }
    }

    /// The part in an engine that is shared.
    fn membership(&self) -> Option<Membership> {
        let state = self.state.lock().unwrap();
        state.as_ref().and_then(|state| state.membership.clone())
    }

    /// By how much frames may be delayed: where faces of several streams are run together.
    fn latency(&self) -> gst::ClockTime {
        let membership = self.membership();
        let joint = membership.is_some_and(|membership| membership.is_joint());
        self.settings.lock().unwrap().longest_wait(joint)
    }

    /// Warns on the bus where no server answers any more.
    fn tell_of_outage(&self) {
        let Some(service) = self.membership().and_then(|m| m.service()) else {
            return;
        };
        let told = {
            let mut state = self.state.lock().unwrap();
            let Some(state) = state.as_mut() else { return };
            std::mem::replace(&mut state.outages_told, service.outages)
        };
        if service.outages > told {
            let meanwhile = match self.settings.lock().unwrap().servers.fallback {
                FallbackChoice::Local => "Faces are read by this machine",
                FallbackChoice::Drop => "Faces are uncertain",
                FallbackChoice::Error => "The stream may end",
            };
            gst::element_imp_warning!(
                self,
                gst::ResourceError::NotFound,
                ("No server answers. {meanwhile} until one does"),
                ["{}", service.trouble]
            );
        }
    }

    /// Whether the user knows that there are faces which no server reads.
    fn has_told_of_outage(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.as_ref().is_some_and(|state| state.outages_told > 0)
    }

    fn stats(&self) -> gst::Structure {
        let state = self.state.lock().unwrap().as_ref().map(|state| {
            let membership = state.membership.clone();
            (state.engine, membership, state.runs, state.stats.clone())
        });
        let (engine, membership, runs, stats) = match state {
            Some((engine, membership, own, stats)) => {
                let runs = membership.as_ref().map_or(own, |m| m.runs());
                (engine.name(), membership, runs, stats)
            }
            None => ("none", None, Runs::default(), Stats::default()),
        };
        let service = membership.and_then(|membership| membership.service());
        let mut structure = gst::Structure::builder("stats")
            .field("engine", engine)
            .field("frames", stats.frames)
            .field("faces", stats.faces)
            .field("classified", stats.classified)
            .field("unread", stats.unread)
            .field("batches", stats.batches)
            .field("engine-batches", runs.batches)
            .field("engine-faces", runs.faces)
            .field("engine-largest-batch", runs.largest)
            .field("prepare-time", stats::nanoseconds(stats.prepare_time))
            .field("classify-time", stats::nanoseconds(stats.time))
            .build();
        if let Some(service) = service {
            structure.set("remote-endpoint", service.serving.unwrap_or_default());
            for (field, count) in [
                ("remote-requests", service.requests),
                ("remote-retries", service.retries),
                ("remote-late", service.late),
                ("remote-failed", service.failed),
                ("remote-outages", service.outages),
                ("local-faces", service.local_faces),
            ] {
                structure.set(field, count);
            }
        }
        structure
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
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(Settings::specs);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let running = self.state.lock().unwrap().is_some();
        if !element::may_set(&*self.obj(), pspec, running) {
            return;
        }
        let before = self.latency();
        let patience = {
            let mut settings = self.settings.lock().unwrap();
            settings.set(pspec.name(), value);
            Duration::from_nanos(settings.engine.batch_timeout)
        };
        if self.latency() != before {
            if let Some(membership) = self.membership() {
                membership.set_patience(patience);
            }
            element::post_latency(&*self.obj());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            name => self.settings.lock().unwrap().get(name),
        }
    }
}

impl GstObjectImpl for Classify {}

impl ElementImpl for Classify {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Facial expression classifier",
                "Analyzer/Video",
                "Names the expression of every face that metadata describe",
                element::AUTHORS,
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| caps::pad_templates(&caps::CAPS));
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::PausedToReady {
            // The streaming thread is to end now, and may wait for faces of other streams.
            self.hurry(true);
        }
        self.parent_change_state(transition)
    }
}

impl BaseTransformImpl for Classify {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings.lock().unwrap().clone();
        let object = self.obj();
        element::post_progress(&*object, gst::ProgressType::Start, "Loading the model");
        let classifier = settings.open().map_err(|why| {
            let text = "The model is not loaded";
            element::post_progress(&*object, gst::ProgressType::Error, text);
            element::start_error(&why)
        })?;
        element::post_progress(&*object, gst::ProgressType::Complete, "The model is loaded");
        gst::info!(
            CAT,
            imp = self,
            "model {} in {}",
            classifier.model().name(),
            classifier.reason()
        );
        self.warned.store(false, Ordering::Relaxed);
        self.leaving.store(false, Ordering::Relaxed);
        *self.state.lock().unwrap() = Some(State {
            engine: classifier.engine(),
            membership: classifier.membership(),
            runs: Runs::default(),
            classifier: Some(classifier),
            info: None,
            continuity: Continuity::default(),
            faces: Faces::new(settings.reading.smoothing),
            told: Told::default(),
            outages_told: 0,
            stats: Stats::default(),
        });
        self.tell_of_outage();
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        gst::info!(CAT, imp = self, "{}", self.stats());
        // The engine is closed outside of the lock.
        let state = self.state.lock().unwrap().take();
        drop(state);
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _out: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = caps::video_info(*CAT, incaps)?;
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            if state.info.as_ref().is_some_and(|old| *old != info) {
                state.faces.reset();
            }
            state.info = Some(info);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => self.hurry(true),
            gst::EventView::FlushStop(_) => self.hurry(false),
            _ => (),
        }
        if let Some(state) = self.state.lock().unwrap().as_mut()
            && state.continuity.is_broken_by(&event)
        {
            state.faces.reset();
        }
        self.parent_sink_event(event)
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        let done = BaseTransformImplExt::parent_query(self, direction, query);
        if done && direction == gst::PadDirection::Src {
            element::add_latency(query, self.latency());
        }
        done
    }

    fn prepare_output_buffer(
        &self,
        inbuf: InputBuffer,
    ) -> Result<PrepareOutputBufferSuccess, gst::FlowError> {
        Ok(element::own_head(inbuf))
    }

    fn transform_ip(
        &self,
        buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let settings = self.settings.lock().unwrap().clone();
        let mut task = self.begin(buffer, &settings)?;
        let (frame, start) = (task.frame, Instant::now());
        let predictions = self.read(&mut task, buffer);
        // Before the faces that it has cost: those are not told of besides.
        self.tell_of_outage();
        let predictions = predictions
            .map(|predictions| self.spare(&task, predictions, settings.servers.fallback));
        let (faces, tell) = self.end(
            task,
            predictions,
            start.elapsed(),
            settings.reading.threshold,
        )?;
        let expressions: Vec<_> = faces.iter().map(|face| face.expression.clone()).collect();
        meta::add_expressions(buffer, &settings.reading.types(), &expressions);
        if tell && settings.reading.post_messages {
            message::post_faces(self, "fer-expressions", buffer, frame, &faces);
        }
        Ok(gst::FlowSuccess::Ok)
    }
}

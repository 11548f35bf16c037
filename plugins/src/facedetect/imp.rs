use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use fer::faces::{FinderConfig, FinderStats, Threading};
use fer::{Face, FaceFinder};
use gst::glib;
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{InputBuffer, PrepareOutputBufferSuccess};
use gst_base::subclass::prelude::*;

use super::behind::{Behind, Missed};
use super::lateness::Lateness;
use super::settings::{Mode, Settings};
use crate::continuity::Continuity;
use crate::message::Told;
use crate::property::Properties;
use crate::{caps, element, frame, message, meta, stats};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ferfacedetect",
        gst::DebugColorFlags::empty(),
        Some("Face detection and tracking"),
    )
});

/// What exists while the element runs.
struct State {
    /// Taken out by the streaming thread while it looks.
    finder: Option<FaceFinder>,
    threading: Threading,
    /// While set, no frame waits for a detector on its own thread.
    hurry: Arc<AtomicBool>,
    /// What the finder had done after the latest frame.
    finder_stats: FinderStats,
    /// Settings from the next frame on.
    changed: Option<FinderConfig>,
    /// Whether the faces are to be forgotten before the next frame.
    forget: bool,
    /// Whether the pipeline is live, where that has been found out.
    live: Option<bool>,
    /// By how much frames are delayed upstream, as far as is known.
    upstream: gst::ClockTime,
    info: Option<gst_video::VideoInfo>,
    continuity: Continuity,
    frame: u64,
    /// The faces of the latest frame, shown again where a frame is not looked at.
    faces: Vec<Face>,
    /// When each of them was seen.
    times: HashMap<u64, meta::Times>,
    lateness: Lateness,
    behind: Behind,
    /// Why no face can be found, where that has been said.
    finds_nothing: Option<String>,
    told: Told,
}

#[derive(Default)]
pub struct FaceDetect {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
}

/// What a frame is to be worked on with, outside of the lock.
struct Task {
    finder: FaceFinder,
    info: gst_video::VideoInfo,
    look: bool,
    /// How long the frame may wait for the detector.
    patience: Duration,
    /// That the frame is too late to be looked at.
    late: Option<gst::Message>,
}

/// What there is to be said of a frame.
struct Report {
    frame: u64,
    faces: Vec<Face>,
    times: HashMap<u64, meta::Times>,
    /// Whether a message about the faces is due.
    due: bool,
    behind: Option<Missed>,
}

impl FaceDetect {
    /// In a live pipeline, gives the detector its own thread; asked at the first frame, when
    /// all that is upstream runs and can answer.
    fn decide_mode(&self) -> Result<(), gst::FlowError> {
        if !matches!(&*self.state.lock().unwrap(), Some(state) if state.live.is_none()) {
            return Ok(());
        }
        let mut query = gst::query::Latency::new();
        let answered = self.obj().sink_pad().peer_query(&mut query);
        let (live, upstream, _) = query.result();
        let live = answered && live;
        gst::debug!(CAT, imp = self, "the pipeline is live: {live}");
        let auto = self.settings.lock().unwrap().mode == Mode::Auto;
        let finder = {
            let mut guard = self.state.lock().unwrap();
            let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
            state.live = Some(live);
            state.upstream = upstream;
            if !(auto && live) {
                return Ok(());
            }
            state.finder.take().ok_or(gst::FlowError::Flushing)?
        };
        let finder = finder.on_worker().map_err(|why| {
            gst::element_imp_error!(
                self,
                gst::CoreError::Thread,
                ("No thread for the detector"),
                ["{why}"]
            );
            gst::FlowError::Error
        })?;
        let mut guard = self.state.lock().unwrap();
        let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
        state.threading = finder.threading();
        state.finder = Some(finder);
        Ok(())
    }

    /// How long a frame may wait, in a live pipeline, that was delayed by `upstream` before it
    /// came here: frames that have waited upstream of here wait the less.
    fn live_patience(
        &self,
        buffer: &gst::BufferRef,
        segment: &gst::Segment,
        upstream: gst::ClockTime,
        most: gst::ClockTime,
    ) -> Duration {
        let segment = segment.downcast_ref::<gst::ClockTime>();
        let due = segment.and_then(|segment| segment.to_running_time(buffer.pts()));
        let patience = match (due, self.obj().current_running_time()) {
            (Some(due), Some(now)) => (due + upstream + most).saturating_sub(now).min(most),
            _ => most,
        };
        patience.into()
    }

    /// Takes out of the state what `buffer` is to be worked on with.
    fn begin(&self, buffer: &gst::BufferRef) -> Result<Task, gst::FlowError> {
        let (segment, qos) = (element::segment(self), self.obj().is_qos());
        let (mode, most) = {
            let settings = self.settings.lock().unwrap();
            (settings.mode, settings.latency())
        };
        let (live, upstream) = match &*self.state.lock().unwrap() {
            Some(state) => (state.live.unwrap_or(false), state.upstream),
            None => return Err(gst::FlowError::Flushing),
        };
        let patience = match (mode, live) {
            (Mode::Aligned, true) => self.live_patience(buffer, &segment, upstream, most),
            (Mode::Aligned, false) => Duration::MAX,
            _ => Duration::ZERO,
        };
        let object = self.obj();
        let mut guard = self.state.lock().unwrap();
        let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
        let info = state.info.clone().ok_or(gst::FlowError::NotNegotiated)?;
        let mut finder = state.finder.take().ok_or(gst::FlowError::Flushing)?;
        if state.continuity.is_broken_at(buffer, &segment) || state.forget {
            state.forget = false;
            state.faces.clear();
            state.times.clear();
            finder.reset();
        }
        if let Some(config) = state.changed.take()
            && let Err(why) = finder.set_config(config)
        {
            gst::warning!(CAT, imp = self, "settings stay as they were: {why}");
        }
        let gap = buffer.flags().contains(gst::BufferFlags::GAP);
        // Where frames wait for the detector, each is to have its own result.
        let waits = state.threading == Threading::Inline || patience == Duration::MAX;
        let late = if qos && !gap && !waits {
            state.lateness.skip(&*object, buffer, &segment, live)
        } else {
            None
        };
        let look = !gap && late.is_none();
        if look {
            state.lateness.look();
        }
        Ok(Task {
            finder,
            info,
            look,
            patience,
            late,
        })
    }

    /// Puts the finder back, with the faces that it found in the frame at `pts` where it
    /// looked.
    fn end(
        &self,
        finder: FaceFinder,
        found: Option<Vec<Face>>,
        pts: Option<gst::ClockTime>,
    ) -> Result<Report, gst::FlowError> {
        let mut guard = self.state.lock().unwrap();
        let state = guard.as_mut().ok_or(gst::FlowError::Flushing)?;
        state.finder_stats = finder.stats().clone();
        state.finder = Some(finder);
        if let Some(faces) = found {
            let times = |face: &Face| {
                let known = state.times.get(&face.id);
                let mut times = known.copied().unwrap_or(meta::Times {
                    first: pts,
                    last: pts,
                });
                times.first = times.first.or(pts);
                if !face.coasting {
                    times.last = pts.or(times.last);
                }
                (face.id, times)
            };
            state.times = faces.iter().map(times).collect();
            state.faces = faces;
        }
        let frame = state.frame;
        state.frame += 1;
        let missed = Missed {
            scans: state.finder_stats.skipped,
            late: state.lateness.late,
        };
        Ok(Report {
            frame,
            due: state.told.is_due(!state.faces.is_empty()),
            behind: state.behind.report(missed, Instant::now()),
            faces: state.faces.clone(),
            times: state.times.clone(),
        })
    }

    fn find(&self, task: &mut Task, buffer: &gst::BufferRef) -> Result<Vec<Face>, gst::FlowError> {
        let info = &task.info;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
            .map_err(|_| element::map_error(&*self.obj(), buffer.size(), info))?;
        frame::view(&frame)
            .and_then(|view| task.finder.process_within(&view, task.patience))
            .map_err(|why| element::frame_error(&*self.obj(), &why))
    }

    /// Lets no frame wait for the detector, or lets them again.
    fn hurry(&self, hurry: bool) {
        if let Some(state) = &*self.state.lock().unwrap() {
            state.hurry.store(hurry, Ordering::Relaxed);
        }
    }

    /// Has the faces forgotten before the next frame.
    fn forget(state: &mut State) {
        state.forget = true;
        state.lateness.reset();
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FaceDetect {
    const NAME: &'static str = "GstFerFaceDetect";
    type Type = super::FaceDetect;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for FaceDetect {
    fn constructed(&self) {
        self.parent_constructed();
        // As filters of video have it.
        self.obj().set_qos(true);
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(Settings::specs);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let running = self.state.lock().unwrap().is_some();
        if !element::may_set(&*self.obj(), pspec, running) {
            return;
        }
        let (wrong, delayed) = {
            let mut settings = self.settings.lock().unwrap();
            let mut changed = settings.clone();
            changed.set(pspec.name(), value);
            match changed.checked_config() {
                // What is wrong before the start is said at the start.
                Err(why) if running => (Some(why), false),
                config => {
                    let delayed = settings.latency() != changed.latency();
                    *settings = changed;
                    if let (Some(state), Ok(config)) = (&mut *self.state.lock().unwrap(), config) {
                        state.changed = Some(config);
                    }
                    (None, delayed && running)
                }
            }
        };
        if running {
            self.warn_of_settings();
        }
        if delayed {
            element::post_latency(&*self.obj());
        }
        if let Some(why) = wrong {
            element::keeps_value(&*self.obj(), pspec.name(), &why.to_string());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            name => self.settings.lock().unwrap().get(name),
        }
    }
}

impl FaceDetect {
    fn stats(&self) -> gst::Structure {
        let asked = self.settings.lock().unwrap().mode;
        let state = self.state.lock().unwrap();
        let (mode, stats, frames, late) = match &*state {
            Some(state) => {
                let mode = match state.threading {
                    _ if state.live.is_none() && asked == Mode::Auto => "auto",
                    _ if asked == Mode::Aligned => "aligned",
                    Threading::Inline => "sync",
                    Threading::Worker => "async",
                };
                (
                    mode,
                    state.finder_stats.clone(),
                    state.frame,
                    state.lateness.late,
                )
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
                "Analyzer/Video",
                "Finds and follows faces and describes each by metadata",
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
            // The streaming thread is to end now.
            self.hurry(true);
        }
        self.parent_change_state(transition)
    }
}

impl FaceDetect {
    /// Warns where no face can be found in frames of this size, whatever they show; of one reason
    /// once, until it is no more.
    fn warn_of_settings(&self) {
        let Ok(config) = self.settings.lock().unwrap().checked_config() else {
            return;
        };
        let new = {
            let mut guard = self.state.lock().unwrap();
            let Some(state) = guard.as_mut() else { return };
            let Some(info) = &state.info else { return };
            let why = config.finds_nothing(info.width() as usize, info.height() as usize);
            let new = why.clone().filter(|_| why != state.finds_nothing);
            state.finds_nothing = why;
            new
        };
        if let Some(why) = new {
            let short = "With these settings no face can be found";
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{short}"), ["{why}"]);
        }
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
            Mode::Async | Mode::Aligned => Threading::Worker,
            Mode::Auto | Mode::Sync => Threading::Inline,
        };
        let finder = settings
            .checked_config()
            .and_then(|config| FaceFinder::with_threading(config, threading))
            .map_err(|why| element::start_error(&why))?;
        gst::debug!(CAT, imp = self, "started with {:?}", finder.config());
        *self.state.lock().unwrap() = Some(State {
            threading,
            hurry: finder.hurry(),
            finder_stats: finder.stats().clone(),
            finder: Some(finder),
            changed: None,
            forget: false,
            live: None,
            upstream: gst::ClockTime::ZERO,
            info: None,
            continuity: Continuity::default(),
            frame: 0,
            faces: Vec::new(),
            times: HashMap::new(),
            lateness: Lateness::default(),
            behind: Behind::default(),
            finds_nothing: None,
            told: Told::default(),
        });
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        gst::info!(CAT, imp = self, "{}", self.stats());
        // Its end, which waits for the detector's thread, is outside of the lock.
        let state = self.state.lock().unwrap().take();
        drop(state);
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _out: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = caps::video_info(*CAT, incaps)?;
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            let resized = state
                .info
                .as_ref()
                .is_some_and(|old| (old.width(), old.height()) != (info.width(), info.height()));
            state.forget |= resized;
            state.info = Some(info);
        }
        self.warn_of_settings();
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
            Self::forget(state);
        }
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        let gst::EventView::Qos(qos) = event.view() else {
            return self.parent_src_event(event);
        };
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            state.lateness.hear(qos);
        }
        // Not to the base class, which would drop late frames: here they pass.
        self.obj().sink_pad().push_event(event)
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        let done = BaseTransformImplExt::parent_query(self, direction, query);
        if done && direction == gst::PadDirection::Src {
            let own = self.settings.lock().unwrap().latency();
            element::add_latency(query, own);
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
        self.decide_mode()?;
        let mut task = self.begin(buffer)?;
        let found = task.look.then(|| self.find(&mut task, buffer)).transpose();
        let (found, failure) = match found {
            Ok(found) => (found, None),
            Err(why) => (None, Some(why)),
        };
        let report = self.end(task.finder, found, buffer.pts())?;
        if let Some(why) = failure {
            return Err(why);
        }
        let size = (task.info.width(), task.info.height());
        let times = |face: &Face| report.times.get(&face.id).copied().unwrap_or_default();
        meta::add_faces(buffer, &report.faces, size, times);
        gst::trace!(
            CAT,
            imp = self,
            "frame {}: {} faces",
            report.frame,
            report.faces.len()
        );
        if let Some(late) = task.late {
            gst::debug!(CAT, imp = self, "too late: the faces before are kept");
            // Without a bus nobody listens.
            let _ = self.obj().post_message(late);
        }
        if let Some(missed) = report.behind {
            let mut structure = message::about_frame(self, "fer-behind", buffer, report.frame);
            structure.set("skipped-scans", missed.scans);
            structure.set("late-frames", missed.late);
            message::post(self, structure);
        }
        if report.due && self.settings.lock().unwrap().post_messages {
            let faces = meta::faces(buffer, &[meta::FACE.to_owned()]);
            message::post_faces(self, "fer-faces", buffer, report.frame, &faces);
        }
        Ok(gst::FlowSuccess::Ok)
    }
}

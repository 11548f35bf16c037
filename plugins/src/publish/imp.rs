use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst_base::subclass::prelude::*;

use super::changes::Changes;
use super::interval::Interval;
use super::lines::Target;
use super::location::Location;
use super::queue::{Counts, Queue};
use super::reporter::Reporter;
use super::settings::{Every, Settings};
use super::worker::{Means, Worker};
use crate::continuity::Continuity;
use crate::meta::FaceMeta;
use crate::property::Properties;
use crate::record::{self, Event, Frame, Origin, Summary};
use crate::{caps, element, message, meta};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ferpublish",
        gst::DebugColorFlags::empty(),
        Some("Publishing of faces and expressions"),
    )
});

/// Any raw video, wherever it lies: no pixel is looked at.
static CAPS: LazyLock<gst::Caps> =
    LazyLock::new(|| gst::Caps::builder("video/x-raw").any_features().build());

/// Longest wait for what is queued where the stream was not ended but stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// What exists while the element runs.
struct State {
    queue: Arc<Queue>,
    worker: Worker,
    /// Pixels.
    size: (u32, u32),
    continuity: Continuity,
    changes: Changes,
    interval: Interval,
    frames: u64,
    faces: u64,
    /// Whether the user was told that records were not sent in time.
    is_late: bool,
}

#[derive(Default)]
pub struct Publish {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
}

impl Publish {
    /// Opens the place where records go.
    fn open(&self, settings: &Settings) -> Result<Means, gst::ErrorMessage> {
        let wrong = |why: String| gst::error_msg!(gst::ResourceError::Settings, ("{why}"));
        let unwritable = |place: &str, why: std::io::Error| {
            gst::error_msg!(gst::ResourceError::OpenWrite, ("{place}: {why}"))
        };
        match settings.place().map_err(wrong)? {
            Location::Output => Target::output()
                .map(Means::Lines)
                .map_err(|why| unwritable("standard output", why)),
            Location::File(path) => Target::open(&path)
                .map(Means::Lines)
                .map_err(|why| unwritable(&path.display().to_string(), why)),
            #[cfg(feature = "mqtt")]
            Location::Mqtt(broker) => super::mqtt::Sender::new(broker)
                .map(|sender| Means::Mqtt(Box::new(sender)))
                .map_err(wrong),
            #[cfg(not(feature = "mqtt"))]
            Location::Mqtt(_) => unreachable!("refused with the location"),
            #[cfg(feature = "kafka")]
            Location::Kafka(cluster) => {
                // Elements of several machines have the same names.
                let unknown = || glib::uuid_string_random().to_string();
                let key = settings.stream_name.clone().unwrap_or_else(unknown);
                let sender = super::kafka::Sender::new(cluster, key);
                Ok(Means::Kafka(Box::new(sender)))
            }
            #[cfg(not(feature = "kafka"))]
            Location::Kafka(_) => unreachable!("refused with the location"),
        }
    }

    fn origin(&self, settings: &Settings) -> Origin {
        Origin {
            stream: settings.stream_name.clone(),
            element: Some(self.obj().name().to_string()),
        }
    }

    /// Sends what is known of the faces until here, since they all are gone: the stream breaks
    /// off or ends.
    fn break_off(&self, state: &mut State, settings: &Settings) -> Vec<String> {
        let time = state.changes.time();
        let (events, summary) = (state.changes.end(), state.interval.end());
        match settings.every {
            Every::Frame => Vec::new(),
            Every::Interval => summary.iter().map(record::json).collect(),
            Every::Change if events.is_empty() => Vec::new(),
            Every::Change => {
                let frame = Frame {
                    origin: self.origin(settings),
                    number: state.frames.saturating_sub(1),
                    time,
                    timestamp: now(),
                    sender: None,
                    width: state.size.0,
                    height: state.size.1,
                };
                vec![settings.schema.line(&frame, &[], &events)]
            }
        }
    }

    /// What `buffer` is as a frame, and the stream time at which it ends.
    fn frame(
        &self,
        buffer: &gst::BufferRef,
        segment: &gst::Segment,
        settings: &Settings,
        number: u64,
        (width, height): (u32, u32),
    ) -> (Frame, Option<u64>) {
        let segment = segment.downcast_ref::<gst::ClockTime>();
        let stream_time = |time: Option<gst::ClockTime>| {
            let time = segment?.to_stream_time(time?)?;
            Some(time.nseconds())
        };
        let (pts, duration) = (buffer.pts(), buffer.duration().unwrap_or_default());
        let time = stream_time(pts);
        let frame = Frame {
            origin: self.origin(settings),
            number,
            time,
            timestamp: message::utc_time(buffer).map(|t| t.nseconds()).or_else(now),
            sender: message::ntp_time(buffer).map(|t| t.nseconds()),
            width,
            height,
        };
        // Where that is beyond the segment, the segment's end is all that is known.
        let end = stream_time(pts.map(|pts| pts + duration)).or(time);
        (frame, end)
    }

    /// Hands lines to the worker.
    fn send(queue: &Queue, lines: Vec<String>) {
        for line in lines {
            queue.push(line.into_bytes().into());
        }
    }

    /// Waits for what is queued at the end of the stream.
    fn drain(&self, limit: Duration) {
        let queue = self.queue();
        let left = queue.map_or(0, |queue| queue.drain(limit));
        if left > 0 {
            let mut state = self.state.lock().unwrap();
            if let Some(state) = state.as_mut() {
                state.is_late = true;
            }
            drop(state);
            self.warn_of(left);
        }
    }

    fn warn_of(&self, left: u64) {
        gst::element_imp_warning!(
            self,
            gst::ResourceError::Write,
            ("{left} records could not be sent in time"),
            ["at the end of the stream or when the element was stopped"]
        );
    }

    fn queue(&self) -> Option<Arc<Queue>> {
        let state = self.state.lock().unwrap();
        state.as_ref().map(|state| state.queue.clone())
    }

    /// Has the end of the stream wait no longer for what is queued, or ends that.
    fn hurry(&self, hurry: bool) {
        if let Some(queue) = self.queue() {
            queue.set_hurry(hurry);
        }
    }

    fn stats(&self) -> gst::Structure {
        let state = self.state.lock().unwrap();
        let (frames, faces, counts) = match state.as_ref() {
            Some(state) => (state.frames, state.faces, state.queue.counts()),
            None => (0, 0, Counts::default()),
        };
        gst::Structure::builder("stats")
            .field("frames", frames)
            .field("faces", faces)
            .field("published", counts.published)
            .field("dropped", counts.dropped)
            .field("queued", counts.queued)
            .field("reconnects", counts.reconnects)
            .field("connected", counts.connected)
            .build()
    }
}

/// The system's clock, in nanoseconds since 1970.
fn now() -> Option<u64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.ok()?.as_nanos()).ok()
}

/// The lines that are due for a frame.
fn due(
    settings: &Settings,
    frame: &Frame,
    faces: &[FaceMeta],
    events: &[Event],
    summary: Option<&Summary>,
) -> Option<String> {
    match settings.every {
        Every::Frame => Some(settings.schema.line(frame, faces, &[])),
        Every::Change if events.is_empty() => None,
        Every::Change => Some(settings.schema.line(frame, faces, events)),
        Every::Interval => summary.map(record::json),
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Publish {
    const NAME: &'static str = "GstFerPublish";
    type Type = super::Publish;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for Publish {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(Settings::specs);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let running = self.state.lock().unwrap().is_some();
        if element::may_set(&*self.obj(), pspec, running) {
            self.settings.lock().unwrap().set(pspec.name(), value);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            name => self.settings.lock().unwrap().get(name),
        }
    }
}

impl GstObjectImpl for Publish {}

impl ElementImpl for Publish {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Facial expression publisher",
                "Analyzer/Network/Video",
                "Sends what metadata say of faces to a file, an MQTT broker or Kafka",
                element::AUTHORS,
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| caps::pad_templates(&CAPS));
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::PausedToReady {
            // The streaming thread is to end now, and may wait at the end of the stream.
            self.hurry(true);
        }
        self.parent_change_state(transition)
    }
}

impl BaseTransformImpl for Publish {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings.lock().unwrap().clone();
        let means = self.open(&settings)?;
        let queue = Arc::new(Queue::new(settings.queue_size as usize));
        let reporter = Reporter::new(&*self.obj(), *CAT);
        let worker = Worker::start(means, queue.clone(), reporter)
            .map_err(|why| gst::error_msg!(gst::ResourceError::Failed, ("No thread: {why}")))?;
        *self.state.lock().unwrap() = Some(State {
            queue,
            worker,
            size: (0, 0),
            continuity: Continuity::default(),
            changes: Changes::default(),
            interval: Interval::default(),
            frames: 0,
            faces: 0,
            is_late: false,
        });
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings.lock().unwrap().clone();
        let state = self.state.lock().unwrap().take();
        let Some(mut state) = state else {
            return Ok(());
        };
        let lines = self.break_off(&mut state, &settings);
        Self::send(&state.queue, lines);
        let was_late = state.is_late;
        let left = state
            .worker
            .stop(STOP_TIMEOUT.min(settings.drain_timeout()));
        gst::info!(CAT, imp = self, "{:?}", state.queue.counts());
        if left > 0 && !was_late {
            self.warn_of(left);
        }
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _out: &gst::Caps) -> Result<(), gst::LoggableError> {
        // Formats that only say in a field of their own what they are have their size all the
        // same.
        let side = |name: &str| {
            let side = incaps.structure(0)?.get::<i32>(name).ok()?;
            u32::try_from(side).ok()
        };
        let size = side("width").zip(side("height"));
        let size = size.ok_or_else(|| gst::loggable_error!(CAT, "no size in {incaps:?}"))?;
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            state.size = size;
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => self.hurry(true),
            gst::EventView::FlushStop(_) => self.hurry(false),
            _ => (),
        }
        let settings = self.settings.lock().unwrap().clone();
        let is_end = event.type_() == gst::EventType::Eos;
        let lines = {
            let mut state = self.state.lock().unwrap();
            let state = state.as_mut();
            state.and_then(|state| {
                let broken = state.continuity.is_broken_by(&event);
                (broken || is_end).then(|| {
                    let lines = self.break_off(state, &settings);
                    (state.queue.clone(), lines)
                })
            })
        };
        if let Some((queue, lines)) = lines {
            Self::send(&queue, lines);
        }
        if is_end {
            self.drain(settings.drain_timeout());
        }
        self.parent_sink_event(event)
    }

    fn transform_ip_passthrough(
        &self,
        buffer: &gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let settings = self.settings.lock().unwrap().clone();
        let segment = element::segment(self);
        let faces = meta::faces(buffer, &settings.types());
        let (queue, lines) = {
            let mut state = self.state.lock().unwrap();
            let state = state.as_mut().ok_or(gst::FlowError::Flushing)?;
            let mut lines = Vec::new();
            if state.continuity.is_broken_at(buffer, &segment) {
                lines = self.break_off(state, &settings);
            }
            let (frame, end) = self.frame(buffer, &segment, &settings, state.frames, state.size);
            let events = state.changes.update(&faces, frame.time, end);
            let summary = match settings.every {
                Every::Interval => state.interval.add(&frame, end, &faces, settings.interval()),
                _ => state.interval.end().and(None),
            };
            state.frames += 1;
            state.faces += faces.len() as u64;
            lines.extend(due(&settings, &frame, &faces, &events, summary.as_ref()));
            (state.queue.clone(), lines)
        };
        Self::send(&queue, lines);
        Ok(gst::FlowSuccess::Ok)
    }
}

//! What is known of all inputs now and in the last minutes, and how it gets to who looks on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gstfer::meta::FaceMeta;
use gstfer::record::{Changes, Event, Face};
use hyper::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use crate::look;

/// Seconds of which the curves tell.
const MEMORY: usize = 300;
/// Events that are remembered of an input.
const EVENTS: usize = 50;
/// Messages that may wait for somebody; who is later gets everything anew.
const QUEUE: usize = 256;
/// Between two messages about an input's faces.
const PAUSE: Duration = Duration::from_millis(200);
/// Without a frame for this long, a stream or camera is not running any more.
const SILENCE: Duration = Duration::from_secs(10);

/// All inputs, and those who look at them.
pub struct Hub {
    /// In the order of the command line.
    pub cameras: Vec<Camera>,
    messages: broadcast::Sender<Message>,
    labels: Mutex<BTreeSet<String>>,
    /// How many are sent video now.
    pub viewers: AtomicUsize,
    /// How many are sent events now.
    pub listeners: AtomicUsize,
}

/// A message for all.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its kind.
    pub event: &'static str,
    /// JSON.
    pub data: String,
}

/// One input.
pub struct Camera {
    /// The file's name, or the address without secrets.
    pub name: String,
    /// Whether frames are as far apart as the file says.
    is_file: bool,
    /// The latest picture, a JPEG.
    pub picture: watch::Sender<Bytes>,
    state: Mutex<State>,
}

/// How it is with an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", content = "why", rename_all = "lowercase")]
pub enum Status {
    /// Nothing has come yet.
    Starting,
    /// Frames come.
    Running,
    /// It was a file, and came to its end.
    Ended,
    /// It failed.
    Failed(String),
}

/// What is known of an input.
pub struct State {
    /// How it is.
    pub status: Status,
    /// Frames so far.
    pub frames: u64,
    /// Faces in the latest frame.
    pub faces: usize,
    /// Faces so far, one a frame and face, by expression over time.
    pub readings: BTreeMap<String, u64>,
    /// Events so far, by kind.
    pub happened: BTreeMap<String, u64>,
    changes: Changes,
    now: Value,
    told: Option<Instant>,
    /// Pipelines so far, and whether the present one goes on.
    run: u64,
    goes_on: bool,
    latest: Option<Instant>,
    seconds: VecDeque<Second>,
    events: VecDeque<Value>,
}

/// Means of a second.
#[derive(Default)]
struct Second {
    /// Since 1970.
    time: u64,
    faces: u64,
    sums: BTreeMap<String, f64>,
}

impl Second {
    fn json(&self) -> Value {
        let mean = |sum: f64| (sum / self.faces as f64 * 1000.0).round() / 1000.0;
        let means: BTreeMap<&str, f64> = self
            .sums
            .iter()
            .map(|(label, sum)| (label.as_str(), mean(*sum)))
            .collect();
        json!({"time": self.time, "means": means})
    }
}

fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}

impl Hub {
    /// For these inputs.
    pub fn new(inputs: &[String]) -> Self {
        let camera = |input: &String| Camera {
            name: match crate::checks::path(input) {
                path if path.is_file() => crate::report::file_name(input),
                _ => crate::watch::name(input),
            },
            is_file: crate::checks::path(input).is_file(),
            picture: watch::Sender::new(Bytes::new()),
            state: Mutex::new(State {
                status: Status::Starting,
                frames: 0,
                faces: 0,
                readings: BTreeMap::new(),
                happened: BTreeMap::new(),
                changes: Changes::default(),
                now: json!([]),
                told: None,
                run: 0,
                goes_on: false,
                latest: None,
                seconds: VecDeque::new(),
                events: VecDeque::new(),
            }),
        };
        Self {
            cameras: inputs.iter().map(camera).collect(),
            messages: broadcast::Sender::new(QUEUE),
            labels: Mutex::default(),
            viewers: AtomicUsize::new(0),
            listeners: AtomicUsize::new(0),
        }
    }

    /// Looks at what is known of an input.
    pub fn with_state<T>(&self, camera: usize, look: impl FnOnce(&State) -> T) -> T {
        look(&self.cameras[camera].state.lock().unwrap())
    }

    /// Messages from now on, and the one that tells all that came before.
    pub fn listen(&self) -> (broadcast::Receiver<Message>, Message) {
        let messages = self.messages.subscribe();
        (messages, self.everything())
    }

    /// All that is known.
    pub fn everything(&self) -> Message {
        let cameras: Vec<Value> = (0..self.cameras.len())
            .map(|number| {
                self.with_state(number, |state| {
                    let seconds: Vec<Value> = state.seconds.iter().map(Second::json).collect();
                    json!({
                        "status": state.status, "faces": state.now,
                        "seconds": seconds, "events": state.events,
                    })
                })
            })
            .collect();
        Message {
            event: "everything",
            data: json!({"looks": self.looks(), "cameras": cameras}).to_string(),
        }
    }

    fn looks(&self) -> Value {
        let labels = self.labels.lock().unwrap();
        let looks = look::looks(labels.iter().map(String::as_str));
        looks
            .iter()
            .map(|look| json!({"label": look.label, "colour": look.colour, "dash": look.dash}))
            .collect()
    }

    fn tell(&self, event: &'static str, data: &Value) {
        let data = data.to_string();
        // Nobody may listen.
        let _ = self.messages.send(Message { event, data });
    }

    /// A new pipeline shows an input; gives what it tells its frames by.
    pub fn begin(&self, camera: usize) -> u64 {
        let mut state = self.cameras[camera].state.lock().unwrap();
        state.run += 1;
        state.goes_on = true;
        state.latest = None;
        state.run
    }

    /// An input's pipeline has ended. Frames that are still in it do not count.
    pub fn end(&self, camera: usize, status: Status) {
        let mut state = self.cameras[camera].state.lock().unwrap();
        state.goes_on = false;
        self.change(camera, &mut state, status);
    }

    /// Looks whether frames of streams and cameras still come.
    pub fn look_for_silence(&self) {
        for (number, camera) in self.cameras.iter().enumerate() {
            let mut state = camera.state.lock().unwrap();
            let silence = state.latest.map(|latest| latest.elapsed());
            let is_silent = silence.is_some_and(|silence| silence > SILENCE);
            if is_silent && state.status == Status::Running && !camera.is_file {
                let why = format!("no frame for {} s", SILENCE.as_secs());
                self.change(number, &mut state, Status::Failed(why));
            }
        }
    }

    /// An input's state has changed.
    fn change(&self, camera: usize, state: &mut State, status: Status) {
        let (time, events) = {
            if state.status == status {
                return;
            }
            let is_over = !matches!(status, Status::Running);
            state.status = status.clone();
            let time = now();
            let mut events = Vec::new();
            if is_over {
                state.faces = 0;
                state.now = json!([]);
                let left = state.changes.end();
                events = state.remember(&left, time);
            }
            (time, events)
        };
        self.tell(
            "status",
            &json!({"camera": camera, "status": status, "time": time as u64}),
        );
        for event in events {
            self.tell("happened", &json!({"camera": camera, "event": event}));
        }
        if status != Status::Running {
            self.tell("faces", &json!({"camera": camera, "faces": []}));
        }
    }

    /// A frame of a pipeline of an input, which begins and ends in nanoseconds of stream time.
    pub fn frame(
        &self,
        camera: usize,
        run: u64,
        faces: &[FaceMeta],
        (start, end): (Option<u64>, Option<u64>),
    ) {
        {
            let mut state = self.cameras[camera].state.lock().unwrap();
            if state.run != run || !state.goes_on {
                return;
            }
            state.latest = Some(Instant::now());
            self.change(camera, &mut state, Status::Running);
        }
        self.learn(faces);
        let time = now();
        let (told, second, events) = {
            let mut state = self.cameras[camera].state.lock().unwrap();
            let events = state.changes.update(faces, start, end);
            let events = state.remember(&events, time);
            let (told, second) = state.count(faces, time);
            (told, second, events)
        };
        if let Some(second) = second {
            self.tell("second", &json!({"camera": camera, "second": second}));
        }
        for event in events {
            self.tell("happened", &json!({"camera": camera, "event": event}));
        }
        if let Some(faces) = told {
            self.tell("faces", &json!({"camera": camera, "faces": faces}));
        }
    }

    /// Expressions that were not known yet have to look like something.
    fn learn(&self, faces: &[FaceMeta]) {
        let mut labels = self.labels.lock().unwrap();
        let before = labels.len();
        for expression in faces.iter().filter_map(|face| face.expression.as_ref()) {
            let all = expression.probabilities.iter().map(|(label, _)| label);
            for label in all.chain([&expression.smoothed_label]) {
                if !labels.contains(label) {
                    labels.insert(label.clone());
                }
            }
        }
        let is_new = labels.len() > before;
        drop(labels);
        if is_new {
            self.tell("looks", &self.looks());
        }
    }
}

impl State {
    fn remember(&mut self, events: &[Event], time: u128) -> Vec<Value> {
        let mut told = Vec::new();
        for event in events {
            let mut value = json!(event);
            value["time"] = json!(time as u64);
            let kind = value["event"].as_str().unwrap_or_default().to_owned();
            *self.happened.entry(kind).or_default() += 1;
            if self.events.len() == EVENTS {
                self.events.pop_front();
            }
            self.events.push_back(value.clone());
            told.push(value);
        }
        told
    }

    /// Gives the faces where it is time to tell of them, and the second that has passed.
    fn count(&mut self, faces: &[FaceMeta], time: u128) -> (Option<Value>, Option<Value>) {
        self.frames += 1;
        self.faces = faces.len();
        let seconds = (time / 1000) as u64;
        let mut passed = None;
        if self.seconds.back().is_none_or(|last| last.time != seconds) {
            passed = self.seconds.back().map(Second::json);
            self.seconds.push_back(Second {
                time: seconds,
                ..Second::default()
            });
            if self.seconds.len() > MEMORY {
                self.seconds.pop_front();
            }
        }
        for expression in faces.iter().filter_map(|face| face.expression.as_ref()) {
            let label = &expression.smoothed_label;
            match self.readings.get_mut(label) {
                Some(count) => *count += 1,
                None => {
                    self.readings.insert(label.clone(), 1);
                }
            }
            if let Some(second) = self.seconds.back_mut() {
                second.faces += 1;
                for (label, probability) in &expression.probabilities {
                    *second.sums.entry(label.clone()).or_default() += probability;
                }
            }
        }
        self.now = faces.iter().map(|face| json!(Face::new(face))).collect();
        let is_time = self.told.is_none_or(|told| told.elapsed() >= PAUSE);
        if is_time {
            self.told = Some(Instant::now());
        }
        (is_time.then(|| self.now.clone()), passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(hub: &Hub) -> Status {
        hub.with_state(0, |state| state.status.clone())
    }

    #[test]
    fn frames_behind_an_error_do_not_hide_it() {
        let hub = Hub::new(&["rtsp://camera/stream".to_owned()]);
        let first = hub.begin(0);
        hub.frame(0, first, &[], (None, None));
        assert_eq!(status(&hub), Status::Running);
        let failed = Status::Failed("no route".to_owned());
        hub.end(0, failed.clone());
        hub.frame(0, first, &[], (None, None));
        assert_eq!(status(&hub), failed);
        let second = hub.begin(0);
        hub.frame(0, first, &[], (None, None));
        assert_eq!(status(&hub), failed);
        hub.frame(0, second, &[], (None, None));
        assert_eq!(status(&hub), Status::Running);
    }

    #[test]
    fn a_silent_camera_is_not_running() {
        let hub = Hub::new(&["rtsp://camera/stream".to_owned()]);
        let run = hub.begin(0);
        hub.frame(0, run, &[], (None, None));
        hub.look_for_silence();
        assert_eq!(status(&hub), Status::Running);
        let long_ago = Instant::now().checked_sub(2 * SILENCE);
        hub.cameras[0].state.lock().unwrap().latest = long_ago;
        hub.look_for_silence();
        assert_eq!(status(&hub), Status::Failed("no frame for 10 s".to_owned()));
        hub.frame(0, run, &[], (None, None));
        assert_eq!(status(&hub), Status::Running);
    }
}

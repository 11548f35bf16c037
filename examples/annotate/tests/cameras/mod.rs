//! Cameras on loopback: a real RTSP server, Debian's gst-rtsp-server, and a clip that they show.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::media_file;
use crate::skip::skip;

/// Debian's own, which has the bindings.
const PYTHON: &str = "/usr/bin/python3";

/// Where the clip comes from, up to its H.264.
pub const H264: &str = "! matroskademux ! h264parse ! rtph264pay name=pay0 config-interval=-1";
/// A sound beside it, as cameras have it.
pub const SOUND: &str = "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 \
     ! alawenc ! rtppcmapay name=pay1 pt=8";

fn ffmpeg(input: &[&str], options: &str, path: &Path) {
    let ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(input)
        .args(options.split_whitespace())
        .arg(path)
        .status();
    assert!(ffmpeg.unwrap().success(), "{options}");
}

/// Four minutes in which two people come at once, in this encoding, which do not say how long they
/// are; `None`, said aloud, where this machine can't have them.
pub fn clip(encoder: &str) -> Option<PathBuf> {
    // Tests that run at the same time want the same.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _making = ONE_AT_A_TIME.lock();
    let Some(people) = media_file::find("people.mkv") else {
        skip("no people.mkv");
        return None;
    };
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        skip("ffmpeg is missing");
        return None;
    }
    let name = encoder.split(' ').next().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cameras");
    std::fs::create_dir_all(&folder).unwrap();
    let (once, long) = (
        folder.join(format!("{name}.mkv")),
        folder.join(format!("long-{name}.mkv")),
    );
    if !long.exists() {
        ffmpeg(
            &["-i", people.to_str()?],
            &format!("-an -c:v {encoder}"),
            &once,
        );
        let part = folder.join("part.mkv");
        let input = ["-stream_loop", "20", "-i", once.to_str()?];
        ffmpeg(&input, "-c copy -f matroska -live 1", &part);
        std::fs::rename(part, &long).unwrap();
    }
    Some(long)
}

/// The clip as H.264, which can be joined at every second.
pub fn h264() -> Option<String> {
    let clip = clip("libx264 -preset ultrafast -g 25")?;
    Some(format!("pushfilesrc location={} {H264}", clip.display()))
}

/// A camera, which is switched off when it is dropped.
pub struct Camera {
    options: Vec<String>,
    port: u16,
    server: Option<Child>,
}

impl Camera {
    /// With these options of `rtsp.py`; `None`, said aloud, where there is no server.
    pub fn new(options: &[&str]) -> Option<Self> {
        let import = "import gi; gi.require_version('GstRtspServer', '1.0')";
        let tried = Command::new(PYTHON).args(["-c", import]).output();
        if !tried.is_ok_and(|tried| tried.status.success()) {
            skip("no gir1.2-gst-rtsp-server-1.0");
            return None;
        }
        let mut camera = Self {
            options: options.iter().map(|&option| option.to_owned()).collect(),
            port: 0,
            server: None,
        };
        camera.switch_on();
        Some(camera)
    }

    pub fn switch_on(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cameras/rtsp.py");
        let mut server = Command::new(PYTHON)
            .arg(script)
            .arg(self.port.to_string())
            .args(&self.options)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        self.server = Some(server);
        self.port = line.trim().parse().unwrap();
    }

    /// Without a word to anybody.
    pub fn switch_off(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// `login` is empty or ends in @.
    pub fn url(&self, login: &str, path: &str) -> String {
        format!("rtsp://{login}127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.switch_off();
    }
}

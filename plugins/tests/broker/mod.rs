//! A real MQTT broker on loopback, and someone who listens to it: Debian's mosquitto.

#[path = "../../../tests/port/mod.rs"]
mod port;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub use port::free_port;

use super::common::skip::skip;

/// Where the system keeps `program`; `None`, said aloud, where it has none.
fn find(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let mut paths = folders.iter().map(|folder| Path::new(folder).join(program));
    let found = paths.find(|path| path.exists());
    if found.is_none() {
        skip(format!("no {program}"));
    }
    found
}

/// A broker and its folder.
pub struct Broker {
    program: PathBuf,
    folder: PathBuf,
    pub port: u16,
    child: Option<Child>,
}

impl Broker {
    /// A broker that is not yet started, with `lines` in its configuration; `None`, said aloud,
    /// where there is no mosquitto.
    pub fn new(test: &str, lines: &str) -> Option<Self> {
        let program = find("mosquitto")?;
        find("mosquitto_sub")?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        // As root it would give up its rights and could not read the folder.
        let config = format!(
            "user root\nlistener {port} 127.0.0.1\npersistence true\npersistence_location {}/\n\
             max_queued_messages 0\nmax_inflight_messages 0\n{lines}\n",
            folder.display()
        );
        std::fs::write(folder.join("broker.conf"), config).unwrap();
        Some(Self {
            program,
            folder,
            port,
            child: None,
        })
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts it and waits until it listens.
    pub fn start(&mut self) {
        let log = File::create(self.path("log")).unwrap();
        let child = Command::new(&self.program)
            .arg("-v")
            .arg("-c")
            .arg(self.path("broker.conf"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert_eq!(ended, None, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it, and someone who hears all of `topic`, whom it will know when it is started
    /// again, however it ends.
    pub fn start_with_listener(&mut self, name: &str, topic: &str) -> Listener {
        self.start();
        let listener = self.listen(name, topic);
        while !self.log().contains("SUBACK") {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.end();
        self.start();
        while !self.log().contains("SUBACK") {
            std::thread::sleep(Duration::from_millis(5));
        }
        listener
    }

    /// What it says.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Ends it; who listens is on its disk then.
    pub fn end(&mut self) {
        self.signal(libc::SIGTERM);
    }

    /// Kills it, without a word to anybody.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
    }

    fn signal(&mut self, signal: i32) {
        if let Some(mut child) = self.child.take() {
            // SAFETY: a signal for a child that has not been waited for.
            unsafe { libc::kill(child.id() as i32, signal) };
            child.wait().unwrap();
        }
    }

    /// Someone who hears all of `topic` as JSON, also what came while they or the broker were
    /// away.
    pub fn listen(&self, name: &str, topic: &str) -> Listener {
        // Comes back as soon as the broker is there again.
        let mut child = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-q", "1", "-c", "-i", name, "-t", topic])
            .args(["-F", "%r %t %p"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (said, heard) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let mut parts = line.splitn(3, ' ').map(str::to_owned);
                let mut part = || parts.next().unwrap_or_default();
                let message = Message {
                    retained: part() == "1",
                    topic: part(),
                    payload: part(),
                };
                if said.send(message).is_err() {
                    break;
                }
            }
        });
        Listener { child, heard }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end();
    }
}

/// A message as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub retained: bool,
    pub topic: String,
    pub payload: String,
}

/// Someone who hears messages.
pub struct Listener {
    child: Child,
    heard: Receiver<Message>,
}

impl Listener {
    /// The next message.
    pub fn next(&self) -> Message {
        let patience = Duration::from_secs(60);
        self.heard.recv_timeout(patience).expect("a message")
    }

    /// All messages to the one that `is_last`.
    pub fn until(&self, is_last: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut all = vec![self.next()];
        while !is_last(&all[all.len() - 1]) {
            all.push(self.next());
        }
        all
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

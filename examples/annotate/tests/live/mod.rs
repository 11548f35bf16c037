//! The live page of a running program, and what it answers.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes that goes on.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// A running live page.
pub struct Live {
    program: Child,
    /// With its token, if any.
    pub url: String,
}

impl Live {
    /// Of `fer-annotate` with these arguments.
    pub fn new(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"));
        program.args(args).envs(environment.iter().copied());
        Self::of(program)
    }

    /// That of a program that is not yet started.
    pub fn of(mut program: Command) -> Self {
        let program = program.stdout(Stdio::piped()).spawn().unwrap();
        // It ends what was started, whatever comes.
        let mut live = Self {
            program,
            url: String::new(),
        };
        let mut line = String::new();
        let mut output = BufReader::new(live.program.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("live page: ");
        live.url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        live
    }

    /// Address and port.
    pub fn host(&self) -> &str {
        let rest = self.url.strip_prefix("http://").unwrap();
        rest.split('/').next().unwrap()
    }

    /// Opens a connection and asks for `path`.
    pub fn ask(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.host()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = if headers.contains("Host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.host())
        };
        let request = format!("GET {path} HTTP/1.1\r\n{head}{headers}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// All of the answer.
    pub fn answer(&self, path: &str, headers: &str) -> String {
        let mut answer = Vec::new();
        self.ask(path, headers).read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A figure of `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.answer("/metrics", "");
        let line = text.lines().find(|line| line.starts_with(name));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// Waits for a figure of `/metrics`.
    pub fn until(&self, name: &str, enough: impl Fn(u64) -> bool) {
        let start = Instant::now();
        while !enough(self.metric(name)) {
            let text = self.answer("/metrics", "");
            assert!(start.elapsed() < PATIENCE, "{name}: {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until `/events` tells of `text` to who comes newly.
    pub fn until_told(&self, text: &str) {
        let start = Instant::now();
        loop {
            let mut line = String::new();
            let mut events = BufReader::new(self.ask("/events", ""));
            while !line.starts_with("data: ") {
                line.clear();
                assert!(events.read_line(&mut line).unwrap() > 0);
            }
            if line.contains(text) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{text}: {line}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ctrl-C, which is no failure.
    pub fn end(mut self) {
        let id = self.program.id().to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.unwrap().success());
        assert!(self.program.wait().unwrap().success());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

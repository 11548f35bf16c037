//! nginx on loopback before servers of the Open Inference Protocol, as ingresses of clusters are.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::servers::free_port;
use crate::skip::skip;

/// A running nginx, and its folder.
pub struct Nginx {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
}

fn program() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.fer/nginx");
    let places = [
        own,
        PathBuf::from("nginx"),
        PathBuf::from("/usr/sbin/nginx"),
    ];
    let runs = |program: &PathBuf| {
        let mut version = Command::new(program);
        version.arg("-v").stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    let found = places.into_iter().find(runs);
    if found.is_none() {
        skip("no nginx in .fer/, PATH or /usr/sbin");
    }
    found
}

impl Nginx {
    /// One that passes requests on to `servers` in turn; `listen` is what follows its port
    /// (`http2 ssl`), `more` what else it is told. `None`, said aloud, where there is none.
    pub fn start(test: &str, servers: &[String], listen: &str, more: &str) -> Option<Self> {
        let program = program()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{test}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let server = |endpoint: &String| {
            let place = endpoint.trim_start_matches("grpc://");
            format!("server {place} max_fails=1 fail_timeout=1s;")
        };
        let servers: String = servers.iter().map(server).collect();
        let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|place| format!("{place}_temp_path {place};"))
            .concat();
        let config = format!(
            "daemon off; worker_processes 1; pid pid; error_log errors; events {{}}
            http {{
              access_log requests; {places}
              upstream fer {{ {servers} keepalive 4; }}
              server {{
                listen 127.0.0.1:{port} {listen};
                {more}
                location / {{ grpc_pass grpc://fer; grpc_connect_timeout 1s; }}
              }}
            }}"
        );
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = run(&program, &folder);
        let nginx = Self {
            program,
            folder,
            port,
            child,
        };
        nginx.wait();
        Some(nginx)
    }

    /// Its address where it encrypts, by this name of this machine.
    #[cfg(feature = "grpcs")]
    pub fn encrypted(&self, name: &str) -> String {
        format!("grpcs://{name}:{}", self.port)
    }

    /// Its address, not encrypted.
    pub fn endpoint(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// A line for each request that it has had.
    #[cfg(feature = "grpcs")]
    pub fn requests(&self) -> String {
        std::fs::read_to_string(self.folder.join("requests")).unwrap_or_default()
    }

    /// Breaks off all connections: its worker is killed, and it starts another.
    pub fn break_off(&self) {
        let master = self.child.id();
        let workers = format!("/proc/{master}/task/{master}/children");
        let workers = std::fs::read_to_string(workers).unwrap();
        assert!(!workers.is_empty());
        for worker in workers.split_whitespace() {
            signal(worker.parse().unwrap(), libc::SIGKILL);
        }
    }

    /// Kills it, and starts it again.
    pub fn restart(&mut self) {
        self.kill();
        self.child = run(&self.program, &self.folder);
        self.wait();
    }

    fn kill(&mut self) {
        // Its worker ends with it, unlike when it is killed.
        signal(self.child.id() as i32, libc::SIGTERM);
        let _ = self.child.wait();
    }

    fn wait(&self) {
        for _ in 0..600 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let errors = std::fs::read_to_string(self.folder.join("errors"));
        panic!("nginx does not start: {}", errors.unwrap_or_default());
    }
}

fn signal(process: i32, signal: i32) {
    // SAFETY: nothing but a signal to one of our processes.
    unsafe { libc::kill(process, signal) };
}

fn run(program: &Path, folder: &Path) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    Command::new(program)
        .arg("-p")
        .arg(folder)
        .args(["-e", "errors", "-c", "nginx.conf"])
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.kill();
    }
}

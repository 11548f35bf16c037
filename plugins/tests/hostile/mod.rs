//! A server of the Open Inference Protocol that answers what none should.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use super::common::skip::skip;
use super::servers::python;

/// Such a server, and its folder.
pub struct Hostile {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Hostile {
    /// One that does what `mode` is in `server.py`; `None`, said aloud, where there is none.
    pub fn start(mode: &str) -> Option<Self> {
        let Some(python) = python("kserve") else {
            skip("no kserve, whose gRPC the hostile server has");
            return None;
        };
        let name = format!("hostile-{}", mode.replace(' ', "-"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/server.py");
        let child = Command::new(python)
            .arg(script)
            .arg(mode)
            .arg(&folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            port: 0,
            folder,
        };
        for _ in 0..600 {
            if let Ok(port) = std::fs::read_to_string(server.folder.join("port")) {
                server.port = port.parse().unwrap();
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the server does not start");
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// Has it begin with what it does after the start.
    pub fn turn(&self) {
        std::fs::write(self.folder.join("on"), "").unwrap();
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

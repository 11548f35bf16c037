//! Real servers of the Open Inference Protocol on loopback: KServe's, MLServer and Triton, from
//! PyPI.

#![allow(dead_code, reason = "each test file uses a part")]

#[path = "../port/mod.rs"]
mod port;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use fer::Model;
use fer::engine::{self, EngineKind, EngineOptions, Fallback, RemoteOptions};

pub use port::free_port;

use crate::skip::skip;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    KServe,
    /// That answers in typed 64-bit floats.
    KServeTyped,
    MlServer,
    Triton,
}

/// A server with the built-in model, and its folder.
pub struct Server {
    kind: Kind,
    python: PathBuf,
    folder: PathBuf,
    model: PathBuf,
    /// What it calls the model.
    name: String,
    port: u16,
    child: Option<Child>,
}

fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| folder.join("Cargo.lock").exists();
    package.ancestors().find(is_root).expect("a workspace")
}

/// The Python that has the server of this package.
pub fn python(package: &str) -> Option<PathBuf> {
    let servers = std::env::var_os("FER_SERVERS").map(PathBuf::from);
    let servers = servers.unwrap_or_else(|| root().join(".fer/servers"));
    let python = servers.join(package).join("bin/python");
    // What another release's Python has installed is there, and is of no use.
    let check = match package {
        "pytriton" => {
            "import ctypes, onnxruntime, pytriton, sys; \
             ctypes.CDLL('libpython%d.%d.so.1.0' % sys.version_info[:2])"
        }
        _ => &format!("import onnxruntime, {package}"),
    };
    let tried = Command::new(&python).args(["-c", check]).output();
    tried.is_ok_and(|t| t.status.success()).then_some(python)
}

impl Server {
    /// A server with the built-in model as `fer`; `None`, said aloud, where there is none.
    pub fn start(kind: Kind, test: &str) -> Option<Self> {
        let model = Model::bundled().unwrap();
        let server = Self::with(kind, test, model.bytes())?;
        server.wait_for(&model);
        Some(server)
    }

    /// The same with any network, not yet waited for.
    pub fn with(kind: Kind, test: &str, model: &[u8]) -> Option<Self> {
        let mut server = Self::new(kind, test)?;
        std::fs::write(&server.model, model).unwrap();
        server.restart();
        Some(server)
    }

    /// Triton with what a model repository has of the model `name`.
    pub fn of_repository(test: &str, folder: &Path, name: &str) -> Option<Self> {
        let mut server = Self::new(Kind::Triton, test)?;
        server.model = folder.join(name);
        server.name = name.to_owned();
        server.restart();
        Some(server)
    }

    fn new(kind: Kind, test: &str) -> Option<Self> {
        let package = match kind {
            Kind::KServe | Kind::KServeTyped => "kserve",
            Kind::MlServer => "mlserver",
            Kind::Triton => "pytriton",
        };
        let Some(python) = python(package) else {
            skip(format!("no {package} in FER_SERVERS or .fer/servers"));
            return None;
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{kind:?}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Some(Self {
            kind,
            python,
            model: folder.join("model.onnx"),
            name: "fer".to_owned(),
            folder,
            port: free_port(),
            child: None,
        })
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// Starts it, where it does not run.
    pub fn restart(&mut self) {
        let program = match self.kind {
            Kind::KServe | Kind::KServeTyped => "with_kserve.py",
            Kind::MlServer => "with_mlserver.py",
            Kind::Triton => "with_triton.py",
        };
        let scripts = root().join("tests/servers");
        let log = File::create(self.folder.join("log")).unwrap();
        let mut command = Command::new(&self.python);
        command
            .arg(scripts.join(program))
            .arg(&self.model)
            .args([&self.name, &self.port.to_string()])
            .env("FER_TEST_FOLDER", &self.folder)
            .env("FER_TEST_SPARE_PORT", free_port().to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&self.folder)
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if self.kind == Kind::KServeTyped {
            command.env("FER_TEST_TYPED", "1");
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until it runs `model`.
    pub fn wait_for(&self, model: &Model) {
        let options = EngineOptions {
            kind: EngineKind::Remote,
            remote: RemoteOptions {
                endpoints: vec![self.endpoint()],
                model: self.name.clone(),
                fallback: Fallback::Error,
                ..Default::default()
            },
            ..Default::default()
        };
        let mut why = String::new();
        for _ in 0..240 {
            match engine::open(model, &options) {
                Ok(_) => return,
                Err(reason) => why = reason.to_string(),
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        panic!("{why}\n{}", self.log());
    }

    /// What it says.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Has each answer come that much later.
    pub fn delay(&self, delay: Duration) {
        let path = self.folder.join("delay");
        // In one step: the server may read it at any time.
        std::fs::write(path.with_extension("new"), delay.as_millis().to_string()).unwrap();
        std::fs::rename(path.with_extension("new"), path).unwrap();
    }

    /// The lines of a file that it writes: the faces of each of its `batches`, and so on.
    pub fn notes(&self, file: &str) -> Vec<String> {
        let notes = std::fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }

    /// Kills it, without a word to anybody.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

//! Where ONNX Runtime's library is found, each case in a process of its own: a process opens
//! it once.

mod skip;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use fer::Model;
use fer::engine::{self, EngineKind, EngineOptions};
use skip::skip;

/// Names a library that the process loads before it looks for one.
const LOADED: &str = "FER_TEST_LOADED";

/// What a process says; run by the tests below.
#[test]
#[ignore = "only for other tests to run"]
fn process() {
    if let Some(path) = std::env::var_os(LOADED) {
        let path = CString::new(path.as_bytes()).unwrap();
        // SAFETY: the path is that of ONNX Runtime and nul-terminated.
        assert!(!unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) }.is_null());
    }
    let options = EngineOptions {
        kind: EngineKind::OnnxRuntime,
        ..Default::default()
    };
    match engine::open(&Model::bundled().unwrap(), &options) {
        Ok(selection) => println!("said: {}", selection.reason),
        Err(why) => println!("said: {why}"),
    }
}

/// A folder with libraries, gone in the end, and the library that they link to.
struct Case {
    folder: PathBuf,
    real: PathBuf,
}

impl Case {
    /// `None` where there is no library to link to.
    fn new(name: &str) -> Option<Self> {
        let Some(real) = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from) else {
            skip("ORT_DYLIB_PATH names no library");
            return None;
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ort-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Some(Self { folder, real })
    }

    /// A link to the library.
    fn link(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(&self.real, &path).unwrap();
        path
    }

    /// A library of version 1.16.3, as far as it is asked. `false` where none can be built.
    fn old(&self, name: &str) -> bool {
        let source = self.folder.join("old.c");
        let text = "static const char *version(void) { return \"1.16.3\"; }\n\
             static const void *api(unsigned v) { return 0; }\n\
             static const struct { const void *(*a)(unsigned); const char *(*v)(void); } base = \
             { api, version };\n\
             const void *OrtGetApiBase(void) { return &base; }\n";
        std::fs::write(&source, text).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([self.folder.join(name), source])
            .status();
        let built = built.is_ok_and(|status| status.success());
        if !built {
            skip("no C compiler for a library that is too old");
        }
        built
    }

    /// What a process says that finds libraries in the folder, with more variables.
    fn says(&self, program: &Path, variables: &[(&str, &Path)]) -> String {
        let out = Command::new(program)
            .args(["--exact", "process", "--ignored", "--nocapture"])
            .env_remove("ORT_DYLIB_PATH")
            .env_remove("VIRTUAL_ENV")
            .env_remove("CONDA_PREFIX")
            .env_remove("FER_ORT_SEARCH")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&out.stdout).into_owned();
        let said = out.lines().find_map(|line| line.split_once("said: "));
        said.unwrap_or_else(|| panic!("{out}")).1.to_owned()
    }

    /// The machine's own library, which the loader finds in any case (Debian 13 has one for
    /// GStreamer's plugins).
    fn machines_own(&self) -> Option<String> {
        let this = std::env::current_exe().unwrap();
        let said = self.says(&this, &[]);
        let path = said.strip_prefix("onnxruntime (")?.split(')').next()?;
        Some(path.to_owned())
    }

    fn loader_says(&self) -> String {
        let this = std::env::current_exe().unwrap();
        self.says(&this, &[("LD_LIBRARY_PATH", &self.folder)])
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn names(said: &str, path: &Path) -> bool {
    // Links are resolved.
    let real = path.canonicalize().unwrap();
    said.starts_with("onnxruntime (") && said.contains(&real.display().to_string())
}

#[test]
fn a_library_with_only_a_versioned_name_is_found() {
    let Some(case) = Case::new("versioned") else {
        return;
    };
    let link = case.link("libonnxruntime.so.1.39");
    let said = case.loader_says();
    assert!(names(&said, &link), "{said}");
}

#[test]
fn a_library_that_is_too_old_is_named_and_the_search_goes_on() {
    let Some(case) = Case::new("old") else {
        return;
    };
    if !case.old("libonnxruntime.so") {
        return;
    }
    let said = case.loader_says();
    match case.machines_own() {
        Some(own) => assert!(said.contains(&own), "{said}"),
        None => assert!(
            said.contains("1.16.3") && said.contains("libonnxruntime.so"),
            "{said}"
        ),
    }
    let link = case.link("libonnxruntime.so.1.40");
    let said = case.loader_says();
    assert!(names(&said, &link), "{said}");
}

#[test]
fn a_library_that_the_process_has_loaded_comes_first() {
    let Some(case) = Case::new("loaded") else {
        return;
    };
    let apart = case.folder.join("apart/libonnxruntime.so.1.99");
    std::fs::create_dir_all(apart.parent().unwrap()).unwrap();
    // A file of its own, so that the two can be told apart.
    if std::fs::hard_link(&case.real, &apart).is_err() {
        std::fs::copy(&case.real, &apart).unwrap();
    }
    case.link("libonnxruntime.so");
    let this = std::env::current_exe().unwrap();
    let said = case.says(
        &this,
        &[("LD_LIBRARY_PATH", &case.folder), (LOADED, &apart)],
    );
    assert!(said.contains(&apart.display().to_string()), "{said}");
}

#[test]
fn program_and_python_are_looked_into_only_when_asked() {
    let Some(case) = Case::new("asked") else {
        return;
    };
    let program = case.folder.join("bin/program");
    let beside = case.link("bin/libonnxruntime.so");
    std::fs::hard_link(std::env::current_exe().unwrap(), &program).unwrap();
    let capi = "env/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.1";
    let python = case.link(capi);
    let environment = case.folder.join("env");

    let unasked = case.says(&program, &[("VIRTUAL_ENV", &environment)]);
    let own = case.machines_own();
    // What nobody finds who is not asked to look.
    let finds_none = |said: &str| match &own {
        Some(own) => said.contains(own),
        None => said.contains("no usable library"),
    };
    assert!(finds_none(&unasked), "{unasked}");
    assert!(
        own.is_some() || unasked.contains("the loader finds no libonnxruntime.so"),
        "{unasked}"
    );
    let asked = |what: &str| {
        let search = Path::new(what);
        case.says(
            &program,
            &[("VIRTUAL_ENV", &environment), ("FER_ORT_SEARCH", search)],
        )
    };
    for (what, path) in [("program", &beside), ("python, program", &python)] {
        let said = asked(what);
        assert!(said.contains(&path.display().to_string()), "{what}: {said}");
    }
    assert!(finds_none(&asked("nowhere")));
}

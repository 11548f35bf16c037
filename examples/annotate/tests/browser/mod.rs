//! Chromium without a window, driven by its DevTools protocol through pipes, as a person with a
//! browser would use a page.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::skip::skip;

/// A page in a browser.
pub struct Page {
    browser: Child,
    profile: PathBuf,
    to: std::fs::File,
    from: BufReader<std::fs::File>,
    session: Option<String>,
    last: u64,
    /// Addresses that the page asked for.
    pub requested: Vec<String>,
    /// What scripts complained of.
    pub complaints: Vec<String>,
}

/// The rules of accessibility of axe-core, where `scripts/setup --test` has put them.
fn axe() -> Option<String> {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = folders.find(|folder| folder.join("Cargo.lock").is_file())?;
    let own = std::env::var_os("FER_AXE").map(PathBuf::from);
    let path = own.unwrap_or_else(|| root.join(".fer/axe/axe.min.js"));
    std::fs::read_to_string(path).ok()
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: there is room for both ends, which nobody else owns.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    }
}

impl Page {
    /// An empty page of this size; `None`, said aloud, where there is no Chromium.
    pub fn new(width: u32, height: u32, dark: bool) -> Option<Self> {
        let able = Command::new("chromium").arg("--version").output();
        if !able.is_ok_and(|output| output.status.success()) {
            skip("chromium is missing");
            return None;
        }
        let name = format!("fer-browser-{}-{width}-{dark}", std::process::id());
        let profile = std::env::temp_dir().join(name);
        let ((reads, to), (from, writes)) = (pipe(), pipe());
        let (reads, writes) = (reads.into_raw_fd(), writes.into_raw_fd());
        let mut command = Command::new("chromium");
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // SAFETY: both calls are safe between fork and exec. It reads from 3 and writes to 4.
        unsafe {
            command.pre_exec(move || {
                // Out of the way of what is put in their place.
                let reads = libc::fcntl(reads, libc::F_DUPFD, 10);
                let writes = libc::fcntl(writes, libc::F_DUPFD, 10);
                if libc::dup2(reads, 3) < 0 || libc::dup2(writes, 4) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let browser = command.spawn().unwrap();
        // SAFETY: they are ours, and the browser has its own now.
        unsafe {
            libc::close(reads);
            libc::close(writes);
        }
        let mut page = Self {
            browser,
            profile,
            to: to.into(),
            from: BufReader::new(from.into()),
            session: None,
            last: 0,
            requested: Vec::new(),
            complaints: Vec::new(),
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", target);
        page.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in [
            "Page.enable",
            "Network.enable",
            "Runtime.enable",
            "Log.enable",
        ] {
            page.call(domain, json!({}));
        }
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        page.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.call("Emulation.setEmulatedMedia", media);
        Some(page)
    }

    /// Calls a method of the protocol.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut line = message.to_string().into_bytes();
        line.push(0);
        self.to.write_all(&line).unwrap();
        loop {
            let mut line = Vec::new();
            self.from.read_until(0, &mut line).unwrap();
            assert_eq!(line.pop(), Some(0), "the browser has ended");
            let answer: Value = serde_json::from_slice(&line).unwrap();
            if answer["id"] == self.last {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap();
                self.requested.push(url.to_owned());
            }
            "Runtime.exceptionThrown" | "Log.entryAdded" => {
                self.complaints.push(params.to_string());
            }
            _ => {}
        }
    }

    /// Opens an address, and waits until it is there.
    pub fn open(&mut self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url}));
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
        self.until("document.readyState !== 'loading' && location.href !== 'about:blank'");
    }

    /// What an expression of JavaScript is, at last.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", params);
        let failed = result.get("exceptionDetails");
        assert!(failed.is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true, which it has to be some time.
    pub fn until(&mut self, expression: &str) {
        let start = Instant::now();
        while self.value(expression) != json!(true) {
            let page = "document.body?.innerText";
            if start.elapsed() > Duration::from_secs(600) {
                panic!("never {expression}: {}", self.value(page));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            " " => (32, " "),
            other => panic!("no code of {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Writes what is seen, all of the page, to a PNG.
    pub fn screenshot(&mut self, path: &Path) {
        use base64::prelude::{BASE64_STANDARD, Engine};
        let shot = json!({"captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", shot);
        let picture = BASE64_STANDARD.decode(picture["data"].as_str().unwrap());
        std::fs::write(path, picture.unwrap()).unwrap();
    }

    /// Asserts that axe-core finds no fault, and that nothing has to be scrolled sideways.
    pub fn assert_accessible(&mut self) {
        let wide = "document.documentElement.scrollWidth - innerWidth";
        assert!(
            self.value(wide).as_f64().unwrap() <= 0.0,
            "wider than the screen"
        );
        let Some(axe) = axe() else {
            skip("axe-core is missing");
            return;
        };
        self.value(&format!("{axe}; 0"));
        let run = "axe.run().then(r => r.violations.map(v => \
                   v.id + ': ' + v.nodes.map(n => n.html.slice(0, 200) + n.failureSummary).join(' | ')))";
        let faults = self.value(run);
        assert_eq!(faults, json!([]));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

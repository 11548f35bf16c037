//! Who comes to the live page and behaves badly.

mod live;
#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/skip/mod.rs"]
mod skip;
#[path = "cameras/wire.rs"]
#[allow(dead_code, reason = "each test file uses a part")]
mod wire;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use live::{Live, PATIENCE};
use skip::skip;

/// Connections at a time that the page has room for.
const ROOM: usize = 64;

/// A live page of a portrait.
fn page() -> Option<Live> {
    let Some(portrait) = media_file::find("astronaut.png") else {
        skip("astronaut.png is missing");
        return None;
    };
    let live = Live::new(&[portrait.to_str().unwrap(), "--serve", "0"], &[]);
    live.until("fer_frames_total", |frames| frames > 0);
    Some(live)
}

fn connect(live: &Live) -> TcpStream {
    let stream = TcpStream::connect(live.host()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What comes until the connection is closed, however that is.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // It may be reset, with more on its way than was read.
    if let Err(why) = stream.read_to_end(&mut bytes) {
        assert_ne!(why.kind(), ErrorKind::WouldBlock, "it stays open");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn requests_that_are_never_finished_keep_nobody_out_for_long() {
    let Some(live) = page() else {
        return;
    };
    let begun: Vec<TcpStream> = (0..ROOM)
        .map(|number| {
            let mut stream = connect(&live);
            // Every other one says nothing at all.
            let start = if number % 2 == 0 {
                "GET / HTTP/1.1\r\nHost: loc"
            } else {
                ""
            };
            stream.write_all(start.as_bytes()).unwrap();
            stream
        })
        .collect();
    // There is no room for more, and no waiting.
    assert_eq!(rest(connect(&live)), "");
    for stream in begun {
        assert!(!rest(stream).contains("200 OK"));
    }
    assert!(live.answer("/", "").starts_with("HTTP/1.1 200 "));
    live.end();
}

#[test]
fn a_thousand_connections_at_once_are_survived() {
    let Some(live) = page() else {
        return;
    };
    let many: Vec<TcpStream> = (0..1000).map(|_| connect(&live)).collect();
    drop(many);
    let start = Instant::now();
    let mut answer = String::new();
    // Those before may not have been noticed to be gone.
    while answer.is_empty() {
        assert!(start.elapsed() < PATIENCE, "nobody gets in any more");
        let mut stream = connect(&live);
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            live.host()
        );
        let _ = stream.write_all(request.as_bytes());
        answer = rest(stream);
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    live.end();
}

#[test]
fn requests_that_are_too_long_are_refused() {
    let Some(live) = page() else {
        return;
    };
    let long = "a".repeat(1_000_000);
    let many: String = (0..1000).map(|n| format!("X-{n}: a\r\n")).collect();
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nX-Long: {long}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", &long[..100_000]), "414"),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), "400"),
    ] {
        let stream = connect(&live);
        let mut writer = stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || writer.write_all(request.as_bytes()));
        let mut start = [0; 12];
        (&stream).read_exact(&mut start).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&start),
            format!("HTTP/1.1 {status}")
        );
        drop(stream);
        // It may be stopped by the refusal.
        let _ = sending.join().unwrap();
    }
    live.end();
}

#[test]
fn who_takes_no_picture_for_long_is_let_go() {
    let Some(portrait) = media_file::find("astronaut.png") else {
        skip("astronaut.png is missing");
        return;
    };
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("who_takes_no_picture_for_long_is_let_go");
    std::fs::create_dir_all(&folder).unwrap();
    // Pictures that fill what the system keeps of a connection soon.
    let noisy = folder.join("noisy.jpg");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(portrait)
        .args(["-vf", "scale=960:960,noise=alls=80"])
        .arg(&noisy)
        .status();
    if !made.is_ok_and(|made| made.success()) {
        skip("ffmpeg is missing");
        return;
    }
    let port = wire::http(vec![std::fs::read(noisy).unwrap()]);
    let url = format!("http://127.0.0.1:{port}/");
    let live = Live::new(&[&url, "--serve", "0"], &[]);
    let viewers = "fer_viewers{of=\"video\"}";
    let stalled: Vec<TcpStream> = (0..20).map(|_| live.ask("/video/0", "")).collect();
    live.until(viewers, |viewers| viewers == 20);
    live.until(viewers, |viewers| viewers == 0);
    drop(stalled);
    live.end();
}

#[test]
fn prometheus_reads_the_figures_whatever_a_file_is_called() {
    let parser = "import sys\nfrom prometheus_client.parser import text_string_to_metric_families\n\
                  for family in text_string_to_metric_families(sys.stdin.read()):\n    \
                  for sample in family.samples: print(sample.name, sample.labels.get('name'), sample.value)";
    let python = |code: &str| {
        let mut python = Command::new("/usr/bin/python3");
        python
            .args(["-c", code])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        python
    };
    let tried = python("import prometheus_client.parser")
        .stderr(Stdio::null())
        .status();
    if !tried.is_ok_and(|tried| tried.success()) {
        skip("no python3-prometheus-client");
        return;
    }
    let Some(portrait) = media_file::find("astronaut.png") else {
        skip("astronaut.png is missing");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prometheus");
    std::fs::create_dir_all(&folder).unwrap();
    let strange = folder.join("a \"b\" \\n c}.png");
    std::fs::copy(portrait, &strange).unwrap();
    let live = Live::new(&[strange.to_str().unwrap(), "--serve", "0"], &[]);
    live.until("fer_frames_total", |frames| frames > 0);
    let answer = live.answer("/metrics", "");
    let (_, figures) = answer.split_once("\r\n\r\n").unwrap();
    let mut reader = python(parser).spawn().unwrap();
    reader
        .stdin
        .take()
        .unwrap()
        .write_all(figures.as_bytes())
        .unwrap();
    let output = reader.wait_with_output().unwrap();
    let read = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for line in [
        "fer_frames_total a \"b\" \\n c}.png 1.0\n",
        "fer_readings_total a \"b\" \\n c}.png 1.0\n",
    ] {
        assert!(read.contains(line), "{line}{read}");
    }
    live.end();
}

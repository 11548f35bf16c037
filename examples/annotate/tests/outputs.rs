//! Options, and what becomes of outputs when a run succeeds, fails or is broken off.

mod common;
#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/skip/mod.rs"]
mod skip;

use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::{annotate, folder, said};
use serde_json::Value;
use skip::skip;

fn media(name: &str) -> Option<String> {
    let found = media_file::find(name);
    if found.is_none() {
        skip(format!("no {name}"));
    }
    found.map(|path| path.display().to_string())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            let below = self::names(&entry.path());
            names.extend(below.into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// Asserts that a run fails with one line that says `part`.
fn refuse(args: &[&str], part: &str) {
    let output = annotate(args);
    let error = said(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
    assert!(error.contains(part), "{args:?}: {error}");
    assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
}

/// The first half of a clip that is more than the pipeline's queues hold.
fn half_a_gif() -> Option<Vec<u8>> {
    let portrait = image::open(media("astronaut.png")?).unwrap().into_rgba8();
    let mut whole = Vec::new();
    {
        let mut gif = image::codecs::gif::GifEncoder::new_with_speed(&mut whole, 30);
        for _ in 0..60 {
            gif.encode_frame(image::Frame::new(portrait.clone()))
                .unwrap();
        }
    }
    whole.truncate(whole.len() / 2);
    Some(whole)
}

#[test]
fn a_failed_run_leaves_every_output_as_it_was() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder("a_failed_run_leaves_every_output_as_it_was");
    let whole = std::fs::read(&clip).unwrap();
    let (bad, none) = (folder.join("bad.mkv"), folder.join("none.mkv"));
    std::fs::write(&none, &whole[..200]).unwrap();
    std::fs::write(&bad, "no video at all").unwrap();
    // Frames have been written when it fails.
    let damaged = folder.join("damaged.gif");
    let Some(half) = half_a_gif() else {
        return;
    };
    std::fs::write(&damaged, half).unwrap();
    let seen = annotate(&[damaged.to_str().unwrap(), "--records", "-"]);
    assert_eq!(seen.status.code(), Some(1), "{}", said(&seen));
    assert!(!seen.stdout.is_empty());
    let outputs = ["copy.mkv", "records.csv", "still.jpg", "page.html"];
    let paths = outputs.map(|name| folder.join(name).display().to_string());
    for path in &paths {
        std::fs::write(path, "precious").unwrap();
    }
    let before = names(&folder);
    for input in [&bad, &none, &damaged] {
        let [copy, records, still, page] = &paths;
        let input = input.to_str().unwrap();
        refuse(
            &[
                input,
                "--output",
                copy,
                "--records",
                records,
                "--still",
                still,
                "--report",
                page,
            ],
            input,
        );
        for path in &paths {
            assert_eq!(std::fs::read(path).unwrap(), b"precious", "{path}");
        }
        assert_eq!(names(&folder), before);
    }
    // One of them can't be written: the others stay, too.
    let [copy, records, ..] = &paths;
    refuse(
        &[
            &clip,
            "--output",
            copy,
            "--records",
            records,
            "--still",
            "/nonexistent/x.png",
        ],
        "/nonexistent",
    );
    assert_eq!(std::fs::read(copy).unwrap(), b"precious");
    // And when all is well they are replaced, with the permissions they had.
    std::fs::set_permissions(records, std::fs::Permissions::from_mode(0o600)).unwrap();
    let output = annotate(&[&clip, "--records", records, "--seconds", "1"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = std::fs::read_to_string(records).unwrap();
    assert!(text.starts_with("frame,pts,"), "{text}");
    let mode = std::fs::metadata(records).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(names(&folder), before);
}

/// Runs until `is_time`, and interrupts then; gives what came of it.
fn interrupt(args: &[&str], mut is_time: impl FnMut() -> bool) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"))
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !is_time() {
        assert_eq!(program.try_wait().unwrap(), None, "it ended too soon");
        std::thread::sleep(Duration::from_millis(10));
    }
    let id = program.id().to_string();
    let kill = Command::new("kill").args(["-INT", &id]).status();
    assert!(kill.unwrap().success());
    for _ in 0..300 {
        if program.try_wait().unwrap().is_some() {
            return program.wait_with_output().unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    program.kill().unwrap();
    panic!("it does not end: {args:?}");
}

/// Whether something has been written of the copy that will be called `name`.
fn is_begun(folder: &Path, name: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut entries = entries.filter_map(Result::ok);
    entries.any(|entry| {
        let part = entry.file_name().into_string().unwrap();
        part.starts_with(&format!(".{name}.part"))
            && entry.metadata().is_ok_and(|file| file.len() > 10_000)
    })
}

fn frames(clip: &Path) -> usize {
    let output = annotate(&[clip.to_str().unwrap(), "--records", "-"]);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn an_interrupted_folder_goes_on_until_every_output_is_whole() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder("an_interrupted_folder_goes_on_until_every_output_is_whole");
    let (input, copies) = (folder.join("in"), folder.join("copies"));
    std::fs::create_dir(&input).unwrap();
    for name in ["a.mkv", "b.mkv"] {
        std::fs::copy(&clip, input.join(name)).unwrap();
    }
    let options = [&input, &copies].map(|path| path.to_str().unwrap());
    let args = [options[0], "--output", options[1]];
    let first = interrupt(&args, || is_begun(&copies, "b.mkv"));
    let error = said(&first);
    assert_eq!(first.status.code(), Some(1), "{error}");
    assert!(error.contains("stopped after 1 of 2 files"), "{error}");
    assert_eq!(names(&copies), [".fer-annotate", "a.mkv"]);

    let told = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let second = told(&annotate(&args));
    assert!(
        second.contains("1 files done, 1 were complete, 0 failed"),
        "{second}"
    );
    let whole = frames(Path::new(&clip));
    for name in ["a.mkv", "b.mkv"] {
        assert_eq!(frames(&copies.join(name)), whole, "{name}");
    }
    // What other options made is done anew.
    for seconds in [&["--seconds", "1"][..], &[]] {
        let third = told(&annotate(&[&args[..], seconds].concat()));
        assert!(
            third.contains("2 files done, 0 were complete, 0 failed"),
            "{third}"
        );
    }
    assert_eq!(frames(&copies.join("a.mkv")), whole);
}

#[test]
fn an_interrupted_file_leaves_its_copy_and_has_what_came_beside_it() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder("an_interrupted_file_leaves_its_copy_and_has_what_came_beside_it");
    let copy = folder.join("copy.mkv");
    std::fs::write(&copy, "precious").unwrap();
    let args = [clip.as_str(), "--output", copy.to_str().unwrap()];
    let output = interrupt(&args, || is_begun(&folder, "copy.mkv"));
    let error = said(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("stopped before"), "{error}");
    assert_eq!(std::fs::read(&copy).unwrap(), b"precious");
    // A busy machine may not come to its end in time, and drops it.
    let part = folder.join("copy.part.mkv");
    assert_eq!(part.exists(), error.contains("copy.part.mkv"), "{error}");
    assert!(!part.exists() || frames(&part) > 0);
}

#[test]
fn who_does_not_read_the_records_holds_nobody_up_who_interrupts() {
    let (Some(clip), Some(portrait)) = (media("demo.mkv"), media("astronaut.png")) else {
        return;
    };
    let folder = folder("who_does_not_read_the_records_holds_nobody_up_who_interrupts");
    let (pipe, records) = (folder.join("pipe"), folder.join("still.png"));
    for path in [&pipe, &records] {
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }
    // Nobody opens it.
    for (option, path) in [("--records", &pipe), ("--still", &records)] {
        let started = std::time::Instant::now();
        let output = interrupt(&[&portrait, option, path.to_str().unwrap()], || {
            started.elapsed() > Duration::from_secs(3)
        });
        assert_eq!(output.status.code(), Some(1), "{option}");
        assert!(said(&output).contains("stopped"), "{}", said(&output));
    }
    // Who has opened it does not read; it is full before the clip is at its end.
    let reader = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let size = 4096;
    // SAFETY: the descriptor is open, and the call takes a number.
    unsafe {
        libc::fcntl(reader.as_raw_fd(), libc::F_SETPIPE_SZ, size);
    }
    let started = std::time::Instant::now();
    let args = [clip.as_str(), "--records", pipe.to_str().unwrap()];
    let output = interrupt(&args, || started.elapsed() > Duration::from_secs(3));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("stopped"), "{}", said(&output));
}

#[test]
fn passwords_in_addresses_are_not_told() {
    let output = annotate(&["rtsp://jo:hunter2@127.0.0.1:1/x?key=hunter2"]);
    let error = said(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("rtsp://127.0.0.1:1/x"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_killed_run_leaves_the_output_as_it_was() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder("a_killed_run_leaves_the_output_as_it_was");
    let (copy, input) = (folder.join("copy.mkv"), folder.join("input"));
    std::fs::write(&copy, "precious").unwrap();
    // A source that gives the beginning and then nothing more.
    let made = Command::new("mkfifo").arg(&input).status().unwrap();
    assert!(made.success());
    let (from, to) = (input.clone(), clip);
    let mut program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"))
        .args([input.to_str().unwrap(), "--output", copy.to_str().unwrap()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = std::fs::OpenOptions::new().write(true).open(from).unwrap();
    let whole = std::fs::read(to).unwrap();
    let _ = std::io::Write::write_all(&mut pipe, &whole[..whole.len() / 2]);
    program.kill().unwrap();
    program.wait().unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), b"precious");
}

#[test]
fn records_go_to_standard_output_and_devices() {
    let Some(portrait) = media("astronaut.png") else {
        return;
    };
    let output = annotate(&[&portrait, "--records", "-"]);
    assert!(output.status.success(), "{}", said(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    let record: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!(record["faces"][0]["smoothed_label"], "happy");
    let output = annotate(&[&portrait, "--records", "/dev/null"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!Path::new("/dev/null").is_file());
}

#[test]
fn ends_of_names_say_what_is_written() {
    let Some(portrait) = media("astronaut.png") else {
        return;
    };
    let folder = folder("ends_of_names_say_what_is_written");
    for (option, name, magic) in [
        ("--output", "x.PNG", &b"\x89PNG"[..]),
        ("--output", "x.Jpg", b"\xff\xd8\xff"),
        ("--output", "x.MKV", b"\x1a\x45\xdf\xa3"),
        ("--still", "y.png", b"\x89PNG"),
        ("--still", "y.jpg", b"\xff\xd8\xff"),
        ("--still", "y.JPEG", b"\xff\xd8\xff"),
    ] {
        let path = folder.join(name);
        let output = annotate(&[&portrait, option, path.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(magic), "{name}: {:?}", &bytes[..4]);
    }
    refuse(&[&portrait, "--still", "y.gif"], "must end in .png");
    refuse(&[&portrait, "--report", "y.pdf"], "must end in .html");
}

#[test]
fn options_that_contradict_each_other_are_one_line() {
    let Some(portrait) = media("astronaut.png") else {
        return;
    };
    for (options, part) in [
        (
            &["--model", "x.onnx", "--builtin-model", "small"][..],
            "only one network",
        ),
        (&["--input-mean", "-3"], "there is none"),
        (
            &["--builtin-model", "small", "--model-output", "logits"],
            "there is none",
        ),
        (
            &["--detector", "haar", "--yunet-model", "x.onnx"],
            "only one detector",
        ),
        (&["--builtin-model", "huge"], "standard, small, accurate"),
        (&["--detector", "eyes"], "auto, haar, yunet"),
        (&["--model", "/nonexistent/x.onnx"], "/nonexistent/x.onnx"),
        (
            &[
                "--yunet-model",
                "/nonexistent/y.onnx",
                "--detector",
                "yunet",
            ],
            "/nonexistent/y.onnx",
        ),
        (&["--labels", "a,b"], "labels"),
        (&["--seconds", "0"], "above 0"),
        (&["--engine", "remote"], "--endpoint"),
        (&["--endpoint", "grpc://127.0.0.1:1"], "--engine remote"),
    ] {
        refuse(&[&[portrait.as_str()], options].concat(), part);
    }
}

/// With `engine=remote`.
#[cfg(feature = "remote")]
mod remote {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    use super::*;

    #[test]
    fn what_elements_warn_of_is_told_once() {
        let Some(portrait) = media("astronaut.png") else {
            return;
        };
        let folder = folder("what_elements_warn_of_is_told_once");
        let copy = folder.join("copy.png");
        std::fs::copy(&portrait, &copy).unwrap();
        let records = folder.join("records");
        // Nobody listens there any more.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("grpc://{}", listener.local_addr().unwrap());
        drop(listener);
        for (options, warned) in [
            (["--engine", "remote", "--endpoint", &endpoint], "No server"),
            (["--min-size", "5000", "--detector", "haar"], "no face"),
        ] {
            let both = [portrait.as_str(), copy.to_str().unwrap()];
            let to = ["--records", records.to_str().unwrap()];
            let output = annotate(&[&both[..], &to, &options].concat());
            let said = said(&output);
            assert!(output.status.success(), "{said}");
            let warnings = said.lines().filter(|line| line.starts_with("warning: "));
            let warnings: Vec<&str> = warnings.collect();
            assert_eq!(warnings.len(), 1, "{said}");
            assert!(warnings[0].contains(warned), "{said}");
        }
    }

    /// A server of HTTP/2 that hangs up on everybody, as a proxy does with nothing behind it.
    fn server_that_hangs_up() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                // Its greeting is read and answered by empty settings. Who hangs up on us first is
                // served.
                let _ = client.read(&mut [0; 64]);
                let _ = client.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
                let _ = client.shutdown(std::net::Shutdown::Write);
            }
        });
        address
    }

    #[test]
    fn a_server_that_hangs_up_does_not_end_the_program() {
        let Some(portrait) = media("astronaut.png") else {
            return;
        };
        let endpoint = format!("grpc://{}", server_that_hangs_up());
        // It takes a moment that not every run hits.
        for _ in 0..5 {
            let remote = ["--engine", "remote", "--endpoint", &endpoint];
            let output = annotate(&[&[portrait.as_str(), "--records", "-"], &remote[..]].concat());
            assert!(output.status.success(), "{:?}", output.status);
            assert!(said(&output).contains("No server answers"));
            assert!(!output.stdout.is_empty());
        }
    }
}

#[test]
fn networks_detectors_and_labels_can_be_chosen() {
    let Some(portrait) = media("astronaut.png") else {
        return;
    };
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let model = model.join("mobilenet_v1_0.5_48.onnx");
    let read = |options: &[&str]| -> Value {
        let output = annotate(&[&[portrait.as_str(), "--records", "-"], options].concat());
        assert!(output.status.success(), "{options:?}: {}", said(&output));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        record["faces"].clone()
    };
    let small = read(&["--builtin-model", "small"]);
    assert_ne!(small, read(&[]));
    let model = model.to_str().unwrap();
    assert_eq!(small, read(&["--model", model]));
    let labels = "w,e,k,froh,t,u,n";
    let named = read(&[
        "--model",
        model,
        "--labels",
        labels,
        "--model-output",
        "logits",
    ]);
    assert_eq!(named[0]["label"], "froh");
    assert_eq!(named[0]["confidence"], small[0]["confidence"]);
    let prepared = [
        "--input-mean",
        "0",
        "--input-std",
        "255",
        "--input-tone",
        "equalize",
    ];
    let other = read(&[&["--model", model], &prepared[..]].concat());
    assert_ne!(other[0]["confidence"], small[0]["confidence"]);
    assert_ne!(read(&["--model", model, "--margin", "0.5"]), small);
    assert_eq!(
        read(&["--detector", "haar", "--min-size", "400"]),
        serde_json::json!([])
    );
}

/// A JPEG or another kind of file made by Python's Pillow; `None`, said aloud, without it.
fn make(script: &str, args: &[&str]) -> Option<()> {
    let done = Command::new("/usr/bin/python3")
        .args([&["-c", script], args].concat())
        .output();
    match done {
        Ok(done) if done.status.success() => Some(()),
        _ => {
            skip("no python3-pil");
            None
        }
    }
}

#[test]
fn pictures_that_lie_or_are_for_printers_are_read() {
    let Some(portrait) = media("astronaut.png") else {
        return;
    };
    let folder = folder("pictures_that_lie_or_are_for_printers_are_read");
    let script = "
import sys
from PIL import Image
picture = Image.open(sys.argv[1]).convert('RGB')
picture.convert('CMYK').save(sys.argv[2] + '/cmyk.jpg', quality=95)
exif = Image.Exif()
exif[0x112] = 6
lying = picture.transpose(Image.ROTATE_90)
for end in 'png', 'webp', 'jpg':
    lying.save(sys.argv[2] + '/lying.' + end, exif=exif)
";
    let path = folder.to_str().unwrap();
    let Some(()) = make(script, &[&portrait, path]) else {
        return;
    };
    for name in ["cmyk.jpg", "lying.png", "lying.webp", "lying.jpg"] {
        let input = folder.join(name);
        let output = annotate(&[input.to_str().unwrap(), "--records", "-"]);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            record["faces"][0]["smoothed_label"], "happy",
            "{name}: {record}"
        );
    }
}

#[test]
fn what_is_cut_off_is_told_with_its_name() {
    let (Some(jpeg), Some(png)) = (media("grace_hopper.jpg"), media("astronaut.png")) else {
        return;
    };
    let folder = folder("what_is_cut_off_is_told_with_its_name");
    for (name, whole) in [("cut.jpg", jpeg), ("cut.png", png)] {
        let whole = std::fs::read(whole).unwrap();
        for share in [2, 50] {
            let cut = folder.join(format!("{share}-{name}"));
            std::fs::write(&cut, &whole[..whole.len() / share]).unwrap();
            let cut = cut.to_str().unwrap();
            refuse(&[cut], &format!("{share}-{name}"));
            let said = said(&annotate(&[cut]));
            assert!(!said.contains("Internal"), "{said}");
        }
    }
}

/// A folder of inputs: two pictures, a clip, a text and a broken picture.
fn inputs(folder: &Path) -> Option<PathBuf> {
    let input = folder.join("in");
    std::fs::create_dir_all(input.join("sub")).unwrap();
    std::fs::copy(media("astronaut.png")?, input.join("a.png")).unwrap();
    std::fs::copy(media("grace_hopper.jpg")?, input.join("sub/a.jpg")).unwrap();
    std::fs::copy(media("demo.mkv")?, input.join("clip.MKV")).unwrap();
    std::fs::write(input.join("notes.txt"), "no picture").unwrap();
    std::fs::write(input.join("sub/bad.webp"), "no picture").unwrap();
    Some(input)
}

#[test]
fn folders_are_done_file_by_file_and_go_on_where_they_stopped() {
    let folder = folder("folders_are_done_file_by_file_and_go_on_where_they_stopped");
    let Some(input) = inputs(&folder) else {
        return;
    };
    let (copies, records) = (folder.join("copies"), folder.join("records"));
    let page = folder.join("page.html");
    let options = [&input, &copies, &records, &page].map(|path| path.to_str().unwrap());
    let [input_name, copies_name, records_name, page_name] = options;
    let run = || {
        annotate(&[
            input_name,
            "--output",
            copies_name,
            "--records",
            records_name,
            "--report",
            page_name,
            "--seconds",
            "1",
        ])
    };
    let first = run();
    let told = String::from_utf8_lossy(&first.stdout).into_owned();
    assert_eq!(first.status.code(), Some(1), "{}", said(&first));
    assert!(
        told.contains("3 files done, 0 were complete, 1 failed"),
        "{told}"
    );
    assert!(told.contains("1 other files left out"), "{told}");
    let last = said(&first);
    let last = last.lines().last().unwrap_or_default();
    assert!(
        last.ends_with("1 of 4 files failed: sub/bad.webp"),
        "{last}"
    );
    let made = ["a.png", "clip.MKV", "sub/a.jpg"];
    assert_eq!(names(&copies), [&[".fer-annotate"], &made[..]].concat());
    let made = made.map(|name| format!("{name}.jsonl"));
    assert_eq!(
        names(&records),
        [&[".fer-annotate".to_owned()], &made[..]].concat()
    );
    let before = std::fs::metadata(copies.join("a.png")).unwrap().modified();

    // Mended, only that one and one whose copy is missing are done.
    std::fs::copy(input.join("sub/a.jpg"), input.join("sub/bad.webp")).unwrap();
    std::fs::remove_file(copies.join("clip.MKV")).unwrap();
    let second = run();
    let told = String::from_utf8_lossy(&second.stdout).into_owned();
    assert!(second.status.success(), "{}", said(&second));
    assert!(
        told.contains("2 files done, 2 were complete, 0 failed"),
        "{told}"
    );
    let after = std::fs::metadata(copies.join("a.png")).unwrap().modified();
    assert_eq!(before.unwrap(), after.unwrap());
    let text = std::fs::read_to_string(&page).unwrap();
    for name in ["a.png", "clip.MKV", "sub/a.jpg", "sub/bad.webp"] {
        assert!(text.contains(name), "{name}");
    }
    // Nothing is left lying about.
    assert_eq!(
        names(&folder).iter().filter(|n| n.contains("part")).count(),
        0
    );
}

#[test]
fn folders_that_can_not_work_are_one_line() {
    let folder = folder("folders_that_can_not_work_are_one_line");
    let Some(input) = inputs(&folder) else {
        return;
    };
    let (input_name, file) = (input.to_str().unwrap(), input.join("notes.txt"));
    let empty = folder.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    refuse(&[empty.to_str().unwrap()], "no pictures or videos in it");
    refuse(
        &[input_name, "--output", file.to_str().unwrap()],
        "must be a folder",
    );
    refuse(&[input_name, "--output", input_name], "the same file");
    refuse(&[input_name, "--records", "-"], "one input only");
    // Two names that are one in the folder of the outputs.
    let (out, inner) = (folder.join("out"), input.join("sub/a.png"));
    std::fs::copy(input.join("a.png"), &inner).unwrap();
    let (out_name, inner) = (out.to_str().unwrap(), inner.to_str().unwrap());
    let first = input.join("a.png").display().to_string();
    refuse(&[&first, inner, "--output", out_name], "the output of both");
    assert!(!out.exists());
    // An input under another name in it.
    std::fs::create_dir(&out).unwrap();
    std::fs::hard_link(input.join("clip.MKV"), out.join("a.png")).unwrap();
    refuse(&[input_name, "--output", out_name], "the same file");
    refuse(&[input_name, "rtsp://127.0.0.1/x"], "one at a time");
}

#[test]
fn a_file_that_is_cut_off_is_told() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder("a_file_that_is_cut_off_is_told");
    let (cut, copy) = (folder.join("cut.mkv"), folder.join("copy.mkv"));
    let whole = std::fs::read(&clip).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let run = |input: &str| {
        let output = annotate(&[input, "--output", copy.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let warning = run(cut.to_str().unwrap());
    assert!(warning.contains("it may be cut off"), "{warning}");
    assert_eq!(warning.trim_end().lines().count(), 1, "{warning}");
    assert_eq!(run(&clip), "");
}

#[test]
fn what_came_of_a_stream_stays_when_something_else_fails() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder("what_came_of_a_stream_stays_when_something_else_fails");
    let (pipe, still) = (folder.join("pipe"), folder.join("still.png"));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    // A full disk.
    std::os::unix::fs::symlink("/dev/full", &still).unwrap();
    let copy = folder.join("copy.mkv");
    let writes = "cat \"$1\" > \"$2\"";
    let mut source = Command::new("sh")
        .args(["-c", writes, "sh", &clip])
        .arg(&pipe)
        .spawn()
        .unwrap();
    let names = [&pipe, &copy, &still].map(|path| path.to_str().unwrap());
    let args = [names[0], "--output", names[1], "--still", names[2]];
    refuse(&args, "copy.part.mkv");
    // It may wait for a reader that has gone.
    let _ = source.kill();
    source.wait().unwrap();
    assert!(!copy.exists());
    assert!(frames(&folder.join("copy.part.mkv")) > 0);
}

#[test]
fn a_picture_of_a_video_is_its_first_frame_and_ends_nothing_else() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder("a_picture_of_a_video");
    let path = |name: &str| folder.join(name).display().to_string();
    for end in ["png", "jpg"] {
        let (picture, records) = (path(&format!("first.{end}")), path("faces.jsonl"));
        let output = annotate(&[&clip, "--output", &picture, "--records", &records]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output), "");
        let lines = std::fs::read_to_string(&records).unwrap();
        assert_eq!(lines.lines().count(), 200);
        assert!(std::fs::metadata(&picture).unwrap().len() > 10_000);
        // Alone it needs no more than that frame.
        let output = annotate(&[&clip, "--output", &picture]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output), "");
    }
}

#[test]
fn what_a_killed_run_with_other_options_knew_is_removed_with_the_page() {
    let Some(portrait) = media("astronaut.png") else {
        return;
    };
    let folder = folder("parts_of_other_options");
    let inputs = folder.join("inputs");
    std::fs::create_dir_all(&inputs).unwrap();
    std::fs::copy(portrait, inputs.join("one.png")).unwrap();
    let page = folder.join("page.html");
    let parts = folder.join("page.html.parts");
    std::fs::create_dir_all(&parts).unwrap();
    std::fs::write(parts.join("0123456789abcdef.json"), "{}").unwrap();
    let run = || annotate(&[inputs.to_str().unwrap(), "--report", page.to_str().unwrap()]);
    // Another run writes the page.
    let lock = std::fs::File::create(parts.join("lock")).unwrap();
    lock.lock().unwrap();
    let refused = run();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("another run writes"),
        "{}",
        said(&refused)
    );
    drop(lock);
    let done = run();
    assert!(done.status.success(), "{}", said(&done));
    assert!(page.exists() && !parts.exists());
}

#[test]
fn a_file_name_is_no_folder_for_several_files() {
    let folder = folder("a_file_name_is_no_folder");
    let Some(portrait) = media("astronaut.png") else {
        return;
    };

    let records = folder.join("all.csv");
    let output = annotate(&[&portrait, &portrait, "--records", records.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("all.csv"), "{}", said(&output));
    assert!(!records.exists());
}

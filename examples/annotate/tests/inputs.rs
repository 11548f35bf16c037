//! Pictures, videos and other things as people have them.

mod common;
#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/skip/mod.rs"]
mod skip;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{annotate, said};
use serde_json::Value;
use skip::skip;

/// A folder with the portrait in it, and what makes files of other kinds from that.
struct Bench {
    folder: PathBuf,
    portrait: String,
}

impl Bench {
    /// `None`, said aloud, where this machine has no portrait or no `ffmpeg`.
    fn new(test: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        std::fs::create_dir_all(&folder).unwrap();
        let Some(portrait) = media_file::find("astronaut.png") else {
            skip("astronaut.png is missing");
            return None;
        };
        if Command::new("ffmpeg").arg("-version").output().is_err() {
            skip("ffmpeg is missing");
            return None;
        }
        let portrait = portrait.display().to_string();
        Some(Self { folder, portrait })
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Makes a file by ffmpeg from the portrait, which is its input 0, shown for a second.
    fn make(&self, name: &str, options: &str) -> String {
        let path = self.path(name);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args([
            "-v",
            "error",
            "-y",
            "-loop",
            "1",
            "-t",
            "1",
            "-framerate",
            "15",
        ]);
        ffmpeg.args(["-i", &self.portrait]);
        ffmpeg.args(options.split_whitespace()).arg(&path);
        assert!(ffmpeg.status().unwrap().success(), "{options}");
        path
    }

    /// Annotates `input` into files named after it; gives the copy's path and the records.
    fn annotate(&self, input: &str, end: &str) -> (String, Vec<Value>) {
        let name = Path::new(input).file_name().unwrap().to_str().unwrap();
        let (copy, records) = (
            self.path(&format!("copy of {name}.{end}")),
            self.path(&format!("{name}.jsonl")),
        );
        let output = annotate(&[input, "--output", &copy, "--records", &records]);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let text = std::fs::read_to_string(&records).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (copy, lines.collect())
    }
}

/// Width, height, format and number of frames that a player gets out of a video.
fn played(path: &str) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-select_streams", "v"])
        .args([
            "-show_entries",
            "stream=width,height,pix_fmt,nb_read_frames",
        ])
        .args(["-of", "csv=p=0", path])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{path}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The portrait smiles.
fn assert_smiles(record: &Value, case: &str) {
    assert_eq!(
        record["faces"][0]["smoothed_label"], "happy",
        "{case}: {record}"
    );
}

#[test]
fn stills_of_every_usual_kind_are_read() {
    let Some(bench) = Bench::new("stills_of_every_usual_kind_are_read") else {
        return;
    };
    for end in ["bmp", "gif", "jpg", "png", "ppm", "tiff", "webp"] {
        let still = bench.make(&format!("still.{end}"), "-frames:v 1");
        for copy in ["png", "mp4"] {
            let (copy, records) = bench.annotate(&still, copy);
            assert_eq!(records.len(), 1, "{copy}");
            assert_smiles(&records[0], &copy);
            assert!(played(&copy).starts_with("512,512,"), "{copy}");
        }
    }
}

#[test]
fn a_gif_that_moves_is_read_to_its_end_and_a_damaged_one_is_told() {
    let test = "a_gif_that_moves_is_read_to_its_end_and_a_damaged_one_is_told";
    let Some(bench) = Bench::new(test) else {
        return;
    };
    let gif = bench.make("moving.gif", "-vf hue=h=40*t");
    let (copy, records) = bench.annotate(&gif, "mp4");
    assert!(records.len() > 5, "{}", records.len());
    assert!(
        played(&copy).ends_with(&format!(",{}", records.len())),
        "{copy}"
    );
    assert_smiles(&records[5], &copy);
    let whole = std::fs::read(&gif).unwrap();
    for (name, length) in [("cut.gif", 500), ("start.gif", 6), ("head.gif", 13)] {
        let cut = bench.path(name);
        std::fs::write(&cut, &whole[..length]).unwrap();
        let output = annotate(&[&cut, "--output", &bench.path("cut.mp4")]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert_eq!(
            said(&output).lines().count(),
            1,
            "{name}: {}",
            said(&output)
        );
    }
}

/// The JPEG with an Exif segment that says how it was held (Exif 2.3, tag 0x112).
fn held(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut tagged = jpeg[..2].to_vec();
    tagged.extend(b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
    tagged.extend([orientation, 0, 0, 0, 0, 0, 0]);
    tagged.extend(&jpeg[2..]);
    tagged
}

#[test]
fn a_photograph_that_was_held_otherwise_is_seen_and_written_upright() {
    let test = "a_photograph_that_was_held_otherwise_is_seen_and_written_upright";
    let Some(bench) = Bench::new(test) else {
        return;
    };
    // What makes each upright again is in Exif's table.
    for (orientation, made) in [
        (2, "hflip"),
        (3, "hflip,vflip"),
        (4, "vflip"),
        (6, "transpose=cclock"),
        (8, "transpose=clock"),
    ] {
        let lying = bench.make("lying.jpg", &format!("-vf {made} -frames:v 1 -q:v 2"));
        let jpeg = std::fs::read(lying).unwrap();
        let path = bench.path(&format!("held{orientation}.jpg"));
        std::fs::write(&path, held(&jpeg, orientation)).unwrap();
        let (copy, records) = bench.annotate(&path, "png");
        assert_smiles(&records[0], made);
        // The copy says nothing of it any more, and is seen alike.
        let (_, again) = bench.annotate(&copy, "png");
        assert_smiles(&again[0], made);
        let boxes = [&records, &again].map(|of| of[0]["faces"][0]["box"].as_array().unwrap());
        let pixels = boxes.map(|of| of.iter().map(|n| n.as_f64().unwrap()).collect::<Vec<_>>());
        // The copy has a drawn box in it.
        let near = pixels[0]
            .iter()
            .zip(&pixels[1])
            .all(|(a, b)| (a - b).abs() < 6.0);
        assert!(near, "{made}: {boxes:?}");
    }
}

#[test]
fn a_video_that_was_held_otherwise_is_seen_and_written_upright() {
    let test = "a_video_that_was_held_otherwise_is_seen_and_written_upright";
    let Some(bench) = Bench::new(test) else {
        return;
    };
    let encoder = "-c:v libx264 -pix_fmt yuv420p";
    let lying = bench.make("lying.mp4", &format!("-vf transpose=cclock {encoder}"));
    let phone = bench.path("phone.mp4");
    // Anti-clockwise, as ffmpeg has it since version 6; before, a tag that says clockwise.
    let ffmpeg = |before: &[&str], behind: &[&str]| {
        Command::new("ffmpeg")
            .args(["-v", "error", "-y"])
            .args(before)
            .args(["-i", &lying, "-c", "copy"])
            .args(behind)
            .arg(&phone)
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let turned = ffmpeg(&["-display_rotation:v:0", "270"], &[])
        || ffmpeg(&[], &["-metadata:s:v:0", "rotate=270"]);
    assert!(turned);
    let (copy, records) = bench.annotate(&phone, "mp4");
    let (_, again) = bench.annotate(&copy, "mkv");
    assert_smiles(&records[5], "tagged");
    assert_smiles(&again[5], "its copy");
}

#[test]
fn what_players_have_trouble_with_becomes_what_they_show() {
    let test = "what_players_have_trouble_with_becomes_what_they_show";
    let Some(bench) = Bench::new(test) else {
        return;
    };
    let odd = bench.make("odd.webm", "-vf scale=511:509 -c:v libvpx -pix_fmt yuv420p");
    let full = bench.make("full.mkv", "-c:v libx264 -pix_fmt yuv444p");
    let first = bench.make("first.ts", "-c:v libx264 -pix_fmt yuv420p");
    let small = "-vf scale=320:320 -c:v libx264 -pix_fmt yuv420p";
    let second = bench.make("second.ts", small);
    let changing = bench.path("changing.ts");
    let both = [first, second].map(|path| std::fs::read(path).unwrap());
    std::fs::write(&changing, both.concat()).unwrap();
    for (input, width, height, frames) in [
        (&odd, 510, 508, 15),
        (&full, 512, 512, 15),
        (&changing, 512, 512, 30),
    ] {
        for end in ["mp4", "mkv"] {
            let (copy, records) = bench.annotate(input, end);
            assert_eq!(records.len(), frames, "{copy}");
            assert_smiles(&records[5], &copy);
            assert_eq!(
                played(&copy),
                format!("{width},{height},yuv420p,{frames}"),
                "{copy}"
            );
        }
    }
}

#[test]
fn a_stream_without_timestamps_plays() {
    let Some(bench) = Bench::new("a_stream_without_timestamps_plays") else {
        return;
    };
    let bare = bench.make("bare.mjpeg", "-c:v mjpeg -pix_fmt yuvj420p -f mjpeg");
    let (copy, records) = bench.annotate(&bare, "mp4");
    assert!(records.len() >= 10, "{} records", records.len());
    let shown = played(&copy);
    assert!(shown.ends_with(&format!(",{}", records.len())), "{shown}");
    let times: Vec<u64> = records.iter().map(|r| r["pts"].as_u64().unwrap()).collect();
    assert!(times.windows(2).all(|w| w[0] < w[1]), "{times:?}");
}

#[test]
fn sound_alone_has_no_picture_in_it() {
    let Some(bench) = Bench::new("sound_alone_has_no_picture_in_it") else {
        return;
    };
    let sound = bench.path("sound.wav");
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            "sine=duration=1",
            &sound,
        ])
        .status();
    assert!(made.unwrap().success());
    for end in ["mkv", "mp4", "png"] {
        let output = annotate(&[&sound, "--output", &bench.path(&format!("none.{end}"))]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said(&output).contains("no picture in it"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn seconds_are_kept_to_the_frame_and_sound_ends_with_them() {
    let test = "seconds_are_kept_to_the_frame_and_sound_ends_with_them";
    let (Some(bench), Some(clip)) = (Bench::new(test), media_file::find("demo.mkv")) else {
        return;
    };
    let (copy, records) = (bench.path("two.mp4"), bench.path("two.jsonl"));
    let input = clip.display().to_string();
    let args = ["--output", &copy, "--records", &records, "--seconds", "2"];
    let output = annotate(&[&[input.as_str()], &args[..]].concat());
    assert!(output.status.success(), "{}", said(&output));
    let ever = annotate(&[&bench.portrait, "--seconds", "inf"]);
    assert!(ever.status.success(), "{}", said(&ever));
    // 25 a second.
    assert_eq!(
        std::fs::read_to_string(records).unwrap().lines().count(),
        50
    );
    let length = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration"])
        .args(["-of", "csv=p=0", &copy])
        .output()
        .unwrap();
    let length: f64 = String::from_utf8_lossy(&length.stdout)
        .trim()
        .parse()
        .unwrap();
    assert!((2.0..2.3).contains(&length), "{length}");
}

#[test]
fn a_source_that_gives_nothing_can_be_interrupted() {
    let Some(bench) = Bench::new("a_source_that_gives_nothing_can_be_interrupted") else {
        return;
    };
    let pipe = bench.path("pipe");
    let _ = std::fs::remove_file(&pipe);
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for signal in ["-INT", "-TERM"] {
        let program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"))
            .args([&pipe, "--output", &bench.path("nothing.mkv")])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let id = program.id();
        // Until it handles the signal.
        std::thread::sleep(std::time::Duration::from_secs(2));
        let kill = Command::new("kill")
            .args([signal, &id.to_string()])
            .status();
        assert!(kill.unwrap().success());
        let output = program.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{signal}");
        assert!(said(&output).contains("stopped"), "{}", said(&output));
    }
}

#[test]
fn a_network_that_is_long_in_coming_is_waited_for() {
    let Some(bench) = Bench::new("a_network_that_is_long_in_coming_is_waited_for") else {
        return;
    };
    // So large that it is not seen at once.
    let still = bench.make("large.png", "-frames:v 1 -vf scale=6000:-1");
    let pipe = bench.path("network.onnx");
    let _ = std::fs::remove_file(&pipe);
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let to = pipe.clone();
    std::thread::spawn(move || {
        // Longer than a file that gives nothing is waited for.
        std::thread::sleep(std::time::Duration::from_secs(22));
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let network = std::fs::read(models.join("mobilenet_v1_0.5_48.onnx")).unwrap();
        // The program has ended where it did not wait.
        let _ = std::fs::write(to, network);
    });
    let output = annotate(&[&still, "--model", &pipe, "--records", "-"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_smiles(&serde_json::from_slice(&output.stdout).unwrap(), &still);
}

#[test]
fn every_file_is_another_one() {
    let Some(bench) = Bench::new("every_file_is_another_one") else {
        return;
    };
    let copy = bench.path("copy.png");
    // An input has other names, too.
    let (input, link) = (bench.path("input.png"), bench.path("link.png"));
    std::fs::copy(&bench.portrait, &input).unwrap();
    let _ = std::fs::remove_file(&link);
    std::fs::hard_link(&input, &link).unwrap();
    let before = std::fs::read(&input).unwrap();
    for (input, output) in [(&input, &link), (&format!("file://{input}"), &input)] {
        let refused = annotate(&[input, "--output", output]);
        assert!(
            said(&refused).contains("the same file"),
            "{}",
            said(&refused)
        );
    }
    assert_eq!(std::fs::read(&input).unwrap(), before);
    for twice in [
        ["--output", &copy, "--still", &copy],
        ["--records", &copy, "--output", &copy],
    ] {
        let output = annotate(&[&[bench.portrait.as_str()], &twice[..]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("two outputs"), "{}", said(&output));
    }
}

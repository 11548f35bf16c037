//! The pages as people see them: reports and the live page in a browser.

mod browser;
mod common;
mod live;
#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/skip/mod.rs"]
mod skip;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use browser::Page;
use common::{annotate, folder, said};
use live::Live;
use serde_json::{Value, json};
use skip::skip;

fn media(name: &str) -> Option<String> {
    let found = media_file::find(name);
    if found.is_none() {
        skip(format!("no {name}"));
    }
    found.map(|path| path.display().to_string())
}

/// Text of each cell of the table of totals, by row.
const TOTALS: &str = "[...document.querySelectorAll('table.totals tr')].map(row => \
                      [...row.children].map(cell => cell.textContent))";

/// Frames of each person by expression, as the records have them.
fn counted(records: &Path) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut people: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for line in std::fs::read_to_string(records).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        for face in record["faces"].as_array().unwrap() {
            let person = people.entry(format!("Person {}", face["id"])).or_default();
            let label = face["smoothed_label"].as_str().unwrap_or("not read");
            *person.entry(label.to_owned()).or_default() += 1;
        }
    }
    people
}

#[test]
fn a_report_tells_what_the_records_tell_and_needs_nothing_beside_it() {
    let test = "a_report_tells_what_the_records_tell_and_needs_nothing_beside_it";
    let Some(clip) = media("people.mkv") else {
        return;
    };
    let folder = folder(test);
    // What a name can hold is shown as it is.
    let clip_here = folder.join("<b onclick=alert(1)>&amp; \"people\".mkv");
    std::fs::copy(&clip, &clip_here).unwrap();
    let (page, records) = (folder.join("page.html"), folder.join("people.jsonl"));
    let output = annotate(&[
        clip_here.to_str().unwrap(),
        "--report",
        page.to_str().unwrap(),
        "--records",
        records.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", said(&output));
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(!text.contains("<b onclick"));
    assert!(text.len() < 3_000_000, "{} bytes", text.len());
    let url = format!("file://{}", page.display());

    for (width, dark) in [(360, false), (1200, true)] {
        let Some(mut browser) = Page::new(width, 800, dark) else {
            return;
        };
        browser.open(&url);
        assert!(!text.contains(test), "the page tells where the file lay");
        let title = browser.value("document.querySelector('h1').textContent");
        assert_eq!(title, json!("<b onclick=alert(1)>&amp; \"people\".mkv"));
        let rows: Vec<Vec<String>> = serde_json::from_value(browser.value(TOTALS)).unwrap();
        let told: BTreeMap<String, BTreeMap<String, u64>> = rows[1..]
            .iter()
            .map(|row| {
                let counts = rows[0][4..].iter().cloned();
                let counts = counts.zip(row[4..].iter().map(|cell| cell.parse().unwrap()));
                (row[0].clone(), counts.filter(|(_, n)| *n > 0).collect())
            })
            .collect();
        assert_eq!(told, counted(&records));
        browser.assert_accessible();
        browser.screenshot(&folder.join(format!("report-{width}.png")));

        // By keys alone: from a moment to its still and back.
        let first = ".moments a";
        for _ in 0..10 {
            browser.press("Tab");
            if browser.value(&format!("document.activeElement.matches('{first}')")) == true {
                break;
            }
        }
        browser.press("Enter");
        browser.until("document.querySelector('.still:target img')?.naturalWidth > 300");
        browser.until("document.activeElement.matches('.still:target .close')");
        browser.assert_accessible();
        browser.screenshot(&folder.join(format!("still-{width}.png")));
        browser.press("Escape");
        browser.until("!document.querySelector('.still:target')");
        browser.until(&format!("document.activeElement.matches('{first}')"));
        // A band leads to a still, too.
        browser.value(
            "document.querySelector('.band [data-still] rect').dispatchEvent(\
                       new MouseEvent('click', {bubbles: true})) && 0",
        );
        browser.until("!!document.querySelector('.still:target')");
        let (asked, complaints) = (&browser.requested, &browser.complaints);
        let elsewhere = |url: &&String| !url.starts_with("file:") && !url.starts_with("data:");
        assert_eq!(asked.iter().find(elsewhere), None);
        assert!(complaints.is_empty(), "{complaints:?}");
    }

    // Without scripts the stills open and close all the same.
    let Some(mut browser) = Page::new(800, 600, false) else {
        return;
    };
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    browser.open(&url);
    let shown = "!!document.querySelector('.still:target')";
    for expected in [true, false] {
        let link = if expected {
            ".moments a"
        } else {
            ".still:target .close"
        };
        browser.value(&format!("document.querySelector('{link}').focus()"));
        browser.press("Enter");
        browser.until(&format!("{shown} === {expected}"));
    }
}

#[test]
fn a_folder_becomes_timelines_and_a_contact_sheet() {
    let test = "a_folder_becomes_timelines_and_a_contact_sheet";
    let (Some(portrait), Some(other)) = (media("astronaut.png"), media("grace_hopper.jpg")) else {
        return;
    };
    let folder = folder(test);
    let (input, page) = (folder.join("in"), folder.join("page.html"));
    std::fs::create_dir_all(input.join("sub")).unwrap();
    std::fs::copy(portrait, input.join("astronaut.png")).unwrap();
    std::fs::copy(other, input.join("sub/grace.jpg")).unwrap();
    std::fs::write(input.join("broken.jpg"), "no picture").unwrap();
    let Some(clip) = media("people.mkv") else {
        return;
    };
    for name in ["one.mkv", "two.mkv"] {
        std::fs::copy(&clip, input.join(name)).unwrap();
    }
    let (input, page_name) = (input.to_str().unwrap(), page.to_str().unwrap());
    let output = annotate(&[input, "--report", page_name, "--seconds", "1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("1 of 5 files failed: broken.jpg"),
        "{}",
        said(&output)
    );
    for (width, dark) in [(360, true), (1200, false)] {
        let Some(mut browser) = Page::new(width, 800, dark) else {
            return;
        };
        browser.open(&format!("file://{}", page.display()));
        let text = browser.value("document.body.innerText");
        let text = text.as_str().unwrap().replace('\u{a0}', " ");
        for part in [
            "2 pictures with 2 faces",
            "broken.jpg:",
            "sub/grace.jpg",
            "happy ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        browser.assert_accessible();
        browser.screenshot(&folder.join(format!("sheet-{width}.png")));
        browser.value("document.querySelector('figure a.open').focus()");
        browser.press("Enter");
        browser.until("document.querySelector('figure:target .close')?.offsetHeight > 0");
        browser.assert_accessible();
        browser.press("Escape");
        browser.until("!document.querySelector('figure:target')");
        assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    }
}

#[test]
fn the_live_page_shows_pictures_faces_curves_and_events_of_all_inputs() {
    let test = "the_live_page_shows_pictures_faces_curves_and_events_of_all_inputs";
    let (Some(clip), Some(portrait)) = (media("people.mkv"), media("astronaut.png")) else {
        return;
    };
    let folder = folder(test);
    for (width, dark) in [(360, true), (1200, false)] {
        let live = Live::new(&[&clip, &portrait, "--serve", "0"], &[]);
        let Some(mut browser) = Page::new(width, 800, dark) else {
            return;
        };
        browser.open(&live.url);
        browser.until("[...document.images].every(image => image.naturalWidth > 300)");
        let faces = "document.querySelector('.faces').innerText";
        browser.until(&format!("{faces}.includes('Person 1: ')"));
        browser.until("document.querySelectorAll('.curves')[0].children.length > 0");
        browser.until("document.querySelector('.events').innerText.includes('came')");
        browser.assert_accessible();
        browser.screenshot(&folder.join(format!("live-{width}.png")));
        // By keys alone.
        browser.press("Tab");
        browser.press(" ");
        browser.until("document.getElementById('link').textContent === 'Paused'");
        live.until("fer_viewers{of=\"video\"}", |viewers| viewers == 0);
        browser.press(" ");
        live.until("fer_viewers{of=\"video\"}", |viewers| viewers == 2);
        browser.until("document.getElementById('link').textContent === ''");
        let own = format!("http://{}/", live.host());
        let elsewhere = |url: &&String| !url.starts_with(&own) && !url.starts_with("data:");
        assert_eq!(browser.requested.iter().find(elsewhere), None);
        assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
        drop(browser);
        live.until("fer_viewers{of=\"video\"}", |viewers| viewers == 0);
        live.end();
    }
}

#[test]
fn figures_are_those_of_the_records() {
    let test = "figures_are_those_of_the_records";
    let Some(clip) = media("people.mkv") else {
        return;
    };
    let records = folder(test).join("people.jsonl");
    let live = Live::new(
        &[
            &clip,
            "--serve",
            "0",
            "--records",
            records.to_str().unwrap(),
        ],
        &[],
    );
    live.until("fer_up", |up| up == 1);
    live.until("fer_up", |up| up == 0);
    let text = live.answer("/metrics", "");
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for labels in counted(&records).into_values() {
        for (label, frames) in labels {
            *expected.entry(label).or_default() += frames;
        }
    }
    for (label, frames) in expected {
        let name = "people.mkv";
        let line = format!(
            "fer_readings_total{{input=\"0\",name=\"{name}\",expression=\"{label}\"}} {frames}\n"
        );
        assert!(text.contains(&line), "{line}{text}");
    }
    let frames = std::fs::read_to_string(&records).unwrap().lines().count();
    assert!(text.contains(&format!("}} {frames}\n")), "{text}");
    // What was is still told to who comes later.
    let mut events = BufReader::new(live.ask("/events", ""));
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        assert!(events.read_line(&mut line).unwrap() > 0);
    }
    assert!(line.contains("face-left"), "{line}");
    live.end();
}

#[test]
fn a_viewer_that_stalls_holds_up_nobody() {
    let Some(clip) = media("people.mkv") else {
        return;
    };
    let live = Live::new(&[&clip, "--serve", "0"], &[]);
    // They ask and never read.
    let stalled: Vec<TcpStream> = ["/video/0", "/video/0", "/events"]
        .into_iter()
        .map(|path| live.ask(path, ""))
        .collect();
    live.until("fer_viewers{of=\"video\"}", |viewers| viewers == 2);
    let mut other = live.ask("/video/0", "");
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        // Until the program ends.
        other.read_to_end(&mut seen).unwrap();
        let starts = seen.windows(11).filter(|part| part == b"--fer-frame");
        starts.count()
    });
    // All of the clip passes, and who reads sees it.
    live.until("fer_up", |up| up == 1);
    live.until("fer_up", |up| up == 0);
    let frames = live.metric("fer_frames_total");
    let whole = annotate(&[&clip]);
    let told = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert!(told.starts_with(&format!("{frames} frames ")), "{told}");
    live.end();
    drop(stalled);
    let pictures = reader.join().unwrap();
    assert!(pictures > 20, "{pictures}");
}

#[test]
fn nobody_else_gets_in() {
    let Some(portrait) = media("astronaut.png") else {
        return;
    };
    let live = Live::new(&[&portrait, "--serve", "0"], &[]);
    assert!(!live.url.contains("token"), "{}", live.url);
    let page = live.answer("/", "");
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert!(
        page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    let other = live.answer("/metrics", "Host: evil.example\r\n");
    assert!(other.starts_with("HTTP/1.1 421 "), "{other}");
    for path in ["/../Cargo.toml", "/video/9", "/picture/-1", "/video/"] {
        let answer = live.answer(path, "");
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    live.end();

    let live = Live::new(&[&portrait, "--serve", "0.0.0.0:0"], &[]);
    let (_, token) = live.url.split_once("token=").unwrap();
    assert_eq!(token.len(), 32);
    for path in ["/", "/events", "/metrics", "/video/0", "/?token=0"] {
        let answer = live.answer(path, "");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
        assert!(!answer.contains(token));
    }
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let figures = live.answer("/metrics", &bearer);
    assert!(figures.contains("fer_frames_total"), "{figures}");
    if let Some(mut browser) = Page::new(800, 600, false) {
        browser.open(&live.url);
        browser
            .until("document.querySelector('.faces').innerText !== '' && location.search === ''");
        browser.until("document.images[0].naturalWidth > 300");
    }
    live.end();

    let own = "0123456789abcdefghij";
    let live = Live::new(&[&portrait, "--serve", "0"], &[("FER_SERVE_TOKEN", own)]);
    // Who gave it knows it, and logs are read by others.
    assert!(!live.url.contains(own), "{}", live.url);
    // It is closed without being asked to.
    let mut stream = TcpStream::connect(live.host()).unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", live.host());
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    let answer = live.answer(&format!("/?token={own}"), "");
    assert!(answer.contains("SameSite=Lax"), "{answer}");
    live.end();
}

#[test]
fn what_can_not_be_served_is_said() {
    let folder = folder("what_can_not_be_served_is_said");
    let text = folder.join("notes.txt");
    std::fs::write(&text, "no video at all").unwrap();
    let text = text.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, part) in [
        (
            vec!["/nonexistent/clip.mp4", "--serve", "0"],
            "/nonexistent/clip.mp4",
        ),
        (vec![text, "--serve", "0"], "notes.txt"),
        (vec![text, "--serve", &taken], "in use"),
        (
            vec![folder.to_str().unwrap(), "--serve", "0"],
            "a folder can't be shown live",
        ),
        (
            vec![text, "--serve", "0", "--report", "x.html"],
            "--report and --serve",
        ),
        (
            vec![text, text, "--serve", "0", "--records", "x.csv"],
            "writes no files",
        ),
    ] {
        let output = annotate(&args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(part), "{args:?}: {}", said(&output));
        assert_eq!(
            said(&output).lines().count(),
            1,
            "{args:?}: {}",
            said(&output)
        );
    }
    let short = Command::new(env!("CARGO_BIN_EXE_fer-annotate"))
        .args([text, "--serve", "0"])
        .env("FER_SERVE_TOKEN", "short")
        .output();
    assert!(said(&short.unwrap()).contains("FER_SERVE_TOKEN"));
}

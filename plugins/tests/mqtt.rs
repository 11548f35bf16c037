//! `ferpublish` and a real MQTT broker that comes, goes and refuses.
#![cfg(feature = "mqtt")]

mod broker;
#[cfg(feature = "mqtts")]
mod certificates;
mod common;
#[path = "../../tests/lines/mod.rs"]
mod lines;

use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Broker, Message, free_port};
#[cfg(feature = "mqtts")]
use certificates::Certificates;
use common::{pipeline, run, run_with, skip, stat, within_a_minute};
use gst::prelude::*;
use lines::assert_valid;
use serde_json::Value;

fn source(properties: &str) -> String {
    format!(
        "videotestsrc {properties} ! video/x-raw,format=I420,width=320,height=240,framerate=100/1"
    )
}

fn frame(message: &Message) -> u64 {
    let line: Value = serde_json::from_str(&message.payload).unwrap();
    line["frame"].as_u64().unwrap()
}

/// The frames that messages on `topic` tell of, in their order, and what is said of the status.
fn split(messages: &[Message]) -> (Vec<u64>, Vec<&str>) {
    let (status, records): (Vec<&Message>, Vec<&Message>) = messages
        .iter()
        .partition(|message| message.topic.ends_with("/status"));
    let status = status.iter().map(|m| m.payload.as_str()).collect();
    (records.into_iter().map(frame).collect(), status)
}

/// The frames without those that came again, as QoS 1 allows; order and gaps remain.
fn first_times(frames: &[u64]) -> Vec<u64> {
    let mut seen = std::collections::BTreeSet::new();
    let first = frames.iter().filter(|frame| seen.insert(**frame));
    first.copied().collect()
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn all_records_arrive_in_order_and_the_status_tells_of_both_ends() {
    let Some(mut broker) = Broker::new("mqtt-order", "allow_anonymous true") else {
        return;
    };
    let listener = broker.start_with_listener("order", "cameras/door/#");
    let run = run(&format!(
        "{} ! ferpublish location=mqtt://127.0.0.1:{}/cameras/door ! fakesink name=end",
        source("num-buffers=700"),
        broker.port
    ));
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 700));
    assert_eq!(run.warnings(), [""; 0]);
    // The end of the stream has waited for them.
    let stats = &run.stats["ferpublish"];
    assert_eq!((stat(stats, "published"), stat(stats, "queued")), (700, 0));
    let messages = listener.until(|message| message.payload == "offline");
    let (frames, status) = split(&messages);
    assert_eq!(frames, Vec::from_iter(0..700));
    assert_eq!(status, ["online", "offline"]);
    let records = messages.iter().filter(|m| m.topic == "cameras/door");
    assert_valid(
        &records
            .map(|m| format!("{}\n", m.payload))
            .collect::<String>(),
    );
    // Who comes later learns it, too.
    let late = broker.listen("late", "cameras/door/status").next();
    assert_eq!((late.payload.as_str(), late.retained), ("offline", true));
}

#[test]
fn a_broker_that_is_killed_and_started_again_misses_nothing() {
    let Some(mut broker) = Broker::new("mqtt-away", "allow_anonymous true") else {
        return;
    };
    let listener = broker.start_with_listener("away", "faces");
    let description = format!(
        "{} ! ferpublish name=teller location=mqtt://127.0.0.1:{}/faces queue-size=100000 drain-timeout=50000 \
         ! fakesink name=end sync=true",
        source("num-buffers=400 is-live=true"),
        broker.port
    );
    let elements = Arc::new(Mutex::new(None));
    let shared = elements.clone();
    let stream = std::thread::spawn(move || {
        run_with(&description, |pipeline| {
            *shared.lock().unwrap() = pipeline.by_name("teller");
        })
    });
    wait_until(|| elements.lock().unwrap().is_some());
    let teller = elements.lock().unwrap().take().unwrap();
    let stats = || teller.property::<gst::Structure>("stats");
    wait_until(|| stat(&stats(), "published") > 50);
    broker.kill();
    wait_until(|| stat(&stats(), "queued") > 50);
    assert!(!stats().get::<bool>("connected").unwrap());
    broker.start();
    drop(teller);
    let run = stream.join().unwrap();
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 400));
    let stats = &run.stats["ferpublish"];
    assert_eq!((stat(stats, "published"), stat(stats, "dropped")), (400, 0));
    assert_eq!(stat(stats, "reconnects"), 1);
    assert_eq!(run.warnings().len(), 1, "{:?}", run.warnings());
    let messages = listener.until(|message| frame(message) == 399);
    let (frames, _) = split(&messages);
    assert_eq!(first_times(&frames), Vec::from_iter(0..400));
}

#[test]
fn a_broker_that_comes_late_gets_what_the_queue_holds() {
    let Some(mut broker) = Broker::new("mqtt-late", "allow_anonymous true") else {
        return;
    };
    // The broker knows who listens, and is away again.
    let listener = broker.start_with_listener("late", "faces");
    broker.end();
    let location = format!("mqtt://127.0.0.1:{}/faces", broker.port);
    let (failed, fails) = std::sync::mpsc::channel();
    let stream = std::thread::spawn(move || {
        let description = format!(
            "{} ! ferpublish location={location} queue-size=30 drain-timeout=50000 ! fakesink name=end",
            source("num-buffers=100")
        );
        run_with(&description, |pipeline| {
            pipeline.bus().unwrap().set_sync_handler(move |_, message| {
                if message.type_() == gst::MessageType::Warning {
                    let _ = failed.send(());
                }
                gst::BusSyncReply::Pass
            });
        })
    });
    fails.recv().unwrap();
    broker.start();
    let run = stream.join().unwrap();
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 100));
    let stats = &run.stats["ferpublish"];
    assert_eq!((stat(stats, "published"), stat(stats, "dropped")), (30, 70));
    let said = run.warnings();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(&format!("127.0.0.1:{}", broker.port)),
        "{said:?}"
    );
    let (frames, _) = split(&listener.until(|message| frame(message) == 99));
    assert_eq!(first_times(&frames), Vec::from_iter(70..100));
}

#[test]
fn without_a_broker_video_goes_on_and_who_hears_the_warning_may_ask() {
    within_a_minute(|| {
        let pipeline = pipeline(&format!(
            "{} ! ferpublish name=asked location=mqtt://127.0.0.1:{}/faces queue-size=20 ! fakesink",
            source("is-live=true"),
            free_port()
        ));
        let asked = pipeline.by_name("asked").unwrap();
        let (heard, hears) = std::sync::mpsc::channel();
        let stats = move || asked.property::<gst::Structure>("stats");
        let ask = stats.clone();
        pipeline.bus().unwrap().set_sync_handler(move |_, message| {
            if message.type_() == gst::MessageType::Warning {
                let _ = heard.send(ask());
            }
            gst::BusSyncReply::Pass
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        hears.recv().unwrap();
        wait_until(|| stat(&stats(), "dropped") > 10);
        let now = stats();
        assert_eq!((stat(&now, "queued"), stat(&now, "published")), (20, 0));
        pipeline.set_state(gst::State::Null).unwrap();
    });
}

#[test]
fn who_is_killed_is_offline() {
    let Some(mut broker) = Broker::new("mqtt-will", "allow_anonymous true") else {
        return;
    };
    let listener = broker.start_with_listener("will", "faces/status");
    let mut stream = Command::new("gst-launch-1.0")
        .args(["-q", "videotestsrc", "is-live=true", "!", "ferpublish"])
        .arg(format!("location=mqtt://127.0.0.1:{}/faces", broker.port))
        .args(["!", "fakesink"])
        .env("GST_PLUGIN_PATH", common::plugin_folder())
        .spawn()
        .unwrap();
    assert_eq!(listener.next().payload, "online");
    stream.kill().unwrap();
    stream.wait().unwrap();
    assert_eq!(listener.next().payload, "offline");
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let Some(mut broker) = Broker::new("mqtt-password", "") else {
        return;
    };
    let passwords = broker.path("passwords");
    let made = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&passwords)
        .args(["jo", "right horse"])
        .status()
        .unwrap();
    assert!(made.success());
    let config = std::fs::read_to_string(broker.path("broker.conf")).unwrap();
    let config = format!(
        "{config}\nallow_anonymous false\npassword_file {}\n",
        passwords.display()
    );
    std::fs::write(broker.path("broker.conf"), config).unwrap();
    broker.start();
    let run_as = |password: &str| {
        run_with(
            &format!(
                "{} ! ferpublish name=teller location=mqtt://jo@127.0.0.1:{}/faces drain-timeout=1000 ! fakesink name=end",
                source("num-buffers=10"),
                broker.port
            ),
            |pipeline| {
                pipeline
                    .by_name("teller")
                    .unwrap()
                    .set_property("password", password)
            },
        )
    };
    let run = run_as("hunter2");
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 10));
    let said = run.warnings();
    assert!(said[0].contains("user nor password"), "{said:?}");
    assert!(
        !said.iter().any(|text| text.contains("hunter2")),
        "{said:?}"
    );
    assert_eq!(stat(&run.stats["ferpublish"], "published"), 0);

    let run = run_as("right horse");
    assert_eq!(run.warnings(), [""; 0]);
    assert_eq!(stat(&run.stats["ferpublish"], "published"), 10);
}

#[test]
fn passwords_are_in_no_log() {
    let Some(mut broker) = Broker::new("mqtt-log", "allow_anonymous true") else {
        return;
    };
    broker.start();
    let output = Command::new("gst-launch-1.0")
        .args([
            "-v",
            "videotestsrc",
            "num-buffers=20",
            "!",
            "ferpublish",
            "password=hunter2",
        ])
        .arg(format!(
            "location=mqtt://jo@127.0.0.1:{}/faces",
            broker.port
        ))
        .args(["!", "fakesink"])
        .env("GST_PLUGIN_PATH", common::plugin_folder())
        .env("GST_DEBUG", "*:4,fer*:9,GST_ELEMENT*:9,GST_REGISTRY:0")
        .env("GST_DEBUG_NO_COLOR", "1")
        .output()
        .unwrap();
    let log = [output.stdout, output.stderr].concat();
    let log = String::from_utf8_lossy(&log);
    assert!(output.status.success(), "{log}");
    assert!(
        log.contains("connected"),
        "the log is that of this element: {log}"
    );
    // GStreamer's own parser tells what it parsed, which is not ours to change.
    let ours = log
        .lines()
        .filter(|line| line.contains("hunter2") && line.contains("fer"));
    let ours: Vec<&str> = ours.filter(|line| !line.contains("GST_PIPELINE")).collect();
    assert_eq!(ours, [""; 0]);
}

#[test]
fn a_broker_that_never_answers_holds_nothing_up() {
    within_a_minute(|| {
        // Takes connections and neither reads nor writes.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let run = run(&format!(
            "{} ! ferpublish location=mqtt://127.0.0.1:{port}/faces queue-size=5 drain-timeout=300 ! fakesink name=end",
            source("num-buffers=1000")
        ));
        assert_eq!((run.error.as_ref(), run.frames.len()), (None, 1000));
        let stats = &run.stats["ferpublish"];
        assert_eq!((stat(stats, "dropped"), stat(stats, "queued")), (995, 5));
        assert!(
            run.warnings().iter().any(|text| text.contains("5 records")),
            "{:?}",
            run.warnings()
        );
    });
}

#[cfg(feature = "mqtts")]
#[test]
fn over_tls_records_go_to_those_alone_who_are_trusted() {
    let Some(mut broker) = Broker::new("mqtt-tls", "allow_anonymous true") else {
        return;
    };
    let certificates = Certificates::new("mqtt");
    let file = |name: &str, kind: &str| certificates.file(name, kind).display().to_string();
    let config = std::fs::read_to_string(broker.path("broker.conf")).unwrap();
    let config = format!(
        "{config}\ncertfile {}\nkeyfile {}\n",
        file("here", "pem"),
        file("here", "key")
    );
    std::fs::write(broker.path("broker.conf"), config).unwrap();
    let authority = file("authority", "pem");
    broker.start();
    let run_with_trust = |trust: &str| {
        run(&format!(
            "{} ! ferpublish location=mqtts://localhost:{}/faces {trust} drain-timeout=2000 ! fakesink name=end",
            source("num-buffers=50"),
            broker.port
        ))
    };
    let trusted = run_with_trust(&format!("ca-file={authority}"));
    assert_eq!(trusted.warnings(), [""; 0], "{}", broker.log());
    assert_eq!(stat(&trusted.stats["ferpublish"], "published"), 50);
    let unknown = run_with_trust("");
    assert_eq!((unknown.error.as_ref(), unknown.frames.len()), (None, 50));
    assert_eq!(stat(&unknown.stats["ferpublish"], "published"), 0);
    assert!(!unknown.warnings().is_empty());
    let none = run_with_trust("ca-file=/nonexistent.pem");
    assert!(none.error.unwrap().1.contains("/nonexistent.pem"));
}

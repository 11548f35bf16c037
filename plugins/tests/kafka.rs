//! `ferpublish` and librdkafka's own cluster for tests, which speaks Kafka's protocol on loopback.
#![cfg(feature = "kafka")]

mod common;
#[path = "../../tests/lines/mod.rs"]
mod lines;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{run, run_with, skip, stat};
use gst::prelude::*;
use lines::assert_valid;
use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaRespErr;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    MockCluster::new(1).unwrap()
}

fn source(properties: &str) -> String {
    format!(
        "videotestsrc {properties} ! video/x-raw,format=I420,width=320,height=240,framerate=100/1"
    )
}

/// What lies in `topic`, partition and line, until frame `last` has come.
fn read(brokers: &str, topic: &str, last: u64) -> Vec<(i32, String)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let (mut lines, end) = (Vec::new(), Instant::now() + PATIENCE);
    while Instant::now() < end {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else {
            continue;
        };
        let line = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
        let frame = frame(&line);
        lines.push((message.partition(), line));
        if frame == last {
            return lines;
        }
    }
    panic!("frame {last} has not come: {} lines", lines.len())
}

fn frame(line: &str) -> u64 {
    let line: Value = serde_json::from_str(line).unwrap();
    line["frame"].as_u64().unwrap()
}

fn frames(lines: &[(i32, String)]) -> Vec<u64> {
    lines.iter().map(|(_, line)| frame(line)).collect()
}

#[test]
fn all_records_arrive_in_order_in_one_partition() {
    let cluster = cluster();
    cluster.create_topic("doors", 4, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let run = run(&format!(
        "{} ! ferpublish location=kafka://{brokers}/doors ! fakesink name=end",
        source("num-buffers=700")
    ));
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 700));
    assert_eq!(run.warnings(), [""; 0]);
    // The end of the stream has waited for them.
    let stats = &run.stats["ferpublish"];
    assert_eq!((stat(stats, "published"), stat(stats, "queued")), (700, 0));
    let lines = read(&brokers, "doors", 699);
    assert_eq!(frames(&lines), Vec::from_iter(0..700));
    assert!(lines.iter().all(|(partition, _)| *partition == lines[0].0));
    assert_valid(
        &lines
            .iter()
            .map(|(_, line)| format!("{line}\n"))
            .collect::<String>(),
    );
}

#[test]
fn a_cluster_that_goes_and_comes_again_misses_nothing() {
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let description = format!(
        "{} ! ferpublish name=teller location=kafka://{brokers}/faces queue-size=100000 \
         drain-timeout=50000 ! fakesink name=end sync=true",
        source("num-buffers=400 is-live=true")
    );
    let elements = Arc::new(Mutex::new(None));
    let shared = elements.clone();
    let stream = std::thread::spawn(move || {
        run_with(&description, |pipeline| {
            *shared.lock().unwrap() = pipeline.by_name("teller");
        })
    });
    let wait_until = |is_so: &dyn Fn() -> bool| {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end);
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_until(&|| elements.lock().unwrap().is_some());
    let teller = elements.lock().unwrap().take().unwrap();
    let stats = || teller.property::<gst::Structure>("stats");
    wait_until(&|| stat(&stats(), "published") > 50);
    cluster.broker_down(1).unwrap();
    wait_until(&|| !stats().get::<bool>("connected").unwrap());
    wait_until(&|| stat(&stats(), "queued") > 20);
    cluster.broker_up(1).unwrap();
    drop(teller);
    let run = stream.join().unwrap();
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 400));
    let stats = &run.stats["ferpublish"];
    assert_eq!((stat(stats, "published"), stat(stats, "dropped")), (400, 0));
    assert_eq!(stat(stats, "reconnects"), 1);
    let warned = run.warnings();
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(
        warned[0].contains("No connection to the brokers"),
        "{warned:?}"
    );
    let lines = read(&brokers, "faces", 399);
    assert_eq!(frames(&lines), Vec::from_iter(0..400));
}

#[test]
fn video_passes_where_there_is_no_cluster() {
    // A port that nobody listens at.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let began = Instant::now();
    let run = run(&format!(
        "{} ! ferpublish location=kafka://127.0.0.1:{port}/faces queue-size=10 drain-timeout=1500 \
         ! fakesink name=end",
        source("num-buffers=300")
    ));
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 300));
    // Minutes would be librdkafka's own patience.
    assert!(began.elapsed() < Duration::from_secs(20));
    let warned = run.warnings();
    assert!(
        warned[0].contains("No connection to the brokers"),
        "{warned:?}"
    );
    assert!(
        warned.last().unwrap().contains("could not be sent in time"),
        "{warned:?}"
    );
    let stats = &run.stats["ferpublish"];
    assert_eq!(stat(stats, "published"), 0);
}

#[test]
fn records_that_the_brokers_do_not_take_are_dropped_and_told() {
    let cluster = cluster();
    cluster.create_topic("closed", 1, 1).unwrap();
    let no = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.topic_error("closed", no).unwrap();
    let run = run(&format!(
        "{} ! ferpublish location=kafka://{}/closed ! fakesink name=end",
        source("num-buffers=5"),
        cluster.bootstrap_servers()
    ));
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 5));
    let stats = &run.stats["ferpublish"];
    assert_eq!((stat(stats, "published"), stat(stats, "dropped")), (0, 5));
    // Once, not for each of them.
    let warned = run.warnings();
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("authorization"), "{warned:?}");
}

#[test]
fn a_location_that_is_none_is_an_error_at_the_start() {
    let run = run(
        "videotestsrc num-buffers=1 ! ferpublish name=teller location=kafka://host/a/b ! fakesink name=end",
    );
    let (element, text) = run.error.unwrap();
    assert_eq!(element, "teller");
    assert!(text.contains("topic"), "{text}");
}

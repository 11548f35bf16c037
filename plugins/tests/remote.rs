//! `ferclassify engine=remote` with real servers.

#![cfg(feature = "remote")]

mod common;
mod hostile;
mod marked;
#[path = "../../tests/mean/mod.rs"]
mod mean;
#[path = "../../tests/servers/mod.rs"]
mod servers;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Run, run_with, skip, within_a_minute};
use fer::Model;
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;
use hostile::Hostile;
use marked::{FACES, Live, assert_alike, classify, count, mark, probabilities, remote, stream};
use servers::{Kind, Server, free_port};

#[test]
fn servers_say_what_this_machine_says() {
    let here = classify(5, "engine=builtin");
    for kind in [
        Kind::KServe,
        Kind::KServeTyped,
        Kind::MlServer,
        Kind::Triton,
    ] {
        let Some(server) = Server::start(kind, "alike") else {
            continue;
        };
        // A server that others keep busy too is not late.
        let properties = "deadline=20000 fallback=error token=hunter2";
        let run = classify(5, &remote(&server.endpoint(), properties));
        assert_eq!(run.error, None, "{kind:?}: {}", server.log());
        assert_alike(&run, &here);
        let requests = count(&run, "remote-requests");
        // All faces of a frame in one.
        assert_eq!((requests, count(&run, "remote-failed")), (5, 0), "{kind:?}");
        assert_eq!(count(&run, "local-faces"), 0);
        let engine: String = run.stats["ferclassify"].get("engine").unwrap();
        assert_eq!(engine, "remote");
        if matches!(kind, Kind::KServe | Kind::KServeTyped) {
            let sent = server.notes("authorization");
            assert_eq!(sent.last().unwrap(), "Bearer hunter2");
        }
    }
}

#[test]
fn a_network_that_takes_bytes_is_sent_bytes() {
    let network = mean::MeanModel {
        input_type: mean::DataType::Uint8,
        tail: vec![mean::node("Mul", &["scores", "scale"], "output", &[])],
        constants: vec![mean::number("scale", 1.0 / 255.0)],
        ..Default::default()
    };
    let bytes = network.bytes();
    let path = std::env::temp_dir().join(format!("fer-bytes-{}.onnx", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let described = format!("model={} labels=a,b,c output=logits", path.display());
    for kind in [Kind::KServe, Kind::Triton] {
        let Some(server) = Server::with(kind, "bytes", &bytes) else {
            continue;
        };
        let labels = ["a", "b", "c"].map(str::to_owned).to_vec();
        let overrides = fer::model::Overrides {
            labels: Some(labels),
            output: Some(fer::model::Output::Logits),
            ..Default::default()
        };
        server.wait_for(&Model::load(&path, &overrides).unwrap());
        let properties = format!("deadline=20000 fallback=error {described}");
        let run = classify(3, &remote(&server.endpoint(), &properties));
        assert_eq!(run.error, None, "{}", server.log());
        assert_alike(&run, &classify(3, &described));
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_server_that_is_killed_and_started_again_leaves_no_face_unread() {
    let Some(mut server) = Server::start(Kind::KServe, "restart") else {
        return;
    };
    let live = Live::start(&remote(&server.endpoint(), "deadline=5000"));
    live.until_grown("remote-requests", 20);
    assert_eq!(live.count("local-faces"), 0);
    server.kill();
    live.until_grown("local-faces", 60);
    live.until(|live| !live.warnings.borrow().is_empty());
    assert!(live.warnings.borrow()[0].contains("No server answers"));
    assert_eq!(live.stats().get::<String>("remote-endpoint").unwrap(), "");
    server.restart();
    live.until(|live| {
        !live
            .stats()
            .get::<String>("remote-endpoint")
            .unwrap()
            .is_empty()
    });
    live.until_grown("remote-requests", 20);
    assert_eq!(live.count("unread"), 0);
    assert_eq!(live.count("remote-outages"), 1);
    assert_eq!(live.warnings.borrow().len(), 1);
    let mut run = classify(1, "engine=builtin");
    let here = probabilities(&run);
    run.frames = live.end();
    for said in probabilities(&run).chunks(here.len()) {
        assert!(said.iter().zip(&here).all(|(a, b)| (a - b).abs() <= 1e-5));
    }
}

#[test]
fn another_server_takes_over_from_one_that_is_killed() {
    let both = [Kind::KServe, Kind::MlServer].map(|kind| Server::start(kind, "failover"));
    let [Some(mut first), Some(second)] = both else {
        return;
    };
    let endpoints = format!("{},{}", first.endpoint(), second.endpoint());
    let live = Live::start(&remote(&endpoints, "deadline=20000 fallback=error"));
    let serving = |live: &Live| live.stats().get::<String>("remote-endpoint").unwrap();
    live.until_grown("remote-requests", 10);
    assert_eq!(serving(&live), first.endpoint());
    first.kill();
    live.until(|live| serving(live) == second.endpoint());
    live.until_grown("remote-requests", 10);
    // And back.
    first.restart();
    live.until(|live| serving(live) == first.endpoint());
    live.until_grown("remote-requests", 10);
    assert_eq!((live.count("unread"), live.count("remote-outages")), (0, 0));
    live.end();
}

#[test]
fn of_two_endpoints_a_dead_one_does_not_matter() {
    let Some(server) = Server::start(Kind::KServe, "one-dead") else {
        return;
    };
    let endpoints = format!("grpc://127.0.0.1:{},{}", free_port(), server.endpoint());
    let run = classify(5, &remote(&endpoints, "deadline=20000 fallback=error"));
    assert_eq!(run.error, None);
    assert_eq!(count(&run, "classified"), 15);
    let serving: String = run.stats["ferclassify"].get("remote-endpoint").unwrap();
    assert_eq!(serving, server.endpoint());
    assert!(run.warnings().is_empty());
}

/// Has the server be late from the first frame on.
fn late_from_the_first_frame(pipeline: &gst::Pipeline, server: Server) {
    let is_late = AtomicBool::new(false);
    common::mark(pipeline, move |_| {
        if !is_late.swap(true, Ordering::Relaxed) {
            server.delay(Duration::from_secs(3600));
        }
    });
    mark(pipeline);
}

#[test]
fn a_slow_server_costs_no_more_than_the_deadline() {
    for (fallback, unread, local) in [("drop", 18, 0), ("local", 0, 18)] {
        let Some(server) = Server::start(Kind::KServe, &format!("slow-{fallback}")) else {
            return;
        };
        let properties = format!("deadline=300 fallback={fallback}");
        let description = stream(6, &remote(&server.endpoint(), &properties));
        let run = within_a_minute(move || {
            run_with(&description, |pipeline| {
                late_from_the_first_frame(pipeline, server)
            })
        });
        assert_eq!(run.error, None);
        assert_eq!((run.frames.len(), count(&run, "unread")), (6, unread));
        assert_eq!(count(&run, "local-faces"), local);
        // Then it is not waited for any more.
        assert_eq!(count(&run, "remote-late"), 3);
        let told = run.warnings();
        assert!(
            told.iter().any(|w| w.contains("No server answers")),
            "{told:?}"
        );
        for face in run.frames.iter().flat_map(|frame| &frame.faces) {
            let label = &face.expression.as_ref().unwrap().label;
            assert_eq!(label == "uncertain", fallback == "drop");
        }
    }
    let Some(server) = Server::start(Kind::KServe, "slow-error") else {
        return;
    };
    let properties = "deadline=300 fallback=error";
    let description = stream(6, &remote(&server.endpoint(), properties));
    let run = within_a_minute(move || {
        run_with(&description, |pipeline| {
            late_from_the_first_frame(pipeline, server)
        })
    });
    let (_, text) = run.error.expect("the stream ends");
    assert!(text.contains("no answer within"), "{text}");
}

#[test]
fn four_streams_are_joined_into_batches() {
    let Some(server) = Server::start(Kind::KServe, "joined") else {
        return;
    };
    // The last to come waits for nobody: the streams are in step, so that none is alone for long.
    let properties = remote(
        &server.endpoint(),
        "deadline=20000 fallback=error batch-timeout=10000000000",
    );
    let one = |at: usize| {
        stream(5, &properties)
            .replace("name=source", &format!("name=source{at}"))
            .replace("name=classify", &format!("name=classify{at}"))
            .replace("name=end", if at == 0 { "name=end" } else { "async=false" })
    };
    let run = run_with(&(0..4).map(one).collect::<Vec<_>>().join(" "), |pipeline| {
        for at in 0..4 {
            let source = pipeline.by_name(&format!("source{at}")).unwrap();
            let pad = source.static_pad("src").unwrap();
            pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
                let buffer = info.buffer_mut().unwrap().make_mut();
                VideoRegionOfInterestMeta::add(buffer, "face", FACES[0]);
                gst::PadProbeReturn::Ok
            });
        }
    });
    assert_eq!(run.error, None);
    assert_eq!(count(&run, "classified"), 5);
    assert!(count(&run, "engine-largest-batch") >= 3);
    let batches = server.notes("batches");
    assert!(
        batches.iter().any(|faces| matches!(&**faces, "3" | "4")),
        "{batches:?}"
    );
}

#[test]
fn who_waits_for_others_longer_than_the_deadline_has_the_deadline_yet() {
    let Some(server) = Server::start(Kind::KServe, "patient") else {
        return;
    };
    // The stream without faces may have some at any time, so that each batch waits for it.
    let properties = remote(
        &server.endpoint(),
        "deadline=5000 fallback=error batch-timeout=6000000000",
    );
    let other = stream(2, &properties)
        .replace("name=source", "name=empty")
        .replace("name=classify", "name=other")
        .replace("name=end", "async=false");
    let run = run_with(&format!("{} {other}", stream(2, &properties)), mark);
    assert_eq!(run.error, None);
    assert_eq!(count(&run, "remote-late"), 0);
}

/// Faces side by side, `faces` on each frame; the server turns before the first.
fn turn_at_the_first_frame(pipeline: &gst::Pipeline, server: Hostile, faces: u32) {
    common::mark(pipeline, move |buffer| {
        server.turn();
        for at in 0..faces {
            let rect = (at % 8 * 40, at / 8 * 40, 40, 40);
            VideoRegionOfInterestMeta::add(buffer, "face", rect).set_id(at as i32 + 1);
        }
    });
}

/// One frame with so many faces, by a server that turns before it.
fn one_frame(mode: &str, faces: u32, properties: &str) -> Option<Run> {
    let server = Hostile::start(mode)?;
    let description = stream(1, &remote(&server.endpoint(), properties));
    Some(within_a_minute(move || {
        run_with(&description, |pipeline| {
            turn_at_the_first_frame(pipeline, server, faces)
        })
    }))
}

#[test]
fn however_many_faces_wait_the_deadline_is_one() {
    for (fallback, unread, local) in [("drop", 40, 0), ("local", 0, 40)] {
        let properties = format!("deadline=500 retries=0 fallback={fallback}");
        let Some(run) = one_frame("silent", 40, &properties) else {
            return;
        };
        assert_eq!(run.error, None);
        assert_eq!(count(&run, "unread"), unread);
        assert_eq!(count(&run, "local-faces"), local);
        // All were asked of at once.
        assert_eq!(count(&run, "remote-requests"), 3);
        assert_eq!(count(&run, "remote-outages"), 0);
        let told = run.warnings();
        let said = told.iter().any(|w| w.contains("No server has read a face"));
        assert_eq!(said, fallback == "drop", "{told:?}");
    }
}

#[test]
fn a_server_that_takes_fewer_faces_is_sent_fewer() {
    let Some(run) = one_frame("at most 4", 40, "deadline=20000 fallback=error") else {
        return;
    };
    assert_eq!(run.error, None);
    assert_eq!(count(&run, "classified"), 40);
    assert_eq!(
        (count(&run, "remote-failed"), count(&run, "unread")),
        (0, 0)
    );
}

#[test]
fn answers_that_are_none_are_failures_of_the_server() {
    for mode in ["later nan", "other lengths"] {
        let Some(run) = one_frame(mode, 12, "deadline=20000 fallback=local") else {
            return;
        };
        assert_eq!(run.error, None, "{mode}");
        assert_eq!(count(&run, "local-faces"), 12, "{mode}");
        assert!(count(&run, "remote-failed") > 0, "{mode}");
    }
}

#[test]
fn what_a_hostile_server_says_at_the_start_is_an_error_of_one_short_line_or_a_warning() {
    for (mode, said) in [
        ("huge", Some("takes no number of faces")),
        ("overflowing", Some("takes no number of faces")),
        ("negative", Some("takes no number of faces")),
        ("lengths", Some("values for 1 faces")),
        ("unknown", Some("no such model")),
        ("denied", Some("not for you")),
        ("nan", None),
        ("internal", None),
        ("hanging", None),
    ] {
        let Some(server) = Hostile::start(mode) else {
            return;
        };
        let properties = remote(&server.endpoint(), "deadline=20000");
        let run = within_a_minute(move || classify(2, &properties));
        let Some(said) = said else {
            assert_eq!(run.error, None, "{mode}");
            assert_eq!(count(&run, "local-faces"), 6, "{mode}");
            let told = run.warnings();
            assert_eq!(told.len(), 1, "{mode}: {told:?}");
            assert!(told[0].len() < 1000, "{mode}: {told:?}");
            continue;
        };
        let (_, text) = run.error.expect(mode);
        assert!(text.contains(said) && text.len() < 1000, "{mode}: {text}");
    }
}

#[test]
fn what_is_wrong_with_one_server_does_not_matter_where_another_serves() {
    for mode in ["unknown", "huge", "denied", "internal"] {
        let Some(server) = Hostile::start(mode) else {
            return;
        };
        let Some(good) = Hostile::start("at most 4") else {
            return;
        };
        let endpoints = format!("{},{}", server.endpoint(), good.endpoint());
        let run = classify(2, &remote(&endpoints, "deadline=20000 fallback=error"));
        assert_eq!(run.error, None, "{mode}");
        assert_eq!(count(&run, "classified"), 6);
        let serving: String = run.stats["ferclassify"].get("remote-endpoint").unwrap();
        assert_eq!(serving, good.endpoint());
    }
}

#[test]
fn a_stop_does_not_wait_for_a_request() {
    for properties in [
        "fallback=error",
        "fallback=error shared-engine=false",
        "fallback=drop",
    ] {
        let test = format!("stop-{}", properties.len());
        let Some(server) = Server::start(Kind::KServe, &test) else {
            return;
        };
        let properties = format!("deadline=600000 {properties}");
        let live = Live::start(&remote(&server.endpoint(), &properties));
        live.until_grown("remote-requests", 5);
        server.delay(Duration::from_secs(3600));
        let before = server.notes("batches").len();
        live.until(|_| {
            server.notes("batches").len() > before + 1 || {
                let asked = server.notes("batches").len();
                std::thread::sleep(Duration::from_millis(500));
                asked == server.notes("batches").len()
            }
        });
        let bus = live.pipeline.bus().unwrap();
        let Live { pipeline, .. } = live;
        within_a_minute(move || pipeline.set_state(gst::State::Null).unwrap());
        // No complaint either.
        let complaints = [gst::MessageType::Error, gst::MessageType::Warning];
        assert!(bus.pop_filtered(&complaints).is_none());
    }
}

#[test]
fn a_server_without_the_model_or_with_another_is_an_error_at_the_start() {
    let fails = |endpoint: &str, properties: &str, said: &str| {
        let run = classify(1, &remote(endpoint, properties));
        let told = run.warnings();
        let (element, text) = run
            .error
            .unwrap_or_else(|| panic!("{properties} starts: {told:?}"));
        assert_eq!(element, "classify");
        assert!(text.contains(said), "{text}");
        assert!(text.contains(endpoint), "{text}");
    };
    for kind in [Kind::KServe, Kind::MlServer, Kind::Triton] {
        let Some(server) = Server::start(kind, "wrong-name") else {
            continue;
        };
        for fallback in ["local", "drop", "error"] {
            let properties = format!("model-name=frr fallback={fallback}");
            fails(&server.endpoint(), &properties, "frr");
        }
    }
    let other = mean::MeanModel::default().bytes();
    let path = std::env::temp_dir().join(format!("fer-other-{}.onnx", std::process::id()));
    std::fs::write(&path, &other).unwrap();
    let Some(server) = Server::with(Kind::KServe, "wrong-shape", &other) else {
        return;
    };
    let overrides = fer::model::Overrides {
        labels: Some(["a", "b", "c"].map(str::to_owned).to_vec()),
        mean: Some(vec![0.0]),
        std: Some(vec![255.0]),
        ..Default::default()
    };
    server.wait_for(&Model::load(&path, &overrides).unwrap());
    std::fs::remove_file(&path).unwrap();
    fails(&server.endpoint(), "", "does not take faces");
}

#[test]
fn where_nobody_answers_this_machine_reads_or_the_start_fails() {
    let endpoint = format!("grpc://127.0.0.1:{}", free_port());
    let run = classify(3, &remote(&endpoint, ""));
    assert_eq!(run.error, None);
    assert_alike(&run, &classify(3, "engine=builtin"));
    let told = run.warnings();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("No server answers") && told[0].contains(&endpoint));

    let run = classify(3, &remote(&endpoint, "fallback=drop"));
    assert_eq!((run.error.is_none(), count(&run, "unread")), (true, 9));

    let run = classify(3, &remote(&endpoint, "fallback=error"));
    let (element, text) = run.error.expect("does not start");
    assert_eq!(element, "classify");
    assert!(text.contains(&endpoint), "{text}");
}

#[test]
fn an_endpoint_that_is_none_is_said_at_the_start() {
    for (endpoint, said) in [
        ("\"\"", "no endpoint"),
        ("host:8001", "grpc://host:port"),
        ("grpc://host:8001,http://other", "grpc://host:port"),
        ("grpc://jo:hunter2@host", "credentials"),
        #[cfg(not(feature = "grpcs"))]
        ("grpcs://host", "without grpcs"),
    ] {
        let run = classify(1, &remote(endpoint, ""));
        let (_, text) = run.error.expect(endpoint);
        assert!(text.contains(said) && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_manifest_of_the_docs_has_fields_that_kserve_knows() {
    let Some(python) = servers::python("kserve") else {
        skip::skip("no kserve in FER_SERVERS or .fer/servers");
        return;
    };
    let checked = std::process::Command::new(python)
        .arg("../tests/servers/manifest.py")
        .arg("../docs/cluster.md")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
}

//! `ferclassify` in real pipelines.

mod common;
#[path = "../../tests/mean/mod.rs"]
mod mean;

use common::{media, picture, run, run_with};
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

#[test]
fn every_face_gets_all_probabilities_on_the_buffer_and_in_the_message() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! video/x-raw,format=NV12 ! ferfacedetect ! ferclassify ! fakesink name=end",
        picture(&path, 3)
    ));
    assert_eq!(run.error, None);
    for frame in &run.frames {
        let expression = frame.faces[0].expression.as_ref().expect("classified");
        let sum: f64 = expression.probabilities.iter().map(|(_, p)| p).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{expression:?}");
        assert_eq!(expression.probabilities.len(), 7);
        let best = expression
            .probabilities
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1));
        assert_eq!(best.unwrap().0, expression.label);
    }
    assert_eq!(run.messages.len(), 3);
    let message = &run.messages[2];
    assert_eq!(message.name(), "fer-expressions");
    let faces: gst::Array = message.get("faces").unwrap();
    let face: gst::Structure = faces[0].get().unwrap();
    assert_eq!(face.get::<gst::Array>("labels").unwrap().len(), 7);
    assert_eq!(
        face.get::<String>("label").unwrap(),
        run.frames[2].faces[0].expression.as_ref().unwrap().label
    );
}

#[test]
fn the_astronaut_smiles_whatever_the_format() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for format in ["I420", "YUY2", "GRAY8", "BGRx", "Y444"] {
        for engine in ["builtin", "auto"] {
            let run = run(&format!(
                "{} ! video/x-raw,format={format} ! ferfacedetect ! ferclassify engine={engine} ! fakesink name=end",
                picture(&path, 1)
            ));
            assert_eq!(run.error, None);
            let expression = run.frames[0].faces[0].expression.as_ref().unwrap();
            assert_eq!(expression.label, "happy", "{format}: {expression:?}");
        }
    }
}

/// What `ferclassify` with `options` says of the one face of a picture.
fn expression(source: &str, options: &str) -> gstfer::meta::Expression {
    let run = run(&format!(
        "{source} ! video/x-raw,format=I420 ! ferfacedetect ! ferclassify smoothing=0 {options} ! fakesink name=end"
    ));
    assert_eq!(run.error, None);
    run.frames[0].faces[0]
        .expression
        .clone()
        .expect("classified")
}

#[test]
fn a_mirrored_look_has_its_say() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let [one, two] = ["mirror=false", "mirror=true"].map(|o| expression(&picture(&path, 1), o));
    assert_eq!((&*one.label, &*two.label), ("happy", "happy"));
    assert_ne!(one.probabilities, two.probabilities);
}

#[test]
fn the_other_built_in_networks_see_the_smile_too_and_are_others() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let said = ["standard", "small", "accurate"].map(|model| {
        let options = format!("builtin-model={model}");
        expression(&picture(&path, 1), &options)
    });
    assert!(said.iter().all(|e| e.label == "happy"), "{said:?}");
    assert_ne!(said[0].probabilities, said[1].probabilities);
    assert_ne!(said[0].probabilities, said[2].probabilities);
}

/// Marks a region on every buffer that leaves the element called `source`.
fn mark(pipeline: &gst::Pipeline, kind: &'static str, rect: (u32, u32, u32, u32)) {
    common::mark(pipeline, move |buffer| {
        VideoRegionOfInterestMeta::add(buffer, kind, rect);
    });
}

#[test]
fn regions_of_other_elements_are_classified_by_their_type() {
    let description = "videotestsrc num-buffers=2 name=source ! video/x-raw,format=I420,width=320,height=240 \
         ! ferclassify name=classify engine=builtin ! fakesink name=end";
    let with = |kind, types: &'static str, rect| {
        run_with(description, |pipeline| {
            mark(pipeline, kind, rect);
            let classify = pipeline.by_name("classify").unwrap();
            classify.set_property("roi-types", types);
        })
    };
    let inside = (100, 50, 90, 110);
    let run = with("face", "face,head", inside);
    assert!(run.error.is_none() && run.frames[0].faces[0].expression.is_some());
    let run = with("face", "head", inside);
    assert!(run.error.is_none() && run.frames[0].faces[0].expression.is_none());
    assert!(run.messages.is_empty());
    // Partly and wholly outside: the first is read, the second left alone.
    let run = with("face", "face", (300, 200, 500, 500));
    assert!(run.error.is_none() && run.frames[0].faces[0].expression.is_some());
    let run = with("face", "face", (1000, 1000, 50, 50));
    assert!(run.error.is_none() && run.frames[0].faces[0].expression.is_none());
}

#[test]
fn below_the_threshold_the_label_is_uncertain() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! ferfacedetect ! ferclassify threshold=1.0 ! fakesink name=end",
        picture(&path, 1)
    ));
    let expression = run.frames[0].faces[0].expression.as_ref().unwrap();
    assert_eq!(expression.label, "uncertain");
    assert_eq!(expression.smoothed_label, "uncertain");
}

#[test]
fn faces_are_read_again_at_the_interval() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for (interval, readings) in [(1, 10), (5, 2)] {
        let run = run(&format!(
            "{} ! ferfacedetect ! ferclassify reclassify-interval={interval} ! fakesink name=end",
            picture(&path, 10)
        ));
        let stats = &run.stats["ferclassify"];
        assert_eq!(stats.get::<u64>("faces").unwrap(), 10);
        assert_eq!(stats.get::<u64>("classified").unwrap(), readings);
        let time = |field: &str| stats.get::<u64>(field).unwrap();
        assert!((1..time("classify-time")).contains(&time("prepare-time")));
        assert!(run.frames.iter().all(|f| f.faces[0].expression.is_some()));
    }
}

#[test]
fn several_streams_share_one_engine_and_do_not_wait_for_each_other() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    // The threads keep this engine apart from those of other tests. A stream that waited for
    // faces of others would wait for a minute.
    let stream = format!(
        "{} ! ferfacedetect ! ferclassify engine=builtin threads=3 batch-timeout=60000000000",
        picture(&path, 5)
    );
    let run = run(&format!(
        "{stream} ! fakesink {stream} ! fakesink {stream} ! fakesink {stream} ! fakesink name=end"
    ));
    assert_eq!(run.error, None);
    let stats = &run.stats["ferclassify"];
    let count = |field: &str| stats.get::<u64>(field).unwrap();
    assert_eq!(count("classified"), 5);
    assert_eq!(count("engine-faces"), 20);
    assert_eq!(count("engine-largest-batch"), 1);
}

#[test]
fn what_can_not_work_is_said_on_the_bus() {
    for (properties, said) in [
        ("model=/nonexistent/m.onnx", "/nonexistent/m.onnx"),
        ("model=/etc/passwd", "not an ONNX file"),
        ("labels=a,b,c", "3 labels"),
        ("input-mean=abc", "abc"),
        ("input-color=rgb", "does not take faces"),
        ("input-size=64x64", "does not take faces"),
        ("input-size=large", "not like 48x48"),
        ("output-name=nothing", "no output \"nothing\""),
        ("output=probabilities", "output is probabilities"),
        ("endpoint=grpc://host:1", "only engine=remote asks"),
        (
            "engine=remote endpoint=grpc://host:1 ca-file=own.pem",
            "ca-file is for grpcs://",
        ),
    ] {
        let run = run(&format!(
            "videotestsrc num-buffers=1 ! ferclassify name=classify {properties} ! fakesink name=end"
        ));
        let (element, text) = run.error.expect(properties);
        assert_eq!(element, "classify");
        assert!(text.contains(said), "{properties}: {text}");
    }
}

#[test]
fn a_frame_that_the_network_has_no_numbers_for_does_not_end_the_stream() {
    // The logarithm of a brightness below a half is not a number.
    let network = mean::MeanModel {
        tail: vec![
            mean::node("Sub", &["scores", "five"], "centred", &[]),
            mean::node("Log", &["centred"], "output", &[]),
        ],
        constants: vec![mean::number("five", 5.0)],
        ..Default::default()
    };
    let name = format!("fer-no-numbers-{}.onnx", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, network.bytes()).unwrap();
    let description = format!(
        "videotestsrc num-buffers=6 pattern=blink name=source \
         ! video/x-raw,format=RGB,width=64,height=64 \
         ! ferclassify model={} labels=a,b,c input-mean=0 input-std=255 engine=builtin \
         ! fakesink name=end",
        path.display()
    );
    let run = run_with(&description, |pipeline| {
        common::mark(pipeline, |buffer| {
            VideoRegionOfInterestMeta::add(buffer, "face", (0, 0, 64, 64)).set_id(1);
        });
    });
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run.error, None);
    let expressions: Vec<_> = run
        .frames
        .iter()
        .map(|frame| frame.faces[0].expression.clone().unwrap())
        .collect();
    let unread = |e: &gstfer::meta::Expression| e.label == "uncertain";
    assert_eq!(expressions.iter().filter(|e| unread(e)).count(), 3);
    for expression in &expressions {
        let sum: f64 = expression.probabilities.iter().map(|(_, p)| p).sum();
        let wanted = if unread(expression) { 0.0 } else { 1.0 };
        assert!((sum - wanted).abs() < 1e-6, "{expression:?}");
    }
    // What was known before a bad frame stays as it was.
    let known = expressions.iter().skip_while(|e| unread(e));
    for expression in known {
        assert!((expression.smoothed_confidence - 1.0 / 3.0).abs() < 1e-6);
        assert_ne!(expression.smoothed_label, "uncertain");
    }
    let stats = &run.stats["ferclassify"];
    let count = |field: &str| stats.get::<u64>(field).unwrap();
    assert_eq!(count("unread"), 3);
    assert_eq!(count("classified"), expressions.len() as u64 - 3);
    let warnings = run
        .others
        .iter()
        .filter(|message| matches!(message.view(), gst::MessageView::Warning(_)));
    assert_eq!(warnings.count(), 1);
}

#[test]
fn the_tone_of_the_input_is_that_of_the_property() {
    let read = |tone: &str| {
        let description = format!(
            "videotestsrc num-buffers=1 pattern=ball name=source \
             ! video/x-raw,format=I420,width=320,height=240 \
             ! ferclassify engine=builtin {tone} ! fakesink name=end"
        );
        let run = run_with(&description, |pipeline| {
            mark(pipeline, "face", (0, 0, 320, 240));
        });
        assert_eq!(run.error, None);
        let expression = run.frames[0].faces[0].expression.clone();
        expression.unwrap().probabilities
    };
    let plain = read("");
    assert_eq!(plain, read("input-tone=as-is"));
    assert_ne!(plain, read("input-tone=equalize"));
    assert_ne!(plain, read("input-tone=standardize"));
}

#[test]
fn boxes_of_any_size_and_place_are_read_safely() {
    let description = "videotestsrc num-buffers=1 name=source ! video/x-raw,format=I420,width=320,height=240 \
         ! ferclassify engine=builtin ! feroverlay show-bars=true ! fakesink name=end";
    let far = u32::MAX - 50;
    for (rect, read) in [
        ((0, 0, 0, 0), false),
        ((10, 10, 0, 50), false),
        ((far, far, 20, 20), false),
        // Begins 51 pixels left of and above the frame, as some elements write it.
        ((far, far, 150, 150), true),
        ((0, 0, u32::MAX, u32::MAX), true),
        ((100, 100, u32::MAX, 1), true),
        ((u32::MAX, u32::MAX, u32::MAX, u32::MAX), true),
        ((i32::MAX as u32, 0, 10, 10), false),
    ] {
        let run = run_with(description, |pipeline| mark(pipeline, "face", rect));
        assert_eq!(run.error, None, "{rect:?}");
        let expression = &run.frames[0].faces[0].expression;
        assert_eq!(expression.is_some(), read, "{rect:?}");
    }
}

#[test]
fn faces_that_share_an_id_have_each_their_own_expression() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let description = format!(
        "{} ! video/x-raw,format=I420,width=512,height=512 ! identity name=source \
         ! ferclassify reclassify-interval=100 ! fakesink name=end",
        picture(&path, 3)
    );
    let run = run_with(&description, |pipeline| {
        common::mark(pipeline, |buffer| {
            for rect in [(177, 66, 97, 97), (20, 300, 97, 97)] {
                VideoRegionOfInterestMeta::add(buffer, "face", rect).set_id(5);
            }
        });
    });
    assert_eq!(run.error, None);
    for frame in &run.frames {
        let [face, wall] = &frame.faces[..] else {
            panic!("{frame:?}");
        };
        let of = |face: &gstfer::meta::FaceMeta| face.expression.clone().unwrap().probabilities;
        assert_eq!(face.expression.as_ref().unwrap().label, "happy");
        assert_ne!(of(face), of(wall));
    }
}

#[test]
fn several_classifiers_do_not_hide_each_other() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! video/x-raw,format=I420 ! ferfacedetect ! ferclassify name=one \
         ! videoconvert ! video/x-raw,format=RGB ! ferclassify name=two builtin-model=small \
         ! videoconvert ! video/x-raw,format=I420 ! fakesink name=end",
        picture(&path, 1)
    ));
    assert_eq!(run.error, None);
    assert_eq!(run.frames[0].faces.len(), 1);
    let face = &run.frames[0].faces[0];
    assert_eq!(face.earlier.len(), 1);
    let by = |name| {
        face.expression_by(Some(name))
            .unwrap()
            .probabilities
            .clone()
    };
    assert_ne!(by("one"), by("two"));
    assert_eq!(face.expression_by(None).unwrap().element, "two");
    assert!(face.expression_by(Some("three")).is_none());
    // Each posts its own.
    let said: Vec<String> = run
        .messages
        .iter()
        .map(|message| {
            let faces: gst::Array = message.get("faces").unwrap();
            faces[0]
                .get::<gst::Structure>()
                .unwrap()
                .get("element")
                .unwrap()
        })
        .collect();
    assert_eq!(said, ["one", "two"]);
}

#[test]
fn frames_in_a_gap_keep_what_is_known_and_are_not_read() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let description = format!(
        "{} ! video/x-raw,format=I420,framerate=25/1 ! identity name=source ! ferfacedetect \
         ! ferclassify ! fakesink name=end",
        picture(&path, 4)
    );
    let run = run_with(&description, |pipeline| {
        common::mark(pipeline, |buffer| {
            if buffer.pts() > Some(gst::ClockTime::ZERO) {
                buffer.set_flags(gst::BufferFlags::GAP);
            }
        });
    });
    assert_eq!(run.error, None);
    let classified: u64 = run.stats["ferclassify"].get("classified").unwrap();
    assert_eq!(classified, 1);
    assert!(run.frames.iter().all(|f| f.faces[0].expression.is_some()));
}

#[test]
fn only_faces_of_the_sizes_asked_for_are_read() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    // The face is about a fifth of the picture's height.
    for (limits, read) in [
        ("min-size=0.1 max-size=0.5", true),
        ("min-size=0.5", false),
        ("min-size=300", false),
        ("max-size=0.1", false),
        ("max-size=200", true),
    ] {
        let run = run(&format!(
            "{} ! video/x-raw,format=I420,width=512,height=512 ! ferfacedetect ! ferclassify {limits} ! fakesink name=end",
            picture(&path, 1)
        ));
        assert_eq!(run.error, None);
        assert_eq!(
            run.frames[0].faces[0].expression.is_some(),
            read,
            "{limits}"
        );
    }
}

#[test]
fn loading_is_told_as_progress() {
    let kinds = |properties: &str| {
        let run = run(&format!(
            "videotestsrc num-buffers=1 ! ferclassify name=classify {properties} ! fakesink name=end"
        ));
        let of = |message: &gst::Message| match message.view() {
            gst::MessageView::Progress(progress) => Some(progress.get().0),
            _ => None,
        };
        run.others.iter().filter_map(of).collect::<Vec<_>>()
    };
    use gst::ProgressType::{Complete, Error, Start};
    assert_eq!(kinds("engine=builtin"), [Start, Complete]);
    assert_eq!(kinds("model=/nonexistent/m.onnx"), [Start, Error]);
}

#[test]
fn what_only_a_start_can_change_stays_while_it_runs() {
    let pipeline = common::pipeline(
        "videotestsrc is-live=true ! ferclassify name=classify engine=builtin ! fakesink",
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(20)).0.unwrap();
    let classify = pipeline.by_name("classify").unwrap();
    let bus = pipeline.bus().unwrap();
    classify.set_property("model", "/nonexistent/m.onnx");
    classify.set_property("threshold", 0.5);
    let wait = gst::ClockTime::from_seconds(20);
    let warning = bus
        .timed_pop_filtered(wait, &[gst::MessageType::Warning])
        .unwrap();
    assert_eq!(warning.src(), Some(classify.upcast_ref()));
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
    assert_eq!(classify.property::<Option<String>>("model"), None);
    assert_eq!(classify.property::<f64>("threshold"), 0.5);
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn no_latency_is_reported_where_no_stream_waits_for_another() {
    let pipeline = common::pipeline(
        "videotestsrc is-live=true ! ferclassify name=classify engine=builtin ! fakesink sync=true",
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(20)).0.unwrap();
    let classify = pipeline.by_name("classify").unwrap();
    let latency = || {
        let mut query = gst::query::Latency::new();
        assert!(pipeline.query(&mut query));
        query.result().1
    };
    let before = latency();
    classify.set_property("batch-timeout", 30_000_000u64);
    assert_eq!(latency(), before);
    pipeline.set_state(gst::State::Null).unwrap();
}

#[cfg(feature = "remote")]
#[test]
fn an_outage_of_servers_is_told_once() {
    // Nobody listens there any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for (fallback, said) in [("drop", "uncertain"), ("local", "this machine")] {
        let description = format!(
            "videotestsrc num-buffers=3 name=source \
             ! video/x-raw,format=I420,width=320,height=240 \
             ! ferclassify engine=remote endpoint=grpc://{address} fallback={fallback} \
             ! fakesink name=end"
        );
        let run = run_with(&description, |pipeline| {
            mark(pipeline, "face", (100, 50, 90, 110));
        });
        assert_eq!(run.error, None);
        let unread: u64 = run.stats["ferclassify"].get("unread").unwrap();
        assert_eq!(unread, if fallback == "drop" { 3 } else { 0 });
        let told = run.warnings();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("No server answers") && told[0].contains(said));
    }
}

//! Faces in GStreamer's own analytics metadata: written for elements of others, read from them,
//! and on their way through the pipeline.

mod common;

#[cfg(not(feature = "analytics"))]
#[test]
fn analytics_metadata() {
    common::skip::skip(
        "built without the feature analytics, which needs GStreamer 1.24: scripts/debian13 runs these tests",
    );
}

#[cfg(feature = "analytics")]
mod with_analytics {
    use std::path::Path;
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use gst::glib::Quark;
    use gst::prelude::*;
    use gst_analytics::prelude::*;
    use gst_analytics::{
        AnalyticsClassificationMtd, AnalyticsODMtd, AnalyticsRelationMeta, AnalyticsTrackingMtd,
        RelTypes,
    };
    use gst_video::VideoRegionOfInterestMeta;

    use crate::common::skip::skip;
    use crate::common::{self, PORTRAIT_FACE, Run, media, picture, plugin_folder, run_with};

    /// A detection as others read it.
    #[derive(Debug, Clone)]
    struct Object {
        kind: String,
        rect: fer::Rect,
        confidence: f32,
        track: Option<u64>,
        classes: Vec<(String, f32)>,
    }

    /// All detections on a buffer, read as GStreamer's documentation has it.
    fn objects(buffer: &gst::BufferRef) -> Vec<Object> {
        let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else {
            return Vec::new();
        };
        let mut objects = Vec::new();
        for od in meta.iter::<AnalyticsODMtd>() {
            let place = od.location().unwrap();
            let mut tracks =
                meta.iter_direct_related::<AnalyticsTrackingMtd>(od.id(), RelTypes::RELATE_TO);
            // Each reader looks for its own kind of relation.
            let classes = [RelTypes::RELATE_TO, RelTypes::CONTAIN].map(|relation| {
                let said = meta
                    .iter_direct_related::<AnalyticsClassificationMtd>(od.id(), relation)
                    .next();
                if let Some(said) = &said {
                    assert_eq!(meta.relation(said.id(), od.id()), RelTypes::IS_PART_OF);
                }
                let classes = said.map(|said| {
                    let classes = said.iterate();
                    classes
                        .map(|(name, level)| (name.as_str().to_string(), level))
                        .collect()
                });
                classes.unwrap_or_else(Vec::new)
            });
            assert_eq!(classes[0], classes[1]);
            objects.push(Object {
                kind: od.obj_type().unwrap().as_str().to_string(),
                rect: fer::Rect::new(
                    place.x as f32,
                    place.y as f32,
                    place.w as f32,
                    place.h as f32,
                ),
                confidence: place.loc_conf_lvl,
                track: tracks.next().map(|track| track.info().0),
                classes: classes[0].clone(),
            });
        }
        objects
    }

    /// Runs a pipeline that shows the portrait through `elements`: what it did, and the
    /// objects on each buffer that reached its end.
    fn portrait(elements: &str) -> Option<(Run, Vec<Vec<Object>>)> {
        let path = media("astronaut.png")?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let collected = seen.clone();
        let description = format!(
            "{} ! video/x-raw,format=RGB,width=512,height=512,framerate=25/1 ! {elements} \
             ! fakesink name=end",
            picture(&path, 3)
        );
        let run = run_with(&description, |pipeline| {
            let pad = pipeline.by_name("end").unwrap().static_pad("sink").unwrap();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                collected
                    .lock()
                    .unwrap()
                    .push(objects(info.buffer().unwrap()));
                gst::PadProbeReturn::Ok
            });
        });
        assert_eq!(run.error, None, "{elements}");
        assert!(!run.frames.is_empty(), "{elements}");
        let seen = seen.lock().unwrap().clone();
        Some((run, seen))
    }

    #[test]
    fn a_face_is_a_detection_with_a_track_and_all_classes() {
        let Some((run, frames)) = portrait("ferfacedetect ! ferclassify") else {
            return;
        };
        for (frame, objects) in run.frames.iter().zip(&frames) {
            let [object] = &objects[..] else {
                panic!("{objects:?}");
            };
            assert_eq!(object.kind, "face");
            assert!(object.rect.iou(&PORTRAIT_FACE) > 0.5, "{object:?}");
            assert!(object.confidence > 0.5 && object.confidence <= 1.0);
            assert_eq!(object.track, Some(1));
            assert_eq!(object.classes.len(), 7);
            assert_eq!(object.classes[0].0, "happy");
            let levels: Vec<f32> = object.classes.iter().map(|(_, level)| *level).collect();
            assert!(levels.is_sorted_by(|a, b| a >= b), "{levels:?}");
            assert!((levels.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            // The region that describes it too is not a second face.
            assert_eq!(frame.faces.len(), 1, "{frame:?}");
            assert_eq!(frame.faces[0].id, 1);
        }
    }

    #[test]
    fn two_classifiers_give_two_classifications() {
        let Some((run, frames)) =
            portrait("ferfacedetect ! ferclassify ! ferclassify builtin-model=small")
        else {
            return;
        };
        assert_eq!(frames[0].len(), 1);
        assert_eq!(run.frames[0].faces.len(), 1);
        let face = &run.frames[0].faces[0];
        assert_eq!(face.earlier.len(), 1, "{face:?}");
        assert_ne!(
            face.earlier[0].element,
            face.expression.as_ref().unwrap().element
        );
    }

    #[test]
    fn faces_stay_one_and_keep_their_results_on_the_way() {
        for (through, scale) in [
            ("identity", 1.0),
            ("videoconvert ! video/x-raw,format=I420", 1.0),
            ("videoscale ! video/x-raw,width=256,height=256", 0.5),
            (
                "videoconvertscale ! video/x-raw,format=NV12,width=256,height=256",
                0.5,
            ),
            ("videorate ! video/x-raw,framerate=50/1", 1.0),
            ("videobalance saturation=0.5", 1.0),
            ("jpegenc ! jpegdec", 1.0),
            ("videoconvert ! x264enc ! h264parse ! avdec_h264", 1.0),
        ] {
            let Some((run, frames)) = portrait(&format!("ferfacedetect ! ferclassify ! {through}"))
            else {
                return;
            };
            for (frame, objects) in run.frames.iter().zip(&frames) {
                assert_eq!(objects.len(), 1, "{through}: {objects:?}");
                let want = PORTRAIT_FACE.scale(scale);
                assert!(objects[0].rect.iou(&want) > 0.5, "{through}: {objects:?}");
                assert_eq!(objects[0].classes[0].0, "happy", "{through}");
                assert_eq!(objects[0].track, Some(1), "{through}");
                let [face] = &frame.faces[..] else {
                    panic!("{through}: {frame:?}");
                };
                assert!(face.rect.iou(&want) > 0.5, "{through}: {face:?}");
                let expression = face.expression.as_ref().expect(through);
                assert_eq!(expression.label, "happy", "{through}");
                assert_eq!(
                    expression.element.get(..11),
                    Some("ferclassify"),
                    "{through}"
                );
            }
        }
    }

    #[test]
    fn no_box_is_left_that_would_be_a_lie() {
        for (through, dx, mirrored) in [
            ("videocrop left=100", -100.0, false),
            ("videobox left=-20", 20.0, false),
            ("videoflip video-direction=horiz", 0.0, true),
        ] {
            let Some((run, frames)) = portrait(&format!("ferfacedetect ! ferclassify ! {through}"))
            else {
                return;
            };
            let mut want = PORTRAIT_FACE;
            want.x += dx;
            if mirrored {
                want.x = 512.0 - want.right();
            }
            let faces = run.frames.iter().flat_map(|frame| &frame.faces);
            let faces = faces.map(|face| face.rect);
            let objects = frames.iter().flatten().map(|object| object.rect);
            for rect in faces.chain(objects) {
                assert!(rect.iou(&want) > 0.5, "{through}: {rect:?}");
            }
        }
    }

    /// What another element says where a face is, as an object detection alone.
    fn detected(elements: &str, mark: impl Fn(&mut gst::BufferRef) + Send + Sync + 'static) -> Run {
        let path = media("astronaut.png").expect("make test fetches it");
        let run = run_with(
            &format!(
                "{} ! video/x-raw,format=RGB,width=512,height=512 ! identity name=source \
                 ! {elements} ! fakesink name=end",
                picture(&path, 2)
            ),
            |pipeline| common::mark(pipeline, mark),
        );
        assert_eq!(run.error, None, "{elements}");
        run
    }

    fn add_object(buffer: &mut gst::BufferRef, kind: &str, rect: [i32; 4]) -> u32 {
        let [x, y, w, h] = rect;
        let mut meta = AnalyticsRelationMeta::add(buffer);
        let od = meta.add_od_mtd(Quark::from_str(kind), x, y, w, h, 0.9);
        od.unwrap().id()
    }

    const FACE: [i32; 4] = [177, 66, 97, 97];

    #[test]
    fn boxes_of_any_size_and_place_are_read_safely() {
        if media("astronaut.png").is_none() {
            return;
        }
        let boxes = [
            [0, 0, 0, 0],
            [-50, -50, 100, 100],
            [500, 500, 100, 100],
            [i32::MIN, i32::MIN, i32::MAX, i32::MAX],
            [i32::MAX, i32::MAX, i32::MAX, i32::MAX],
            [10, 10, -30, -30],
            [0, 0, i32::MAX, i32::MAX],
            FACE,
        ];
        let run = detected("ferclassify ! feroverlay show-bars=true", move |buffer| {
            for rect in boxes {
                let od = add_object(buffer, "face", rect);
                // A track without times and a class without a name, as others may write them.
                let mut meta = AnalyticsRelationMeta::add(buffer);
                // SAFETY: the meta is alive, and what is written to is all plain data.
                let id = unsafe {
                    let mut track = std::mem::zeroed();
                    gst_analytics::ffi::gst_analytics_relation_meta_add_tracking_mtd(
                        meta.as_mut_ptr(),
                        1 << 40,
                        u64::MAX,
                        &mut track,
                    );
                    track.id
                };
                meta.set_relation(RelTypes::RELATE_TO, od, id).unwrap();
                // SAFETY: as above.
                let id = unsafe {
                    let mut said = std::mem::zeroed();
                    gst_analytics::ffi::gst_analytics_relation_meta_add_one_cls_mtd(
                        meta.as_mut_ptr(),
                        0.5,
                        0,
                        &mut said,
                    );
                    said.id
                };
                meta.set_relation(RelTypes::CONTAIN, od, id).unwrap();
            }
        });
        for frame in &run.frames {
            assert_eq!(frame.faces.len(), boxes.len());
            let real = frame.faces.last().unwrap();
            assert_eq!(real.expression.as_ref().unwrap().label, "happy");
            // Those that lie outside the frame can't be read.
            assert!(frame.faces[0].expression.is_none());
        }
    }

    #[test]
    fn faces_of_others_are_read_from_either_metadata_and_once() {
        if media("astronaut.png").is_none() {
            return;
        }
        type Write = fn(&mut gst::BufferRef);
        let kinds: [(&str, Write); 3] = [
            ("detection", |buffer| {
                add_object(buffer, "face", FACE);
            }),
            ("region", |buffer| {
                VideoRegionOfInterestMeta::add(buffer, "face", (177, 66, 97, 97));
            }),
            ("both", |buffer| {
                add_object(buffer, "face", FACE);
                add_object(buffer, "car", [0, 0, 500, 500]);
                VideoRegionOfInterestMeta::add(buffer, "face", (178, 66, 96, 98)).set_id(5);
            }),
        ];
        for (name, write) in kinds {
            for through in ["identity", "videoconvert ! video/x-raw,format=I420"] {
                let run = detected(&format!("ferclassify ! {through} ! feroverlay"), write);
                for frame in &run.frames {
                    assert_eq!(frame.faces.len(), 1, "{name} {through}: {frame:?}");
                    let expression = frame.faces[0].expression.as_ref().expect(name);
                    assert_eq!(expression.label, "happy", "{name} {through}");
                    assert_eq!(expression.probabilities.len(), 7);
                    assert!(!expression.element.is_empty(), "{name} {through}");
                }
                let shown: u64 = run.stats["feroverlay"].get("faces").unwrap();
                assert_eq!(shown, 2, "{name} {through}");
            }
        }
    }

    #[test]
    fn two_faces_of_two_detectors_stay_two() {
        if media("astronaut.png").is_none() {
            return;
        }
        // Both say that theirs is number one.
        let run = detected("ferclassify", |buffer| {
            let od = add_object(buffer, "face", FACE);
            let mut meta = AnalyticsRelationMeta::add(buffer);
            let track = meta.add_tracking_mtd(1, gst::ClockTime::ZERO).unwrap().id();
            meta.set_relation(RelTypes::RELATE_TO, od, track).unwrap();
            VideoRegionOfInterestMeta::add(buffer, "face", (300, 200, 97, 97)).set_id(1);
        });
        assert_eq!(run.frames[0].faces.len(), 2, "{:?}", run.frames[0]);
        let both = &run.frames[0].faces;
        assert!(
            both.iter().all(|face| face.expression.is_some()),
            "{both:?}"
        );
    }

    /// A detector made of GStreamer's own elements, whose network knows where the portrait's
    /// face is (and nothing else).
    fn others_detector() -> Option<String> {
        if gst::ElementFactory::find("onnxinference").is_none() {
            skip("GStreamer has no element onnxinference");
            return None;
        }
        let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/portrait-box.onnx");
        let labels = Path::new(env!("CARGO_TARGET_TMPDIR")).join("labels.txt");
        std::fs::write(&labels, "face\n").unwrap();
        Some(format!(
            "onnxinference model-file=\"{}\" ! ssdobjectdetector label-file=\"{}\"",
            network.display(),
            labels.display()
        ))
    }

    #[test]
    fn faces_that_gstreamers_own_elements_detect_are_classified() {
        common::init();
        let Some(detector) = others_detector() else {
            return;
        };
        let Some((run, frames)) = portrait(&format!("{detector} ! ferclassify ! feroverlay"))
        else {
            return;
        };
        for (frame, objects) in run.frames.iter().zip(&frames) {
            assert_eq!(frame.faces.len(), 1, "{frame:?}");
            let face = &frame.faces[0];
            assert_eq!(face.expression.as_ref().unwrap().label, "happy");
            assert!((face.detection.unwrap() - 0.9).abs() < 1e-3);
            assert_eq!(objects[0].classes[0].0, "happy");
        }
    }

    /// The portrait as grey pixels after `elements`.
    fn pixels(elements: &str) -> Option<Vec<u8>> {
        let path = media("astronaut.png")?;
        let pipeline = common::pipeline(&format!(
            "{} ! video/x-raw,format=RGB,width=512,height=512 ! {elements} ! videoconvert \
             ! video/x-raw,format=GRAY8 ! appsink name=sink sync=false",
            picture(&path, 1)
        ));
        let sink = pipeline.by_name("sink").unwrap();
        let sink = sink.downcast::<gst_app::AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let sample = sink.pull_sample().expect("a frame");
        let map = sample.buffer().unwrap().map_readable().unwrap();
        let pixels = map.as_slice().to_vec();
        pipeline.set_state(gst::State::Null).unwrap();
        Some(pixels)
    }

    #[test]
    fn gstreamers_own_overlay_draws_our_faces() {
        common::init();
        if gst::ElementFactory::find("objectdetectionoverlay").is_none() {
            skip("GStreamer has no element objectdetectionoverlay");
            return;
        }
        let ours = "ferfacedetect ! ferclassify";
        let draw = "videoconvert ! objectdetectionoverlay";
        let (Some(plain), Some(drawn)) = (pixels(ours), pixels(&format!("{ours} ! {draw}"))) else {
            return;
        };
        let changed: Vec<(f32, f32)> = (0..512 * 512)
            .filter(|i| plain[*i].abs_diff(drawn[*i]) > 8)
            .map(|i| ((i % 512) as f32, (i / 512) as f32))
            .collect();
        assert!(changed.len() > 200, "{} pixels", changed.len());
        // All at the face: its outline, and its label just above or in it.
        let around = PORTRAIT_FACE.expand(0.6);
        let at_face = |(x, y): &(f32, f32)| {
            *x >= around.x && *x < around.right() && *y >= around.y && *y < around.bottom()
        };
        let astray: Vec<_> = changed.iter().filter(|p| !at_face(p)).collect();
        assert!(astray.len() < changed.len() / 4, "{astray:?}");
    }

    #[test]
    fn python_reads_them_through_introspection() {
        let Some(clip) = media("demo.mkv") else {
            return;
        };
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python/analytics.py");
        let output = Command::new("/usr/bin/python3")
            .arg(example)
            .arg(clip)
            .env("GST_PLUGIN_PATH", plugin_folder())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complained}");
        for number in ["#1", "#2"] {
            let faces: Vec<&str> = said.lines().filter(|line| line.contains(number)).collect();
            assert!(faces.len() > 10, "{number}: {said} {complained}");
            let smiles = faces.iter().filter(|face| face.contains(") happy "));
            assert!(smiles.count() > faces.len() / 2, "{number}: {said}");
        }
    }
}

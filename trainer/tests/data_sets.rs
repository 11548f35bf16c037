//! Data sets in their own forms, written by the tests.

mod common;

use std::fmt::Write;
use std::path::Path;

use fer_trainer::SIDE;
use fer_trainer::data::{self, Dataset, ReadOptions, Sample, Split};
use fer_trainer::rng::Rng;

fn open(path: &Path) -> Dataset {
    data::open(path, &ReadOptions::default()).unwrap()
}

fn pixels(face: &[u8]) -> String {
    face.iter().fold(String::new(), |mut text, p| {
        let _ = write!(text, "{}{p}", if text.is_empty() { "" } else { " " });
        text
    })
}

fn save(path: &Path, face: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let side = SIDE as u32;
    image::save_buffer(path, face, side, side, image::ExtendedColorType::L8).unwrap();
}

#[test]
fn fer2013_csv_with_faults_named_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(1, &mut Rng::new(1));
    let text = format!(
        "emotion,pixels,Usage\n3,{p},Training\n6,{p},PublicTest\n0,{p},PrivateTest\n\
         7,{p},Training\n1,1 2 3,Training\n1,{bad},Training\n",
        p = pixels(&face),
        bad = pixels(&face).replacen("30", "300", 1)
    );
    let file = folder.path().join("fer2013.csv");
    std::fs::write(&file, text).unwrap();
    // The file, or the folder that it lies in.
    for path in [file.as_path(), folder.path()] {
        let data = open(path);
        assert_eq!(data.classes[3], "happy");
        let parts: Vec<_> = data.samples.iter().map(|s| (s.label, s.split)).collect();
        let want = [
            (3, Some(Split::Train)),
            (6, Some(Split::Validation)),
            (0, Some(Split::Test)),
        ];
        assert_eq!(parts, want);
        assert_eq!(data.samples[0].pixels, face);
        assert_eq!(data.faults.len(), 3, "{:?}", data.faults);
        assert!(
            data.faults[0].starts_with("row 5: emotion \"7\""),
            "{:?}",
            data.faults
        );
        assert!(data.faults[1].contains("3 pixels"), "{:?}", data.faults);
        assert!(data.faults[2].contains("\"300\""), "{:?}", data.faults);
    }
}

#[test]
fn icml_csv_with_blanks_in_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(2, &mut Rng::new(1));
    let text = format!("emotion, Usage, pixels\n5, PublicTest, {}\n", pixels(&face));
    std::fs::write(folder.path().join("icml_face_data.csv"), text).unwrap();
    let data = open(folder.path());
    assert_eq!(data.samples.len(), 1, "{:?}", data.faults);
    let sample = &data.samples[0];
    assert_eq!((sample.label, sample.split), (5, Some(Split::Validation)));
    assert_eq!(sample.pixels, face);
}

#[test]
fn ferplus_votes_take_the_place_of_labels() {
    let folder = tempfile::tempdir().unwrap();
    let face = pixels(&common::face(2, &mut Rng::new(1)));
    let rows: String = (0..4).map(|_| format!("3,{face},Training\n")).collect();
    let data = folder.path().join("fer2013.csv");
    std::fs::write(&data, format!("emotion,pixels,Usage\n{rows}")).unwrap();
    let votes = folder.path().join("fer2013new.csv");
    let header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF";
    let text = format!(
        "{header}\nTraining,fer0000000.png,4,0,0,1,3,2,0,0,0,0\n\
         Training,fer0000001.png,0,0,0,0,2,0,0,8,0,0\nTraining,,0,0,0,0,0,0,0,0,0,10\n\
         Training,fer0000003.png,0,0,0,0,0,0,0,2,8,0\n"
    );
    std::fs::write(&votes, text).unwrap();
    let options = ReadOptions {
        ferplus: Some(votes),
        ..ReadOptions::default()
    };
    let data = data::open(&data, &options).unwrap();
    // Neutral has 4 of 9 in the first row, no majority; the third has no picture and the
    // fourth is unknown.
    assert_eq!(data.samples.len(), 1, "{:?}", data.faults);
    let sample = &data.samples[0];
    assert_eq!(
        (data.classes[sample.label].as_str(), sample.name.as_str()),
        ("contempt", "row 3")
    );
    let votes = sample.votes.as_ref().unwrap();
    assert!((votes[7] - 0.8).abs() < 1e-6 && (votes[0] - 0.2).abs() < 1e-6);
}

#[test]
fn undecided_pictures_are_trained_on_and_never_judged_by() {
    let folder = tempfile::tempdir().unwrap();
    let face = pixels(&common::face(2, &mut Rng::new(1)));
    let data = folder.path().join("fer2013.csv");
    // FER-2013 calls both fear.
    let rows = format!("2,{face},Training\n2,{face},PublicTest\n");
    std::fs::write(&data, format!("emotion,pixels,Usage\n{rows}")).unwrap();
    let votes = folder.path().join("fer2013new.csv");
    let header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF";
    let row = "4,0,4,0,0,0,2,0,0,0";
    let text = format!("{header}\nTraining,a.png,{row}\nPublicTest,b.png,{row}\n");
    std::fs::write(&votes, text).unwrap();
    let open = |second_opinion| {
        data::open(
            &data,
            &ReadOptions {
                ferplus: Some(votes.clone()),
                undecided: true,
                second_opinion,
                ..ReadOptions::default()
            },
        )
        .unwrap()
    };
    let alone = open(0);
    assert_eq!(alone.samples.len(), 1);
    let sample = &alone.samples[0];
    assert_eq!(sample.split, Some(Split::Train));
    let share = |sample: &Sample, class: &str| {
        let at = alone.classes.iter().position(|c| c == class).unwrap();
        sample.votes.as_ref().unwrap()[at]
    };
    assert!((share(sample, "fear") - 0.2).abs() < 1e-6);
    // Two of ten and FER-2013's two: four of twelve.
    let asked = open(2);
    assert!((share(&asked.samples[0], "fear") - 4.0 / 12.0).abs() < 1e-6);
    // Without parts nobody knows what will be judged by.
    std::fs::write(&data, format!("emotion,pixels\n2,{face}\n2,{face}\n")).unwrap();
    let nothing = ReadOptions {
        ferplus: Some(votes.clone()),
        undecided: true,
        ..ReadOptions::default()
    };
    assert!(data::open(&data, &nothing).is_err());
}

#[test]
fn kaggle_csv_without_usage_and_one_without_labels() {
    let folder = tempfile::tempdir().unwrap();
    let face = pixels(&common::face(0, &mut Rng::new(1)));
    let file = folder.path().join("train.csv");
    std::fs::write(&file, format!("emotion,pixels\n2,{face}\n")).unwrap();
    let data = open(&file);
    assert!(!data.has_parts() && data.samples[0].label == 2);

    std::fs::write(&file, format!("pixels\n{face}\n")).unwrap();
    let error = data::open(&file, &ReadOptions::default()).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("emotion") && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn fer2013_folders() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(0, &mut Rng::new(1));
    for file in [
        "train/happy/Training_2.png",
        "train/angry/Training_1.png",
        "validation/sad/PublicTest_3.png",
        // Kaggle's form has both other parts in one folder.
        "test/sad/PublicTest_4.png",
        "test/sad/PrivateTest_5.png",
    ] {
        save(&folder.path().join(file), &face);
    }
    std::fs::write(
        folder.path().join("train/happy/Training_9.png"),
        "no picture",
    )
    .unwrap();
    std::fs::write(folder.path().join("train/happy/.DS_Store"), "").unwrap();
    let data = open(folder.path());
    assert_eq!(data.classes, ["angry", "happy", "sad"]);
    assert_eq!(data.part(Split::Train).len(), 2);
    assert_eq!(data.part(Split::Validation).len(), 2);
    assert_eq!(data.part(Split::Test).len(), 1);
    assert_eq!(data.samples[0].pixels, face);
    assert_eq!(data.faults.len(), 1);
    assert!(
        data.faults[0].starts_with("train/happy/Training_9.png:"),
        "{:?}",
        data.faults
    );
}

#[test]
fn any_folder_of_classes_with_pictures_of_any_size_and_colour() {
    let folder = tempfile::tempdir().unwrap();
    for (class, grey) in [("Anger", 10u8), ("zebra", 200), ("apple", 90)] {
        let path = folder.path().join(class).join("a.png");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture = image::RgbImage::from_pixel(100, 80, image::Rgb([grey; 3]));
        picture.save(path).unwrap();
    }
    let options = ReadOptions {
        aligned: Some(true),
        ..ReadOptions::default()
    };
    let data = data::open(folder.path(), &options).unwrap();
    assert_eq!(data.classes, ["angry", "apple", "zebra"]);
    assert!(data.samples.iter().all(|s| s.pixels.len() == SIDE * SIDE));
    assert!(data.samples[2].pixels.iter().all(|p| p.abs_diff(200) <= 1));
}

#[test]
fn nothing_there_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("absent")] {
        let error = format!(
            "{:#}",
            data::open(&path, &ReadOptions::default()).unwrap_err()
        );
        assert!(
            error.contains(path.to_str().unwrap()) && !error.contains('\n'),
            "{error}"
        );
    }
}

#[test]
fn jaffe_with_its_subjects() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(0, &mut Rng::new(1));
    let side = SIDE as u32;
    for name in [
        "KA.AN1.39.tiff",
        "KA.HA2.30.tiff",
        "YM.NE3.51.tiff",
        "YM.SU1.58.tiff",
    ] {
        let path = folder.path().join(name);
        image::save_buffer(path, &face, side, side, image::ExtendedColorType::L8).unwrap();
    }
    std::fs::write(folder.path().join("README"), "").unwrap();
    let mut data = open(folder.path());
    assert_eq!(data.format, "jaffe");
    let read: Vec<_> = data
        .samples
        .iter()
        .map(|s| {
            (
                s.subject.as_deref().unwrap(),
                data.classes[s.label].as_str(),
            )
        })
        .collect();
    let want = [
        ("KA", "angry"),
        ("KA", "happy"),
        ("YM", "neutral"),
        ("YM", "surprise"),
    ];
    assert_eq!(read, want);

    // The subset without neutral, as in the reference system.
    let six: Vec<String> = data
        .classes
        .iter()
        .filter(|c| *c != "neutral")
        .cloned()
        .collect();
    data.keep(&six).unwrap();
    assert_eq!((data.samples.len(), data.classes.len()), (3, 6));
    assert!(data.keep(&["zebra".into()]).is_err());
}

#[test]
fn ck_plus_last_frames_and_neutral_first_ones() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(0, &mut Rng::new(1));
    for (sequence, emotion) in [
        ("S005/001", Some("   3.0000000e+00\n")),
        ("S010/002", Some("   2.0000000e+00\n")),
        ("S010/003", None),
        ("S011/001", Some("   9.0000000e+00\n")),
        ("S012/001", Some("   1.0000000e+00\n")),
    ] {
        let name = sequence.replace('/', "_");
        // The last sequence has a label and no frames.
        let frames = if sequence == "S012/001" { 0 } else { 5 };
        for frame in 1..=frames {
            let file = format!("cohn-kanade-images/{sequence}/{name}_{frame:08}.png");
            save(&folder.path().join(file), &face);
        }
        let label = folder.path().join("Emotion").join(sequence);
        std::fs::create_dir_all(&label).unwrap();
        if let Some(emotion) = emotion {
            std::fs::write(label.join(format!("{name}_00000005_emotion.txt")), emotion).unwrap();
        }
    }
    std::fs::write(folder.path().join("cohn-kanade-images/.DS_Store"), "").unwrap();
    let data = open(folder.path());
    assert_eq!((data.format, data.classes.len()), ("ck+", 7));
    let names: Vec<&str> = data.samples.iter().map(|s| s.name.as_str()).collect();
    let images = "cohn-kanade-images";
    let want = [
        format!("{images}/S005/001/S005_001_00000005.png"),
        format!("{images}/S010/002/S010_002_00000005.png"),
    ];
    assert_eq!(names, want);
    assert_eq!(data.classes[data.samples[0].label], "disgust");
    assert_eq!(data.classes[data.samples[1].label], "contempt");
    assert_eq!(data.samples[1].subject.as_deref(), Some("S010"));
    assert_eq!(data.faults.len(), 2);
    assert!(data.faults[0].contains("S011/001"), "{:?}", data.faults);
    assert!(data.faults[1].contains("S012/001"), "{:?}", data.faults);

    let options = ReadOptions {
        last_frames: 3,
        neutral: true,
        ..ReadOptions::default()
    };
    let data = data::open(folder.path(), &options).unwrap();
    let neutral = data.classes.iter().position(|c| c == "neutral").unwrap();
    assert_eq!(data.samples.len(), 8);
    assert_eq!(
        data.samples.iter().filter(|s| s.label == neutral).count(),
        2
    );
}

#[test]
fn ck48_tells_its_subjects() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(0, &mut Rng::new(1));
    save(&folder.path().join("anger/S010_004_00000017.png"), &face);
    save(&folder.path().join("happy/S011_006_00000011.png"), &face);
    let data = open(folder.path());
    assert_eq!((data.format, data.classes[0].as_str()), ("ck+48", "angry"));
    assert_eq!(data.samples[1].subject.as_deref(), Some("S011"));
}

#[test]
fn raf_db() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(0, &mut Rng::new(1));
    for name in ["train_00001", "test_0001"] {
        save(
            &folder
                .path()
                .join(format!("Image/aligned/{name}_aligned.jpg")),
            &face,
        );
    }
    let list = folder.path().join("EmoLabel/list_patition_label.txt");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(
        &list,
        "train_00001.jpg 5\ntest_0001.jpg 1\ntrain_2.jpg 8\ntest_0009.jpg 2\n",
    )
    .unwrap();
    let data = open(folder.path());
    assert_eq!(data.format, "raf-db");
    let read: Vec<_> = data
        .samples
        .iter()
        .map(|s| (data.classes[s.label].as_str(), s.split))
        .collect();
    assert_eq!(
        read,
        [("sad", Some(Split::Train)), ("surprise", Some(Split::Test))]
    );
    // One line of another label, one picture that is not there.
    assert_eq!(data.faults.len(), 2, "{:?}", data.faults);
}

#[test]
fn affectnet() {
    let folder = tempfile::tempdir().unwrap();
    let face = common::face(0, &mut Rng::new(1));
    let npy = |kind: &str, data: &[u8]| {
        let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (), }}");
        header.push_str(&" ".repeat(117 - header.len()));
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    };
    for (part, name, annotation) in [
        ("train_set", "3", npy("<U1", &[b'1', 0, 0, 0])),
        ("val_set", "8", npy("<i8", &7i64.to_le_bytes())),
        ("val_set", "9", npy("<i8", &9i64.to_le_bytes())),
        ("val_set", "10", npy("<f4", &(-1f32).to_le_bytes())),
        ("val_set", "11", npy("<f8", &6f64.to_le_bytes())),
    ] {
        save(
            &folder.path().join(part).join(format!("images/{name}.jpg")),
            &face,
        );
        let file = folder
            .path()
            .join(part)
            .join(format!("annotations/{name}_exp.npy"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, annotation).unwrap();
    }
    let data = open(folder.path());
    let read: Vec<_> = data
        .samples
        .iter()
        .map(|s| (data.classes[s.label].as_str(), s.split))
        .collect();
    let want = [
        ("happy", Some(Split::Train)),
        ("angry", Some(Split::Validation)),
        ("contempt", Some(Split::Validation)),
    ];
    assert_eq!(read, want);
    // Numbers that stand for no expression.
    assert_eq!(data.faults.len(), 2, "{:?}", data.faults);
}

#[test]
fn pictures_without_a_face_are_counted_apart() {
    let folder = tempfile::tempdir().unwrap();
    let blank = image::GrayImage::from_pixel(200, 200, image::Luma([90]));
    for class in ["happy", "sad"] {
        std::fs::create_dir_all(folder.path().join(class)).unwrap();
        blank
            .save(folder.path().join(class).join("blank.png"))
            .unwrap();
    }
    save(
        &folder.path().join("sad/face.png"),
        &common::face(0, &mut Rng::new(1)),
    );
    let data = open(folder.path());
    assert_eq!(
        (data.samples.len(), data.missed.len()),
        (1, 2),
        "{:?}",
        data.faults
    );
}

//! Data sets as archives and other people's tools leave them: read, or refused in one line.

mod common;

use std::io::Write;
use std::path::Path;

use common::program::{fail, succeed};
use fer_trainer::SIDE;
use fer_trainer::data::{self, Dataset, ReadOptions, Split};
use fer_trainer::rng::Rng;

/// `ckextended.csv` and the like: a header, and one row of grey pictures an emotion.
fn table(header: &str, between: char, rows: &[(&str, &str)]) -> String {
    let pixels = vec!["7"; SIDE * SIDE].join(" ");
    let row =
        |(emotion, usage): &(&str, &str)| format!("{emotion}{between}{pixels}{between}{usage}\n");
    let rows: String = rows.iter().map(row).collect();
    format!("{header}\n{rows}")
}

fn open(path: &Path) -> Dataset {
    data::open(path, &ReadOptions::default()).unwrap()
}

fn refused(path: &Path) -> String {
    let error = data::open(path, &ReadOptions::default()).unwrap_err();
    let line = format!("{error:#}");
    assert!(!line.contains('\n'), "{line}");
    line
}

/// Classes and parts of all samples.
fn read(data: &Dataset) -> Vec<(&str, Option<Split>)> {
    let samples = data.samples.iter();
    samples
        .map(|s| (data.classes[s.label].as_str(), s.split))
        .collect()
}

const ROWS: [(&str, &str); 2] = [("3", "Training"), ("6", "PublicTest")];
const READ: [(&str, Option<Split>); 2] = [
    ("happy", Some(Split::Train)),
    ("neutral", Some(Split::Validation)),
];

#[test]
fn semicolons_and_tabs_and_names_of_emotions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.csv");
    for between in [',', ';', '\t'] {
        // As spreadsheets save it, with a mark of the encoding in front.
        let header = format!("\u{feff}emotion{between}pixels{between}Usage");
        std::fs::write(&file, table(&header, between, &ROWS)).unwrap();
        assert_eq!(read(&open(&file)), READ, "{between:?}");
    }
    let named = [("Happiness", "Training"), ("neutral", "PublicTest")];
    std::fs::write(&file, table("emotion,pixels,Usage", ',', &named)).unwrap();
    assert_eq!(read(&open(&file)), READ);
    let data = [("contempt", "Training"), ("joyless", "Training")];
    std::fs::write(&file, table("emotion,pixels,Usage", ',', &data)).unwrap();
    let data = open(&file);
    assert_eq!(read(&data), [("contempt", Some(Split::Train))]);
    assert!(data.faults[0].contains("\"joyless\""), "{:?}", data.faults);
}

/// Of `xz`: a row of class 3 to train on.
fn xz() -> Vec<u8> {
    let xz = "fd377a585a0000016922de36020021011c00000010cf58cce0121f00405d00329b4a43ad15af68bf319ee4\
              4d5bf2257000392b7c0b59d5e82ca654744204118d7ff98fef61c4e1800c6c6634210d060f769c12708ef9\
              9b9aae6deb51c3200000c4f731c5000158a024000000b8f9ff7c3e300d8b020000000001595a";
    let byte = |i: usize| u8::from_str_radix(&xz[i..i + 2], 16).unwrap();
    (0..xz.len()).step_by(2).map(byte).collect()
}

#[test]
fn compressed_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = table("emotion,pixels,Usage", ',', &ROWS);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    std::fs::write(path("a.csv.gz"), &gzip).unwrap();
    assert_eq!(read(&open(&path("a.csv.gz"))), READ);

    std::fs::write(path("fer2013.csv.xz"), xz()).unwrap();
    assert_eq!(read(&open(&path("fer2013.csv.xz"))), READ[..1]);
    // The folder that it lies in, too.
    assert_eq!(read(&open(folder.path())), READ[..1]);

    let archive = |name: &str, entries: &[(&str, &str)]| {
        let mut archive = zip::ZipWriter::new(std::fs::File::create(path(name)).unwrap());
        for (entry, text) in entries {
            let options = zip::write::SimpleFileOptions::default();
            archive.start_file(*entry, options).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
    };
    archive("one.zip", &[("README.txt", "of CK+"), ("x/own.csv", &text)]);
    assert_eq!(read(&open(&path("one.zip"))), READ);
    archive(
        "kaggle.zip",
        &[("test.csv", "pixels\n"), ("icml_face_data.csv", &text)],
    );
    assert_eq!(read(&open(&path("kaggle.zip"))), READ);
    archive("two.zip", &[("a.csv", &text), ("b.csv", &text)]);
    assert!(refused(&path("two.zip")).contains("2 CSV files"));
    archive("pictures.zip", &[("happy/1.png", "")]);
    assert!(refused(&path("pictures.zip")).contains("unpack it"));

    // What a Mac packs beside every file is no second table.
    archive(
        "mac.zip",
        &[
            ("a.csv", &text),
            ("__MACOSX/._a.csv", "\0"),
            ("._a.csv", "\0"),
        ],
    );
    assert_eq!(read(&open(&path("mac.zip"))), READ);
}

#[test]
fn half_of_a_compressed_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = table("emotion,pixels,Usage", ',', &[("3", "Training"); 200]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let file = folder.path().join("cut.csv.gz");
    std::fs::write(&file, &gzip).unwrap();
    assert_eq!(open(&file).samples.len(), 200);
    for kept in [gzip.len() / 2, gzip.len() - 4] {
        std::fs::write(&file, &gzip[..kept]).unwrap();
        let said = refused(&file);
        assert!(said.contains("the file is damaged"), "{said}");
    }
    let file = folder.path().join("cut.csv.xz");
    let xz = xz();
    for kept in [xz.len() / 2, xz.len() - 4] {
        std::fs::write(&file, &xz[..kept]).unwrap();
        let said = refused(&file);
        let words = ["the file is damaged", "cannot be read"];
        assert!(words.iter().any(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn a_fault_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    save(&path("happy/1.png"), 1);
    save(&path("sad/2.png"), 2);
    std::fs::write(path("sad/two\nlines.png"), "no picture").unwrap();
    let data = path("");
    let output = common::program::run(&["data", "summary", data.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.starts_with("not used: sad/two lines.png: "), "{said}");
}

#[test]
fn what_is_no_such_table_is_refused_with_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.csv");
    std::fs::write(&file, "label,image\n3,a.png\n").unwrap();
    let said = refused(&file);
    assert!(
        said.contains("\"label, image\"") && said.contains("emotion, pixels"),
        "{said}"
    );
    std::fs::write(&file, b"BZh91AY&SY").unwrap();
    assert!(refused(&file).contains(".gz, .xz or .zip"));
    let mut tar = vec![0; 1024];
    tar[..11].copy_from_slice(b"fer2013.csv");
    tar[257..262].copy_from_slice(b"ustar");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    std::fs::write(&file, gzip.finish().unwrap()).unwrap();
    assert!(refused(&file).contains("a tar archive"));
}

#[test]
fn ck_plus_in_a_table_has_an_eighth_class() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [("7", "Training"), ("6", "PrivateTest"), ("8", "Training")];
    let text = table("emotion,pixels,Usage", ',', &rows);
    std::fs::write(folder.path().join("ckextended.csv"), text).unwrap();
    let data = open(folder.path());
    assert_eq!(data.format, "ckextended");
    let want = [
        ("contempt", Some(Split::Train)),
        ("neutral", Some(Split::Test)),
    ];
    assert_eq!(read(&data), want);
    assert!(
        data.faults[0].contains("\"8\" is not 0 to 7"),
        "{:?}",
        data.faults
    );
}

/// Saves a drawn face of class `label`.
fn save(path: &Path, label: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let face = common::face(label, &mut Rng::new(1));
    let face = image::GrayImage::from_raw(SIDE as u32, SIDE as u32, face).unwrap();
    image::DynamicImage::from(face)
        .into_rgb8()
        .save(path)
        .unwrap();
}

#[test]
fn folders_that_archives_leave_around_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("archive/CK+48/CK+48");
    for name in [
        "happy/S010_004_00000017.png",
        "sadness/S011_004_00000017.png",
    ] {
        save(&inner.join(name), 1);
    }
    std::fs::create_dir_all(folder.path().join("__MACOSX")).unwrap();
    let data = open(folder.path());
    assert_eq!(data.format, "ck+48");
    assert_eq!(data.samples[0].name, "happy/S010_004_00000017.png");

    // The only part is one all the same.
    let part = tempfile::tempdir().unwrap();
    for class in ["happy", "sad"] {
        save(&part.path().join("train").join(class).join("a.png"), 1);
    }
    let data = open(part.path());
    assert!(data.samples.iter().all(|s| s.split == Some(Split::Train)));

    let table_in = folder.path().join("table");
    std::fs::create_dir_all(table_in.join("fer2013/fer2013")).unwrap();
    let text = table("emotion,pixels,Usage", ',', &ROWS);
    std::fs::write(table_in.join("fer2013/fer2013/fer2013.csv"), text).unwrap();
    assert_eq!(read(&open(&table_in)), READ);
}

#[test]
fn pictures_of_every_kind_are_read_or_named_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let kinds = [
        "bmp", "gif", "jpg", "JPEG", "pgm", "png", "ppm", "tiff", "webp",
    ];
    for ending in kinds {
        save(&path("happy").join(format!("a.{ending}")), 1);
        save(&path("sad").join(format!("a.{ending}")), 2);
    }
    // Told by what is in it.
    std::fs::rename(path("sad/a.gif"), path("sad/subject01")).unwrap();
    for unknown in ["happy/a.heic", "sad/b.heic", "sad/notes.txt"] {
        std::fs::write(path(unknown), "nothing that is known").unwrap();
    }
    save(&path("contact-sheet.png"), 1);
    let data = open(folder.path());
    assert_eq!(data.samples.len(), 2 * kinds.len(), "{:?}", data.faults);
    let face = |name: &str| &data.samples.iter().find(|s| s.name == name).unwrap().pixels;
    for lossless in ["happy/a.gif", "happy/a.pgm", "happy/a.webp", "happy/a.tiff"] {
        assert_eq!(face(lossless), face("happy/a.png"), "{lossless}");
    }
    assert_eq!(data.unread["files ending in .heic"], 2);
    assert_eq!(data.unread["files ending in .txt"], 1);
    assert_eq!(data.unread["pictures in no folder of a class"], 1);
    assert_eq!(data.not_used(), 4);

    let text = folder.path().to_str().unwrap();
    let summary = succeed(&["data", "summary", text]);
    assert!(
        summary.contains("18 faces") && summary.contains("4 not used"),
        "{summary}"
    );

    // Where nothing else is there, that is what is wrong.
    let other = tempfile::tempdir().unwrap();
    for class in ["happy", "sad"] {
        std::fs::create_dir_all(other.path().join(class)).unwrap();
        std::fs::write(other.path().join(class).join("a.heic"), "?").unwrap();
    }
    let said = fail(&["data", "summary", other.path().to_str().unwrap()]);
    assert!(said.contains("2 files ending in .heic"), "{said}");
}

/// Red above green at the left, blue above white at the right: no turn looks like another.
fn quarters(width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        match (2 * x < width, 2 * y < height) {
            (true, true) => image::Rgb([255, 0, 0]),
            (true, false) => image::Rgb([0, 255, 0]),
            (false, true) => image::Rgb([0, 0, 255]),
            (false, false) => image::Rgb([255; 3]),
        }
    })
}

/// A JPEG that lies as `orientation` of Exif says and, turned so, looks like `upright`.
fn turned(upright: &image::RgbImage, orientation: u8) -> Vec<u8> {
    use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
    let lying = match orientation {
        1 => upright.clone(),
        2 => flip_horizontal(upright),
        3 => rotate180(upright),
        4 => flip_vertical(upright),
        5 => flip_horizontal(&rotate90(upright)),
        6 => rotate270(upright),
        7 => flip_horizontal(&rotate270(upright)),
        _ => rotate90(upright),
    };
    let mut jpeg = std::io::Cursor::new(Vec::new());
    lying.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let mut jpeg = jpeg.into_inner();
    // An Exif block whose only entry is the orientation (0x0112).
    let mut exif =
        b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    jpeg.splice(2..2, exif);
    jpeg
}

#[test]
fn pictures_are_turned_in_all_eight_ways_of_exif() {
    let folder = tempfile::tempdir().unwrap();
    let upright = quarters(40, 60);
    for class in ["happy", "sad"] {
        std::fs::create_dir_all(folder.path().join(class)).unwrap();
    }
    for orientation in 1..=8 {
        let file = folder.path().join(format!("happy/{orientation}.jpg"));
        std::fs::write(&file, turned(&upright, orientation)).unwrap();
        let picture = data::Picture::read(&file).unwrap().to_rgb();
        assert_eq!(picture.dimensions(), (40, 60), "{orientation}");
        for (x, y) in [(10, 15), (10, 45), (30, 15), (30, 45)] {
            let (have, want) = (picture.get_pixel(x, y), upright.get_pixel(x, y));
            let off = (0..3).map(|c| have[c].abs_diff(want[c])).max().unwrap();
            assert!(
                off < 20,
                "{orientation}: {have:?} at {x}, {y}, not {want:?}"
            );
        }
    }
    // Small, so all face: what a network learns from is upright too.
    let data = open(folder.path());
    let (first, others) = data.samples.split_first().unwrap();
    assert_eq!(others.len(), 7);
    for other in others {
        let pairs = first.pixels.iter().zip(&other.pixels);
        let off: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        assert!(off < 4 * (SIDE * SIDE) as u32, "{}: {off}", other.name);
    }
}

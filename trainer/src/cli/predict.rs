//! `fer-trainer predict`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fer::engine::{EngineKind, EngineOptions};
use fer::faces::FaceSize;
use fer::{Classifier, Face, FaceBox, Prediction, Rect};
use fer_cli::{are_one, one_line};
use fer_trainer::data::{Picture, StillFinder};
use fer_trainer::draw;
use image::ImageFormat;
use serde_json::{Value, json};

use super::model::Chosen;

/// Options of `predict`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pictures
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Prints one line of JSON a picture
    #[arg(long)]
    json: bool,
    /// Writes the picture with boxes and labels, in the format of this file's ending; a folder,
    /// for PNG files, where there are several pictures
    #[arg(long, value_name = "OUT")]
    draw: Option<PathBuf>,
    /// Pictures are faces already; else faces are found, unless the pictures are small
    #[arg(long)]
    aligned: bool,
    /// Smallest face looked for: up to 1 a share of the picture's height, above 1 pixels
    #[arg(long, default_value = "32", value_parser = face_size)]
    min_size: FaceSize,
    /// Engine: auto, builtin or onnxruntime
    #[arg(long, default_value_t = EngineKind::Auto)]
    engine: EngineKind,
    #[command(flatten)]
    model: Chosen,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let model = args.model.open()?;
    let options = EngineOptions {
        kind: args.engine,
        ..EngineOptions::default()
    };
    let targets = args.targets()?;
    let mut reader = Reader {
        classifier: Classifier::new(&model, &options)?,
        finder: StillFinder::new(args.min_size),
        aligned: args.aligned,
    };
    let labels = &model.info().labels;
    let mut unread = 0;
    for (path, target) in args.images.iter().zip(&targets) {
        match reader.read(path) {
            Ok((picture, faces)) => {
                if args.json {
                    println!("{}", document(path, labels, &faces));
                } else {
                    print(path, labels, &faces);
                }
                if let Some(target) = target {
                    draw(&picture, labels, &faces, target)?;
                }
            }
            Err(e) => {
                unread += 1;
                eprintln!("{}", one_line(&format!("{}: {e:#}", path.display())));
                if args.json {
                    let picture = path.display().to_string();
                    println!("{}", json!({"picture": picture, "error": format!("{e:#}")}));
                }
            }
        }
    }
    if unread > 0 {
        bail!("{unread} of {} pictures were not read", args.images.len());
    }
    Ok(())
}

fn face_size(text: &str) -> Result<FaceSize, String> {
    match text.parse::<f32>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(FaceSize::Share(share)),
        Ok(pixels) if pixels > 1.0 && pixels.is_finite() => Ok(FaceSize::Pixels(pixels)),
        _ => Err("not a share up to 1 or a number of pixels".into()),
    }
}

impl Args {
    /// The file to draw each picture into, and its format.
    fn targets(&self) -> Result<Vec<Option<Target>>> {
        let Some(out) = &self.draw else {
            return Ok(vec![None; self.images.len()]);
        };
        if self.images.len() == 1 && !out.is_dir() {
            let target = (out.clone(), format(out)?);
            self.spare(out)?;
            return Ok(vec![Some(target)]);
        }
        std::fs::create_dir_all(out).with_context(|| format!("folder {}", out.display()))?;
        let mut taken = BTreeSet::new();
        let name = |path: &PathBuf| {
            // Not by `with_extension`, which takes what follows a dot in the name for one.
            let mut name = path.file_stem().unwrap_or_default().to_owned();
            name.push(".png");
            let target = out.join(name);
            ensure!(
                taken.insert(target.clone()),
                "two pictures would be drawn into {}",
                target.display()
            );
            self.spare(&target)?;
            Ok(Some((target, ImageFormat::Png)))
        };
        self.images.iter().map(name).collect()
    }

    /// Refuses to draw over a picture that is read.
    fn spare(&self, target: &Path) -> Result<()> {
        let own = self.images.iter().find(|image| are_one(image, target));
        ensure!(
            own.is_none(),
            "--draw would write over {}, which is to be read",
            own.map_or(String::new(), |own| own.display().to_string())
        );
        Ok(())
    }
}

/// A file to draw into.
type Target = (PathBuf, ImageFormat);

/// The format that a file's ending names.
fn format(path: &Path) -> Result<ImageFormat> {
    let format = ImageFormat::from_path(path).ok();
    let written = format.filter(ImageFormat::writing_enabled);
    written.with_context(|| {
        format!(
            "--draw {}: the ending names no format that is written, such as .png or .jpg",
            path.display()
        )
    })
}

/// A face and what the network says of it.
struct Found {
    rect: Rect,
    /// How sure the detector is, where it says.
    detection: Option<f32>,
    prediction: Prediction,
}

struct Reader {
    classifier: Classifier,
    /// Loaded with the first picture that has to be searched.
    finder: StillFinder,
    aligned: bool,
}

impl Reader {
    fn read(&mut self, path: &Path) -> Result<(Picture, Vec<Found>)> {
        let picture = Picture::read(path)?;
        let faces: Vec<(FaceBox, Option<f32>)> = if self.aligned || picture.is_small() {
            vec![((&picture.whole()).into(), None)]
        } else {
            let faces = self.find(&picture)?.into_iter();
            faces.map(|f| (f.face_box(), f.confidence)).collect()
        };
        let boxes: Vec<FaceBox> = faces.iter().map(|(face, _)| *face).collect();
        let predictions = self.classifier.classify(&picture.frame()?, &boxes)?;
        let found = faces
            .into_iter()
            .zip(predictions)
            .map(|((face, detection), prediction)| Found {
                rect: face.rect,
                detection,
                prediction,
            })
            .collect();
        Ok((picture, found))
    }

    fn find(&mut self, picture: &Picture) -> Result<Vec<Face>> {
        let mut faces = self.finder.find(&picture.frame()?)?;
        in_reading_order(&mut faces);
        Ok(faces)
    }
}

/// Row by row, each from left to right. A row holds the faces whose middle lies within the height
/// of its highest one.
fn in_reading_order(faces: &mut [Face]) {
    let middle = |face: &Face| face.rect.y + face.rect.height / 2.0;
    faces.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
    let mut rest = faces;
    while let Some(highest) = rest.first() {
        let bottom = highest.rect.y + highest.rect.height;
        let row = rest
            .iter()
            .take_while(|face| middle(face) <= bottom)
            .count();
        // A box that is no number lies within nothing, not even itself.
        let (row, below) = rest.split_at_mut(row.max(1));
        row.sort_by(|a, b| a.rect.x.total_cmp(&b.rect.x));
        rest = below;
    }
}

fn print(path: &Path, labels: &[String], faces: &[Found]) {
    if faces.is_empty() {
        println!("{}: no face found", path.display());
    }
    for (number, face) in faces.iter().enumerate() {
        let Rect {
            x,
            y,
            width,
            height,
        } = face.rect;
        let prediction = &face.prediction;
        println!(
            "{}: face {} at {x:.0},{y:.0} ({width:.0} x {height:.0}): {} {:.1} %",
            path.display(),
            number + 1,
            labels[prediction.label],
            100.0 * prediction.confidence
        );
        let all: Vec<String> = labels
            .iter()
            .zip(&prediction.probabilities)
            .map(|(label, p)| format!("{label} {:.1} %", 100.0 * p))
            .collect();
        println!("  {}", all.join(", "));
    }
}

fn document(path: &Path, labels: &[String], faces: &[Found]) -> Value {
    let faces: Vec<Value> = faces
        .iter()
        .map(|face| {
            let Rect {
                x,
                y,
                width,
                height,
            } = face.rect;
            let probabilities = labels.iter().zip(&face.prediction.probabilities);
            json!({
                "box": {"x": x, "y": y, "width": width, "height": height},
                "detection": face.detection,
                "expression": labels[face.prediction.label],
                "confidence": face.prediction.confidence,
                "probabilities": probabilities
                    .map(|(label, p)| (label.clone(), Value::from(*p)))
                    .collect::<serde_json::Map<_, _>>(),
            })
        })
        .collect();
    json!({"picture": path.display().to_string(), "faces": faces})
}

fn draw(
    picture: &Picture,
    labels: &[String],
    faces: &[Found],
    (target, format): &Target,
) -> Result<()> {
    let mut canvas = picture.to_rgb();
    for (number, face) in faces.iter().enumerate() {
        let prediction = &face.prediction;
        let name = &labels[prediction.label];
        let text = format!("{name} {:.0} %", 100.0 * prediction.confidence);
        if faces.len() == 1 {
            draw::label(&mut canvas, &face.rect, &[&text]);
            continue;
        }
        // The number by which the face is printed, and beside it what there is room for.
        let number = format!("{}", number + 1);
        let texts = [
            format!("{number} {text}"),
            format!("{number} {name}"),
            number,
        ];
        draw::label(
            &mut canvas,
            &face.rect,
            &texts.each_ref().map(|text| &text[..]),
        );
    }
    canvas
        .save_with_format(target, *format)
        .with_context(|| format!("writing {}", target.display()))
}

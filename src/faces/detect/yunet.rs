//! The YuNet face detector of the OpenCV model zoo, run by the engine that is compiled in.
//!
//! OpenCV 4.6 can't read the file of 2026 (dynamic sizes), and its `dnn` module would
//! bring nothing that is not here. The network saw colour pictures in training; grey ones
//! in all three channels find the same faces on the clips of `cargo bench --bench detect`.

use std::path::Path;

use prost::Message;

use super::{Detection, Detector, Scan, Tuning, distinct};
use crate::frame::GrayImage;
use crate::nn::Network;
use crate::onnx::proto::ModelProto;
use crate::scale::{Pixels, Scaler};
use crate::{Error, Point, Rect, Result};

/// Side in pixels at which the network sees a face well.
const GOOD_FACE: f32 = 28.0;
/// The same for a face that is known to be in the picture, at the least size looked for.
const NEAR_FACE: f32 = 21.0;
/// Score of a detection that begins a face, and of one that keeps a known face.
const STRONG: f32 = 0.55;
const WEAK: f32 = 0.35;
/// Intersection over union above which the surer of two detections stays.
const SAME: f32 = 0.3;
/// Pixels between the places at which each of the network's three heads looks.
const STRIDES: [usize; 3] = [8, 16, 32];
/// The outputs, of each stride in turn: score of a face, score of an object, box,
/// landmarks.
const OUTPUTS: [[&str; 3]; 4] = [
    ["cls_8", "cls_16", "cls_32"],
    ["obj_8", "obj_16", "obj_32"],
    ["bbox_8", "bbox_16", "bbox_32"],
    ["kps_8", "kps_16", "kps_32"],
];
/// Values of each of them for a place.
const VALUES: [usize; 4] = [1, 1, 4, 10];
/// Sides of the picture that the network takes are multiples of this.
const MULTIPLE: usize = 32;
/// Side of the picture of the neighbourhood of one face.
const SMALL: usize = 64;

/// The network for one size of picture.
struct Plan {
    width: usize,
    height: usize,
    network: Network,
}

/// The YuNet network.
pub struct YuNetDetector {
    file: ModelProto,
    /// For the neighbourhood of a face.
    small: Plan,
    /// For the whole picture, once its size is known.
    whole: Option<Plan>,
    scaler: Scaler,
    input: GrayImage,
}

impl YuNetDetector {
    /// The network in the ONNX file at `path`.
    ///
    /// # Errors
    /// [`Error::Detector`] when the file is missing or is no YuNet.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Detector {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
        let unfit = |why: String| fail(format!("is not a YuNet face detector: {why}"));
        let file = ModelProto::decode(&bytes[..]).map_err(|e| unfit(e.to_string()))?;
        let small = Plan::new(&file, SMALL, SMALL).map_err(unfit)?;
        Ok(Self {
            file,
            small,
            whole: None,
            scaler: Scaler::new(),
            input: GrayImage::default(),
        })
    }

    /// Scales `region` of `image` into the left top corner of the network's picture.
    fn fill(&mut self, image: &GrayImage, region: &Rect, scale: f32, whole: bool) -> Result<()> {
        let scaled = |side: f32| ((side * scale).round() as usize).max(1);
        let (width, height) = (scaled(region.width), scaled(region.height));
        self.input.resize(width, height);
        let from = Pixels {
            data: image.pixels(),
            channels: 1,
            stride: image.width(),
            width: image.width(),
            height: image.height(),
        };
        // Rounding must not put an edge beyond the picture's.
        let (x, y) = (f64::from(region.x), f64::from(region.y));
        let across = f64::from(region.width).min(image.width() as f64 - x);
        let down = f64::from(region.height).min(image.height() as f64 - y);
        let part = (!whole).then_some((x, y, across, down));
        let pixels = self.input.pixels_mut();
        self.scaler.scale(&from, part, (width, height), pixels)
    }
}

impl Detector for YuNetDetector {
    fn good_face_size(&self) -> f32 {
        GOOD_FACE
    }

    fn tune(&mut self, _: Tuning) {}

    fn detect(&mut self, image: &GrayImage, scan: &Scan) -> Result<Vec<Detection>> {
        let wanted = scan.region.clamp(image.width(), image.height());
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let least = scan.min.max(1.0);
        // A known face's neighbourhood is shown as large as fits the small picture.
        let near = SMALL as f32 / wanted.width.max(wanted.height);
        let whole = near.min(1.0) * least < NEAR_FACE.min(least);
        let scale = if whole {
            (GOOD_FACE / least).min(1.0)
        } else {
            (NEAR_FACE / least).min(near).min(1.0)
        };
        // A part too large for the small picture is not worth an network of its
        // own size: the whole picture is looked at instead.
        let region = if whole {
            Rect::new(0.0, 0.0, image.width() as f32, image.height() as f32)
        } else {
            around(&wanted, SMALL as f32 / scale, image)
        };
        self.fill(image, &region, scale, whole)?;
        let fail = |why: String| Error::Engine {
            engine: "builtin",
            reason: format!("YuNet: {why}"),
        };
        let plan = if whole {
            let width = self.input.width().next_multiple_of(MULTIPLE);
            let height = self.input.height().next_multiple_of(MULTIPLE);
            match &mut self.whole {
                Some(plan) if (plan.width, plan.height) == (width, height) => plan,
                other => other.insert(Plan::new(&self.file, width, height).map_err(fail)?),
            }
        } else {
            &self.small
        };
        let mut found = plan.run(&self.input);
        for detection in &mut found {
            detection.map(|p| Point {
                x: p.x / scale + region.x,
                y: p.y / scale + region.y,
            });
        }
        found.retain(|d| {
            let (center, side) = (d.rect.center(), d.rect.width.max(d.rect.height));
            let inside = (wanted.x..wanted.right()).contains(&center.x)
                && (wanted.y..wanted.bottom()).contains(&center.y);
            inside && side >= scan.min && side <= scan.max
        });
        Ok(distinct(found, SAME))
    }
}

/// The part of `image` around the middle of `wanted` with sides of up to `side` pixels.
fn around(wanted: &Rect, side: f32, image: &GrayImage) -> Rect {
    let center = wanted.center();
    let (width, height) = (image.width() as f32, image.height() as f32);
    let (x, y) = (center.x - side / 2.0, center.y - side / 2.0);
    Rect::new(x, y, side, side).intersect(&Rect::new(0.0, 0.0, width, height))
}

impl Plan {
    fn new(file: &ModelProto, width: usize, height: usize) -> Result<Self, String> {
        let network = Network::of(file, [3, height, width], OUTPUTS.as_flattened())?;
        for (i, shape) in network.shapes().enumerate() {
            let stride = STRIDES[i % STRIDES.len()];
            let places = (width / stride) * (height / stride);
            let values = VALUES[i / STRIDES.len()];
            if *shape != [1, places, values] {
                let name = OUTPUTS.as_flattened()[i];
                return Err(format!("result {name:?} is of shape {shape:?}"));
            }
        }
        Ok(Self {
            width,
            height,
            network,
        })
    }

    /// The faces in `image`, which is no larger than the plan's picture; what lies beyond
    /// it is black.
    fn run(&self, image: &GrayImage) -> Vec<Detection> {
        let area = self.width * self.height;
        let mut input = vec![0f32; 3 * area];
        let (plane, rest) = input.split_at_mut(area);
        let rows = image.pixels().chunks_exact(image.width());
        for (to, from) in plane.chunks_exact_mut(self.width).zip(rows) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = f32::from(*from);
            }
        }
        for channel in rest.chunks_exact_mut(area) {
            channel.copy_from_slice(plane);
        }
        self.network.run(&input, 1, |results| self.read(results))
    }

    /// The faces in what the network said.
    fn read(&self, results: &[&[f32]]) -> Vec<Detection> {
        let mut found = Vec::new();
        for (i, stride) in STRIDES.into_iter().enumerate() {
            let [class, object, boxes, points] =
                [0, 1, 2, 3].map(|kind| results[kind * STRIDES.len() + i]);
            let columns = self.width / stride;
            for place in 0..columns * (self.height / stride) {
                let clamped = |v: f32| v.clamp(0.0, 1.0);
                let score = (clamped(class[place]) * clamped(object[place])).sqrt();
                if score < WEAK {
                    continue;
                }
                let unit = stride as f32;
                let (column, row) = ((place % columns) as f32, (place / columns) as f32);
                let [x, y, width, height] = [0, 1, 2, 3].map(|v| boxes[4 * place + v]);
                let (width, height) = (width.exp() * unit, height.exp() * unit);
                found.push(Detection {
                    rect: Rect::new(
                        (column + x) * unit - width / 2.0,
                        (row + y) * unit - height / 2.0,
                        width,
                        height,
                    ),
                    confidence: Some(score),
                    landmarks: Some([0, 1, 2, 3, 4].map(|p| Point {
                        x: (column + points[10 * place + 2 * p]) * unit,
                        y: (row + points[10 * place + 2 * p + 1]) * unit,
                    })),
                    strong: score >= STRONG,
                    ..Detection::default()
                });
            }
        }
        found
    }
}

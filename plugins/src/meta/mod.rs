//! The metadata on buffers: the one place where it is written and read. Where it is carried
//! is for the modules below: the regions themselves here, what they lose on the way in
//! `kept`. Another carrier is read in [`faces`] and written in [`add_faces`] and
//! [`add_expressions`], which alone see to it that no face is read twice.
//!
//! Every face is a `GstVideoRegionOfInterestMeta` of type [`FACE`] with the face's number
//! as its id, and these parameter structures:
//!
//! `detection`, by `ferfacedetect`:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `confidence` | double | how sure the detector is, 0 to 1; absent where not known |
//! | `age` | uint | frames since the face was first seen |
//! | `coasting` | boolean | whether the box is carried forward, not seen in this frame |
//! | `x-min`, `x-max`, `y-min`, `y-max` | double | the box in shares of the frame's width and height |
//! | `landmarks` | array of double | x and y of right eye, left eye, nose, right and left corner of the mouth (as the person has them), in shares of the frame's width and height; absent where the detector gives none |
//!
//! `expression`, one by each `ferclassify`:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `element` | string | name of the element that says it |
//! | `label` | string | most probable class, or `uncertain` below the threshold |
//! | `confidence` | double | its probability, 0 to 1 |
//! | `labels` | array of string | all classes |
//! | `probabilities` | array of double | one each, in the order of `labels` |
//! | `smoothed-label` | string | the label over time, which does not flicker |
//! | `smoothed-confidence` | double | its probability over time |

mod kept;

use gst_video::VideoRegionOfInterestMeta;
use kept::{Kept, Keys};

/// Type of the region-of-interest metas of faces.
pub const FACE: &str = "face";
/// Label of a face whose probabilities are all below the threshold.
pub const UNCERTAIN: &str = "uncertain";

const DETECTION: &str = "detection";
const EXPRESSION: &str = "expression";

/// What `ferclassify` says of a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// Name of the `ferclassify` that says it; empty where not known.
    pub element: String,
    /// Most probable class, or [`UNCERTAIN`].
    pub label: String,
    /// Its probability.
    pub confidence: f64,
    /// All classes with their probabilities.
    pub probabilities: Vec<(String, f64)>,
    /// The label over time.
    pub smoothed_label: String,
    /// Its probability over time.
    pub smoothed_confidence: f64,
}

/// A face as read from a buffer.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceMeta {
    /// The face's number; 0 or less where the element that wrote it gives none.
    pub id: i32,
    /// Box in pixels.
    pub rect: fer::Rect,
    /// How sure the detector was.
    pub detection: Option<f64>,
    /// Right eye, left eye, nose, right and left corner of the mouth (as the person has
    /// them), in shares of the frame's width and height, where the detector gives them.
    pub landmarks: Option<[(f64, f64); 5]>,
    /// What the last `ferclassify` added.
    pub expression: Option<Expression>,
    /// What others had added before it, the first of them first.
    pub earlier: Vec<Expression>,
}

impl FaceMeta {
    /// What the element called `element` says of the face; for `None` what was said last.
    pub fn expression_by(&self, element: Option<&str>) -> Option<&Expression> {
        let Some(name) = element else {
            return self.expression.as_ref();
        };
        let readings = self.expression.iter().chain(self.earlier.iter().rev());
        readings.into_iter().find(|e| e.element == name)
    }

    /// The face's box in a frame of `width` x `height` pixels, tilted as the eyes are seen
    /// where they are known; `aspect` is the width of a pixel in proportion to its height.
    pub fn face_box(&self, width: u32, height: u32, aspect: f32) -> fer::FaceBox {
        let Some([right, left, ..]) = self.landmarks else {
            return fer::FaceBox::from(&self.rect);
        };
        let pixel = |(x, y): (f64, f64)| fer::Point {
            x: (x * f64::from(width)) as f32 * aspect,
            y: (y * f64::from(height)) as f32,
        };
        fer::FaceBox::with_eyes(self.rect, pixel(right), pixel(left))
    }

    /// The face as a structure, for messages: `id`, `x`, `y`, `width`, `height` (pixels),
    /// `detection-confidence` where known and the fields of `expression` where classified.
    pub fn to_structure(&self) -> gst::Structure {
        let mut builder = gst::Structure::builder(FACE)
            .field("id", self.id)
            .field("x", self.rect.x as i32)
            .field("y", self.rect.y as i32)
            .field("width", self.rect.width as i32)
            .field("height", self.rect.height as i32);
        if let Some(confidence) = self.detection {
            builder = builder.field("detection-confidence", confidence);
        }
        let mut structure = builder.build();
        if let Some(expression) = &self.expression {
            for (name, value) in expression.to_structure().iter() {
                structure.set_value(name, value.clone());
            }
        }
        structure
    }
}

impl Expression {
    fn to_structure(&self) -> gst::Structure {
        let (labels, values): (Vec<&str>, Vec<f64>) = self
            .probabilities
            .iter()
            .map(|(label, value)| (label.as_str(), *value))
            .unzip();
        gst::Structure::builder(EXPRESSION)
            .field("element", &self.element)
            .field("label", &self.label)
            .field("confidence", self.confidence)
            .field("labels", gst::Array::new(labels))
            .field("probabilities", gst::Array::new(values))
            .field("smoothed-label", &self.smoothed_label)
            .field("smoothed-confidence", self.smoothed_confidence)
            .build()
    }

    fn read(structure: &gst::StructureRef) -> Option<Self> {
        let label: String = structure.get("label").ok()?;
        let confidence = structure.get("confidence").ok()?;
        let labels = structure.get::<gst::Array>("labels").ok();
        let values = structure.get::<gst::Array>("probabilities").ok();
        let probabilities = labels
            .iter()
            .flat_map(|a| a.iter())
            .zip(values.iter().flat_map(|a| a.iter()))
            .filter_map(|(label, value)| Some((label.get().ok()?, value.get().ok()?)))
            .collect();
        Some(Self {
            element: structure.get("element").unwrap_or_default(),
            smoothed_label: structure
                .get("smoothed-label")
                .unwrap_or_else(|_| label.clone()),
            smoothed_confidence: structure.get("smoothed-confidence").unwrap_or(confidence),
            label,
            confidence,
            probabilities,
        })
    }
}

/// Adds a meta for each of `faces` to a buffer with a frame of `width` x `height` pixels. A
/// box that lies outside the frame is left out.
pub fn add_faces(buffer: &mut gst::BufferRef, faces: &[fer::Face], width: u32, height: u32) {
    for face in faces {
        add_face(buffer, face, width, height);
    }
    if !faces.is_empty() {
        kept::keep(buffer, &[DETECTION, EXPRESSION]);
    }
}

fn add_face(buffer: &mut gst::BufferRef, face: &fer::Face, width: u32, height: u32) {
    let rect = face.rect.clamp(width as usize, height as usize);
    let (x, y) = (rect.x.round() as u32, rect.y.round() as u32);
    let (w, h) = (rect.width.round() as u32, rect.height.round() as u32);
    if w == 0 || h == 0 {
        return;
    }
    let share = |value: f32, whole: u32| f64::from(value) / f64::from(whole);
    let mut detection = gst::Structure::builder(DETECTION)
        .field("age", face.age)
        .field("coasting", face.coasting)
        .field("x-min", share(rect.x, width))
        .field("x-max", share(rect.right(), width))
        .field("y-min", share(rect.y, height))
        .field("y-max", share(rect.bottom(), height));
    if let Some(confidence) = face.confidence {
        detection = detection.field("confidence", f64::from(confidence));
    }
    if let Some(points) = face.landmarks {
        let shares = points.map(|p| [share(p.x, width), share(p.y, height)]);
        let flat = shares.as_flattened().iter().copied();
        detection = detection.field("landmarks", gst::Array::new(flat));
    }
    let mut meta = VideoRegionOfInterestMeta::add(buffer, FACE, (x, y, w, h));
    // Ids are counted from 1; one that no longer fits begins anew, but not at 0.
    meta.set_id(((face.id - 1) % i32::MAX as u64 + 1) as i32);
    meta.add_param(detection.build());
}

/// The landmarks in a `detection` structure.
fn landmarks(detection: &gst::StructureRef) -> Option<[(f64, f64); 5]> {
    let array = detection.get::<gst::Array>("landmarks").ok()?;
    let values: Option<Vec<f64>> = array.iter().map(|v| v.get().ok()).collect();
    let pairs: Vec<_> = values?.chunks_exact(2).map(|p| (p[0], p[1])).collect();
    pairs.try_into().ok()
}

/// Makes what is written known to GStreamer.
pub(crate) fn init() {
    kept::init();
}

/// A coordinate of a region; those left of and above the frame, which some elements write
/// wrapped around, are negative.
fn coordinate(value: u32) -> f32 {
    value as i32 as f32
}

/// The faces on a buffer: all regions of interest whose type is in `types`, in the order
/// of the metas. Of a region that went through a conversion, the parameters are those that
/// are kept.
pub fn faces(buffer: &gst::BufferRef, types: &[String]) -> Vec<FaceMeta> {
    let (kept, mut keys) = (Kept::read(buffer), Keys::default());
    let mut faces = Vec::new();
    for region in buffer.iter_meta::<VideoRegionOfInterestMeta>() {
        let key = keys.next(region.roi_type(), region.id());
        if !types.iter().any(|t| t == region.roi_type()) {
            continue;
        }
        let lost = |parameter: &&gst::StructureRef| !region.params().any(|own| own == *parameter);
        let parameters: Vec<&gst::StructureRef> =
            region.params().chain(kept.of(&key).filter(lost)).collect();
        let detection = parameters.iter().find(|p| p.name() == DETECTION);
        let readings = parameters.iter().filter(|p| p.name() == EXPRESSION);
        let mut readings: Vec<Expression> = readings.filter_map(|p| Expression::read(p)).collect();
        let (x, y, w, h) = region.rect();
        faces.push(FaceMeta {
            id: region.id(),
            rect: fer::Rect::new(coordinate(x), coordinate(y), w as f32, h as f32),
            detection: detection.and_then(|s| s.get("confidence").ok()),
            landmarks: detection.and_then(|s| landmarks(s)),
            expression: readings.pop(),
            earlier: readings,
        });
    }
    faces
}

/// Adds one expression to each of the faces that [`faces`] gives, in the same order;
/// `None` leaves a face as it is.
pub fn add_expressions(
    buffer: &mut gst::BufferRef,
    types: &[String],
    expressions: &[Option<Expression>],
) {
    if expressions.iter().all(Option::is_none) {
        return;
    }
    kept::restore(buffer);
    let mut expressions = expressions.iter();
    for mut meta in buffer.iter_meta_mut::<VideoRegionOfInterestMeta>() {
        if !types.iter().any(|t| t == meta.roi_type()) {
            continue;
        }
        if let Some(Some(expression)) = expressions.next() {
            meta.add_param(expression.to_structure());
        }
    }
    kept::keep(buffer, &[DETECTION, EXPRESSION]);
}

//! What is said of a face.

use super::{EXPRESSION, FACE};

/// What `ferclassify` says of a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// Name of the `ferclassify` that says it; empty where not known.
    pub element: String,
    /// Most probable class, or [`UNCERTAIN`](super::UNCERTAIN).
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
    /// Where the detector gives them.
    pub landmarks: Option<Landmarks>,
    /// By how much the face is turned in the plane of the picture, where a detector says so
    /// without landmarks: radians, clockwise as seen, in pixels as they lie in the frame.
    pub tilt: Option<f32>,
    /// What the last `ferclassify` added.
    pub expression: Option<Expression>,
    /// What others had added before it, the first of them first.
    pub earlier: Vec<Expression>,
}

/// Right eye, left eye, nose, right and left corner of the mouth, as the person has them.
#[derive(Debug, Clone, PartialEq)]
pub enum Landmarks {
    /// In shares of the face's box, and so right wherever the box is.
    OfBox([(f64, f64); 5]),
    /// In shares of the frame's width and height.
    OfFrame([(f64, f64); 5]),
}

impl Landmarks {
    /// The points in pixels of a frame of `width` x `height`, for a face at `rect`.
    pub fn pixels(&self, rect: &fer::Rect, width: u32, height: u32) -> [(f64, f64); 5] {
        let (points, x, y, width, height) = match self {
            Self::OfBox(points) => (points, rect.x, rect.y, rect.width, rect.height),
            Self::OfFrame(points) => (points, 0.0, 0.0, width as f32, height as f32),
        };
        points.map(|(px, py)| {
            (
                f64::from(x) + px * f64::from(width),
                f64::from(y) + py * f64::from(height),
            )
        })
    }

    /// Those in a `detection` structure. They are of the frame as it was when they were
    /// written, and so of the box where the structure says where it was then.
    pub(super) fn read(detection: &gst::StructureRef) -> Option<Self> {
        let array = detection.get::<gst::Array>("landmarks").ok()?;
        let values: Option<Vec<f64>> = array.iter().map(|v| v.get().ok()).collect();
        let pairs: Vec<_> = values?.chunks_exact(2).map(|p| (p[0], p[1])).collect();
        let points: [(f64, f64); 5] = pairs.try_into().ok()?;
        let side = |name: &str| detection.get::<f64>(name).ok();
        let sides = (side("x-min"), side("y-min"), side("x-max"), side("y-max"));
        let (Some(left), Some(top), Some(right), Some(bottom)) = sides else {
            return Some(Self::OfFrame(points));
        };
        let (width, height) = (right - left, bottom - top);
        if !(width > 0.0 && height > 0.0) {
            return None;
        }
        Some(Self::OfBox(
            points.map(|(x, y)| ((x - left) / width, (y - top) / height)),
        ))
    }
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
        if let Some(landmarks) = &self.landmarks {
            let pixel = |(x, y): (f64, f64)| fer::Point {
                x: x as f32 * aspect,
                y: y as f32,
            };
            let [right, left, ..] = landmarks.pixels(&self.rect, width, height);
            return fer::FaceBox::with_eyes(self.rect, pixel(right), pixel(left));
        }
        let tilt = self.tilt.filter(|tilt| tilt.is_finite()).unwrap_or(0.0);
        fer::FaceBox {
            rect: self.rect,
            tilt: tilt.sin().atan2(tilt.cos() * aspect),
        }
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
    pub(super) fn to_structure(&self) -> gst::Structure {
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

    pub(super) fn read(structure: &gst::StructureRef) -> Option<Self> {
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

    /// What another element's classes with their probabilities say; `None` without classes.
    pub(super) fn of_classes(classes: &[(String, f64)]) -> Option<Self> {
        let (label, confidence) = classes.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(Self {
            element: String::new(),
            label: label.clone(),
            confidence: *confidence,
            smoothed_label: label.clone(),
            smoothed_confidence: *confidence,
            probabilities: classes.to_vec(),
        })
    }
}

//! The metadata on buffers: the one place where it is written and read. How it is carried is
//! for the modules below: regions of interest in `region`, object detections of
//! `GstAnalyticsRelationMeta` in `analytics`, what both lose on the way in `kept`. [`faces`]
//! sees to it that a face that is described by both is read once.
//!
//! Every face of `ferfacedetect` is a `GstVideoRegionOfInterestMeta` of type [`FACE`] with the face's number
//! as its id, and these parameter structures; and, in a build with the feature `analytics`, an
//! object detection of that type, related to a track with the same number and to one
//! classification by each `ferclassify`, most probable class first.
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
//! | `analytics-id` | uint | number of the object detection of the same face in the buffer's analytics metadata; absent where there is none |
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

#[cfg_attr(not(feature = "analytics"), path = "no_analytics.rs")]
mod analytics;
mod detection;
mod face;
mod kept;
mod pairs;
mod region;

use detection::{Detection, fold};
use kept::{Kept, Key, is_scaled};
use region::Region;

pub use detection::Times;
pub use face::{Expression, FaceMeta, Landmarks};

/// Type of the region-of-interest metas of faces.
pub const FACE: &str = "face";
/// Label of a face whose probabilities are all below the threshold.
pub const UNCERTAIN: &str = "uncertain";

const DETECTION: &str = "detection";
const EXPRESSION: &str = "expression";
const ANALYTICS_ID: &str = "analytics-id";

/// Makes what is written known to GStreamer.
pub(crate) fn init() {
    kept::init();
}

/// A face as it is described on a buffer: by the region at one place in their order, by the
/// detection at one in theirs, or by both.
struct Described {
    region: Option<usize>,
    detection: Option<usize>,
}

/// All that is described on a buffer.
struct Scene {
    kept: Kept,
    regions: Vec<Region>,
    detections: Vec<Detection>,
    /// The faces of the types that were asked for: those with a region first.
    faces: Vec<Described>,
}

impl Scene {
    /// Reads what `buffer` describes; `is_face` says of which types faces are.
    fn read(buffer: &gst::BufferRef, is_face: impl Fn(&str) -> bool) -> Self {
        let kept = Kept::read(buffer);
        let regions = region::read(buffer, &kept);
        let detections = analytics::read(buffer);
        let pairs = pairs::pair(&regions, &detections);
        let by_region = pairs.iter().enumerate().map(|(region, pair)| Described {
            region: Some(region),
            detection: *pair,
        });
        let alone = (0..detections.len()).filter(|at| !pairs.contains(&Some(*at)));
        let by_detection = alone.map(|detection| Described {
            region: None,
            detection: Some(detection),
        });
        let is_wanted = |face: &Described| match (face.region, face.detection) {
            (Some(at), _) => is_face(&regions[at].key.kind),
            (None, Some(at)) => is_face(&detections[at].kind),
            (None, None) => false,
        };
        let faces = by_region.chain(by_detection).filter(is_wanted).collect();
        Self {
            kept,
            regions,
            detections,
            faces,
        }
    }

    /// The parameters of a face: those of its region, and what is kept for its detection.
    fn parameters(&self, face: &Described) -> Vec<gst::Structure> {
        let region = face.region.map(|at| &self.regions[at]);
        let mut parameters = region.map(|r| r.parameters.clone()).unwrap_or_default();
        if let Some(at) = face.detection {
            for kept in self.kept.of(&self.detections[at].key()) {
                if !parameters.iter().any(|own| own.as_ref() == kept) {
                    parameters.push(kept.to_owned());
                }
            }
        }
        parameters
    }

    fn face(&self, face: &Described) -> FaceMeta {
        let parameters = self.parameters(face);
        let region = face.region.map(|at| &self.regions[at]);
        let found = face.detection.map(|at| &self.detections[at]);
        let said = parameters.iter().find(|p| p.name() == DETECTION);
        let readings = parameters.iter().filter(|p| p.name() == EXPRESSION);
        let mut readings: Vec<Expression> = readings.filter_map(|p| Expression::read(p)).collect();
        if readings.is_empty() {
            // Another classifier's, or ours after an element that keeps no more.
            let classes = found.iter().flat_map(|found| &found.classes);
            readings = classes.filter_map(|c| Expression::of_classes(c)).collect();
        }
        let rect = match (region, found) {
            // Of two boxes of one face, that of the detection has been moved with the picture
            // by more elements; but an application may have moved the region.
            (Some(region), Some(found))
                if region.analytics_id() == Some(found.mtd)
                    && said.is_none_or(|said| is_as_written(&region.key.rect, said)) =>
            {
                found.rect
            }
            (Some(region), _) => region.key.rect,
            (None, found) => found.map(|found| found.rect).unwrap_or_default(),
        };
        let id = region.map_or(0, |region| region.key.id);
        FaceMeta {
            id: if id > 0 {
                id
            } else {
                found.map_or(id, |found| found.id)
            },
            rect,
            detection: said
                .and_then(|said| said.get("confidence").ok())
                .or(found.and_then(|found| found.confidence)),
            landmarks: said.and_then(|said| Landmarks::read(said)),
            tilt: found.and_then(|found| found.tilt).or(said
                .and_then(|said| said.get::<f64>("tilt").ok())
                .map(|tilt| tilt as f32)),
            expression: readings.pop(),
            earlier: readings,
        }
    }
}

/// Whether a region is where `ferfacedetect` has put it, in a frame that may have been scaled
/// since; `said` is what it said of it.
fn is_as_written(rect: &fer::Rect, said: &gst::StructureRef) -> bool {
    let side = |name: &str| said.get::<f64>(name).ok();
    let sides = (side("x-min"), side("y-min"), side("x-max"), side("y-max"));
    let (Some(left), Some(top), Some(right), Some(bottom)) = sides else {
        return true;
    };
    // The size of the frame that the shares are of is not known; that at which the box has
    // its size now leaves the place to be compared.
    let x = f64::from(rect.width) / (right - left);
    let y = f64::from(rect.height) / (bottom - top);
    let then = fer::Rect::new((left * x) as f32, (top * y) as f32, rect.width, rect.height);
    is_scaled(rect, &then)
}

/// The faces on a buffer: all regions of interest whose type is in `types`, in the order of
/// the metas, and after them the object detections of these types that describe none of those
/// again. Of a face that went through a conversion, the results are those that are kept.
pub fn faces(buffer: &gst::BufferRef, types: &[String]) -> Vec<FaceMeta> {
    let scene = Scene::read(buffer, |kind| types.iter().any(|t| t == kind));
    scene.faces.iter().map(|face| scene.face(face)).collect()
}

/// Adds metadata for each of `faces` to a buffer with a frame of `width` x `height` pixels;
/// `times` says when each was seen. A box that lies outside the frame is left out.
pub fn add_faces(
    buffer: &mut gst::BufferRef,
    faces: &[fer::Face],
    (width, height): (u32, u32),
    times: impl Fn(&fer::Face) -> Times,
) {
    if faces.is_empty() {
        return;
    }
    restore(buffer);
    for face in faces {
        add_face(buffer, face, (width, height), times(face));
    }
    keep(buffer, &[]);
}

fn add_face(buffer: &mut gst::BufferRef, face: &fer::Face, size: (u32, u32), times: Times) {
    let (width, height) = size;
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
    if let Some(tilt) = face.tilt {
        detection = detection.field("tilt", f64::from(tilt));
    }
    let id = fold(face.id);
    let described = Detection {
        kind: FACE.to_owned(),
        id,
        rect: fer::Rect::new(x as f32, y as f32, w as f32, h as f32),
        tilt: face
            .landmarks
            .map(|[right, left, ..]| fer::FaceBox::with_eyes(rect, right, left).tilt)
            .or(face.tilt),
        confidence: face.confidence.map(f64::from),
        ..Detection::default()
    };
    if let Some(mtd) = analytics::add(buffer, &described, times) {
        detection = detection.field(ANALYTICS_ID, mtd);
    }
    region::add(buffer, FACE, id, (x, y, w, h), detection.build());
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
    let scene = Scene::read(buffer, |kind| types.iter().any(|t| t == kind));
    let mut of_regions: Vec<Vec<gst::Structure>> = vec![Vec::new(); scene.regions.len()];
    let mut of_detections = Vec::new();
    for (described, expression) in scene.faces.iter().zip(expressions) {
        let Some(expression) = expression else {
            continue;
        };
        let mut parameter = expression.to_structure();
        let mtd = match described.detection {
            Some(at) => {
                let detection = &scene.detections[at];
                of_detections.push((detection.key(), parameter.clone()));
                Some(detection.mtd)
            }
            // So that readers of analytics metadata see what is known of regions, too.
            None => {
                let face = scene.face(described);
                let kind = described
                    .region
                    .map(|at| scene.regions[at].key.kind.clone());
                let detection = Detection {
                    kind: kind.unwrap_or_default(),
                    rect: face.rect,
                    confidence: face.detection,
                    ..Detection::default()
                };
                let mtd = analytics::add(buffer, &detection, Times::default());
                if let Some(mtd) = mtd {
                    parameter.set(ANALYTICS_ID, mtd);
                }
                mtd
            }
        };
        if let Some(mtd) = mtd {
            analytics::add_classes(buffer, mtd, &expression.probabilities);
        }
        if let Some(at) = described.region {
            of_regions[at].push(parameter);
        }
    }
    restore(buffer);
    region::give(buffer, of_regions.iter().map(Vec::as_slice));
    keep(buffer, &of_detections);
}

/// Gives the regions of `buffer` back what they lost of what is kept.
fn restore(buffer: &mut gst::BufferRef) {
    let regions = region::read(buffer, &Kept::read(buffer));
    region::give(buffer, regions.iter().map(|r| r.parameters.as_slice()));
}

/// Keeps what the elements of this plugin say of what is on `buffer`: the parameters of its
/// regions, for them and for the detections of the same faces, and `said` of detections.
fn keep(buffer: &mut gst::BufferRef, said: &[(Key, gst::Structure)]) {
    let scene = Scene::read(buffer, |_| true);
    let mut kept = Kept::default();
    for face in &scene.faces {
        let detection = face.detection.map(|at| scene.detections[at].key());
        let region = face.region.map(|at| &scene.regions[at].key);
        let mut parameters = scene.parameters(face);
        let new = said.iter().filter(|(of, _)| Some(of) == detection.as_ref());
        parameters.extend(new.map(|(_, parameter)| parameter.clone()));
        let is_ours = |p: &&gst::Structure| [DETECTION, EXPRESSION].contains(&p.name().as_str());
        for parameter in parameters.iter().filter(is_ours) {
            for key in [region, detection.as_ref()].into_iter().flatten() {
                kept.add(key, parameter);
            }
        }
    }
    kept.write(buffer);
}

//! OpenCV's Haar cascades.

use std::ops::Range;
use std::path::{Path, PathBuf};

use opencv::core::{self, Mat, Size, Vector};
use opencv::prelude::*;

opencv::opencv_branch_5! {
    use opencv::xobjdetect::CascadeClassifier;
}
opencv::not_opencv_branch_5! {
    use opencv::objdetect::CascadeClassifier;
}

use super::cascade::DEFAULT_CASCADE;
use super::equalize::equalize;
use super::view::View;
use super::{Detection, Detector, Scan, Tuning};
use crate::error::one_line;
use crate::frame::GrayImage;
use crate::{Error, Rect, Result};

/// A face is seen well at this multiple of the cascade's window: measured, a smaller
/// picture loses faces and a larger one gains none.
const WINDOWS_A_FACE: f32 = 1.5;
/// Windows that must agree on a weak detection.
const WEAK_VOTES: i32 = 2;
/// More windows must agree in a further view: there are many of them, and few faces.
const FURTHER_VOTES: i32 = 1;
/// How far around a face that was seen with its contrast raised it is looked for without, in
/// sides of its box; sizes looked for, relative to its own; and from which intersection over
/// union on it is the same.
const CONFIRMED: (f32, (f32, f32), f32) = (0.4, (0.75, 1.35), 0.4);
/// Third power of the votes at which the confidence is one half.
const HALF_CONFIDENCE: f32 = 15.0;
/// Tilts in degrees of the faces that further views show upright. A cascade sees faces that
/// are tilted by up to some 15 degrees.
const TILTS: [f32; 4] = [20.0, -20.0, 40.0, -40.0];
/// A face that is looked for with a border around the picture has at least this share of the
/// picture's shorter side.
const FILLS: f32 = 0.4;
/// By how much such a face may exceed the size looked for, before the border is cut off.
const EXCEEDS: f32 = 1.5;
/// Tiles for equalisation, in sides of the smallest face looked for.
const TILE: f32 = 1.4;
/// The cascades that are used along with the one for frontal faces, from the same folder.
const FRONTAL: &str = "haarcascade_frontalface_default.xml";
const PROFILE: &str = "haarcascade_profileface.xml";
/// Where the middle of the box of a frontal cascade would be in that of the one for profiles,
/// which has much of what is before the face: in sides of the box, right and down.
const PROFILE_OFFSET: (f32, f32) = (-0.16, 0.045);

/// A Haar cascade of OpenCV's.
///
/// The confidence of a detection with `n` agreeing windows is `n^3 / (n^3 + 15)`: the share of
/// such detections that were faces in the hand-checked clips and pictures that the project
/// tunes by, where 2, 3, 4 and 5 windows were right in 0.35, 0.67, 0.82 and all cases. Where
/// there is more in the pictures that looks like a face, it is less.
pub struct HaarDetector {
    /// The first is the one that was asked for; the others lie beside it.
    cascades: Vec<Cascade>,
    looks: Vec<Look>,
    groups: Vec<Range<usize>>,
    window: f32,
    tuning: Tuning,
    shown: GrayImage,
}

/// A cascade, loaded when it is first used.
enum Cascade {
    File(PathBuf),
    Loaded(CascadeClassifier),
}

/// One view: what is shown to which cascade.
#[derive(Clone, Copy, Default)]
struct Look {
    view: View,
    cascade: usize,
    /// Where the middle of a face lies beside that of its box.
    offset: (f32, f32),
    /// Whether contrast is raised where it is low.
    equalized: bool,
}

impl HaarDetector {
    /// The cascade in the file at `path`. Where it is OpenCV's usual one for frontal faces,
    /// those for frontal faces of another training and for profiles are used too, for what it
    /// misses, if they lie in the same folder.
    ///
    /// OpenCV is set to one thread for the whole process: its thread pool makes a small
    /// scan slower, and would compete with the other streams of a process.
    ///
    /// # Errors
    /// [`Error::Detector`] when the file is missing or is no cascade.
    pub fn open(path: &Path, tuning: Tuning) -> Result<Self> {
        core::set_num_threads(1)?;
        let classifier = load(path)?;
        let window = classifier.get_original_window_size()?;
        let mut detector = Self {
            cascades: vec![Cascade::Loaded(classifier)],
            looks: vec![Look::default()],
            groups: Vec::new(),
            window: window.width.max(window.height) as f32,
            tuning,
            shown: GrayImage::default(),
        };
        detector.add_views(path);
        Ok(detector)
    }

    fn add_views(&mut self, path: &Path) {
        let usual = path.file_name().is_some_and(|name| name == DEFAULT_CASCADE);
        let beside = |name: &str| Some(path.with_file_name(name)).filter(|p| usual && p.is_file());
        let upright = View::default();
        if let Some(path) = beside(FRONTAL) {
            self.cascades.push(Cascade::File(path));
            self.group([Look {
                cascade: self.cascades.len() - 1,
                equalized: true,
                ..Look::default()
            }]);
        }
        self.group([Look {
            view: View {
                border: true,
                ..upright
            },
            ..Look::default()
        }]);
        self.group(TILTS.map(|degrees| Look {
            view: View {
                tilt: degrees.to_radians(),
                ..upright
            },
            ..Look::default()
        }));
        if let Some(path) = beside(PROFILE) {
            self.cascades.push(Cascade::File(path));
            self.group([false, true].map(|mirrored| Look {
                view: View {
                    mirrored,
                    ..upright
                },
                cascade: self.cascades.len() - 1,
                offset: PROFILE_OFFSET,
                ..Look::default()
            }));
        }
    }

    fn group<const N: usize>(&mut self, looks: [Look; N]) {
        let start = self.looks.len();
        self.looks.extend(looks);
        self.groups.push(start..self.looks.len());
    }
}

fn load(path: &Path) -> Result<CascadeClassifier> {
    let fail = |reason: String| Error::Detector {
        path: path.to_owned(),
        reason,
    };
    let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    // OpenCV reports a file of another kind by lines on stderr.
    if !bytes
        .windows(8)
        .any(|w| w == b"<cascade" || w == b"cascade:")
    {
        return Err(fail("is not a cascade of OpenCV's".into()));
    }
    let mut classifier = CascadeClassifier::default()?;
    match classifier.load(path) {
        Ok(true) => Ok(classifier),
        Ok(false) => Err(fail("is not a cascade that OpenCV can read".into())),
        Err(e) => Err(fail(one_line(&e.message))),
    }
}

impl Cascade {
    fn get(&mut self) -> Result<&mut CascadeClassifier> {
        if let Self::File(path) = self {
            *self = Self::Loaded(load(path)?);
        }
        match self {
            Self::Loaded(classifier) => Ok(classifier),
            Self::File(_) => unreachable!("it was just loaded"),
        }
    }
}

impl Detector for HaarDetector {
    fn good_face_size(&self) -> f32 {
        self.window * WINDOWS_A_FACE
    }

    fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    fn further_views(&self) -> Vec<Range<usize>> {
        self.groups.clone()
    }

    fn detect(&mut self, image: &GrayImage, scan: &Scan) -> Result<Vec<Detection>> {
        let region = scan.region.clamp(image.width(), image.height());
        let Some(look) = self.looks.get(scan.view).copied() else {
            return Ok(Vec::new());
        };
        // OpenCV keeps groups of more windows than it is told.
        let mut believed = self.tuning.min_neighbors as i32 + 1;
        if look.view == View::default() && look.cascade == 0 {
            let part = pixels(&region);
            let (left, top) = (part.x as f32, part.y as f32);
            let seen = self.scan(0, image, part, (scan.min, scan.max), believed)?;
            let place = |rect: Rect| Rect {
                x: rect.x + left,
                y: rect.y + top,
                ..rect
            };
            return Ok(detections(seen, scan.view, None, believed, place));
        }
        // A border is for what the picture's edge cuts off.
        let touches = region.x <= 0.0
            || region.y <= 0.0
            || region.right() >= image.width() as f32
            || region.bottom() >= image.height() as f32;
        if region.is_empty() || (look.view.border && !touches) {
            return Ok(Vec::new());
        }
        let mut shown_image = std::mem::take(&mut self.shown);
        let shown = look.view.show(image, &region, &mut shown_image);
        if look.equalized {
            equalize(&mut shown_image, TILE * scan.min);
        }
        let (width, height) = (shown_image.width() as i32, shown_image.height() as i32);
        let whole = core::Rect::new(0, 0, width, height);
        let sizes = if look.view.border {
            let fills = FILLS * region.width.min(region.height);
            (scan.min.max(fills), scan.max * EXCEEDS)
        } else {
            believed += FURTHER_VOTES;
            (scan.min, scan.max)
        };
        let seen = self.scan(look.cascade, &shown_image, whole, sizes, believed);
        self.shown = shown_image;
        let tilt = Some(look.view.tilt).filter(|tilt| *tilt != 0.0);
        let place = |mut rect: Rect| {
            rect.x += look.offset.0 * rect.width;
            rect.y += look.offset.1 * rect.height;
            shown.locate(&rect)
        };
        let mut found = detections(seen?, scan.view, tilt, believed, place);
        if look.view.border {
            for detection in &mut found {
                detection.rect = detection.rect.clamp(image.width(), image.height());
            }
        }
        found.retain(|detection| {
            let (rect, center) = (detection.rect, detection.rect.center());
            let inside = (region.x..region.right()).contains(&center.x)
                && (region.y..region.bottom()).contains(&center.y);
            inside && rect.width.min(rect.height) <= scan.max
        });
        if look.equalized {
            for detection in found.iter_mut().filter(|detection| detection.strong) {
                detection.strong = self.is_seen_plain(look.cascade, image, &detection.rect)?;
            }
        }
        Ok(found)
    }
}

impl HaarDetector {
    /// Whether a cascade sees anything of a face where contrast is as it is: raised, it makes a
    /// pattern of a wall.
    fn is_seen_plain(&mut self, cascade: usize, image: &GrayImage, face: &Rect) -> Result<bool> {
        let (margin, sizes, same) = CONFIRMED;
        let part = pixels(&face.expand(margin).clamp(image.width(), image.height()));
        let sizes = (face.width * sizes.0, face.width * sizes.1);
        let seen = self.scan(cascade, image, part, sizes, WEAK_VOTES)?;
        let (left, top) = (part.x as f32, part.y as f32);
        Ok(seen.iter().any(|(rect, _)| {
            let (x, y) = (rect.x + left, rect.y + top);
            Rect { x, y, ..*rect }.iou(face) > same
        }))
    }

    /// What a cascade sees in a part of a picture, of sides of `sizes`: boxes in that part, and
    /// how many windows agree on each.
    fn scan(
        &mut self,
        cascade: usize,
        image: &GrayImage,
        part: core::Rect,
        sizes: (f32, f32),
        believed: i32,
    ) -> Result<Vec<(Rect, i32)>> {
        if part.width.min(part.height) < self.window as i32 {
            return Ok(Vec::new());
        }
        let (rows, columns) = (image.height() as i32, image.width() as i32);
        let mat = Mat::new_rows_cols_with_data(rows, columns, image.pixels())?;
        let part = Mat::roi(&mat, part)?;
        let mut boxes = Vector::<core::Rect>::new();
        let mut votes = Vector::<i32>::new();
        let side = |s: f32| Size::new(s.round() as i32, s.round() as i32);
        self.cascades[cascade].get()?.detect_multi_scale2(
            &part,
            &mut boxes,
            &mut votes,
            self.tuning.scale_factor,
            WEAK_VOTES.min(believed) - 1,
            0,
            side(sizes.0),
            side(sizes.1),
        )?;
        let rect =
            |b: core::Rect| Rect::new(b.x as f32, b.y as f32, b.width as f32, b.height as f32);
        Ok(boxes.iter().map(rect).zip(votes.iter()).collect())
    }
}

/// The whole pixels that `rect` touches.
fn pixels(rect: &Rect) -> core::Rect {
    let (left, top) = (rect.x.floor(), rect.y.floor());
    core::Rect::new(
        left as i32,
        top as i32,
        (rect.right().ceil() - left) as i32,
        (rect.bottom().ceil() - top) as i32,
    )
}

fn detections(
    seen: Vec<(Rect, i32)>,
    view: usize,
    tilt: Option<f32>,
    believed: i32,
    place: impl Fn(Rect) -> Rect,
) -> Vec<Detection> {
    let detection = |(rect, votes): (Rect, i32)| {
        let cube = (votes as f32).powi(3);
        Detection {
            rect: place(rect),
            tilt,
            view,
            confidence: Some(cube / (cube + HALF_CONFIDENCE)),
            landmarks: None,
            strong: votes >= believed,
        }
    };
    seen.into_iter().map(detection).collect()
}

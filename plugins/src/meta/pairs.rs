//! One face that is described twice: by a region of interest and by an object detection.

use super::detection::Detection;
use super::kept::is_scaled;
use super::region::Region;

/// Share of their area that two boxes must have in common to be of one face; two faces side
/// by side share far less, and the same box after rounding far more.
const SAME: f32 = 0.6;

/// For each of `regions`, which of `detections` is the same face, if any. None is given
/// twice. What `ferfacedetect` says itself comes first, since boxes may have been moved
/// differently on the way; then boxes of the same type that cover each other, best first.
pub fn pair(regions: &[Region], detections: &[Detection]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; regions.len()];
    let mut taken = vec![false; detections.len()];
    for (pair, region) in pairs.iter_mut().zip(regions) {
        let named = region.analytics_id().and_then(|id| {
            detections
                .iter()
                .position(|d| d.mtd == id && is_of(d, region))
        });
        if let Some(at) = named.filter(|at| !taken[*at]) {
            *pair = Some(at);
            taken[at] = true;
        }
    }
    let mut overlaps = Vec::new();
    for (r, region) in regions.iter().enumerate() {
        for (d, detection) in detections.iter().enumerate() {
            let overlap = region.key.rect.iou(&detection.rect);
            let apart = pairs[r].is_some() || taken[d] || region.key.kind != detection.kind;
            if !apart && overlap >= SAME {
                overlaps.push((overlap, r, d));
            }
        }
    }
    overlaps.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, r, d) in overlaps {
        if pairs[r].is_none() && !taken[d] {
            pairs[r] = Some(d);
            taken[d] = true;
        }
    }
    pairs
}

/// Whether a detection may be the one that a region's writer names: its number alone could be
/// of another's, after an element that leaves out analytics metadata.
fn is_of(detection: &Detection, region: &Region) -> bool {
    let is_there = match detection.id {
        0 => is_scaled(&region.key.rect, &detection.rect),
        id => id == region.key.id,
    };
    is_there && detection.kind == region.key.kind
}

#[cfg(test)]
mod tests {
    use super::super::kept::{Carrier, Key};
    use super::*;
    use fer::Rect;

    fn region(kind: &str, rect: Rect, analytics_id: Option<u32>) -> Region {
        gst::init().unwrap();
        let said = analytics_id.map(|id| {
            gst::Structure::builder("detection")
                .field("analytics-id", id)
                .build()
        });
        Region {
            key: Key {
                carrier: Carrier::Region,
                kind: kind.to_owned(),
                id: 3,
                rect,
            },
            parameters: said.into_iter().collect(),
        }
    }

    fn detection(mtd: u32, kind: &str, rect: Rect) -> Detection {
        Detection {
            mtd,
            kind: kind.to_owned(),
            id: 3,
            rect,
            ..Detection::default()
        }
    }

    #[test]
    fn a_face_that_is_described_twice_is_one() {
        let left = Rect::new(10.0, 10.0, 50.0, 50.0);
        let right = Rect::new(100.0, 10.0, 50.0, 50.0);
        let moved = Rect::new(11.0, 10.0, 50.0, 51.0);
        let detections = [
            detection(0, "face", right),
            detection(3, "face", moved),
            detection(6, "car", left),
        ];
        let regions = [region("face", left, None), region("face", right, None)];
        assert_eq!(pair(&regions, &detections), [Some(1), Some(0)]);
        // What the detector says is believed though a flip has moved one of the boxes only.
        let regions = [region("face", left, Some(0)), region("face", right, None)];
        assert_eq!(pair(&regions, &detections), [Some(0), None]);
        // An id of something else is not.
        let regions = [region("face", left, Some(6)), region("face", left, Some(9))];
        assert_eq!(pair(&regions, &detections), [Some(1), None]);
        assert_eq!(pair(&regions, &[]), [None, None]);
    }
}

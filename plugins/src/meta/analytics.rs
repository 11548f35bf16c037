//! Faces as object detections in `GstAnalyticsRelationMeta`: a detection, the track that it
//! belongs to, and what classifiers say of it.

use std::ffi::CStr;

use gst::glib;
use gst_analytics::prelude::*;
use gst_analytics::{
    AnalyticsClassificationMtd, AnalyticsMtdRef, AnalyticsODMtd, AnalyticsRelationMeta,
    AnalyticsTrackingMtd, RelTypes, ffi,
};

use super::detection::{Detection, Times, fold};

/// By what a detection is joined to its classes. Readers test for one of the two: GStreamer's
/// overlay for the first, DL Streamer for the second.
const SAID_OF_IT: RelTypes = RelTypes::RELATE_TO.union(RelTypes::CONTAIN);

type Metadata<'a> = gst::MetaRef<'a, AnalyticsRelationMeta>;

/// All detections on `buffer`, in their order.
pub fn read(buffer: &gst::BufferRef) -> Vec<Detection> {
    let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else {
        return Vec::new();
    };
    let detections = meta.iter::<AnalyticsODMtd>();
    detections.filter_map(|od| detection(&meta, &od)).collect()
}

fn detection<'a>(
    meta: &'a Metadata<'a>,
    od: &AnalyticsMtdRef<'a, AnalyticsODMtd>,
) -> Option<Detection> {
    let mtd = od.id();
    let (rect, tilt, confidence) = location(od)?;
    let tracks = meta.iter_direct_related::<AnalyticsTrackingMtd>(mtd, RelTypes::ANY);
    let classes = meta.iter_direct_related::<AnalyticsClassificationMtd>(mtd, SAID_OF_IT);
    Some(Detection {
        mtd,
        kind: od.obj_type().map(|kind| kind.as_str().to_string())?,
        id: tracks
            .map(|track| fold(track_id(meta, track.id())))
            .next()
            .unwrap_or(0),
        rect,
        tilt,
        // Nought and what no probability is are how elements say that they don't know.
        confidence: Some(f64::from(confidence)).filter(|c| *c > 0.0 && *c <= 1.0),
        classes: classes.map(|said| read_classes(meta, said.id())).collect(),
    })
}

/// The box before it is turned, by how much it is, and how sure the detector was.
#[cfg(feature = "analytics-1_26")]
fn location(od: &AnalyticsMtdRef<'_, AnalyticsODMtd>) -> Option<(fer::Rect, Option<f32>, f32)> {
    let place = od.oriented_location().ok()?;
    let rect = rect(place.x, place.y, place.w, place.h);
    let tilt = (place.r != 0.0).then_some(place.r);
    Some((rect, tilt, place.loc_conf_lvl))
}

/// The box, nothing of how it is turned, and how sure the detector was.
#[cfg(not(feature = "analytics-1_26"))]
fn location(od: &AnalyticsMtdRef<'_, AnalyticsODMtd>) -> Option<(fer::Rect, Option<f32>, f32)> {
    let place = od.location().ok()?;
    let rect = rect(place.x, place.y, place.w, place.h);
    Some((rect, None, place.loc_conf_lvl))
}

fn rect(x: i32, y: i32, w: i32, h: i32) -> fer::Rect {
    fer::Rect::new(x as f32, y as f32, w.max(0) as f32, h.max(0) as f32)
}

/// The C functions' handle of the data with this number.
fn handle(meta: &Metadata<'_>, id: u32) -> ffi::GstAnalyticsMtd {
    ffi::GstAnalyticsMtd {
        id,
        // SAFETY: the pointer is used while `meta` is borrowed, to read only.
        meta: unsafe { meta.as_mut_ptr() },
    }
}

/// The number of a track; 0 where it can't be read. The crate's own reading can't be used: it
/// takes the times of tracks as being set, which others leave open.
fn track_id(meta: &Metadata<'_>, id: u32) -> u64 {
    let handle = handle(meta, id);
    let (mut track, mut first, mut last, mut lost) = (0, 0, 0, 0);
    // SAFETY: `handle` names a track of a living meta, since that is what was iterated over,
    // and all results have room.
    unsafe {
        ffi::gst_analytics_tracking_mtd_get_info(
            (&raw const handle).cast(),
            &mut track,
            &mut first,
            &mut last,
            &mut lost,
        );
    }
    track
}

/// The classes that a classifier gave, with their probabilities. The crate's own reading can't
/// be used: it takes classes as having a name, which those of others need not.
fn read_classes(meta: &Metadata<'_>, id: u32) -> Vec<(String, f64)> {
    let handle = handle(meta, id);
    let handle = (&raw const handle).cast();
    // SAFETY: as for `track_id`; the index stays below the length.
    unsafe {
        (0..ffi::gst_analytics_cls_mtd_get_length(handle))
            .filter_map(|i| {
                let name =
                    glib::ffi::g_quark_to_string(ffi::gst_analytics_cls_mtd_get_quark(handle, i));
                let name = (!name.is_null()).then(|| CStr::from_ptr(name))?;
                let level = ffi::gst_analytics_cls_mtd_get_level(handle, i);
                let level = f64::from(level);
                level
                    .is_finite()
                    .then(|| (name.to_string_lossy().into_owned(), level))
            })
            .collect()
    }
}

/// Adds `face` as a detection with its track; gives its number. What is in
/// [`Detection::classes`] is not added.
pub fn add(buffer: &mut gst::BufferRef, face: &Detection, times: Times) -> Option<u32> {
    let said = add_detection(buffer, face, times);
    said.inspect_err(|why| log::warn!("no analytics metadata for a face: {why}"))
        .ok()
}

fn add_detection(
    buffer: &mut gst::BufferRef,
    face: &Detection,
    times: Times,
) -> Result<u32, glib::BoolError> {
    let kind = glib::Quark::from_str(&face.kind);
    let rect = [face.rect.x, face.rect.y, face.rect.width, face.rect.height];
    // A number that doesn't fit becomes the nearest that does.
    let [x, y, w, h] = rect.map(|v| v.round() as i32);
    // There is no word for not knowing; 0 is what GStreamer's own detectors start from.
    let confidence = face.confidence.unwrap_or(0.0) as f32;
    let mut meta = AnalyticsRelationMeta::add(buffer);
    #[cfg(feature = "analytics-1_26")]
    let od = match face.tilt {
        Some(tilt) => meta
            .add_oriented_od_mtd(kind, x, y, w, h, tilt, confidence)?
            .id(),
        None => meta.add_od_mtd(kind, x, y, w, h, confidence)?.id(),
    };
    #[cfg(not(feature = "analytics-1_26"))]
    let od = meta.add_od_mtd(kind, x, y, w, h, confidence)?.id();
    if face.id > 0
        && let Some(first) = times.first
    {
        let track = meta.add_tracking_mtd(face.id as u64, first)?.id();
        meta.set_relation(RelTypes::RELATE_TO, od, track)?;
        if let Some(last) = times.last
            && let Some(mut track) = meta.mtd_mut::<AnalyticsTrackingMtd>(track)
        {
            track.update_last_seen(last)?;
        }
    }
    Ok(od)
}

/// Adds what a classifier says of the detection with this number: all classes with their
/// probabilities, the most probable first.
pub fn add_classes(buffer: &mut gst::BufferRef, detection: u32, classes: &[(String, f64)]) {
    let mut sorted: Vec<_> = classes.iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let levels: Vec<f32> = sorted.iter().map(|(_, level)| *level as f32).collect();
    let names: Vec<_> = sorted
        .iter()
        .map(|(name, _)| glib::Quark::from_str(name))
        .collect();
    let mut meta = AnalyticsRelationMeta::add(buffer);
    let added = meta.add_cls_mtd(&levels, &names).map(|said| said.id());
    let joined = added.and_then(|said| {
        meta.set_relation(SAID_OF_IT, detection, said)?;
        meta.set_relation(RelTypes::IS_PART_OF, said, detection)
    });
    if let Err(why) = joined {
        log::warn!("no analytics metadata for an expression: {why}");
    }
}

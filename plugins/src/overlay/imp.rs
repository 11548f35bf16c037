use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{InputBuffer, PrepareOutputBufferSuccess};
use gst_base::subclass::prelude::*;
use gst_video::{
    VideoFrameRef, VideoOverlayComposition, VideoOverlayCompositionMeta, VideoOverlayRectangle,
};

use super::face;
use super::paint::Painter;
use super::settings::Settings;
use crate::property::Properties;
use crate::{caps, element, meta, stats};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "feroverlay",
        gst::DebugColorFlags::empty(),
        Some("Drawing of faces and expressions"),
    )
});

/// The accepted caps, first with overlays attached, then without.
static CAPS: LazyLock<gst::Caps> = LazyLock::new(|| with_overlays(&caps::CAPS));

#[derive(Default)]
struct State {
    info: Option<gst_video::VideoInfo>,
    /// Whether the next element draws what is attached.
    attach: bool,
    /// Taken out by the streaming thread while it draws.
    painter: Painter,
    stats: Stats,
}

#[derive(Clone, Default)]
struct Stats {
    frames: u64,
    faces: u64,
    time: Duration,
}

#[derive(Default)]
pub struct Overlay {
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

/// `caps` with the feature of attached overlays, followed by `caps`.
fn with_overlays(caps: &gst::CapsRef) -> gst::Caps {
    let mut both = gst::Caps::new_empty();
    for (structure, features) in caps.iter_with_features() {
        let mut features = features.to_owned();
        features.add(gst_video::CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
        both.make_mut()
            .append_structure_full(structure.to_owned(), Some(features));
    }
    both.merge(caps.to_owned());
    both
}

/// Whether `caps` are of frames with overlays attached.
fn are_attached(caps: &gst::CapsRef) -> bool {
    caps.features(0).is_some_and(|features| {
        features.contains(gst_video::CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION)
    })
}

impl Overlay {
    /// Asks downstream whether it draws what is attached to frames of `caps`, as
    /// GstBaseTextOverlay does. `None` where it gives no answer.
    fn ask(&self, caps: &gst::Caps) -> Option<bool> {
        let mut query = gst::query::Allocation::new(Some(caps), false);
        let answered = self.obj().src_pad().peer_query(&mut query);
        answered.then(|| {
            query
                .find_allocation_meta::<VideoOverlayCompositionMeta>()
                .is_some()
        })
    }

    /// Whether downstream draws what is attached to frames of `attached`; else frames of
    /// `plain` are to be drawn on here.
    fn draws_downstream(&self, attached: &gst::Caps, plain: &gst::Caps) -> bool {
        let pad = self.obj().src_pad().clone();
        if let Some(answer) = self.ask(attached) {
            return answer;
        }
        // Many elements answer for the caps that they have only.
        let accepted = pad.push_event(gst::event::Caps::new(attached));
        let answer = accepted && self.ask(attached).unwrap_or(false);
        if !answer {
            pad.push_event(gst::event::Caps::new(plain));
        }
        answer
    }

    fn show(
        &self,
        attach: bool,
        info: &gst_video::VideoInfo,
        buffer: &mut gst::BufferRef,
        rectangles: &[VideoOverlayRectangle],
    ) -> Result<(), gst::FlowError> {
        let failed = |why: gst::glib::BoolError| {
            self.failed(&why.to_string());
            gst::FlowError::Error
        };
        if attach {
            // What another overlay attached upstream is kept and drawn below.
            if let Some(mut meta) = buffer.meta_mut::<VideoOverlayCompositionMeta>() {
                let earlier: Vec<_> = meta.overlay().iter().collect();
                let all = VideoOverlayComposition::new(earlier.iter().chain(rectangles))
                    .map_err(failed)?;
                meta.set_overlay(&all);
                return Ok(());
            }
        }
        let composition = VideoOverlayComposition::new(rectangles).map_err(failed)?;
        if attach {
            VideoOverlayCompositionMeta::add(buffer, &composition);
            return Ok(());
        }
        let size = buffer.size();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, info)
            .map_err(|_| element::map_error(&*self.obj(), size, info))?;
        composition.blend(&mut frame).map_err(failed)
    }

    /// Posts that drawing failed.
    fn failed(&self, why: &str) {
        gst::element_imp_error!(
            self,
            gst::LibraryError::Failed,
            ("The faces can't be drawn"),
            ["{why}"]
        );
    }

    fn stats(&self) -> gst::Structure {
        let stats = self.state.lock().unwrap().stats.clone();
        gst::Structure::builder("stats")
            .field("frames", stats.frames)
            .field("faces", stats.faces)
            .field("draw-time", stats::nanoseconds(stats.time))
            .build()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Overlay {
    const NAME: &'static str = "GstFerOverlay";
    type Type = super::Overlay;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for Overlay {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(Settings::specs);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.settings.lock().unwrap().set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            name => self.settings.lock().unwrap().get(name),
        }
    }
}

impl GstObjectImpl for Overlay {}

impl ElementImpl for Overlay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Facial expression overlay",
                "Analyzer/Visualization/Video",
                "Draws faces with their numbers and expressions",
                element::AUTHORS,
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| caps::pad_templates(&CAPS));
        &TEMPLATES
    }
}

impl BaseTransformImpl for Overlay {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        // Downstream gets attached overlays where it takes them; upstream may send frames
        // with or without.
        let mut plain = gst::Caps::new_empty();
        for (structure, features) in caps.iter_with_features() {
            let mut features = features.to_owned();
            features.remove(gst_video::CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
            plain
                .make_mut()
                .append_structure_full(structure.to_owned(), Some(features));
        }
        let must_attach = direction == gst::PadDirection::Sink
            && caps.iter_with_features().all(|(_, features)| {
                features.contains(gst_video::CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION)
            });
        let result = if must_attach {
            caps.clone()
        } else if direction == gst::PadDirection::Sink {
            with_overlays(&plain)
        } else {
            // Overlays that arrive attached can only be passed on to an element that takes
            // them attached.
            let mut result = plain;
            result.merge(caps.clone());
            result
        };
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&result, gst::CapsIntersectMode::First),
            None => result,
        })
    }

    fn fixate_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        othercaps: gst::Caps,
    ) -> gst::Caps {
        let choice = |attached: bool| {
            let mut chosen = gst::Caps::new_empty();
            for (structure, features) in othercaps.iter_with_features() {
                let one = gst::Caps::builder_full()
                    .structure_with_features(structure.to_owned(), features.to_owned())
                    .build();
                if are_attached(&one) == attached {
                    chosen.merge(one);
                }
            }
            (!chosen.is_empty()).then(|| self.parent_fixate_caps(direction, caps, chosen))
        };
        let attached = (direction == gst::PadDirection::Sink)
            .then(|| choice(true))
            .flatten();
        match (attached, choice(false)) {
            (Some(attached), Some(plain)) => {
                let attach = self.draws_downstream(&attached, &plain);
                gst::debug!(CAT, imp = self, "overlays are attached: {attach}");
                if attach { attached } else { plain }
            }
            _ => self.parent_fixate_caps(direction, caps, othercaps),
        }
    }

    fn set_caps(&self, incaps: &gst::Caps, outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = caps::video_info(*CAT, incaps)?;
        let mut state = self.state.lock().unwrap();
        state.info = Some(info);
        state.attach = are_attached(outcaps);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let mut state = self.state.lock().unwrap();
        state.info = None;
        state.painter = Painter::default();
        Ok(())
    }

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        self.state.lock().unwrap().stats = Stats::default();
        Ok(())
    }

    fn prepare_output_buffer(
        &self,
        inbuf: InputBuffer,
    ) -> Result<PrepareOutputBufferSuccess, gst::FlowError> {
        // The pixels of a shared buffer are copied only if drawn on.
        Ok(element::own_head(inbuf))
    }

    fn transform_ip(
        &self,
        buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let start = Instant::now();
        let settings = self.settings.lock().unwrap().clone();
        let (info, attach, mut painter) = {
            let mut state = self.state.lock().unwrap();
            let info = state.info.clone().ok_or(gst::FlowError::NotNegotiated)?;
            (info, state.attach, std::mem::take(&mut state.painter))
        };
        let faces = meta::faces(buffer, &element::list(&settings.roi_types));
        let size = (info.width(), info.height());
        let drawn: Result<Vec<_>, _> = faces
            .iter()
            .map(|face| face::draw(&mut painter, &settings, face, size))
            .collect();
        let rectangles = drawn.map(|drawn| drawn.concat());
        {
            let mut state = self.state.lock().unwrap();
            state.painter = painter;
            state.stats.frames += 1;
            state.stats.faces += faces.len() as u64;
        }
        let rectangles = rectangles.map_err(|why| {
            self.failed(&why.to_string());
            gst::FlowError::Error
        })?;
        if !rectangles.is_empty() {
            self.show(attach, &info, buffer, &rectangles)?;
        }
        self.state.lock().unwrap().stats.time += start.elapsed();
        Ok(gst::FlowSuccess::Ok)
    }
}

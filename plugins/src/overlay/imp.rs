use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_base::subclass::base_transform::{InputBuffer, PrepareOutputBufferSuccess};
use gst_base::subclass::prelude::*;
use gst_video::{
    VideoFrameRef, VideoOverlayComposition, VideoOverlayCompositionMeta, VideoOverlayRectangle,
};

use super::paint::Painter;
use super::style;
use crate::meta::{FACE, FaceMeta};
use crate::{caps, meta, stats};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "feroverlay",
        gst::DebugColorFlags::empty(),
        Some("Drawing of faces and expressions"),
    )
});

/// The accepted caps, first with overlays attached, then without.
static CAPS: LazyLock<gst::Caps> = LazyLock::new(|| with_overlays(&caps::CAPS));

#[derive(Debug, Clone)]
struct Settings {
    show_box: bool,
    show_id: bool,
    show_label: bool,
    show_confidence: bool,
    show_bars: bool,
    text_scale: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            show_box: true,
            show_id: true,
            show_label: true,
            show_confidence: true,
            show_bars: false,
            text_scale: 1.0,
        }
    }
}

#[derive(Default)]
struct State {
    info: Option<gst_video::VideoInfo>,
    /// Whether the next element draws what is attached.
    attach: bool,
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

impl Overlay {
    /// The rectangles that show one face.
    fn draw(
        painter: &mut Painter,
        settings: &Settings,
        face: &FaceMeta,
        frame_height: u32,
    ) -> Result<Vec<VideoOverlayRectangle>, cairo::Error> {
        let mut rectangles = Vec::new();
        let color = face.expression.as_ref().map_or(style::PLAIN, |expression| {
            let label = &expression.smoothed_label;
            let place = expression
                .probabilities
                .iter()
                .position(|(name, _)| name == label);
            place.map_or(style::PLAIN, |place| style::color(label, place))
        });
        let (x, y) = (face.rect.x as i32, face.rect.y as i32);
        let (width, height) = (face.rect.width as u32, face.rect.height as u32);
        if settings.show_box {
            let line = style::line_width(frame_height).min(width).min(height);
            let across = painter.bar(width, line, color)?;
            let down = painter.bar(line, height, color)?;
            rectangles.push(across.at(x, y));
            rectangles.push(across.at(x, y + (height - line) as i32));
            rectangles.push(down.at(x, y));
            rectangles.push(down.at(x + (width - line) as i32, y));
        }
        let text_height = style::text_height(frame_height, settings.text_scale);
        let text = caption(settings, face);
        if !text.is_empty() {
            let label = painter.label(&text, text_height, color)?;
            // Above the box where there is room, else inside its upper edge.
            let above = y - label.height as i32;
            rectangles.push(label.at(x, if above >= 0 { above } else { y }));
        }
        if settings.show_bars
            && let Some(expression) = &face.expression
            && !expression.probabilities.is_empty()
        {
            let panel = painter.panel(&expression.probabilities, text_height * 3 / 4)?;
            rectangles.push(panel.at(x + width as i32, y));
        }
        Ok(rectangles)
    }

    fn show(
        &self,
        state: &State,
        buffer: &mut gst::BufferRef,
        rectangles: &[VideoOverlayRectangle],
    ) -> Result<(), gst::FlowError> {
        let failed = |why: String| {
            gst::element_imp_error!(self, gst::StreamError::Failed, ("{why}"));
            gst::FlowError::Error
        };
        if state.attach {
            // What another overlay attached upstream is kept and drawn below.
            if let Some(mut meta) = buffer.meta_mut::<VideoOverlayCompositionMeta>() {
                let earlier: Vec<_> = meta.overlay().iter().collect();
                let all = VideoOverlayComposition::new(earlier.iter().chain(rectangles))
                    .map_err(|e| failed(e.to_string()))?;
                meta.set_overlay(&all);
                return Ok(());
            }
        }
        let composition =
            VideoOverlayComposition::new(rectangles).map_err(|e| failed(e.to_string()))?;
        if state.attach {
            VideoOverlayCompositionMeta::add(buffer, &composition);
            return Ok(());
        }
        let info = state.info.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let size = buffer.size();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, info).map_err(|_| {
            failed(format!(
                "a buffer of {size} bytes can't be drawn on as {}",
                info.format()
            ))
        })?;
        composition
            .blend(&mut frame)
            .map_err(|e| failed(e.to_string()))
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

/// Number, label and confidence, as far as they are known and wanted.
fn caption(settings: &Settings, face: &FaceMeta) -> String {
    let mut parts = Vec::new();
    if settings.show_id && face.id > 0 {
        parts.push(format!("#{}", face.id));
    }
    if let Some(expression) = &face.expression {
        if settings.show_label {
            parts.push(expression.smoothed_label.clone());
        }
        if settings.show_confidence {
            parts.push(format!("{:.0}%", expression.smoothed_confidence * 100.0));
        }
    }
    parts.join(" ")
}

#[glib::object_subclass]
impl ObjectSubclass for Overlay {
    const NAME: &'static str = "GstFerOverlay";
    type Type = super::Overlay;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for Overlay {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let default = Settings::default();
            let switch = |name: &'static str, nick: &'static str, blurb: &'static str, on: bool| {
                glib::ParamSpecBoolean::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .default_value(on)
                    .mutable_playing()
                    .build()
            };
            vec![
                switch(
                    "show-box",
                    "Show box",
                    "Draw a box around every face",
                    default.show_box,
                ),
                switch(
                    "show-id",
                    "Show number",
                    "Write every face's number",
                    default.show_id,
                ),
                switch(
                    "show-label",
                    "Show label",
                    "Write every face's expression, smoothed over time",
                    default.show_label,
                ),
                switch(
                    "show-confidence",
                    "Show confidence",
                    "Write the probability of the expression in percent",
                    default.show_confidence,
                ),
                switch(
                    "show-bars",
                    "Show bars",
                    "Draw a bar for the probability of each expression",
                    default.show_bars,
                ),
                glib::ParamSpecDouble::builder("text-scale")
                    .nick("Text scale")
                    .blurb("Size of the text in proportion to the usual one")
                    .minimum(0.25)
                    .maximum(8.0)
                    .default_value(default.text_scale)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Since start: frames, faces; draw-time in ns")
                    .read_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings.lock().unwrap();
        let on = || value.get().expect("type checked upstream");
        match pspec.name() {
            "show-box" => settings.show_box = on(),
            "show-id" => settings.show_id = on(),
            "show-label" => settings.show_label = on(),
            "show-confidence" => settings.show_confidence = on(),
            "show-bars" => settings.show_bars = on(),
            "text-scale" => settings.text_scale = value.get().expect("type checked upstream"),
            _ => unimplemented!(),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings.lock().unwrap();
        match pspec.name() {
            "show-box" => settings.show_box.to_value(),
            "show-id" => settings.show_id.to_value(),
            "show-label" => settings.show_label.to_value(),
            "show-confidence" => settings.show_confidence.to_value(),
            "show-bars" => settings.show_bars.to_value(),
            "text-scale" => settings.text_scale.to_value(),
            "stats" => self.stats().to_value(),
            _ => unimplemented!(),
        }
    }
}

impl GstObjectImpl for Overlay {}

impl ElementImpl for Overlay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Facial expression overlay",
                "Filter/Editor/Video",
                "Draws faces with their numbers and expressions",
                env!("CARGO_PKG_NAME"),
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

    fn set_caps(&self, incaps: &gst::Caps, outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "no video in {incaps:?}"))?;
        let mut state = self.state.lock().unwrap();
        state.info = Some(info);
        state.attach = outcaps.features(0).is_some_and(|features| {
            features.contains(gst_video::CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION)
        });
        Ok(())
    }

    fn decide_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let supported = query
            .find_allocation_meta::<VideoOverlayCompositionMeta>()
            .is_some();
        {
            let mut state = self.state.lock().unwrap();
            state.attach &= supported;
            gst::debug!(
                CAT,
                imp = self,
                "overlays are {}",
                if state.attach { "attached" } else { "blended" }
            );
        }
        self.parent_decide_allocation(query)
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
        // A shared buffer gets a new head; its pixels are copied only if drawn on.
        Ok(match inbuf {
            InputBuffer::Writable(_) => PrepareOutputBufferSuccess::InputBuffer,
            InputBuffer::Readable(buffer) => PrepareOutputBufferSuccess::Buffer(buffer.copy()),
        })
    }

    fn transform_ip(
        &self,
        buffer: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let settings = self.settings.lock().unwrap().clone();
        let mut state = self.state.lock().unwrap();
        let start = Instant::now();
        let faces = meta::faces(buffer, &[FACE.to_owned()]);
        state.stats.frames += 1;
        state.stats.faces += faces.len() as u64;
        let height = match &state.info {
            Some(info) => info.height(),
            None => return Err(gst::FlowError::NotNegotiated),
        };
        let mut rectangles = Vec::new();
        for face in &faces {
            let drawn = Self::draw(&mut state.painter, &settings, face, height);
            rectangles.extend(drawn.map_err(|why| {
                gst::element_imp_error!(self, gst::LibraryError::Failed, ("drawing: {why}"));
                gst::FlowError::Error
            })?);
        }
        if !rectangles.is_empty() {
            self.show(&state, buffer, &rectangles)?;
        }
        state.stats.time += start.elapsed();
        Ok(gst::FlowSuccess::Ok)
    }
}

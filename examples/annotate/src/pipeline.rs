//! Building the pipeline.
//!
//! ```text
//! source ─┬─ video ─ videoflip ─ ferfacedetect ─ ferclassify ─ feroverlay ─ encoder ─┬─ container ─ file
//!         └─ sound ─ audioconvert ─ audioresample ─ encoder ────────────────────────────┘
//! ```

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use crate::args::Args;
use crate::output::Output;
use crate::source::{self, Limit, Sound};

/// The pipeline and the elements that others look at.
pub struct Annotator {
    /// All of it.
    pub pipeline: gst::Pipeline,
    /// Set when the input has come to `--seconds`.
    pub enough: Arc<AtomicBool>,
    /// Finds faces.
    pub detect: gst::Element,
    /// Names expressions.
    pub classify: gst::Element,
    /// Draws.
    pub overlay: gst::Element,
}

/// Builds the pipeline that `args` ask for.
///
/// # Errors
/// When the input does not exist, the output can't be written, or an element is missing.
pub fn build(args: &Args) -> Result<Annotator> {
    let pipeline = gst::Pipeline::new();
    let video = gst::parse::bin_from_description(&video_branch(args)?, true)?;
    pipeline.add(&video)?;
    let element = |name: &str| video.by_name(name).expect("named in the description");
    let (detect, classify, overlay) = (element("detect"), element("classify"), element("overlay"));
    if let Some(size) = args.min_size {
        detect.set_property("min-size", size);
    }
    if let Some(model) = &args.model {
        classify.set_property("model", model.display().to_string());
    }
    choose_engine(&classify, &args.engine)?;
    classify.set_property("post-messages", false);
    overlay.set_property("show-bars", args.bars);
    if let Some(filter) = video.by_name("shown") {
        keep_size(&filter);
    }

    let sound = match &args.output {
        Some(path) => write_to(&pipeline, &video, path)?,
        None => None,
    };
    let enough = Arc::<AtomicBool>::default();
    let end = args.seconds.map(gst::ClockTime::try_from_seconds_f64);
    // Longer than anything can last is no limit.
    let limit = end.and_then(Result::ok).map(|end| Limit {
        end,
        reached: enough.clone(),
    });
    let source = source::source(&args.input)?;
    source::connect(&pipeline, &source, &video, sound, limit)?;
    Ok(Annotator {
        pipeline,
        enough,
        detect,
        classify,
        overlay,
    })
}

/// Lets the first frame's size be that of the whole copy: containers have one.
fn keep_size(filter: &gst::Element) {
    let pad = filter.static_pad("src").expect("filters have a source");
    let filter = filter.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let Some(gst::PadProbeData::Event(event)) = &info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let (gst::EventView::Caps(caps), Some(filter)) = (event.view(), filter.upgrade()) else {
            return gst::PadProbeReturn::Ok;
        };
        let mut shown = gst::Caps::builder("video/x-raw").field("format", "I420");
        if let Some(first) = caps.caps().structure(0) {
            for name in ["width", "height"] {
                if let Ok(side) = first.get::<i32>(name) {
                    shown = shown.field(name, side);
                }
            }
        }
        filter.set_property("caps", shown.build());
        gst::PadProbeReturn::Remove
    });
}

/// Sets the element's engine; the element knows which there are.
fn choose_engine(classify: &gst::Element, name: &str) -> Result<()> {
    let property = classify.find_property("engine").expect("ferclassify's");
    let engines = gst::glib::EnumClass::with_type(property.value_type()).expect("an enumeration");
    let Some(engine) = engines.to_value_by_nick(name) else {
        let known: Vec<&str> = engines.values().iter().map(|v| v.nick()).collect();
        bail!("engine {name:?} is not one of {}", known.join(", "));
    };
    classify.set_property_from_value("engine", &engine);
    Ok(())
}

fn video_branch(args: &Args) -> Result<String> {
    let end = match &args.output {
        None => "fakesink sync=false".to_owned(),
        Some(path) => match Output::new(path)? {
            Output::Picture(encoder) => format!("videoconvert ! {encoder}"),
            // 4:2:0, which all players can show, has no odd widths and heights.
            Output::Video { video, .. } => format!(
                "videoconvert ! videoscale ! capsfilter name=shown \
                 caps=video/x-raw,format=I420,width=[2,32766,2],height=[2,32766,2] ! {video}"
            ),
        },
    };
    // Turned as the camera says that it was held.
    Ok(format!(
        "queue ! videoconvert ! videoflip video-direction=auto ! ferfacedetect name=detect ! ferclassify name=classify \
         ! feroverlay name=overlay ! queue ! {end}"
    ))
}

/// Adds container and file; gives the branch for the sound, if the output takes any.
fn write_to(pipeline: &gst::Pipeline, video: &gst::Bin, path: &Path) -> Result<Option<Sound>> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("{}: no such folder", folder.display());
    }
    let file = gst::ElementFactory::make("filesink")
        .property("location", path.display().to_string())
        .build()?;
    pipeline.add(&file)?;
    match Output::new(path)? {
        Output::Picture(_) => {
            video.link(&file)?;
            Ok(None)
        }
        Output::Video { muxer, audio, .. } => {
            let muxer = gst::ElementFactory::make(muxer)
                .build()
                .with_context(|| format!("{}: can't be written", path.display()))?;
            pipeline.add(&muxer)?;
            video.link(&muxer)?;
            muxer.link(&file)?;
            Ok(Some(Sound {
                encoder: audio,
                muxer,
            }))
        }
    }
}

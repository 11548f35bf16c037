//! Building the pipeline.
//!
//! ```text
//! source ─┬─ video ─ videoflip ─ ferfacedetect ─ ferclassify ─ feroverlay ─ encoder ─┬─ container ─ file
//!         └─ sound ─ audioconvert ─ audioresample ─ encoder ────────────────────────────┘
//! ```

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use gst::prelude::*;

use crate::args::Args;
use crate::network;
use crate::output::Output;
use crate::sound::{Door, Sound};
use crate::source::{self, Limit};

/// The pipeline and the elements that others look at.
pub struct Annotator {
    /// All of it.
    pub pipeline: gst::Pipeline,
    /// Set when the input has come to `--seconds`.
    pub enough: Arc<AtomicBool>,
    /// Whether it is to come to the end of its input, and not to its first frame alone.
    pub to_the_end: bool,
    /// What holds pictures until it is known whether there is sound.
    pub door: Option<Arc<Door>>,
    /// Finds faces.
    pub detect: gst::Element,
    /// Names expressions.
    pub classify: gst::Element,
    /// Draws.
    pub overlay: gst::Element,
}

/// What goes into a pipeline and out of it.
pub struct Ends<'a> {
    /// File, URI or camera.
    pub input: &'a str,
    /// How the annotated copy is encoded and where it is written.
    pub output: Option<(Output, &'a Path)>,
    /// Whether more than the first frame is wanted where the copy is a picture.
    pub all: bool,
    /// Whether it runs at the speed of its timestamps and small pictures of it as JPEG come out
    /// of an `appsink` named `view`.
    pub live: bool,
}

/// Builds the pipeline that `args` ask for.
///
/// # Errors
/// When the input does not exist, the output can't be written, or an element is missing.
pub fn build(args: &Args, ends: &Ends) -> Result<Annotator> {
    let pipeline = gst::Pipeline::new();
    let video = gst::parse::bin_from_description(&video_branch(ends), true)?;
    pipeline.add(&video)?;
    let element = |name: &str| video.by_name(name).expect("named in the description");
    let (detect, classify, overlay) = (element("detect"), element("classify"), element("overlay"));
    if let Some(size) = args.min_size {
        detect.set_property("min-size", size);
    }
    network::choose(&detect, "detector", &args.detector, "--detector")?;
    if let Some(path) = &args.yunet_model {
        detect.set_property("yunet-model", path.display().to_string());
    }
    args.network.apply(&classify)?;
    classify.set_property("post-messages", false);
    overlay.set_property("show-bars", args.bars);
    if let Some(filter) = video.by_name("shown") {
        keep_size(&filter);
    }
    if let Some(first) = video.by_name("first").filter(|_| ends.all) {
        take_one(&first);
    }

    let sound = match &ends.output {
        Some((output, path)) => write_to(&pipeline, &video, output, path)?,
        None => None,
    };
    let enough = Arc::<AtomicBool>::default();
    let end = args.seconds.map(gst::ClockTime::try_from_seconds_f64);
    // Longer than anything can last is no limit.
    let limit = end.and_then(Result::ok).map(|end| Limit {
        end,
        reached: enough.clone(),
    });
    let source = source::source(ends.input)?;
    let door = source::connect(&pipeline, &source, &video, sound, limit)?;
    Ok(Annotator {
        pipeline,
        enough,
        to_the_end: ends.all || !matches!(ends.output, Some((Output::Picture(_), _))),
        door,
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

/// Lets one frame in, and the end.
fn take_one(element: &gst::Element) {
    let pad = element.static_pad("sink").expect("it has an input");
    let has_come = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if !has_come.swap(true, Ordering::Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        info.data = None;
        gst::PadProbeReturn::Handled
    });
}

/// Small pictures for who looks on; who is too slow for them gets fewer.
const VIEW: &str = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 \
     ! videorate drop-only=true max-rate=15 ! videoconvert ! videoscale \
     ! video/x-raw,format=I420,width=[1,960],height=[1,960],pixel-aspect-ratio=1/1 \
     ! jpegenc quality=80 ! appsink name=view sync=false max-buffers=1 drop=true";

/// What waits until it is known whether there is sound; a camera does not.
const HELD: &str = "queue max-size-buffers=0 max-size-time=0 max-size-bytes=16777216";

fn video_branch(ends: &Ends) -> String {
    let end = match &ends.output {
        None => "fakesink sync=false".to_owned(),
        // The encoder ends the stream itself, or gets no more than one frame.
        Some((Output::Picture(encoder), _)) => {
            let ends = !ends.all;
            format!("videoconvert name=first ! {encoder} snapshot={ends}")
        }
        // 4:2:0, which all players can show, has no odd widths and heights.
        Some((Output::Video { video, .. }, _)) => format!(
            "videoconvert ! videoscale ! capsfilter name=shown \
             caps=video/x-raw,format=I420,width=[2,32766,2],height=[2,32766,2] ! {video} ! {HELD}"
        ),
    };
    let end = if ends.live {
        format!("clocksync ! tee name=views ! {VIEW} views. ! queue ! {end}")
    } else {
        format!("queue ! {end}")
    };
    // Turned as the camera says that it was held.
    format!(
        "queue name=entry ! videoconvert ! videoflip video-direction=auto ! ferfacedetect name=detect ! ferclassify name=classify \
         ! feroverlay name=overlay ! {end}"
    )
}

/// Adds container and file; gives the branch for the sound, if the output takes any.
fn write_to(
    pipeline: &gst::Pipeline,
    video: &gst::Bin,
    output: &Output,
    path: &Path,
) -> Result<Option<Sound>> {
    let file = gst::ElementFactory::make("filesink")
        .property("location", path.display().to_string())
        .build()?;
    pipeline.add(&file)?;
    match output {
        Output::Picture(_) => {
            video.link(&file)?;
            Ok(None)
        }
        Output::Video { muxer, audio, .. } => {
            let muxer = gst::ElementFactory::make(muxer)
                .build()
                .with_context(|| format!("the container {muxer} is not installed"))?;
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

//! Building the pipeline.
//!
//! ```text
//! source ─┬─ video ─ videoconvert ─ ferfacedetect ─ ferclassify ─ feroverlay ─ encoder ─┬─ container ─ file
//!         └─ sound ─ audioconvert ─ audioresample ─ encoder ────────────────────────────┘
//! ```

use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use crate::args::Args;
use crate::output::Output;

/// The pipeline and the elements that others look at.
pub struct Annotator {
    /// All of it.
    pub pipeline: gst::Pipeline,
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

    let sound = match &args.output {
        Some(path) => write_to(&pipeline, &video, path)?,
        None => None,
    };
    connect(&pipeline, &source(&args.input)?, &video, sound)?;
    Ok(Annotator {
        pipeline,
        detect,
        classify,
        overlay,
    })
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
            Output::Video { video, .. } => format!("videoconvert ! {video}"),
        },
    };
    Ok(format!(
        "queue ! videoconvert ! ferfacedetect name=detect ! ferclassify name=classify \
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

/// What a sound stream is linked to when the source has one.
struct Sound {
    encoder: &'static str,
    muxer: gst::Element,
}

fn source(input: &str) -> Result<gst::Element> {
    if input.starts_with("/dev/video") {
        if !Path::new(input).exists() {
            bail!("{input}: no such camera");
        }
        let camera = format!("v4l2src device={input} ! decodebin name=decode");
        return Ok(gst::parse::bin_from_description(&camera, false)?.upcast());
    }
    let uri = if input.contains("://") {
        input.to_owned()
    } else {
        let path = std::fs::canonicalize(input).with_context(|| input.to_owned())?;
        gst::glib::filename_to_uri(path, None)?.to_string()
    };
    Ok(gst::ElementFactory::make("uridecodebin")
        .property("uri", uri)
        .build()?)
}

/// Links the source's first picture and sound streams as they appear.
fn connect(
    pipeline: &gst::Pipeline,
    source: &gst::Element,
    video: &gst::Bin,
    sound: Option<Sound>,
) -> Result<()> {
    pipeline.add(source)?;
    let decoder = source
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| bin.by_name("decode"))
        .unwrap_or_else(|| source.clone());
    let camera = decoder != *source;
    let weak = pipeline.downgrade();
    // Only the first sound stream: not every container has room for more.
    let sound = Mutex::new(sound);
    let input = video
        .static_pad("sink")
        .expect("the branch begins with a queue");
    decoder.connect_pad_added(move |decoder, pad| {
        let Some(pipeline) = weak.upgrade() else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let kind = caps.structure(0).map(|s| s.name().to_string());
        let result = match kind.as_deref() {
            Some(kind) if kind.starts_with("video/") && !input.is_linked() => {
                link_video(decoder, pad, &input, camera)
            }
            Some(kind) if kind.starts_with("audio/") => match sound.lock().unwrap().take() {
                Some(sound) => link_sound(&pipeline, pad, &sound),
                None => Ok(()),
            },
            _ => Ok(()),
        };
        if let Err(why) = result {
            gst::element_error!(decoder, gst::CoreError::Negotiation, ("{why:#}"));
        }
    });
    Ok(())
}

fn link_video(
    decoder: &gst::Element,
    pad: &gst::Pad,
    input: &gst::Pad,
    camera: bool,
) -> Result<()> {
    if camera {
        // The decoder is inside a bin, so its pad is shown at the bin's edge.
        let bin = decoder.parent().and_downcast::<gst::Bin>();
        let ghost = gst::GhostPad::with_target(pad)?;
        ghost.set_active(true)?;
        bin.context("a camera is a bin")?.add_pad(&ghost)?;
        ghost.link(input)?;
    } else {
        pad.link(input)?;
    }
    Ok(())
}

fn link_sound(pipeline: &gst::Pipeline, pad: &gst::Pad, sound: &Sound) -> Result<()> {
    let description = format!(
        "queue ! audioconvert ! audioresample ! {} ! queue",
        sound.encoder
    );
    let branch = gst::parse::bin_from_description(&description, true)?;
    pipeline.add(&branch)?;
    branch.link(&sound.muxer)?;
    branch.sync_state_with_parent()?;
    let input = branch
        .static_pad("sink")
        .context("a branch with an input")?;
    pad.link(&input)?;
    Ok(())
}

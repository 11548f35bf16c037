//! How an application embeds the elements and reacts to expressions: it says when a face
//! comes, goes, and changes its expression.
//!
//! `target/release/fer-react FILE|URI`, after `make build`

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use gst::prelude::*;

/// Time without a face, while others are seen, after which it counts as gone.
const GONE: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    let input = std::env::args()
        .nth(1)
        .context("usage: fer-react FILE|URI")?;
    gst::init()?;
    // The elements are linked into this program: nothing has to be installed.
    gstfer::plugin_register_static()?;

    let uri = if input.contains("://") {
        input
    } else {
        let path = std::fs::canonicalize(&input).with_context(|| input.clone())?;
        gst::glib::filename_to_uri(path, None)?.to_string()
    };
    let pipeline = gst::parse::launch(
        "uridecodebin name=source ! videoconvert ! ferfacedetect ! ferclassify ! fakesink sync=false",
    )?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .expect("several elements");
    let source = pipeline.by_name("source").expect("named above");
    source.set_property("uri", uri);
    pipeline.set_state(gst::State::Playing)?;

    let mut people = HashMap::new();
    let bus = pipeline.bus().expect("pipelines have a bus");
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => bail!("{}", error.error()),
            gst::MessageView::Element(element) => {
                // One message for every frame with faces; its fields are documented in the
                // plugin's module `message`.
                let structure = element.structure();
                if let Some(frame) = structure.filter(|s| s.name() == "fer-expressions") {
                    react(frame, &mut people)?;
                }
            }
            _ => (),
        }
    }
    pipeline.set_state(gst::State::Null)?;
    for id in people.keys() {
        println!("     end  #{id} is the last that was seen");
    }
    Ok(())
}

/// What is known of a person.
struct Person {
    expression: String,
    seen: Duration,
}

fn react(frame: &gst::StructureRef, people: &mut HashMap<i32, Person>) -> Result<()> {
    let now = Duration::from_nanos(frame.get("stream-time").unwrap_or(0));
    for face in frame.get::<gst::Array>("faces")?.iter() {
        let face: gst::Structure = face.get()?;
        let id: i32 = face.get("id")?;
        let expression: String = face.get("smoothed-label")?;
        match people.get_mut(&id) {
            None => println!("{now:8.2?}  #{id} comes, {expression}"),
            Some(person) if person.expression != expression => {
                println!(
                    "{now:8.2?}  #{id} turns from {} to {expression}",
                    person.expression
                );
            }
            Some(_) => (),
        }
        let seen = now;
        people.insert(id, Person { expression, seen });
    }
    people.retain(|id, person| {
        let here = now.saturating_sub(person.seen) < GONE;
        if !here {
            println!("{now:8.2?}  #{id} is gone");
        }
        here
    });
    Ok(())
}

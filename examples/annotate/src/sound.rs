//! The sound of an input, which goes into the copy beside the pictures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use gst::prelude::*;

use crate::source::Limit;

/// How long pictures wait for sound: cameras may name one that never comes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a sound stream is linked to when the source has one.
pub struct Sound {
    /// The encoder, with its settings.
    pub encoder: &'static str,
    /// Where it goes.
    pub muxer: gst::Element,
}

impl Sound {
    fn link(&self, pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<()> {
        let description = format!(
            "queue ! audioconvert ! audioresample ! {} ! queue",
            self.encoder
        );
        let branch = gst::parse::bin_from_description(&description, true)?;
        pipeline.add(&branch)?;
        branch.link(&self.muxer)?;
        branch.sync_state_with_parent()?;
        let input = branch
            .static_pad("sink")
            .context("a branch with an input")?;
        pad.link(&input)?;
        Ok(())
    }
}

/// Holds pictures back from the container until it is known whether there is sound. Of network
/// cameras one stream comes after the other, and a file that has been begun takes no more.
pub struct Door {
    sound: Mutex<Option<Sound>>,
    pictures: gst::Pad,
    probe: Mutex<Option<gst::PadProbeId>>,
    /// Whether it was opened before it was known what comes.
    is_early: AtomicBool,
}

impl Door {
    /// Closes it behind the branch `video`, which may be linked to sound's container already.
    pub fn new(sound: Sound, video: &gst::Bin) -> Arc<Self> {
        let pictures = video.static_pad("src");
        let door = Arc::new(Self {
            sound: Mutex::new(Some(sound)),
            pictures: pictures.expect("a branch with a container behind it has an end"),
            probe: Mutex::default(),
            is_early: AtomicBool::new(false),
        });
        let weak = Mutex::new(Some(Arc::downgrade(&door)));
        let kind = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
        let probe = door.pictures.add_probe(kind, move |_, _| {
            if let Some(door) = weak.lock().unwrap().take() {
                std::thread::spawn(move || {
                    std::thread::sleep(PATIENCE);
                    if let Some(door) = door.upgrade() {
                        let is_open = door.probe.lock().unwrap().is_none();
                        door.is_early.store(!is_open, Ordering::Relaxed);
                        door.open();
                    }
                });
            }
            gst::PadProbeReturn::Ok
        });
        *door.probe.lock().unwrap() = probe;
        door
    }

    /// Takes the sound of `pad` up to `limit`, where it is the first and does not come too late:
    /// not every container has room for more.
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn enter(
        &self,
        pipeline: &gst::Pipeline,
        pad: &gst::Pad,
        limit: Option<Limit>,
    ) -> Result<()> {
        let Some(sound) = self.sound.lock().unwrap().take() else {
            if self.is_early.swap(false, Ordering::Relaxed) {
                eprintln!("warning: the sound came too late and is not in the copy");
            }
            return Ok(());
        };
        if let Some(limit) = limit {
            limit.hold(pad);
        }
        sound.link(pipeline, pad)?;
        self.open();
        Ok(())
    }

    /// Lets pictures through, and no sound any more.
    pub fn open(&self) {
        self.sound.lock().unwrap().take();
        if let Some(probe) = self.probe.lock().unwrap().take() {
            self.pictures.remove_probe(probe);
        }
    }
}

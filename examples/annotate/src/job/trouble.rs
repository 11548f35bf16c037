//! What is said of a pipeline that warns, fails, or ends before its input.

use fer_cli::one_line;
use gst::prelude::*;

use super::Job;
use crate::again::{Again, input_failed};
use crate::progress::Progress;
use crate::watch::{self, Seen};

/// What is said of an input where GStreamer knows no more.
pub const UNREADABLE: &str = "damaged, or of a kind that can't be read";

/// Tells what our own elements warn of, such as of servers that don't answer. Others warn of what
/// is no matter.
pub fn warn(warning: &gst::message::Warning, progress: &mut Progress) {
    if is_ours(warning.src()) {
        let debug = warning.debug().unwrap_or_default();
        // Behind the place in the source.
        let why = debug.split_once('\n').map_or("", |(_, why)| why);
        let why = match why {
            "" => String::new(),
            why => format!(" ({})", one_line(why)),
        };
        progress.warn(&warning.error().to_string(), &why);
    }
}

/// Whether a message is of an element of ours.
fn is_ours(source: Option<&gst::Object>) -> bool {
    source.is_some_and(|s| ["detect", "classify", "overlay"].contains(&s.name().as_str()))
}

/// How much of an input is missing at its end, where it said how long it is: players read a file
/// that is cut off without a word.
fn missing(seen: &Seen, length: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
    let (length, time) = (length?, seen.time?);
    let missing = length.saturating_sub(gst::ClockTime::from_nseconds(time));
    // Sound is often a little longer, and the last picture has a duration.
    let is_much = missing > gst::ClockTime::SECOND && missing > length / 20;
    is_much.then_some(missing)
}

/// Whether the end that has come is none of the input's own, of which another try may give more.
pub fn is_endless(job: &Job, seen: &Seen, length: Option<gst::ClockTime>) -> bool {
    job.again().is_some() && (length.is_none() || missing(seen, length).is_some())
}

/// Warns where the pictures end well before the input says that it does.
pub fn warn_of_cut(
    job: &Job,
    seen: &Seen,
    length: Option<gst::ClockTime>,
    progress: &mut Progress,
) {
    if let (Some(missing), Some(length)) = (missing(seen, length), length) {
        let what = format!(
            "the pictures of {} end at {:.1} of {length:.1}: it may be cut off",
            watch::name(job.input),
            length - missing
        );
        progress.warn(&what, "");
    }
}

/// An error of the pipeline, with the file that it is about.
pub fn failure(job: &Job, seen: &Seen, error: &gst::message::Error) -> anyhow::Error {
    let writing = error
        .src()
        .is_some_and(|s| s.name().starts_with("filesink"));
    let before = job.again().map_or(0, Again::frames);
    let has_begun = seen.frames + before > 0;
    match (&job.output, writing) {
        (Some(output), true) => anyhow::anyhow!("{}: {}", output.display(), error.error()),
        // What our elements refuse at once they would refuse again.
        _ if is_ours(error.src()) && !has_begun => anyhow::anyhow!("{}", error.error()),
        _ => input_failed(format!("{:#}", about_input(job.input, error))),
    }
}

/// An error of the pipeline that reads `input`.
fn about_input(input: &str, error: &gst::message::Error) -> anyhow::Error {
    let input = watch::name(input);
    // Sources say so of all that happens behind them.
    let is_vague = error.error().matches(gst::StreamError::Failed)
        && error
            .debug()
            .is_some_and(|said| said.contains("streaming stopped"));
    match (is_ours(error.src()), is_vague) {
        (true, _) => anyhow::anyhow!("{}", error.error()),
        (_, true) => anyhow::anyhow!("{input}: {UNREADABLE}"),
        _ => anyhow::anyhow!("{input}: {}", error.error()),
    }
}

//! `fer-annotate`: from pictures, files, streams and cameras to annotated copies, records, reports
//! and a live page.

mod again;
mod args;
mod batch;
mod checks;
mod draft;
mod job;
mod look;
mod network;
mod output;
mod pipeline;
mod progress;
mod records;
mod report;
mod serve;
mod sound;
mod source;
mod stale;
mod still;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use fer_cli::one_line;

use crate::args::Args;
use crate::draft::Draft;
use crate::job::{Done, Job};
use crate::progress::Progress;
use crate::report::Method;

fn main() -> ExitCode {
    fer_cli::quiet_on_a_closed_pipe();
    let args = Args::of_command_line();
    match annotate(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fer-annotate: {}", one_line(&format!("{why:#}")));
            ExitCode::FAILURE
        }
    }
}

fn annotate(args: &Args) -> Result<()> {
    let many = batch::is_many(args);
    checks::check(args, many)?;
    gst::init()?;
    source::prefer_what_tells_orientation();
    gstfer::plugin_register_static()?;
    let interrupted = Arc::<AtomicBool>::default();
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    if let Some(address) = args.serve {
        return serve::run(args, address, &interrupted);
    }
    if many {
        return batch::run(args, &interrupted);
    }
    let job = Job {
        args,
        input: &args.inputs[0],
        output: args.output.clone(),
        records: args.records.clone(),
        still: args.still.clone(),
        one_of_many: false,
        small: false,
        clip: args.report.is_some(),
        live: None,
    };
    let page = args.report.as_deref().map(Draft::new).transpose()?;
    let mut progress = Progress::new();
    let done = job::run(&job, &interrupted, &mut progress);
    progress.finish();
    let mut done = done?;
    if let (Some(page), Some(mut clip)) = (page, done.clip.take()) {
        // A page may be passed on, and where the file lay is for nobody else.
        clip.name = report::file_name(&clip.name);
        report::write(page, &[clip], Vec::new(), &Method::new(args))?;
    }
    tell(args, &done);
    Ok(())
}

/// Prints what was done: on standard output, or on standard error where records are there.
fn tell(args: &Args, done: &Done) {
    let seconds = done.wall.as_secs_f64();
    let stages: Vec<String> = done
        .stages
        .iter()
        .map(|(name, ms)| format!("{name} {ms:.2}"))
        .collect();
    let mut lines = vec![
        format!(
            "{} frames in {seconds:.1} s ({:.0} a second), {} faces of {} numbers",
            done.frames,
            done.frames as f64 / seconds,
            done.faces,
            done.people
        ),
        format!("ms a frame: {}", stages.join(", ")),
    ];
    let records_are_there = checks::is_standard_output(args.records.as_deref());
    for (what, path) in [
        ("annotated", &args.output),
        ("records", &args.records),
        ("still", &args.still),
        ("report", &args.report),
    ] {
        if let Some(path) = path {
            lines.push(format!("{what}: {}", path.display()));
        }
    }
    for line in lines {
        if records_are_there {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    }
}

//! What can be said of the command line before anything runs.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use fer_cli::are_one;

use crate::args::Args;

/// # Errors
/// When options contradict each other, or what is read would be written over.
pub fn check(args: &Args, many: bool) -> Result<()> {
    if args
        .seconds
        .is_some_and(|seconds| seconds.is_nan() || seconds <= 0.0)
    {
        bail!("--seconds must be above 0");
    }
    args.network.check()?;
    if args.detector == "haar" && args.yunet_model.is_some() {
        bail!("--yunet-model and --detector haar: only one detector can be used");
    }
    has_end(args.report.as_deref(), &["html", "htm"], "--report")?;
    if !many {
        has_end(args.still.as_deref(), &["png", "jpg", "jpeg"], "--still")?;
    }
    if args.serve.is_some() {
        if let Some(input) = args.inputs.iter().find(|input| path(input).is_dir()) {
            bail!("{input}: a folder can't be shown live, but its files can");
        }
        if args.report.is_some() {
            bail!("--report and --serve: a report is of what has an end");
        }
        if args.inputs.len() > 1
            && (args.output.is_some() || args.records.is_some() || args.still.is_some())
        {
            bail!("--serve with several inputs writes no files");
        }
    }
    if is_standard_output(args.records.as_deref()) && many {
        bail!("--records -: for one input only");
    }
    are_different(args)
}

/// Whether records are for standard output.
pub fn is_standard_output(path: Option<&Path>) -> bool {
    path == Some(Path::new("-"))
}

fn has_end(path: Option<&Path>, ends: &[&str], option: &str) -> Result<()> {
    let Some(path) = path else {
        return Ok(());
    };
    let end = path.extension().map(|end| end.to_ascii_lowercase());
    if !end.is_some_and(|end| ends.iter().any(|e| end == *e)) {
        let ends: Vec<String> = ends.iter().map(|end| format!(".{end}")).collect();
        let path = path.display();
        bail!(
            "{option} {path}: the name must end in {}",
            ends.join(" or ")
        );
    }
    Ok(())
}

/// The input's path, if it is a file.
pub fn path(input: &str) -> PathBuf {
    match gst::glib::filename_from_uri(input) {
        Ok((path, _)) => path,
        Err(_) => PathBuf::from(input),
    }
}

fn are_different(args: &Args) -> Result<()> {
    let outputs = [&args.output, &args.records, &args.still, &args.report];
    let outputs: Vec<&Path> = outputs
        .into_iter()
        .flatten()
        .map(|path| &**path)
        .filter(|path| !is_standard_output(Some(path)))
        .collect();
    let models = [&args.network.model, &args.yunet_model];
    for (i, output) in outputs.iter().enumerate() {
        let shown = output.display();
        for input in &args.inputs {
            if are_one(output, &path(input)) {
                bail!("{shown}: input and output are the same file");
            }
        }
        if models.iter().copied().flatten().any(|m| are_one(output, m)) {
            bail!("{shown}: it is the model");
        }
        if outputs[..i].iter().any(|other| are_one(other, output)) {
            bail!("{shown}: it can't be two outputs");
        }
    }
    Ok(())
}

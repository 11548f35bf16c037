//! `fer-trainer data summary`

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use fer_trainer::data::{Dataset, Sample, Split, duplicates, lone_subjects, same_people};

use super::source::Reading;

/// Sizes, and pairs of duplicates, that are listed.
const LISTED: usize = 10;

/// Commands on data sets.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Prints counts, subjects, parts, faults and duplicates of a data set
    Summary(Args),
}

/// Options of `data summary`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Data set, as --data of the other commands
    path: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<()> {
    let Command::Summary(args) = command;
    let data = args.reading.open(&args.path)?;
    println!(
        "{}: {} faces, {} pictures without one, {} not used",
        data.format,
        data.samples.len(),
        data.missed.len(),
        data.not_used()
    );
    counts(&data);
    subjects(&data);
    for ((width, height), n) in data.sizes.iter().take(LISTED) {
        println!("{n} pictures of {width} x {height}");
    }
    if data.sizes.len() > LISTED {
        println!("and {} other sizes", data.sizes.len() - LISTED);
    }
    twice(&data);
    Ok(())
}

/// Who is in the pictures, and how they are known.
fn subjects(data: &Dataset) {
    let mut pictures: BTreeMap<&str, usize> = BTreeMap::new();
    for subject in data.samples.iter().filter_map(|s| s.subject.as_deref()) {
        *pictures.entry(subject).or_default() += 1;
    }
    let (Some(fewest), Some(most)) = (pictures.values().min(), pictures.values().max()) else {
        println!("subjects are not known; --subject names them");
        return;
    };
    let by = data.subjects_by.as_ref();
    println!(
        "{} subjects{}, with {fewest} to {most} pictures each",
        pictures.len(),
        by.map_or(String::new(), |by| format!(" by the {by}"))
    );
    if let Some(warning) = lone_subjects(data) {
        println!("warning: {warning}");
    }
    let train = data.part(Split::Train);
    for (verb, part) in [("validate by", Split::Validation), ("test on", Split::Test)] {
        let judged = data.part(part);
        if let Some(warning) = same_people(("train on", &train), (verb, &judged)) {
            println!("warning: {warning}");
        }
    }
}

fn counts(data: &Dataset) {
    let mut parts: BTreeMap<Option<Split>, Vec<usize>> = BTreeMap::new();
    for part in data.samples.iter().map(|s| s.split) {
        parts
            .entry(part)
            .or_insert_with(|| data.counts(data.samples.iter().filter(|s| s.split == part)));
    }
    let name = |part: &Option<Split>| part.map_or("all".to_owned(), |p| p.to_string());
    let header: String = parts.keys().map(|p| format!(" {:>10}", name(p))).collect();
    println!("{:12}{header}", "class");
    for (label, class) in data.classes.iter().enumerate() {
        let row: String = parts
            .values()
            .map(|c| format!(" {:>10}", c[label]))
            .collect();
        println!("{class:12}{row}");
        if parts.values().all(|c| c[label] == 0) {
            println!("warning: no picture of {class}");
        }
    }
    let sums: String = parts
        .values()
        .map(|c| format!(" {:>10}", c.iter().sum::<usize>()))
        .collect();
    println!("{:12}{sums}", "sum");
}

fn twice(data: &Dataset) {
    let samples: Vec<&Sample> = data.samples.iter().collect();
    let parts: Vec<Option<Split>> = samples.iter().map(|s| s.split).collect();
    let found = duplicates::find(&samples, &parts);
    let part = |i: usize| parts[i];
    let across = found
        .exact
        .iter()
        .filter(|(a, b)| part(*a) != part(*b))
        .count();
    let label = |i: usize| data.samples[i].label;
    let disagree = found
        .exact
        .iter()
        .filter(|(a, b)| label(*a) != label(*b))
        .count();
    println!(
        "{} exact duplicates, {across} of them across parts, {disagree} under another label; \
         {} near-duplicates across parts",
        found.exact.len(),
        found.near_across_parts.len()
    );
    for (a, b) in found.near_across_parts.iter().take(LISTED) {
        println!(
            "  {} looks like {}",
            data.samples[*a].name, data.samples[*b].name
        );
    }
}

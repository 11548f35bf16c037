//! `fer-trainer teach`

use std::path::PathBuf;

use anyhow::Result;
use fer_trainer::artifact::{Network, WeightsFile, weights_file};
use fer_trainer::data::split;
use fer_trainer::rng::Rng;
use fer_trainer::train::SoftLabels;

use super::outputs;
use super::recipe::Recipe;
use super::source::Source;

/// Options of `teach`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Trained network: a run folder or a weights file; several are averaged
    #[arg(long, required = true, num_args = 1..)]
    teacher: Vec<PathBuf>,
    /// Views of each picture
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    views: u16,
    /// File to write, for `train --soft-labels`
    #[arg(long)]
    out: PathBuf,
    /// The student's recipe, of which the views, the seed and the held-out share are taken
    #[command(flatten)]
    recipe: Recipe,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let teachers = args.teacher.iter().map(|teacher| weights_file(teacher));
    outputs::file(Some(&args.out), teachers.chain(args.source.inputs()))?;
    let config = args.recipe.config(None, &WeightsFile::default())?;
    let teachers = args
        .teacher
        .iter()
        .map(|path| Network::load(path))
        .collect::<Result<Vec<_>, _>>()?;
    let data = args.source.open()?;
    let mut rng = Rng::new(config.seed);
    let train = split::for_training(&data, config.hold_out, &mut rng)?.train;
    let (views, passes) = (
        usize::from(args.views),
        usize::from(args.views) * teachers.len(),
    );
    let labels = SoftLabels::compute(
        &teachers,
        &data.classes,
        &train,
        views,
        &config.augment,
        config.seed,
        &mut |done| eprintln!("pass {done} of {passes} over {} pictures", train.len()),
    )?;
    labels.save(&args.out)?;
    println!(
        "{}: {views} views of {} pictures; the teachers' first choice is the label of {:.1} %",
        args.out.display(),
        train.len(),
        100.0 * labels.agreement(&train)
    );
    Ok(())
}

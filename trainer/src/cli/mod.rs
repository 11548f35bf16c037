//! Commands.

mod ablate;
mod choices;
mod console;
mod cross_validate;
mod eval;
mod export;
mod folds;
mod foreign;
mod gain;
mod init;
mod measures;
mod model;
mod outputs;
mod predict;
mod recipe;
mod seen;
mod source;
mod stop;
mod summary;
mod teach;
mod train;

use std::io::Write;
use std::ops::RangeInclusive;
use std::str::FromStr;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Reads a number of a range from the command line.
fn within(range: RangeInclusive<f32>) -> impl Fn(&str) -> Result<f32, String> + Clone {
    move |text| {
        let value: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
        let (low, high) = (range.start(), range.end());
        let fits = range.contains(&value);
        fits.then_some(value).ok_or(format!("not {low} to {high}"))
    }
}

/// Names with commas between, on the command line; one with a comma in it stands in quotation
/// marks.
#[derive(Debug, Clone)]
struct Names(Vec<String>);

impl FromStr for Names {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        let names = reader.records().next();
        let names = names.ok_or("no name")?.map_err(|e| e.to_string())?;
        Ok(Self(names.iter().map(String::from).collect()))
    }
}

/// Trains, evaluates and exports networks for facial expressions.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trains a network
    Train(train::Args),
    /// Asks trained networks about the training pictures, for a student to learn from
    Teach(teach::Args),
    /// Looks at data sets
    #[command(subcommand)]
    Data(summary::Command),
    /// Tells how good a model is on a data set
    Eval(eval::Args),
    /// Trains on the folds of a data set, and tells how good the recipe is on the others
    CrossValidate(cross_validate::Args),
    /// Compares one stage with two, with and without center loss, on the same folds
    Ablate(ablate::Args),
    /// Tells the expressions of all faces in pictures
    Predict(predict::Args),
    /// Writes a trained network as a file that the plugin takes
    Export(export::Args),
    /// Prints what completes these commands in a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

impl Cli {
    /// The command line. A number may be negative, so that it is told as a number out of range.
    pub fn read() -> Self {
        let negative = |command: clap::Command| command.allow_negative_numbers(true);
        let command = Self::command().mut_subcommands(negative);
        let matches = command.get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
    }

    /// Runs the command.
    ///
    /// # Errors
    /// What went wrong, to be printed in one line.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Train(args) => train::run(&args),
            Command::Teach(args) => teach::run(&args),
            Command::Data(command) => summary::run(&command),
            Command::Eval(args) => eval::run(&args),
            Command::CrossValidate(args) => cross_validate::run(&args),
            Command::Ablate(args) => ablate::run(&args),
            Command::Predict(args) => predict::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                let mut command = Self::command();
                clap_complete::generate(shell, &mut command, "fer-trainer", &mut script);
                Ok(std::io::stdout().write_all(&script)?)
            }
        }
    }
}

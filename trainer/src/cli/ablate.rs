//! `fer-trainer ablate`

use std::path::PathBuf;

use anyhow::{Result, ensure};
use fer_trainer::checkpoint::Loaded;
use fer_trainer::eval::Setting;
use fer_trainer::loss::Convention;
use fer_trainer::report::Ablation;
use fer_trainer::train::{Config, Device};

use super::folds::{Options, describe};
use super::recipe;

/// The settings that differ in one thing, in the order of [`settings`].
const PAIRS: [(usize, usize); 4] = [(0, 2), (1, 3), (0, 1), (2, 3)];

/// Options of `ablate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// Weights that two stages go on from: a run folder of the first stage, or a
    /// safetensors file
    #[arg(long)]
    init: PathBuf,
    /// Weights that one stage starts from, such as those of ImageNet; random without it
    #[arg(long)]
    one_stage_init: Option<PathBuf>,
    /// Folder for report.html, with its plots in it, and CSV files
    #[arg(long)]
    report: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let two = recipe::weights(Some(&args.init))?;
    let config = args.options.config(&two)?;
    let device = args.options.device()?;
    ensure!(
        config.center.lambda > 0.0,
        "the recipe's center.lambda is 0, so there is no center loss to compare with"
    );
    let one = recipe::weights(args.one_stage_init.as_deref())?;
    let source = &args.options.source;
    let data = source.open_to_judge(0.0)?;
    let deals = args.options.deal(&data, config.hold_out)?;
    let about = [
        describe(&source.data, &data),
        format!(
            "{} folds a seed: {}.",
            deals[0].folds.len(),
            args.options.protocol()
        ),
        format!(
            "One stage starts from {} and trains every layer; two stages go on from {}. \
             Center loss has lambda {} times the {} over a batch, and alpha {}.",
            args.one_stage_init
                .as_ref()
                .map_or("random weights".to_owned(), |p| p.display().to_string()),
            args.init.display(),
            config.center.lambda,
            match config.center.convention {
                Convention::Mean => "mean",
                Convention::Sum => "sum",
            },
            config.center.alpha,
        ),
    ];
    about.iter().for_each(|line| println!("{line}"));
    let warning = args.options.warning();
    if let Some(warning) = warning {
        println!("{warning}");
    }

    let settings = settings(&config, device, &one, &two);
    let runs = args.options.run(&settings, &data.classes, &deals, true)?;
    let ablation = Ablation {
        classes: &data.classes,
        settings: &settings,
        deals: &deals,
        runs: &runs,
        pairs: &PAIRS,
    };
    print!("{}", ablation.settings().to_text());
    print!("{}", ablation.tests().to_text());
    ablation.write(&args.report, &about, warning)?;
    println!("{}", args.report.join("report.html").display());
    Ok(())
}

/// One stage and two, each without and with center loss.
fn settings<'a>(
    config: &Config,
    device: Device,
    one: &'a Loaded,
    two: &'a Loaded,
) -> [Setting<'a>; 4] {
    let setting = |stages: &str, center: bool, init: &'a Loaded| {
        let mut config = config.clone();
        if stages == "one stage" {
            // Lower layers that have not seen faces must learn too.
            config.freeze_blocks = 0;
        }
        if !center {
            config.center.lambda = 0.0;
        }
        let loss = if center { "center loss" } else { "softmax" };
        Setting {
            name: format!("{stages}, {loss}"),
            config,
            init,
            device,
        }
    };
    [
        setting("one stage", false, one),
        setting("one stage", true, one),
        setting("two stages", false, two),
        setting("two stages", true, two),
    ]
}

//! `fer-trainer ablate`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Result, ensure};
use fer_trainer::artifact::{Config, WeightsFile};
use fer_trainer::eval::Setting;
use fer_trainer::loss::{CenterConfig, Convention};
use fer_trainer::report::Ablation;
use fer_trainer::train::Device;

use super::folds::CrossValidation;
use super::init::Init;
use super::outputs;

/// Options of `ablate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: CrossValidation,
    /// Weights that two stages with center loss go on from: those of a first stage with center
    /// loss, as a run folder, a safetensors file, an ONNX file that was exported here, or
    /// builtin:small, builtin:standard, builtin:accurate
    #[arg(long)]
    init: Init,
    /// The same of a first stage without center loss, for two stages without; --init without it,
    /// which compares center loss in the second stage alone
    #[arg(long)]
    init_softmax: Option<Init>,
    /// Weights that one stage starts from, such as those of ImageNet; random without it
    #[arg(long)]
    one_stage_init: Option<Init>,
    /// Also two stages with island loss of this weight beside center loss
    #[arg(long, value_name = "WEIGHT", value_parser = super::within(1e-6..=1e6))]
    island: Option<f32>,
    /// Also two stages with this many blocks frozen, from the input; several with commas between
    #[arg(long, value_name = "BLOCKS", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(0..=13))]
    freeze: Vec<u8>,
    /// Folder for report.html, with its plots in it, and CSV files
    #[arg(long)]
    report: PathBuf,
}

/// Weights to start from, by what starts from them.
struct Starts {
    one: WeightsFile,
    softmax: WeightsFile,
    center: WeightsFile,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    outputs::folder(Some(&args.report))?;
    let center = Init::read(Some(&args.init))?;
    let config = args.options.config(&center)?;
    let device = args.options.device()?;
    ensure!(
        config.center.lambda > 0.0,
        "the recipe's center.lambda is 0, so there is no center loss to compare with"
    );
    let starts = Starts {
        one: Init::read(args.one_stage_init.as_ref())?,
        softmax: Init::read(args.init_softmax.as_ref().or(Some(&args.init)))?,
        center,
    };
    let mut pictures = args.options.open()?;
    pictures.warn_of("--init", &starts.center);
    if args.init_softmax.is_some() {
        pictures.warn_of("--init-softmax", &starts.softmax);
    }
    pictures.warn_of("--one-stage-init", &starts.one);
    let by_seed = args.options.by_seed(&pictures, config.hold_out)?;
    let mut about = pictures.about.clone();
    about.extend([
        format!(
            "{} folds a seed: {}.",
            by_seed[0].folds.len(),
            args.options.protocol()
        ),
        describe(args, &config),
    ]);
    about.iter().for_each(|line| println!("{line}"));
    let mut warnings = pictures.warnings.clone();
    warnings.extend(first_stages(args, &starts)?);
    warnings.iter().for_each(|warning| println!("{warning}"));

    let (settings, pairs) = settings(args, &config, device, &starts);
    let classes = &pictures.data.classes;
    let runs = args.options.run(&settings, classes, &by_seed, true)?;
    let ablation = Ablation {
        classes,
        settings: &settings,
        by_seed: &by_seed,
        runs: &runs,
        pairs: &pairs,
    };
    print!("{}", ablation.settings().to_text());
    print!("{}", ablation.tests().to_text());
    print!("{}", ablation.tests_by_subject().to_text());
    ablation.write(&args.report, &about, &warnings)?;
    println!("{}", args.report.join("report.html").display());
    Ok(())
}

/// Where the settings start, and what center loss is.
fn describe(args: &Args, config: &Config) -> String {
    let name = |init: &Init| init.to_string();
    let softmax = args.init_softmax.as_ref().unwrap_or(&args.init);
    format!(
        "One stage starts from {} and trains every layer; two stages go on from {} without center \
         loss and from {} with it, the first {} blocks frozen. Center loss has lambda {} times \
         the {} over a batch, and alpha {}. {} epochs of at most lr {}.",
        args.one_stage_init
            .as_ref()
            .map_or("random weights".to_owned(), name),
        name(softmax),
        name(&args.init),
        config.freeze_blocks,
        config.center.lambda,
        match config.center.convention {
            Convention::Mean => "mean",
            Convention::Sum => "sum",
        },
        config.center.alpha,
        config.epochs,
        config.optimizer.lr,
    )
}

/// What the first stages' recipes say that a reader must know.
///
/// # Errors
/// When one contradicts what it is named as.
fn first_stages(args: &Args, starts: &Starts) -> Result<Option<String>> {
    let lambda = |file: &WeightsFile| file.recipe.as_ref().map(|recipe| recipe.center.lambda);
    let own = lambda(&starts.center);
    let Some(softmax) = &args.init_softmax else {
        let how = match own {
            Some(lambda) if lambda > 0.0 => format!("which had center loss (lambda {lambda})"),
            Some(_) => "which had no center loss".to_owned(),
            None => "which does not say how it was trained".to_owned(),
        };
        return Ok(Some(format!(
            "All settings of two stages start from {}, {how}: center loss is compared in the \
             second stage alone. --init-softmax names a first stage without it.",
            args.init
        )));
    };
    let other = lambda(&starts.softmax);
    ensure!(
        other.is_none_or(|lambda| lambda == 0.0),
        "--init-softmax {} was trained with center loss (lambda {})",
        softmax,
        other.unwrap_or_default()
    );
    ensure!(
        own != Some(0.0),
        "--init {} was trained without center loss",
        args.init
    );
    let (Some(own), Some(other)) = (starts.center.recipe.clone(), starts.softmax.recipe.clone())
    else {
        return Ok(Some(
            "A first stage does not say how it was trained, so it is not known whether those with \
             and without center loss differ in anything else."
                .to_owned(),
        ));
    };
    let differences = differences(own, other)?;
    ensure!(
        differences.is_empty(),
        "--init and --init-softmax differ in more than center loss: {}",
        differences.join(", ")
    );
    Ok(None)
}

/// Settings in which two first stages differ, center loss and the seed aside, with the values of
/// both.
fn differences(own: Config, other: Config) -> Result<Vec<String>> {
    let settings = |mut config: Config| -> Result<BTreeMap<String, String>> {
        (config.center, config.seed) = (CenterConfig::default(), 0);
        let table: toml::Table = config.to_toml()?.parse()?;
        let mut settings = BTreeMap::new();
        flatten("", &table, &mut settings);
        Ok(settings)
    };
    let (own, other) = (settings(own)?, settings(other)?);
    let names: BTreeSet<&String> = own.keys().chain(other.keys()).collect();
    let value = |settings: &BTreeMap<String, String>, name: &String| {
        settings.get(name).cloned().unwrap_or("none".to_owned())
    };
    Ok(names
        .into_iter()
        .filter(|name| own.get(*name) != other.get(*name))
        .map(|name| format!("{name} {} and {}", value(&own, name), value(&other, name)))
        .collect())
}

/// Every setting of a recipe by its name, `table.setting` in tables.
fn flatten(above: &str, table: &toml::Table, settings: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(table) => flatten(&format!("{above}{name}."), table, settings),
            value => {
                settings.insert(format!("{above}{name}"), value.to_string());
            }
        }
    }
}

/// One stage and two, each without and with center loss, and what else is asked for; and which are
/// tested against each other, since they differ in one thing.
fn settings<'a>(
    args: &Args,
    config: &Config,
    device: Device,
    starts: &'a Starts,
) -> (Vec<Setting<'a>>, Vec<(usize, usize)>) {
    let setting = |name: String, init: &'a WeightsFile, change: &dyn Fn(&mut Config)| {
        let mut config = config.clone();
        change(&mut config);
        Setting {
            name,
            config,
            init,
            device,
        }
    };
    let one = |center: bool| {
        move |config: &mut Config| {
            // Lower layers that have not seen faces must learn too.
            config.freeze_blocks = 0;
            config.center.lambda *= f32::from(u8::from(center));
        }
    };
    let mut settings = vec![
        setting("one stage, softmax".into(), &starts.one, &one(false)),
        setting("one stage, center loss".into(), &starts.one, &one(true)),
        setting("two stages, softmax".into(), &starts.softmax, &|config| {
            config.center.lambda = 0.0;
        }),
        setting("two stages, center loss".into(), &starts.center, &|_| {}),
    ];
    let mut pairs = vec![(0, 2), (1, 3), (0, 1), (2, 3)];
    if let Some(weight) = args.island.filter(|weight| *weight != config.center.island) {
        let name = "two stages, center and island loss".to_owned();
        let island = |config: &mut Config| config.center.island = weight;
        pairs.push((3, settings.len()));
        settings.push(setting(name, &starts.center, &island));
    }
    let mut frozen = BTreeSet::from([config.freeze_blocks]);
    for blocks in &args.freeze {
        // What is as another setting would be trained twice and compared with itself.
        if !frozen.insert(usize::from(*blocks)) {
            continue;
        }
        let name = format!("two stages, center loss, {blocks} blocks frozen");
        let frozen = |config: &mut Config| config.freeze_blocks = usize::from(*blocks);
        pairs.push((3, settings.len()));
        settings.push(setting(name, &starts.center, &frozen));
    }
    (settings, pairs)
}

//! Which network names the expressions: the options of `ferclassify` that say what a foreign
//! model takes and gives.

use std::path::PathBuf;

use anyhow::{Result, bail};
use gst::prelude::*;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Network")]
pub struct Network {
    /// standard, small (a quarter of the work) or accurate (four times the work); standard where
    /// neither this nor --model is given.
    #[arg(long)]
    pub builtin_model: Option<String>,

    /// ONNX file of another network.
    #[arg(long)]
    pub model: Option<PathBuf>,

    /// auto, builtin, onnxruntime, tensorrt or remote (servers at --endpoint).
    #[arg(long, default_value = "auto")]
    pub engine: String,

    /// Servers of the Open Inference Protocol for --engine remote: grpc://HOST:PORT, several with
    /// commas between.
    #[arg(long)]
    pub endpoint: Option<String>,

    /// What the network is called on those servers.
    #[arg(long)]
    pub model_name: Option<String>,

    /// Class names in the order of the output, with commas between.
    #[arg(long)]
    pub labels: Option<String>,

    /// Channels that --model takes: model (as its file says), gray, rgb or bgr.
    #[arg(long)]
    pub input_color: Option<String>,

    /// Subtracted from pixel values of 0 to 255: one number, or one a channel with commas between.
    #[arg(long, allow_hyphen_values = true)]
    pub input_mean: Option<String>,

    /// Pixel values are divided by it after the mean.
    #[arg(long)]
    pub input_std: Option<String>,

    /// Correction of each face's light: model, as-is, standardize or equalize.
    #[arg(long)]
    pub input_tone: Option<String>,

    /// WIDTHxHEIGHT that --model was trained with, where it takes any.
    #[arg(long)]
    pub input_size: Option<String>,

    /// Share of the face's box added on every side before the crop, at most 2.
    #[arg(long, value_parser = margin)]
    pub margin: Option<f64>,

    /// What --model gives: auto, logits, probabilities or independent.
    #[arg(long)]
    pub model_output: Option<String>,

    /// Which of several outputs of --model has the classes.
    #[arg(long)]
    pub output_name: Option<String>,
}

fn margin(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let fits = (0.0..=2.0).contains(&value);
    fits.then_some(value).ok_or("not 0 to 2".to_owned())
}

impl Network {
    /// Options that only a foreign model needs, with the properties they set.
    fn foreign(&self) -> [(&'static str, &'static str, Option<&String>); 7] {
        [
            ("--input-color", "input-color", self.input_color.as_ref()),
            ("--input-mean", "input-mean", self.input_mean.as_ref()),
            ("--input-std", "input-std", self.input_std.as_ref()),
            ("--input-tone", "input-tone", self.input_tone.as_ref()),
            ("--input-size", "input-size", self.input_size.as_ref()),
            ("--model-output", "output", self.model_output.as_ref()),
            ("--output-name", "output-name", self.output_name.as_ref()),
        ]
    }

    /// # Errors
    /// When options contradict each other.
    pub fn check(&self) -> Result<()> {
        match (self.engine.as_str(), &self.endpoint, &self.model_name) {
            ("remote", None, _) => bail!("--engine remote: --endpoint says where the servers are"),
            ("remote", Some(_), _) | (_, None, None) => {}
            (_, Some(_), _) => bail!("--endpoint is for --engine remote only"),
            (_, None, Some(_)) => bail!("--model-name is for --engine remote only"),
        }
        if self.model.is_some() {
            if self.builtin_model.is_some() {
                bail!("--model and --builtin-model: only one network can be used");
            }
            return Ok(());
        }
        if let Some((option, ..)) = self.foreign().iter().find(|(.., value)| value.is_some()) {
            bail!("{option} describes a network of --model, and there is none");
        }
        Ok(())
    }

    /// Sets the properties of `ferclassify`.
    ///
    /// # Errors
    /// When a value is not one of those that the element knows.
    pub fn apply(&self, classify: &gst::Element) -> Result<()> {
        if let Some(model) = &self.model {
            classify.set_property("model", model.display().to_string());
        }
        choose(classify, "engine", &self.engine, "--engine")?;
        if let Some(name) = &self.builtin_model {
            choose(classify, "builtin-model", name, "--builtin-model")?;
        }
        if let Some(endpoint) = &self.endpoint {
            classify.set_property("endpoint", endpoint);
        }
        if let Some(name) = &self.model_name {
            classify.set_property("model-name", name);
        }
        if let Some(labels) = &self.labels {
            classify.set_property("labels", labels);
        }
        if let Some(margin) = self.margin {
            classify.set_property("margin", margin);
        }
        for (option, property, value) in self.foreign() {
            let Some(value) = value else {
                continue;
            };
            let spec = classify.find_property(property).expect("ferclassify's");
            if spec.value_type().is_a(gst::glib::Type::ENUM) {
                choose(classify, property, value, option)?;
            } else {
                classify.set_property(property, value);
            }
        }
        Ok(())
    }

    /// What reports call the network.
    pub fn name(&self) -> String {
        if self.endpoint.is_some() {
            return self.model_name.as_deref().unwrap_or("remote").to_owned();
        }
        match (&self.model, &self.builtin_model) {
            (Some(path), _) => path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            (None, name) => name.as_deref().unwrap_or("standard").to_owned(),
        }
    }
}

/// Sets a property to one of the values that it has; the element knows which there are.
///
/// # Errors
/// When `value` is none of them.
pub fn choose(element: &gst::Element, property: &str, value: &str, option: &str) -> Result<()> {
    let spec = element.find_property(property).expect("the element has it");
    let values = gst::glib::EnumClass::with_type(spec.value_type()).expect("an enumeration");
    let Some(chosen) = values.to_value_by_nick(value) else {
        let known: Vec<&str> = values.values().iter().map(|v| v.nick()).collect();
        bail!("{option} {value:?} is not one of {}", known.join(", "));
    };
    element.set_property_from_value(property, &chosen);
    Ok(())
}

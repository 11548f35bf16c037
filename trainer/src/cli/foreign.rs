//! What an ONNX file of another tool does not say of itself.

use fer::model::{Color, Output, Overrides, Tone};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Names;

/// Options that describe a network, as the properties of `ferclassify` do.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Options for an ONNX file without our metadata")]
pub struct Foreign {
    /// Class names in the order of the output, with commas between; a name with a comma in
    /// quotation marks
    #[arg(long)]
    labels: Option<Names>,
    /// Channels: gray, rgb or bgr
    #[arg(long, value_parser = named::<Color>)]
    input_color: Option<Color>,
    /// Subtracted from pixel values of 0 to 255, one number or one a channel
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    input_mean: Option<Vec<f32>>,
    /// Pixel values are divided by it after the mean, one number or one a channel
    #[arg(long, value_delimiter = ',')]
    input_std: Option<Vec<f32>>,
    /// Correction of each face's light: as-is, standardize or equalize
    #[arg(long, value_parser = named::<Tone>)]
    input_tone: Option<Tone>,
    /// WIDTHxHEIGHT in pixels, of a network that takes any
    #[arg(long, value_parser = size)]
    input_size: Option<(usize, usize)>,
    /// What the output is: logits, probabilities or independent
    #[arg(long)]
    output: Option<Output>,
    /// Which of several outputs has the classes
    #[arg(long)]
    output_name: Option<String>,
}

impl Foreign {
    /// What the options say.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            labels: self.labels.as_ref().map(|labels| labels.0.clone()),
            color: self.input_color,
            mean: self.input_mean.clone(),
            std: self.input_std.clone(),
            margin: None,
            tone: self.input_tone,
            size: self.input_size,
            output: self.output,
            output_name: self.output_name.clone(),
        }
    }
}

/// Reads a value by the name that it has in metadata.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(Value::from(name)).map_err(|e| e.to_string())
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let (width, height) = text.split_once('x').unwrap_or_default();
    match (width.parse(), height.parse()) {
        (Ok(width), Ok(height)) => Ok((width, height)),
        _ => Err("not like 48x48".to_owned()),
    }
}

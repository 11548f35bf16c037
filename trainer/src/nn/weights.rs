//! Everything that a network has learnt, and its form in a file.

use std::collections::BTreeMap;

use super::{Architecture, Kind, Layer};
use crate::Result;
use crate::rng::Rng;

/// Parameters of a layer: convolution, scale, shift.
const PER_LAYER: usize = 3;

/// Running statistics of a batch norm, one value a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Mean of the convolution's output.
    pub mean: Vec<f32>,
    /// Its variance.
    pub variance: Vec<f32>,
}

/// The parameters of a network, in the order of the layers, and its running statistics.
///
/// Convolutions lie as the loops read them: taps x outputs for 3x3, inputs x outputs for
/// 1x1. The head is classes x features.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Convolution, scale and shift of each layer, then the head's weights and bias.
    pub params: Vec<Vec<f32>>,
    /// One a layer.
    pub moments: Vec<Moments>,
}

/// A tensor of a file: shape and values.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Lengths of the axes, the slowest first.
    pub shape: Vec<usize>,
    /// Values, the last axis adjacent.
    pub data: Vec<f32>,
}

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// How much of the weights to start from fits a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fit {
    /// Convolutions that were taken over, of one a layer.
    pub convolutions: usize,
    /// Classes whose row of the head was taken over.
    pub classes: usize,
}

impl Weights {
    /// Convolution of layer `layer`.
    pub fn convolution(&self, layer: usize) -> &[f32] {
        &self.params[layer * PER_LAYER]
    }

    /// Scale of the batch norm of layer `layer`.
    pub fn gamma(&self, layer: usize) -> &[f32] {
        &self.params[layer * PER_LAYER + 1]
    }

    /// Shift of the batch norm of layer `layer`.
    pub fn beta(&self, layer: usize) -> &[f32] {
        &self.params[layer * PER_LAYER + 2]
    }

    /// Scale and shift of the batch norm of layer `layer`, to be changed.
    pub fn norm_mut(&mut self, layer: usize) -> (&mut [f32], &mut [f32]) {
        let first = layer * PER_LAYER + 1;
        let (gamma, beta) = self.params.split_at_mut(first + 1);
        (&mut gamma[first], &mut beta[0])
    }

    /// The head's weights, classes x features, and its bias.
    pub fn head(&self) -> (&[f32], &[f32]) {
        let head = self.params.len() - 2;
        (&self.params[head], &self.params[head + 1])
    }

    /// As [`Weights::head`], to be changed.
    pub fn head_mut(&mut self) -> (&mut [f32], &mut [f32]) {
        let head = self.params.len() - 2;
        let (weights, bias) = self.params.split_at_mut(head + 1);
        (&mut weights[head], &mut bias[0])
    }

    /// Random weights (He et al. 2015), with what `source` has in their place.
    ///
    /// A first layer of three channels is summed into one, which is the same network for a
    /// grey picture. `rows` says for each class which row of the source's head it takes.
    pub fn init(
        net: &Architecture,
        source: &Tensors,
        rows: &[Option<usize>],
        rng: &mut Rng,
    ) -> (Self, Fit) {
        let mut fit = Fit::default();
        let mut params = Vec::with_capacity(net.layers.len() * PER_LAYER + 2);
        let mut moments = Vec::with_capacity(net.layers.len());
        for layer in &net.layers {
            let deviation = (2.0 / layer.fan_in() as f32).sqrt();
            let mut weight: Vec<f32> = (0..layer.weight_len())
                .map(|_| rng.normal() * deviation)
                .collect();
            let found = source.get(&format!("{}.weight", layer.name));
            if let Some(own) = found.and_then(|tensor| from_oihw(layer, tensor)) {
                weight = own;
                fit.convolutions += 1;
            }
            let norm = |part: &str, default: f32| {
                source
                    .get(&format!("{}_bn.{part}", layer.name))
                    .filter(|t| t.data.len() == layer.outputs)
                    .map_or_else(|| vec![default; layer.outputs], |t| t.data.clone())
            };
            params.extend([weight, norm("gamma", 1.0), norm("beta", 0.0)]);
            moments.push(Moments {
                mean: norm("moving_mean", 0.0),
                variance: norm("moving_variance", 1.0),
            });
        }
        let (head, bias) = init_head(net, source, rows, rng, &mut fit);
        params.extend([head, bias]);
        (Self { params, moments }, fit)
    }

    /// The tensors of a file: named as in Keras, convolutions in the order outputs, inputs,
    /// height, width.
    pub fn to_tensors(&self, net: &Architecture) -> Tensors {
        let mut tensors = params_to_tensors(net, &self.params);
        for (layer, moments) in net.layers.iter().zip(&self.moments) {
            for (part, data) in [
                ("moving_mean", &moments.mean),
                ("moving_variance", &moments.variance),
            ] {
                tensors.insert(format!("{}_bn.{part}", layer.name), vector(data));
            }
        }
        tensors
    }

    /// Reads what [`Weights::to_tensors`] wrote.
    ///
    /// # Errors
    /// Names the tensor that is missing or of another shape.
    pub fn from_tensors(net: &Architecture, tensors: &Tensors) -> Result<Self> {
        let params = params_from_tensors(net, tensors)?;
        let moments = net.layers.iter().map(|layer| {
            let part =
                |part: &str| take(tensors, &format!("{}_bn.{part}", layer.name), layer.outputs);
            Ok(Moments {
                mean: part("moving_mean")?,
                variance: part("moving_variance")?,
            })
        });
        Ok(Self {
            params,
            moments: moments.collect::<Result<_>>()?,
        })
    }
}

fn init_head(
    net: &Architecture,
    source: &Tensors,
    rows: &[Option<usize>],
    rng: &mut Rng,
    fit: &mut Fit,
) -> (Vec<f32>, Vec<f32>) {
    let features = net.features();
    let old = source.get("head.weight").zip(source.get("head.bias"));
    let old = old.filter(|(w, b)| w.data.len() == b.data.len() * features);
    let mut head = Vec::with_capacity(net.classes * features);
    let mut bias = vec![0.0; net.classes];
    for (class, bias) in bias.iter_mut().enumerate() {
        let row = rows.get(class).copied().flatten();
        match row.zip(old).filter(|(row, (_, b))| *row < b.data.len()) {
            Some((row, (w, b))) => {
                head.extend_from_slice(&w.data[row * features..][..features]);
                *bias = b.data[row];
                fit.classes += 1;
            }
            None => head.extend((0..features).map(|_| rng.normal() * 0.01)),
        }
    }
    (head, bias)
}

/// Name, shape in a file, and layer (none for the head) of every parameter.
fn names(net: &Architecture) -> Vec<(String, Vec<usize>, Option<&Layer>)> {
    let mut names = Vec::new();
    for layer in &net.layers {
        let (inputs, side) = match layer.kind {
            Kind::Stem | Kind::Depthwise => (1, 3),
            Kind::Pointwise => (layer.inputs, 1),
        };
        let shape = vec![layer.outputs, inputs, side, side];
        names.push((format!("{}.weight", layer.name), shape, Some(layer)));
        for part in ["gamma", "beta"] {
            let name = format!("{}_bn.{part}", layer.name);
            names.push((name, vec![layer.outputs], None));
        }
    }
    names.push((
        "head.weight".into(),
        vec![net.classes, net.features()],
        None,
    ));
    names.push(("head.bias".into(), vec![net.classes], None));
    names
}

/// Values shaped like the parameters (weights, gradients, an optimiser's state) as tensors.
pub fn params_to_tensors(net: &Architecture, params: &[Vec<f32>]) -> Tensors {
    names(net)
        .into_iter()
        .zip(params)
        .map(|((name, shape, layer), values)| {
            let data = layer.map_or_else(|| values.clone(), |layer| to_oihw(layer, values));
            (name, Tensor { shape, data })
        })
        .collect()
}

/// Reads what [`params_to_tensors`] wrote.
///
/// # Errors
/// Names the tensor that is missing or of another shape.
pub fn params_from_tensors(net: &Architecture, tensors: &Tensors) -> Result<Vec<Vec<f32>>> {
    names(net)
        .into_iter()
        .map(|(name, shape, layer)| {
            let data = take(tensors, &name, shape.iter().product())?;
            Ok(match layer {
                Some(layer) => {
                    from_oihw(layer, &Tensor { shape, data }).expect("length is checked")
                }
                None => data,
            })
        })
        .collect()
}

fn take(tensors: &Tensors, name: &str, len: usize) -> Result<Vec<f32>> {
    let data = tensors.get(name).map(|t| &t.data);
    ensure!(data.is_some(), Artifact, "tensor {name:?} is missing");
    let data = data.expect("checked above");
    ensure!(
        data.len() == len,
        Artifact,
        "tensor {name:?} has {} values instead of {len}",
        data.len()
    );
    Ok(data.clone())
}

fn vector(data: &[f32]) -> Tensor {
    Tensor {
        shape: vec![data.len()],
        data: data.to_vec(),
    }
}

/// From taps (or inputs) x outputs to outputs x taps (or inputs).
fn to_oihw(layer: &Layer, values: &[f32]) -> Vec<f32> {
    transpose(values, layer.outputs)
}

/// The other way; `None` when the tensor belongs to another layer.
fn from_oihw(layer: &Layer, tensor: &Tensor) -> Option<Vec<f32>> {
    let per_output = layer.weight_len() / layer.outputs;
    let colours = match layer.kind {
        Kind::Stem => *tensor.shape.get(1)?,
        Kind::Depthwise | Kind::Pointwise => 1,
    };
    if tensor.data.len() != layer.weight_len() * colours || tensor.shape[0] != layer.outputs {
        return None;
    }
    let grey: Vec<f32> = tensor
        .data
        .chunks_exact(per_output * colours)
        .flat_map(|output| {
            (0..per_output).map(|tap| output.iter().skip(tap).step_by(per_output).sum())
        })
        .collect();
    Some(transpose(&grey, per_output))
}

/// Turns rows of `columns` values into columns.
fn transpose(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|c| values.iter().skip(c).step_by(columns).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_come_back_from_their_file_form() {
        let net = Architecture::new(0.25, 7).unwrap();
        let (weights, loaded) = Weights::init(&net, &Tensors::new(), &[], &mut Rng::new(1));
        assert_eq!(loaded, Fit::default());
        let tensors = weights.to_tensors(&net);
        assert_eq!(tensors["conv_pw_1.weight"].shape, [16, 8, 1, 1]);
        assert_eq!(Weights::from_tensors(&net, &tensors).unwrap(), weights);
    }

    #[test]
    fn three_colours_become_the_same_network_in_grey() {
        let net = Architecture::new(0.25, 2).unwrap();
        let data = (0..8 * 27).map(|v| v as f32).collect();
        let shape = vec![8, 3, 3, 3];
        let source = Tensors::from([("conv1.weight".to_owned(), Tensor { shape, data })]);
        let (weights, loaded) = Weights::init(&net, &source, &[], &mut Rng::new(1));
        assert_eq!(loaded.convolutions, 1);
        // Output 0, tap 0: 0 + 9 + 18; output 1, tap 0: 27 + 36 + 45.
        assert_eq!(weights.convolution(0)[..2], [27.0, 108.0]);
    }

    #[test]
    fn classes_keep_their_row_when_the_order_changes() {
        let net = Architecture::new(0.25, 3).unwrap();
        let (mut old, _) = Weights::init(&net, &Tensors::new(), &[], &mut Rng::new(1));
        old.head_mut().1.copy_from_slice(&[1.0, 2.0, 3.0]);
        let rows = [Some(2), None, Some(0)];
        let (new, loaded) = Weights::init(&net, &old.to_tensors(&net), &rows, &mut Rng::new(2));
        assert_eq!(new.head().1, [3.0, 0.0, 1.0]);
        assert_eq!((loaded.convolutions, loaded.classes), (27, 2));
    }

    #[test]
    fn a_missing_tensor_is_named() {
        let net = Architecture::new(0.25, 7).unwrap();
        let error = Weights::from_tensors(&net, &Tensors::new()).unwrap_err();
        assert!(error.to_string().contains("conv1.weight"), "{error}");
    }
}

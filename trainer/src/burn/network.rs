//! The forward pass as tensors.

use burn_tensor::module::conv2d;
use burn_tensor::ops::ConvOptions;
use burn_tensor::{Device, Tensor, TensorData};

use crate::SIDE;
use crate::nn::batch_norm::EPSILON;
use crate::nn::{Architecture, Kind, Layer, Statistics, Weights};

/// Parameters of a layer, shaped as [`Weights`] has them: convolution, scale, shift.
pub(super) struct Params(pub [Tensor<2>; 3]);

/// What the pass made of a batch.
pub(super) struct Passed {
    /// Pooled features, pictures x features.
    pub features: Tensor<2>,
    /// Parameters of the layers that are trained, from the first of them on.
    pub params: Vec<Params>,
    /// Mean and variance of the batch in each of those layers.
    pub moments: Vec<[Tensor<4>; 2]>,
}

/// Runs `n` pictures of `input`. With a batch's own statistics `device` must track gradients.
pub(super) fn forward(
    net: &Architecture,
    weights: &Weights,
    input: &[f32],
    n: usize,
    statistics: Statistics,
    device: &Device,
) -> Passed {
    let trained = match statistics {
        Statistics::Batch { from } => from,
        Statistics::Running => net.layers.len(),
    };
    let (mut params, mut moments) = (Vec::new(), Vec::new());
    let mut x = Tensor::<4>::from_data(data(input, [n, 1, SIDE, SIDE]), device);
    for (i, layer) in net.layers.iter().enumerate() {
        let mut own = upload(layer, weights, i, device);
        if i >= trained {
            own = Params(own.0.map(Tensor::require_grad));
        }
        let z = convolution(layer, x, own.0[0].clone());
        let [mean, variance] = if i >= trained {
            let batch = batch_moments(&z);
            moments.push(batch.clone().map(Tensor::inner));
            batch
        } else {
            let running = &weights.moments[i];
            let shape = [1, layer.outputs, 1, 1];
            [&running.mean, &running.variance]
                .map(|values| Tensor::from_data(data(values, shape), device))
        };
        let [_, gamma, beta] = own.0.clone();
        let [gamma, beta] = [gamma, beta].map(|v| v.reshape([1, layer.outputs, 1, 1]));
        let scale = gamma * variance.add_scalar(EPSILON).sqrt().recip();
        x = ((z - mean) * scale + beta).clamp(0.0, 6.0);
        if i >= trained {
            params.push(own);
        }
    }
    Passed {
        features: x.mean_dims(&[2, 3]).reshape([n, net.features()]),
        params,
        moments,
    }
}

fn data<const D: usize>(values: &[f32], shape: [usize; D]) -> TensorData {
    TensorData::new(values.to_vec(), shape)
}

fn upload(layer: &Layer, weights: &Weights, index: usize, device: &Device) -> Params {
    let tensor = |values: &[f32]| {
        let shape = [values.len() / layer.outputs, layer.outputs];
        Tensor::from_data(data(values, shape), device)
    };
    Params([
        tensor(weights.convolution(index)),
        tensor(weights.gamma(index)),
        tensor(weights.beta(index)),
    ])
}

fn convolution(layer: &Layer, x: Tensor<4>, weight: Tensor<2>) -> Tensor<4> {
    // Rows are taps or inputs; Burn wants outputs first.
    let by_output = weight.transpose();
    let (weight, padding, groups) = match layer.kind {
        Kind::Pointwise => {
            let shape = [layer.outputs, layer.inputs, 1, 1];
            (by_output.reshape(shape), (0, 0), 1)
        }
        Kind::Stem | Kind::Depthwise => {
            let shape = [layer.outputs, 1, 3, 3];
            let padding = (layer.pad_before(), layer.pad_after());
            (by_output.reshape(shape), padding, layer.inputs)
        }
    };
    let stride = [layer.stride; 2];
    let options = ConvOptions::new_with_padding(stride, [padding; 2], [1, 1], groups);
    conv2d(x, weight, None, options)
}

/// Mean of each channel and its variance, not corrected for the sample's size.
fn batch_moments(z: &Tensor<4>) -> [Tensor<4>; 2] {
    let axes = [0, 2, 3];
    let mean = z.clone().mean_dims(&axes);
    let variance = (z.clone() - mean.clone()).square().mean_dims(&axes);
    [mean, variance]
}

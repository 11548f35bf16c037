//! A narrow network out of a wide one: in each layer the channels whose batch norm scales
//! them up most (Liu et al. 2017, "Network slimming"), which trains in a few epochs to what
//! random weights do not reach in many.

use super::weights::{Tensor, Tensors};
use super::{Architecture, Kind, Layer};

/// The tensors of `source` with as many channels as `net` has; as they are where a layer of
/// the source has no more than that.
pub fn narrow(net: &Architecture, source: &Tensors) -> Tensors {
    let mut tensors = source.clone();
    // Channels that the layer before handed on; all of them before the first layer.
    let mut inputs: Option<Vec<usize>> = None;
    for layer in &net.layers {
        let outputs = match layer.kind {
            Kind::Depthwise => inputs.clone(),
            Kind::Stem | Kind::Pointwise => strongest(layer, source),
        };
        let weight = format!("{}.weight", layer.name);
        if let Some(tensor) = tensors.get_mut(&weight) {
            keep(tensor, 0, outputs.as_deref());
            if layer.kind == Kind::Pointwise {
                keep(tensor, 1, inputs.as_deref());
            }
        }
        for part in ["gamma", "beta", "moving_mean", "moving_variance"] {
            if let Some(tensor) = tensors.get_mut(&format!("{}_bn.{part}", layer.name)) {
                keep(tensor, 0, outputs.as_deref());
            }
        }
        inputs = outputs;
    }
    if let Some(tensor) = tensors.get_mut("head.weight") {
        keep(tensor, 1, inputs.as_deref());
    }
    tensors
}

/// The channels to keep, in rising order; `None` where there are none too many.
fn strongest(layer: &Layer, source: &Tensors) -> Option<Vec<usize>> {
    let gamma = &source.get(&format!("{}_bn.gamma", layer.name))?.data;
    if gamma.len() <= layer.outputs {
        return None;
    }
    let mut channels: Vec<usize> = (0..gamma.len()).collect();
    channels.sort_by(|a, b| gamma[*b].abs().total_cmp(&gamma[*a].abs()));
    channels.truncate(layer.outputs);
    channels.sort_unstable();
    Some(channels)
}

/// Keeps the slices of `tensor` at `indices` along `axis`.
fn keep(tensor: &mut Tensor, axis: usize, indices: Option<&[usize]>) {
    let Some(indices) = indices else { return };
    let Some(length) = tensor.shape.get(axis).copied() else {
        return;
    };
    if indices.iter().any(|i| *i >= length) {
        return;
    }
    let inner: usize = tensor.shape[axis + 1..].iter().product();
    tensor.data = tensor
        .data
        .chunks_exact(length * inner)
        .flat_map(|outer| {
            indices
                .iter()
                .flat_map(move |i| &outer[i * inner..(i + 1) * inner])
        })
        .copied()
        .collect();
    tensor.shape[axis] = indices.len();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Weights;
    use crate::rng::Rng;

    #[test]
    fn half_of_the_channels_are_those_with_the_largest_scales() {
        let wide = Architecture::new(1.0, 3).unwrap();
        let (mut weights, _) = Weights::init(&wide, &Tensors::new(), &[], &mut Rng::new(1));
        // Scales of the stem: every second channel stronger than the others.
        for (c, gamma) in weights.params[1].iter_mut().enumerate() {
            *gamma = if c % 2 == 1 { -2.0 } else { 1.0 };
        }
        let source = weights.to_tensors(&wide);
        let net = Architecture::new(0.5, 3).unwrap();
        let tensors = narrow(&net, &source);
        let rows = [Some(0), Some(1), Some(2)];
        let (narrowed, loaded) = Weights::init(&net, &tensors, &rows, &mut Rng::new(2));
        assert_eq!((loaded.convolutions, loaded.classes), (27, 3));
        assert!(narrowed.gamma(0).iter().all(|g| *g == -2.0));
        // Stem and first depthwise layer keep the same channels: tap 0 of the second kept.
        assert_eq!(narrowed.convolution(0)[1], weights.convolution(0)[3]);
        assert_eq!(narrowed.convolution(1)[1], weights.convolution(1)[3]);
    }

    #[test]
    fn a_network_of_the_same_width_stays_as_it_is() {
        let net = Architecture::new(0.25, 3).unwrap();
        let (weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut Rng::new(1));
        let source = weights.to_tensors(&net);
        assert_eq!(narrow(&net, &source), source);
    }
}

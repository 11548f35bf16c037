//! Memory of one forward and backward pass, kept from batch to batch.

use std::ops::Range;

use super::backend::Exchange;
use super::batch_norm::{self, GradientSums};
use super::pages::zeros;
use super::pieces::most;
use super::{Architecture, Kind, Layer};
use crate::SIDE;

/// What the passes over one ghost batch read and write.
#[derive(Debug)]
pub struct Workspace {
    /// Most pictures in a pass.
    pub capacity: usize,
    /// Pictures, [`SIDE`] x [`SIDE`] values each, -1 to 1.
    pub input: Vec<f32>,
    pub(super) patches: Vec<f32>,
    pub(super) layers: Vec<LayerState>,
    /// A piece's values after ReLU6.
    pub(super) y: Vec<f32>,
    /// Features and gradients.
    pub exchange: Exchange,
    pub(super) d_out: Vec<f32>,
    pub(super) d_in: Vec<f32>,
}

/// A layer's values in the forward pass.
#[derive(Debug)]
pub(super) struct LayerState {
    /// Convolution's output.
    pub z: Vec<f32>,
    /// Mean that was used.
    pub mean: Vec<f32>,
    /// 1 / sqrt(variance + epsilon) that was used.
    pub inverse: Vec<f32>,
    /// What batch norm multiplies by, one a channel.
    pub scale: Vec<f32>,
    /// What it adds then.
    pub shift: Vec<f32>,
}

impl LayerState {
    /// Writes values of the layer's output, after batch norm and ReLU6, to the start of `y`.
    ///
    /// They are computed anew wherever they are needed, from values that are read there in any
    /// case: keeping them costs more time for memory, and half as much memory again.
    pub(super) fn activate<'a>(&self, range: Range<usize>, y: &'a mut [f32]) -> &'a [f32] {
        let y = &mut y[..range.len()];
        batch_norm::scale_relu6(&self.z[range], &self.scale, &self.shift, y);
        y
    }

    /// Takes the gradient `d` of values `y` after ReLU6 back before it, and adds it to `sums`.
    pub(super) fn back(
        &self,
        range: Range<usize>,
        y: &[f32],
        d: &mut [f32],
        sums: &mut GradientSums,
    ) {
        sums.add(&self.z[range], y, &self.mean, d);
    }
}

impl Workspace {
    /// Memory for `capacity` pictures at once.
    pub fn new(net: &Architecture, capacity: usize) -> Self {
        let largest = net.layers.iter().map(Layer::output_len).max().unwrap_or(0) * capacity;
        debug_assert_eq!(net.layers[0].kind, Kind::Stem);
        Self {
            capacity,
            input: vec![0.0; capacity * SIDE * SIDE],
            patches: zeros(capacity * net.layers[0].out_side.pow(2) * 9),
            layers: net
                .layers
                .iter()
                .map(|l| LayerState {
                    z: zeros(l.output_len() * capacity),
                    mean: vec![0.0; l.outputs],
                    inverse: vec![0.0; l.outputs],
                    scale: vec![0.0; l.outputs],
                    shift: vec![0.0; l.outputs],
                })
                .collect(),
            y: vec![0.0; most(net, capacity)],
            exchange: Exchange::new(net, capacity),
            d_out: zeros(largest),
            d_in: zeros(largest),
        }
    }

    /// What layer `layer` handed on for the first `n` pictures of the last batch, after ReLU6.
    ///
    /// # Panics
    /// When `n` is more than the capacity.
    pub fn output(&self, layer: usize, n: usize) -> Vec<f32> {
        assert!(n <= self.capacity);
        let layer = &self.layers[layer];
        let mut y = vec![0.0; layer.z.len() / self.capacity * n];
        layer.activate(0..y.len(), &mut y);
        y
    }

    /// What the convolution of layer `layer` gave for the first `n` pictures of the last batch,
    /// before batch norm.
    ///
    /// # Panics
    /// When `n` is more than the capacity.
    pub fn convolved(&self, layer: usize, n: usize) -> &[f32] {
        assert!(n <= self.capacity);
        let z = &self.layers[layer].z;
        &z[..z.len() / self.capacity * n]
    }

    /// Mean of the last batch in layer `layer`, one value a channel.
    pub fn mean(&self, layer: usize) -> &[f32] {
        &self.layers[layer].mean
    }

    /// 1 / sqrt(variance + epsilon) of the last batch in layer `layer`, one a channel.
    pub fn inverse_deviation(&self, layer: usize) -> &[f32] {
        &self.layers[layer].inverse
    }
}

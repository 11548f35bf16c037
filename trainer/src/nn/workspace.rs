//! Memory of one forward and backward pass, kept from batch to batch.

use anyhow::Result;

use super::bf16::Bf16;
use super::engine::Exchange;
use super::{Architecture, Kind, Layer, Precision};
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
    /// Features and gradients.
    pub exchange: Exchange,
    pub(super) d_out: Vec<f32>,
    pub(super) d_in: Vec<f32>,
    /// For products of less than `f32`.
    pub(super) bf16: Option<Bf16>,
}

/// A layer's values in the forward pass.
#[derive(Debug)]
pub(super) struct LayerState {
    /// Convolution's output.
    pub z: Vec<f32>,
    /// Output after batch norm and ReLU6.
    pub y: Vec<f32>,
    /// Mean that was used.
    pub mean: Vec<f32>,
    /// 1 / sqrt(variance + epsilon) that was used.
    pub inverse: Vec<f32>,
}

impl Workspace {
    /// Memory for `capacity` pictures at once, with `f32` throughout.
    pub fn new(net: &Architecture, capacity: usize) -> Self {
        let largest = net.layers.iter().map(Layer::output_len).max().unwrap_or(0) * capacity;
        debug_assert_eq!(net.layers[0].kind, Kind::Stem);
        Self {
            capacity,
            input: vec![0.0; capacity * SIDE * SIDE],
            patches: vec![0.0; capacity * net.layers[0].out_side.pow(2) * 9],
            layers: net
                .layers
                .iter()
                .map(|l| LayerState {
                    z: vec![0.0; l.output_len() * capacity],
                    y: vec![0.0; l.output_len() * capacity],
                    mean: vec![0.0; l.outputs],
                    inverse: vec![0.0; l.outputs],
                })
                .collect(),
            exchange: Exchange::new(net, capacity),
            d_out: vec![0.0; largest],
            d_in: vec![0.0; largest],
            bf16: None,
        }
    }

    /// The same with the matrix products of training passes at `precision`. Passes of a
    /// network in use stay `f32`, so that what is validated is what is exported.
    ///
    /// # Errors
    /// When the processor lacks the instructions.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self> {
        self.bf16 = match precision {
            Precision::F32 => None,
            Precision::Bf16 => Some(Bf16::new()?),
        };
        Ok(self)
    }

    /// What layer `layer` handed on for the last batch, after ReLU6.
    pub fn output(&self, layer: usize) -> &[f32] {
        &self.layers[layer].y
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

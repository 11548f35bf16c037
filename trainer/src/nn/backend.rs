//! What the training loop asks of whatever computes the convolutions.
//!
//! A backend turns pictures into pooled features, and the features' gradients into those of
//! the parameters. Everything else, from losses to checkpoints, is the same for all of them
//! and stays on the host: weights go in with every pass and gradients come out, 13 MB each
//! way at width 1.0.

use super::backward::backward;
use super::batch_norm::EPSILON;
use super::weights::Moments;
use super::{Architecture, Statistics, Weights, Workspace, forward};
use crate::Result;

/// Passes over one ghost batch at a time.
pub trait Backend: Send {
    /// Most pictures in a pass.
    fn capacity(&self) -> usize;

    /// Where the pictures of the next pass are written, [`SIDE`](crate::SIDE) x
    /// [`SIDE`](crate::SIDE) values each, -1 to 1.
    fn input(&mut self) -> &mut [f32];

    /// Runs the first `n` pictures of the input and keeps their features.
    ///
    /// # Errors
    /// When the device fails.
    fn forward(
        &mut self,
        net: &Architecture,
        weights: &Weights,
        n: usize,
        statistics: Statistics,
    ) -> Result<()>;

    /// Turns the gradients of the features into those of all layers from `lowest` on, after
    /// a forward pass of `n` pictures with the batch's own statistics from there on. Those
    /// of the head are left as they are, those below `lowest` are zero.
    ///
    /// # Errors
    /// When the device fails.
    fn backward(
        &mut self,
        net: &Architecture,
        weights: &Weights,
        n: usize,
        lowest: usize,
    ) -> Result<()>;

    /// What lies between the two passes and after them.
    fn exchange(&self) -> &Exchange;

    /// The same, for the loss to write into.
    fn exchange_mut(&mut self) -> &mut Exchange;

    /// Mean and variance that layer `layer` took in the last pass with a batch's own
    /// statistics.
    fn moments(&self, layer: usize) -> Moments;
}

/// What a backend and the loss hand each other.
#[derive(Debug)]
pub struct Exchange {
    /// Pooled features of the last forward pass, pictures x features.
    pub features: Vec<f32>,
    /// Gradient of the loss by them, to be set before the backward pass.
    pub d_features: Vec<f32>,
    /// Gradient of the loss by every parameter, in the order of [`Weights::params`]; the
    /// loss sets the head's, which are the last two.
    pub gradients: Vec<Vec<f32>>,
}

impl Exchange {
    /// Memory for up to `pictures` pictures.
    pub fn new(net: &Architecture, pictures: usize) -> Self {
        Self {
            features: vec![0.0; pictures * net.features()],
            d_features: vec![0.0; pictures * net.features()],
            gradients: net.param_lens().map(|len| vec![0.0; len]).collect(),
        }
    }
}

/// The backend of this crate, on one thread of the processor. It never fails.
impl Backend for Workspace {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn input(&mut self) -> &mut [f32] {
        &mut self.input
    }

    fn forward(
        &mut self,
        net: &Architecture,
        weights: &Weights,
        n: usize,
        statistics: Statistics,
    ) -> Result<()> {
        forward(net, weights, self, n, statistics);
        Ok(())
    }

    fn backward(
        &mut self,
        net: &Architecture,
        weights: &Weights,
        n: usize,
        lowest: usize,
    ) -> Result<()> {
        backward(net, weights, self, n, lowest);
        Ok(())
    }

    fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    fn moments(&self, layer: usize) -> Moments {
        let variance = |inverse: &f32| 1.0 / (inverse * inverse) - EPSILON;
        Moments {
            mean: self.mean(layer).to_vec(),
            variance: self.inverse_deviation(layer).iter().map(variance).collect(),
        }
    }
}

//! A backend on a device of Burn.

use burn_tensor::{Device, Tensor, TensorData, Transaction};
use fer_cli::one_line;

use super::network::{Params, forward};
use crate::nn::backend::{Backend, Exchange};
use crate::nn::weights::Moments;
use crate::nn::{Architecture, Statistics, Weights};
use crate::{Error, Result, SIDE};

/// Pictures that go through the network at once when nothing is learnt, where a ghost batch
/// is smaller: each pass takes the weights up.
const IN_USE: usize = 256;

/// The passes on one device, and what the host sees of them.
pub(super) struct BurnBackend {
    device: Device,
    input: Vec<f32>,
    exchange: Exchange,
    moments: Vec<Moments>,
    tape: Option<Tape>,
}

/// What a forward pass leaves for the backward pass.
struct Tape {
    features: Tensor<2>,
    params: Vec<Params>,
}

impl BurnBackend {
    /// For ghost batches of up to `capacity` pictures.
    pub(super) fn new(net: &Architecture, device: Device, capacity: usize) -> Self {
        let pictures = capacity.max(IN_USE);
        let moments = net.layers.iter().map(|layer| Moments {
            mean: vec![0.0; layer.outputs],
            variance: vec![0.0; layer.outputs],
        });
        Self {
            device,
            input: vec![0.0; pictures * SIDE * SIDE],
            exchange: Exchange::new(net, pictures),
            moments: moments.collect(),
            tape: None,
        }
    }
}

impl Backend for BurnBackend {
    fn capacity(&self) -> usize {
        self.input.len() / (SIDE * SIDE)
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
        let (device, first) = match statistics {
            Statistics::Batch { from } => (self.device.clone().autodiff(), from),
            Statistics::Running => (self.device.clone(), net.layers.len()),
        };
        let input = &self.input[..n * SIDE * SIDE];
        let passed = forward(net, weights, input, n, statistics, &device);
        let mut wanted = Transaction::default().register(passed.features.clone().inner());
        for [mean, variance] in passed.moments {
            wanted = wanted.register(mean).register(variance);
        }
        let mut read = read(wanted)?.into_iter();
        let mut next = || {
            read.next()
                .ok_or_else(|| Error::Device("the device returned too little".into()))
        };
        let features = next()?;
        self.exchange.features[..features.len()].copy_from_slice(&features);
        for moments in &mut self.moments[first..] {
            moments.mean = next()?;
            moments.variance = next()?;
        }
        self.tape = (!passed.params.is_empty()).then_some(Tape {
            features: passed.features,
            params: passed.params,
        });
        Ok(())
    }

    fn backward(&mut self, net: &Architecture, _: &Weights, n: usize, lowest: usize) -> Result<()> {
        let layers = net.layers.len();
        self.exchange.gradients[..3 * lowest]
            .iter_mut()
            .for_each(|g| g.fill(0.0));
        if lowest == layers {
            return Ok(());
        }
        let tape = self
            .tape
            .take()
            .ok_or_else(|| Error::Device("there was no forward pass".into()))?;
        let d = self.exchange.d_features[..n * net.features()].to_vec();
        let d = TensorData::new(d, [n, net.features()]);
        let d = Tensor::<2>::from_data(d, &self.device.clone().autodiff());
        let products = (tape.features * d).reshape([n * net.features()]);
        let mut found = products.sum_dim(0).backward();
        let mut wanted = Transaction::default();
        for tensor in tape.params.iter().flat_map(|params| &params.0) {
            let gradient = tensor.grad_remove(&mut found);
            wanted = wanted.register(
                gradient.ok_or_else(|| Error::Device("Burn found no gradient".to_owned()))?,
            );
        }
        let read = read(wanted)?;
        let own = &mut self.exchange.gradients[3 * lowest..3 * layers];
        ensure!(
            read.len() == own.len(),
            Device,
            "the device returned too little"
        );
        for (own, gradient) in own.iter_mut().zip(read) {
            own.copy_from_slice(&gradient);
        }
        Ok(())
    }

    fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    fn moments(&self, layer: usize) -> Moments {
        self.moments[layer].clone()
    }
}

/// Waits for the device and takes the values over.
fn read(wanted: Transaction) -> Result<Vec<Vec<f32>>> {
    let tensors = wanted.try_execute();
    let tensors =
        tensors.map_err(|e| Error::Device(format!("device: {}", one_line(&e.to_string()))))?;
    let values = tensors.into_iter().map(TensorData::try_into_vec::<f32>);
    values
        .map(|v| v.map_err(|e| Error::Device(format!("device: {e:?}"))))
        .collect()
}

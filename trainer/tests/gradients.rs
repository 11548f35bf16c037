//! The gradient of the whole network is the slope of its loss.

use fer_trainer::SIDE;
use fer_trainer::loss::{CenterConfig, Centers, softmax};
use fer_trainer::nn::backward::backward;
use fer_trainer::nn::weights::Tensors;
use fer_trainer::nn::{Architecture, Statistics, Weights, Workspace, forward, head};
use fer_trainer::rng::Rng;

const PICTURES: usize = 6;
const CLASSES: usize = 3;

struct Problem {
    net: Architecture,
    centers: Centers,
    factor: f32,
}

impl Problem {
    fn new(rng: &mut Rng) -> Self {
        let net = Architecture::new(0.25, CLASSES).unwrap();
        let mut centers = Centers::new(CLASSES, net.features());
        centers.values_mut().fill_with(|| rng.unit());
        let config = CenterConfig {
            lambda: 0.1,
            ..CenterConfig::default()
        };
        Self {
            net,
            centers,
            factor: config.factor(PICTURES),
        }
    }

    /// Softmax and center loss of the pictures in `ws`; leaves the gradients of head and
    /// features there.
    fn loss(&self, weights: &Weights, ws: &mut Workspace) -> f64 {
        let batch = Statistics::Batch { from: 0 };
        forward(&self.net, weights, ws, PICTURES, batch);
        let c = self.net.features();
        let [.., d_weights, d_bias] = &mut ws.exchange.gradients[..] else {
            unreachable!()
        };
        d_weights.fill(0.0);
        d_bias.fill(0.0);
        let mut loss = 0.0;
        for i in 0..PICTURES {
            let label = i % CLASSES;
            let feature = &ws.exchange.features[i * c..][..c];
            let gradient = &mut ws.exchange.d_features[i * c..][..c];
            let mut scores = head::logits(weights, feature);
            let target = softmax::smooth(label, CLASSES, 0.1);
            loss += f64::from(softmax::cross_entropy(&mut scores, &target)) / PICTURES as f64;
            scores.iter_mut().for_each(|g| *g /= PICTURES as f32);
            head::logits_backward(weights, feature, &scores, d_weights, d_bias, gradient);
            loss += f64::from(self.centers.pull(feature, label, self.factor, gradient));
        }
        loss
    }
}

#[test]
fn of_every_tensor_along_itself_and_along_a_random_direction() {
    let mut rng = Rng::new(4);
    let problem = Problem::new(&mut rng);
    let (mut weights, _) = Weights::init(&problem.net, &Tensors::new(), &[], &mut rng);
    // Shifts off zero, so that few values sit at the corner of ReLU6; a head that matters.
    for layer in 0..problem.net.layers.len() {
        weights.params[3 * layer + 2].fill(0.5);
    }
    weights.head_mut().0.fill_with(|| 0.2 * rng.normal());
    let mut ws = Workspace::new(&problem.net, PICTURES);
    ws.input[..PICTURES * SIDE * SIDE].fill_with(|| rng.symmetric());

    problem.loss(&weights, &mut ws);
    backward(&problem.net, &weights, &mut ws, PICTURES, 0);
    let gradients = ws.exchange.gradients.clone();
    for (i, gradient) in gradients.iter().enumerate() {
        let random: Vec<f32> = gradient.iter().map(|g| g.abs() * rng.normal()).collect();
        for (kind, direction) in [("itself", gradient.clone()), ("random", random)] {
            let norm = dot(&direction, &direction).sqrt();
            let want = dot(gradient, &direction) / norm;
            let size = dot(gradient, gradient).sqrt();
            let moved = |by: f64, ws: &mut Workspace| {
                let mut moved = weights.clone();
                for (w, d) in moved.params[i].iter_mut().zip(&direction) {
                    *w += (by * f64::from(*d) / norm) as f32;
                }
                problem.loss(&moved, ws)
            };
            // Long steps meet corners of ReLU6, short ones drown in rounding; a wrong
            // gradient agrees with none.
            let slopes = [4e-3, 1e-3, 5e-4, 2e-4].map(|by| {
                let step = by / size;
                (moved(step, &mut ws) - moved(-step, &mut ws)) / (2.0 * step)
            });
            assert!(
                slopes.iter().any(|have| (have - want).abs() < 0.03 * size),
                "parameter {i} along {kind}: slopes {slopes:?}, gradient {want}, size {size}"
            );
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

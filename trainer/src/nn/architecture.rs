//! The layers of MobileNet V1 (Howard et al. 2017, table 1) for a grey picture.

use fer::model::Tone;

use crate::{Result, SIDE};

/// Strides and widths of the thirteen depthwise-separable blocks at width 1.0.
const BLOCKS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// What a layer computes before its batch norm and ReLU6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 3x3 convolution of the one input channel.
    Stem,
    /// 3x3 convolution of each channel by itself.
    Depthwise,
    /// 1x1 convolution.
    Pointwise,
}

/// A convolution, followed by batch norm and ReLU6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name of the weights, as in Keras: `conv1`, `conv_dw_1`, `conv_pw_1`, ...
    pub name: String,
    /// What it computes.
    pub kind: Kind,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Height and width of the input.
    pub in_side: usize,
    /// Height and width of the output.
    pub out_side: usize,
}

impl Layer {
    /// Rows and columns of zeros before the first one; TensorFlow's `SAME`, which puts the
    /// odd one of a stride-2 layer on an even input at the bottom and right.
    pub fn pad_before(&self) -> usize {
        usize::from(self.stride == 1 || self.in_side % 2 == 1)
    }

    /// Rows and columns of zeros after the last one, as far as the last output reaches beyond
    /// a 3x3 layer's input.
    pub fn pad_after(&self) -> usize {
        let reach = (self.out_side - 1) * self.stride + 3;
        reach - self.pad_before() - self.in_side
    }

    /// Weights of the convolution.
    pub fn weight_len(&self) -> usize {
        match self.kind {
            Kind::Stem | Kind::Depthwise => 9 * self.outputs,
            Kind::Pointwise => self.inputs * self.outputs,
        }
    }

    /// Inputs that each output value sums over.
    pub fn fan_in(&self) -> usize {
        match self.kind {
            Kind::Stem | Kind::Depthwise => 9,
            Kind::Pointwise => self.inputs,
        }
    }

    /// Values of the input for one picture.
    pub fn input_len(&self) -> usize {
        self.in_side * self.in_side * self.inputs
    }

    /// Values of the output for one picture.
    pub fn output_len(&self) -> usize {
        self.out_side * self.out_side * self.outputs
    }
}

/// MobileNet V1 of a width, for [`SIDE`] x [`SIDE`] grey pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Width multiplier.
    pub width: f32,
    /// Stride of the first layer.
    pub stem_stride: usize,
    /// Number of classes.
    pub classes: usize,
    /// What was done to the pictures' light and exposure before the network saw them.
    pub tone: Tone,
    /// Convolutions from the input on.
    pub layers: Vec<Layer>,
}

impl Architecture {
    /// The layers of a network with this width multiplier, stride 2 in the first layer.
    ///
    /// # Errors
    /// As [`Architecture::with_stem`].
    pub fn new(width: f32, classes: usize) -> Result<Self> {
        Self::with_stem(width, 2, classes)
    }

    /// The same with the first layer's stride of one's own: 2 as published, or 1, with which
    /// every layer sees twice the resolution at four times the cost.
    ///
    /// # Errors
    /// When the width is not 0.125 to 2, the stride neither 1 nor 2, or there are fewer than
    /// two classes.
    pub fn with_stem(width: f32, stem_stride: usize, classes: usize) -> Result<Self> {
        ensure!(
            (0.125..=2.0).contains(&width),
            Setting,
            "width {width} is not 0.125 to 2"
        );
        ensure!(
            (1..=2).contains(&stem_stride),
            Setting,
            "stem_stride {stem_stride} is not 1 or 2"
        );
        ensure!(
            classes >= 2,
            Setting,
            "{classes} classes, at least 2 are needed"
        );
        // Multiples of eight, so that rows of channels fill vector registers.
        let channels = |c: usize| ((c as f32 * width) as usize).div_ceil(8) * 8;
        let mut layers = vec![Layer {
            name: "conv1".into(),
            kind: Kind::Stem,
            inputs: 1,
            outputs: channels(32),
            stride: stem_stride,
            in_side: SIDE,
            out_side: SIDE / stem_stride,
        }];
        let (mut inputs, mut side) = (channels(32), SIDE / stem_stride);
        for (i, (outputs, stride)) in BLOCKS.into_iter().enumerate() {
            let (outputs, out_side) = (channels(outputs), side.div_ceil(stride));
            layers.push(Layer {
                name: format!("conv_dw_{}", i + 1),
                kind: Kind::Depthwise,
                inputs,
                outputs: inputs,
                stride,
                in_side: side,
                out_side,
            });
            layers.push(Layer {
                name: format!("conv_pw_{}", i + 1),
                kind: Kind::Pointwise,
                inputs,
                outputs,
                stride: 1,
                in_side: out_side,
                out_side,
            });
            (inputs, side) = (outputs, out_side);
        }
        Ok(Self {
            width,
            stem_stride,
            classes,
            tone: Tone::AsIs,
            layers,
        })
    }

    /// The same network for pictures whose tone is changed.
    pub fn with_tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// The last convolution.
    pub fn last(&self) -> &Layer {
        self.layers.last().expect("there are 27 layers")
    }

    /// Lengths of all parameters, in the order of [`Weights::params`](super::Weights::params).
    pub fn param_lens(&self) -> impl Iterator<Item = usize> {
        let layers = self.layers.iter();
        layers
            .flat_map(|l| [l.weight_len(), l.outputs, l.outputs])
            .chain([self.classes * self.features(), self.classes])
    }

    /// Length of the pooled feature, 1024 at width 1.0.
    pub fn features(&self) -> usize {
        self.last().outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_one_is_the_published_network() {
        let net = Architecture::new(1.0, 7).unwrap();
        assert_eq!(net.layers.len(), 27);
        assert_eq!((net.features(), net.last().out_side), (1024, 2));
        let weights: usize = net.layers.iter().map(Layer::weight_len).sum();
        // 3,185,088 in the paper's network, whose first layer sees three channels.
        assert_eq!(weights, 3_185_088 - 2 * 9 * 32);
    }

    #[test]
    fn absurd_widths_are_refused() {
        for width in [0.0, -1.0, f32::NAN, 3.0] {
            assert!(Architecture::new(width, 7).is_err());
        }
    }
}

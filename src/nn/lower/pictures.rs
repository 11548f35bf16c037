//! Pools, norms and sizes of pictures.

use super::linear::window;
use super::{Lower, Tensor};
use crate::nn::attributes::{Attributes, axis};
use crate::nn::constant::length;
use crate::nn::kernels::pool::Pool;
use crate::nn::step::{Operation, Reduction, Tap};

impl Lower<'_> {
    pub(super) fn pool(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let [channels, height, width] = x.picture()?;
        let attributes = Attributes(&self.nodes[i]);
        let kernel = attributes.pair("kernel_shape", 1)?;
        let window = window(&attributes, [height, width], kernel)?;
        let kind = if self.nodes[i].op_type == "MaxPool" {
            Pool::Max
        } else if attributes.int("count_include_pad", 0) != 0 {
            if attributes.int("ceil_mode", 0) != 0 {
                return Err("padding counts and so does what is beyond it".to_owned());
            }
            Pool::MeanWithPadding
        } else {
            Pool::Mean
        };
        let x = self.in_order(&x, true);
        let shape = vec![1, channels, window.output[0], window.output[1]];
        let operation = Operation::Pool(kind, window, channels);
        Ok(self.step(operation, &[&x], shape, true))
    }

    pub(super) fn global_pool(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let kind = match &self.nodes[i].op_type[..] {
            "GlobalMaxPool" => Reduction::Max,
            _ => Reduction::Mean,
        };
        let [channels, _, _] = x.picture()?;
        self.over_places(kind, &x, vec![1, channels, 1, 1])
    }

    /// The values of all places of a picture become one for each channel.
    fn over_places(
        &mut self,
        kind: Reduction,
        x: &Tensor,
        shape: Vec<usize>,
    ) -> Result<Tensor, String> {
        let [channels, height, width] = x.picture()?;
        let x = self.in_order(x, true);
        let operation = Operation::Reduce(kind, [1, height * width, channels]);
        Ok(self.step(operation, &[&x], shape, true))
    }

    pub(super) fn reduce(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let node = &self.nodes[i];
        let attributes = Attributes(node);
        let kind = match &node.op_type[..] {
            "ReduceMean" => Reduction::Mean,
            "ReduceSum" => Reduction::Sum,
            "ReduceMax" => Reduction::Max,
            _ => Reduction::Min,
        };
        let rank = x.shape.len();
        let axes = self
            .ints(i, 1, "axes")?
            .ok_or("it names no axes and so mixes the pictures")?;
        let mut axes: Vec<usize> = axes
            .iter()
            .map(|a| axis(*a, rank))
            .collect::<Result<_, _>>()?;
        axes.sort_unstable();
        axes.dedup();
        let (Some(first), Some(last)) = (axes.first().copied(), axes.last().copied()) else {
            return Ok(x);
        };
        if first == 0 {
            return Err("it mixes the pictures of a batch".to_owned());
        }
        if last - first + 1 != axes.len() {
            return Err(format!("its axes {axes:?} are not next to each other"));
        }
        let keep = attributes.int("keepdims", 1) != 0;
        let mut shape = x.shape.clone();
        for a in axes.iter().rev() {
            if keep {
                shape[*a] = 1;
            } else {
                shape.remove(*a);
            }
        }
        if rank == 4 && axes == [2, 3] && x.together {
            return self.over_places(kind, &x, shape);
        }
        let x = self.in_order(&x, false);
        let len = |range: std::ops::Range<usize>| x.shape[range].iter().product();
        let lens = [len(0..first), len(first..last + 1), len(last + 1..rank)];
        Ok(self.step(Operation::Reduce(kind, lens), &[&x], shape, false))
    }

    pub(super) fn norm(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let channels = *x.shape.get(1).ok_or("its input has no channels")?;
        if !matches!(x.shape.len(), 2 | 4) {
            return Err(format!("its input of shape {:?} is no picture", x.shape));
        }
        let (scale, shift) = self.norm_of(i, channels)?;
        let x = self.in_order(&x, true);
        let (shape, together) = (x.shape.clone(), x.shape.len() == 4);
        Ok(self.step(Operation::Affine(scale, shift), &[&x], shape, together))
    }

    pub(super) fn resize(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let [channels, height, width] = x.picture()?;
        let node = &self.nodes[i];
        let attributes = Attributes(node);
        let upsample = node.op_type == "Upsample";
        let old = !upsample && self.opset < 11;
        let at = if upsample || old { 1 } else { 2 };
        let scales = self.constant(i, at)?.map(|c| c.to_floats().into_owned());
        let scales = scales.or_else(|| attributes.get("scales").map(|a| a.floats.clone()));
        let sizes = if upsample || old {
            None
        } else {
            self.constant(i, 3)?
        };
        let input = [height, width];
        let output: [usize; 2] = match (&scales, sizes) {
            (_, Some(sizes)) if sizes.len() == 4 => {
                let sizes = sizes.to_ints();
                [sizes[2].max(1) as usize, sizes[3].max(1) as usize]
            }
            (Some(scales), _) if scales.len() == 4 => {
                [0, 1].map(|a| ((input[a] as f32 * scales[a + 2]).floor() as usize).max(1))
            }
            _ => return Err("its new size is not known".to_owned()),
        };
        length(&[1, channels, output[0], output[1]])?;
        let default = if upsample || old {
            "asymmetric"
        } else {
            "half_pixel"
        };
        let places = attributes.text("coordinate_transformation_mode", default);
        let linear = match &attributes.text("mode", "nearest")[..] {
            "nearest" => false,
            "linear" | "bilinear" => true,
            mode => return Err(format!("its mode is {mode}")),
        };
        let rounding = if upsample || old {
            "floor"
        } else {
            "round_prefer_floor"
        };
        let rounding = attributes.text("nearest_mode", rounding);
        let mut taps = Vec::new();
        for a in 0..2 {
            let scale = match &scales {
                Some(scales) if scales.len() == 4 => scales[a + 2],
                _ => output[a] as f32 / input[a] as f32,
            };
            let axis = (0..output[a]).map(|out| {
                let place = place(&places, out as f32, scale, input[a], output[a])?;
                Ok(tap(place, input[a], linear, &rounding))
            });
            taps.push(axis.collect::<Result<Vec<Tap>, String>>()?);
        }
        let [rows, columns] = taps.try_into().expect("one for each axis");
        let x = self.in_order(&x, true);
        let operation = Operation::Resize(rows, columns, width, channels);
        let shape = vec![1, channels, output[0], output[1]];
        Ok(self.step(operation, &[&x], shape, true))
    }
}

/// Where place `out` of an axis was before it was resized.
fn place(mode: &str, out: f32, scale: f32, from: usize, to: usize) -> Result<f32, String> {
    Ok(match mode {
        "asymmetric" => out / scale,
        "half_pixel" => (out + 0.5) / scale - 0.5,
        "pytorch_half_pixel" if to > 1 => (out + 0.5) / scale - 0.5,
        "pytorch_half_pixel" => 0.0,
        "align_corners" if to > 1 => out * (from - 1) as f32 / (to - 1) as f32,
        "align_corners" => 0.0,
        _ => return Err(format!("its places are {mode}")),
    })
}

fn tap(place: f32, len: usize, linear: bool, rounding: &str) -> Tap {
    let inside = |at: f32| at.clamp(0.0, (len - 1) as f32) as usize;
    if linear {
        let place = place.clamp(0.0, (len - 1) as f32);
        return Tap {
            first: inside(place.floor()),
            second: inside(place.floor() + 1.0),
            share: place.fract(),
        };
    }
    let at = match rounding {
        "floor" => place.floor(),
        "ceil" => place.ceil(),
        "round_prefer_ceil" => (place + 0.5).floor(),
        _ => (place - 0.5).ceil(),
    };
    Tap {
        first: inside(at),
        second: inside(at),
        share: 0.0,
    }
}

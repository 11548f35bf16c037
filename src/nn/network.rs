//! A network that is ready to run.

use std::sync::Mutex;

use prost::Message;

use super::kernels::Aligned;
use super::lower::{Lowered, lower};
use super::memory;
use super::step::Operation;
use crate::onnx::proto::ModelProto;
use crate::sync::lock;

struct Step {
    operation: Operation,
    inputs: Vec<usize>,
    output: usize,
}

/// A network for pictures of one size.
pub struct Network {
    steps: Vec<Step>,
    input: usize,
    outputs: Vec<(usize, Vec<usize>)>,
    /// Slot and values a picture of each value.
    places: Vec<(usize, usize)>,
    /// Values a picture of each slot.
    slots: Vec<usize>,
    /// Memory of runs that have ended, for the next.
    idle: Mutex<Vec<Memory>>,
}

#[derive(Default)]
struct Memory {
    slots: Vec<Aligned>,
    scratch: Aligned,
}

impl Network {
    /// The network in an ONNX file, for pictures of `input` (channels, height, width, or in
    /// whichever order the graph takes them), giving the results called `outputs`.
    ///
    /// # Errors
    /// When the bytes are no ONNX file, it lacks a result, has other inputs or an operation
    /// that is not known here; the text names the operation.
    pub fn new(onnx: &[u8], input: [usize; 3], outputs: &[&str]) -> Result<Self, String> {
        let model = ModelProto::decode(onnx).map_err(|e| format!("not an ONNX file ({e})"))?;
        Self::of(&model, input, outputs)
    }

    /// As [`Network::new`], of a file that is read already.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn of(model: &ModelProto, input: [usize; 3], outputs: &[&str]) -> Result<Self, String> {
        let Lowered {
            steps,
            lens,
            input,
            outputs,
        } = lower(model, input, outputs)?;
        let end = steps.len();
        let mut uses: Vec<memory::Use> = lens
            .iter()
            .map(|len| memory::Use {
                len: *len,
                written: None,
                read: 0,
            })
            .collect();
        for (i, step) in steps.iter().enumerate() {
            uses[step.1.output].written = Some(i);
            for input in &step.1.inputs {
                uses[*input].read = i;
            }
        }
        for (output, _) in &outputs {
            uses[*output].read = end;
        }
        let (slots, sizes) = memory::assign(&uses);
        let steps = steps.into_iter().map(|(operation, ends)| Step {
            operation,
            inputs: ends.inputs,
            output: ends.output,
        });
        Ok(Self {
            steps: steps.collect(),
            input,
            outputs,
            places: slots.into_iter().zip(lens).collect(),
            slots: sizes,
            idle: Mutex::default(),
        })
    }

    /// The shape of each result for one picture.
    pub fn shapes(&self) -> impl Iterator<Item = &[usize]> {
        self.outputs.iter().map(|(_, shape)| &shape[..])
    }

    /// Runs the `pictures` pictures in `input`; `read` takes the results, in the order in which
    /// they were asked for, picture by picture.
    ///
    /// # Panics
    /// When `input` is not that many pictures.
    pub fn run<R>(&self, input: &[f32], pictures: usize, read: impl FnOnce(&[&[f32]]) -> R) -> R {
        let mut memory = lock(&self.idle).pop().unwrap_or_default();
        memory.slots.resize_with(self.slots.len(), Aligned::default);
        for (slot, len) in memory.slots.iter_mut().zip(&self.slots) {
            slot.grow(len * pictures);
        }
        let (slot, len) = self.places[self.input];
        assert_eq!(input.len(), len * pictures, "not that many pictures");
        memory.slots[slot][..input.len()].copy_from_slice(input);
        for step in &self.steps {
            let (slot, len) = self.places[step.output];
            // No input lies in the slot of the output.
            let mut out = std::mem::take(&mut memory.slots[slot]);
            let at = |value: &usize| {
                let (slot, len) = self.places[*value];
                &memory.slots[slot][..len * pictures]
            };
            let inputs: Vec<&[f32]> = step.inputs.iter().map(at).collect();
            let target = &mut out[..len * pictures];
            step.operation
                .run(pictures, &inputs, target, &mut memory.scratch);
            memory.slots[slot] = out;
        }
        let results: Vec<&[f32]> = self
            .outputs
            .iter()
            .map(|(value, _)| {
                let (slot, len) = self.places[*value];
                &memory.slots[slot][..len * pictures]
            })
            .collect();
        let result = read(&results);
        lock(&self.idle).push(memory);
        result
    }
}

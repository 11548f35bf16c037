//! Whether what a server runs takes our faces and gives our classes.

use super::messages::{Metadata, Tensor};
use super::tensors::Datatype;
use crate::Model;

/// What requests to a server look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name of the input.
    pub input: String,
    /// What faces are sent as.
    pub datatype: Datatype,
    /// Name of the output with the classes.
    pub output: String,
    /// Faces of each request, where the network takes just that number.
    pub faces: Option<usize>,
}

/// How `model` is asked of a server that describes it by `metadata`. What a server leaves open is
/// as in the model.
///
/// # Errors
/// What does not fit, in one line.
pub fn fit(metadata: &Metadata, model: &Model) -> Result<Signature, String> {
    let (graph, info) = (model.graph(), model.info());
    let mut signature = Signature {
        input: graph.input.clone(),
        datatype: Datatype::Fp32,
        output: graph.output.clone(),
        faces: None,
    };
    if let [input, others @ ..] = &metadata.inputs[..] {
        if !others.is_empty() {
            let names: Vec<&str> = metadata.inputs.iter().map(|i| &*i.name).collect();
            return Err(format!(
                "it has the inputs {} instead of one",
                names.join(", ")
            ));
        }
        let [_, wanted @ ..] = info.input.shape(1);
        signature.faces = takes(input, &wanted)?;
        signature.input.clone_from(&input.name);
        signature.datatype = Datatype::named(&input.datatype)
            .ok_or_else(|| format!("its input {:?} is of type {}", input.name, input.datatype))?;
    }
    if !metadata.outputs.is_empty() {
        let labels = info.labels.len();
        let output = choose(&metadata.outputs, &graph.output, labels)?;
        if classes(output).is_some_and(|classes| classes != labels) {
            return Err(format!(
                "its output {:?} of shape {:?} has not {labels} values a face, one a label",
                output.name, output.shape
            ));
        }
        signature.output.clone_from(&output.name);
    }
    Ok(signature)
}

/// The number of faces that `input` takes at once; `None` for any.
fn takes(input: &Tensor, wanted: &[usize]) -> Result<Option<usize>, String> {
    let [faces, face @ ..] = &input.shape[..] else {
        return Ok(None);
    };
    let same = |(have, want): (&i64, &usize)| *have < 0 || usize::try_from(*have) == Ok(*want);
    if face.len() != wanted.len() || !face.iter().zip(wanted).all(same) {
        return Err(format!(
            "its input {:?} of shape {:?} does not take faces of shape {wanted:?}",
            input.name, input.shape
        ));
    }
    Ok(usize::try_from(*faces).ok().filter(|faces| *faces > 0))
}

/// Values of a face in `output`, where that is said.
fn classes(output: &Tensor) -> Option<usize> {
    let [_, face @ ..] = &output.shape[..] else {
        return None;
    };
    face.iter()
        .map(|size| usize::try_from(*size).ok())
        .product()
}

fn choose<'a>(outputs: &'a [Tensor], name: &str, labels: usize) -> Result<&'a Tensor, String> {
    if let Some(named) = outputs.iter().find(|output| output.name == name) {
        return Ok(named);
    }
    if let [only] = outputs {
        return Ok(only);
    }
    let fitting: Vec<_> = outputs
        .iter()
        .filter(|o| classes(o) == Some(labels))
        .collect();
    if let [only] = fitting[..] {
        return Ok(only);
    }
    let names: Vec<&str> = outputs.iter().map(|o| &*o.name).collect();
    Err(format!(
        "which of its outputs {} has the classes?",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, datatype: &str, shape: &[i64]) -> Tensor {
        Tensor {
            name: name.to_owned(),
            datatype: datatype.to_owned(),
            shape: shape.to_vec(),
            contents: None,
        }
    }

    fn metadata(input: Tensor, outputs: &[Tensor]) -> Metadata {
        Metadata {
            platform: String::new(),
            inputs: vec![input],
            outputs: outputs.to_vec(),
        }
    }

    #[test]
    fn what_fits_is_asked_for_as_the_server_calls_it() {
        let model = Model::bundled().unwrap();
        let scores = tensor("y", "FP32", &[-1, 7]);
        let input = tensor("x", "UINT8", &[-1, 1, 48, 48]);
        let signature = fit(&metadata(input, &[scores]), &model).unwrap();
        assert_eq!((&*signature.input, &*signature.output), ("x", "y"));
        assert_eq!(
            (signature.datatype, signature.faces),
            (Datatype::Uint8, None)
        );
        let input = tensor("x", "FP32", &[4, 1, -1, -1]);
        let others = [tensor("a", "FP32", &[4, 2]), tensor("b", "FP32", &[4, 7])];
        let signature = fit(&metadata(input, &others), &model).unwrap();
        assert_eq!((&*signature.output, signature.faces), ("b", Some(4)));
        // A server that says nothing.
        let signature = fit(&Metadata::default(), &model).unwrap();
        assert_eq!(signature.input, model.graph().input);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let model = Model::bundled().unwrap();
        let good = tensor("x", "FP32", &[-1, 1, 48, 48]);
        for (metadata, said) in [
            (
                metadata(tensor("x", "FP32", &[-1, 3, 224, 224]), &[]),
                "224",
            ),
            (metadata(tensor("x", "FP32", &[-1, 2304]), &[]), "2304"),
            (
                metadata(tensor("x", "INT64", &[-1, 1, 48, 48]), &[]),
                "INT64",
            ),
            (
                metadata(good.clone(), &[tensor("y", "FP32", &[-1, 1000])]),
                "7 values",
            ),
            (
                metadata(
                    good,
                    &[tensor("y", "FP32", &[-1]), tensor("z", "FP32", &[-1])],
                ),
                "which of its outputs",
            ),
        ] {
            let why = fit(&metadata, &model).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }
}

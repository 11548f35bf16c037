//! Whether what a server runs takes our faces and gives our classes.

use super::client::line;
use super::messages::{Metadata, Tensor};
use super::tensors::Datatype;
use crate::Model;

/// Most faces of a request that are taken on a server's word.
const MOST_FACES: usize = 4096;
/// And most values of all faces of a request.
const MOST_VALUES: usize = 1 << 26;
/// Of names and sizes, so many are said.
const SAID: usize = 8;

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
            return Err(format!(
                "it has the inputs {} instead of one",
                names(&metadata.inputs)
            ));
        }
        let [_, wanted @ ..] = info.input.shape(1);
        signature.faces = takes(input, &wanted)?;
        signature.input.clone_from(&input.name);
        signature.datatype = Datatype::named(&input.datatype).ok_or_else(|| {
            format!(
                "its input {} is of type {}",
                name(input),
                line(&input.datatype)
            )
        })?;
    }
    if !metadata.outputs.is_empty() {
        let labels = info.labels.len();
        let output = choose(&metadata.outputs, &graph.output, labels)?;
        if classes(output).is_some_and(|classes| classes != labels) {
            return Err(format!(
                "its output {} of shape {} has not {labels} values a face, one a label",
                name(output),
                shape(output)
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
    let same = |(have, want): (&i64, &usize)| *have == -1 || usize::try_from(*have) == Ok(*want);
    if face.len() != wanted.len() || !face.iter().zip(wanted).all(same) {
        return Err(format!(
            "its input {} of shape {} does not take faces of shape {wanted:?}",
            name(input),
            shape(input)
        ));
    }
    let values: usize = wanted.iter().product();
    match usize::try_from(*faces) {
        // Some servers say 0 where a size is open.
        Ok(0) => Ok(None),
        Ok(faces) if faces <= MOST_FACES && faces * values <= MOST_VALUES => Ok(Some(faces)),
        Err(_) if *faces == -1 => Ok(None),
        _ => Err(format!(
            "its input {} of shape {} takes no number of faces that can be sent",
            name(input),
            shape(input)
        )),
    }
}

/// Values of a face in `output`, where that is said.
fn classes(output: &Tensor) -> Option<usize> {
    let [_, face @ ..] = &output.shape[..] else {
        return None;
    };
    face.iter().try_fold(1usize, |product, size| match size {
        -1 => None,
        size => Some(product.saturating_mul(usize::try_from(*size).unwrap_or(usize::MAX))),
    })
}

/// The name of `tensor`, for messages.
fn name(tensor: &Tensor) -> String {
    format!(
        "{:?}",
        line(&tensor.name).chars().take(60).collect::<String>()
    )
}

fn names(tensors: &[Tensor]) -> String {
    let mut names: Vec<String> = tensors.iter().take(SAID).map(name).collect();
    if tensors.len() > SAID {
        names.push(format!("and {} more", tensors.len() - SAID));
    }
    names.join(", ")
}

/// The shape of `tensor`, for messages.
fn shape(tensor: &Tensor) -> String {
    let said = &tensor.shape[..tensor.shape.len().min(SAID)];
    if said.len() < tensor.shape.len() {
        return format!("{said:?} and {} more sizes", tensor.shape.len() - SAID);
    }
    format!("{said:?}")
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
    Err(format!(
        "which of its outputs {} has the classes?",
        names(outputs)
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
    fn sizes_that_no_network_has_are_refused_in_one_short_line() {
        let model = Model::bundled().unwrap();
        let long = "x\n".repeat(1 << 20);
        for input in [
            tensor("x", "FP32", &[1_000_000_000, 1, 48, 48]),
            tensor("x", "FP32", &[i64::MAX, 1, 48, 48]),
            tensor("x", "FP32", &[-2, 1, 48, 48]),
            tensor("x", "FP32", &[-1, 1, 48, i64::MIN]),
            tensor("x", "FP32", &[1; 1 << 16]),
            tensor(&long, &long, &[-1, 1, 48, 48]),
        ] {
            let why = fit(&metadata(input, &[]), &model).unwrap_err();
            assert!(why.len() < 500 && !why.contains('\n'), "{why}");
        }
        let input = tensor("x", "FP32", &[-1, 1, 48, 48]);
        for output in [
            tensor("y", "FP32", &[-1, i64::MAX, i64::MAX]),
            tensor(&long, "FP32", &[1 << 20; 1 << 16]),
        ] {
            let outputs = vec![output; 1 << 10];
            for outputs in [&outputs[..1], &outputs] {
                let why = fit(&metadata(input.clone(), outputs), &model).unwrap_err();
                assert!(why.len() < 1000 && !why.contains('\n'), "{why}");
            }
        }
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

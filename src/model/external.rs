//! Weights that lie in files of their own beside an ONNX file, as exporters write them: they
//! are taken into the file's bytes once, so that whoever reads those needs no other file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use prost::Message;

use crate::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, TensorProto,
    tensor_proto::{DataLocation, DataType},
};

/// Bytes of the largest file that protobuf, and with it every engine, takes in one piece.
const LIMIT: u64 = i32::MAX as u64;

/// The file `bytes` with all its weights in it. They are looked for in `folder`; where there
/// is none, a file that needs others is refused. What is no ONNX file stays as it is.
pub fn inline(bytes: Vec<u8>, folder: Option<&Path>) -> Result<Vec<u8>, String> {
    let Ok(mut proto) = ModelProto::decode(&*bytes) else {
        return Ok(bytes);
    };
    let Some(graph) = &mut proto.graph else {
        return Ok(bytes);
    };
    let mut weights = Weights {
        folder,
        total: bytes.len() as u64,
        found: false,
    };
    weights.inline_graph(graph)?;
    Ok(if weights.found {
        proto.encode_to_vec()
    } else {
        bytes
    })
}

struct Weights<'a> {
    folder: Option<&'a Path>,
    /// Bytes of the file with what was taken into it.
    total: u64,
    /// Whether anything lay outside.
    found: bool,
}

impl Weights<'_> {
    fn inline_graph(&mut self, graph: &mut GraphProto) -> Result<(), String> {
        for tensor in &mut graph.initializer {
            self.inline_tensor(tensor)?;
        }
        for attribute in graph.node.iter_mut().flat_map(|n| &mut n.attribute) {
            self.inline_attribute(attribute)?;
        }
        Ok(())
    }

    fn inline_attribute(&mut self, attribute: &mut AttributeProto) -> Result<(), String> {
        for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
            self.inline_tensor(tensor)?;
        }
        for encoded in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            let mut graph =
                GraphProto::decode(&**encoded).map_err(|e| format!("not an ONNX file ({e})"))?;
            let before = std::mem::take(&mut self.found);
            self.inline_graph(&mut graph)?;
            if self.found {
                *encoded = graph.encode_to_vec();
            }
            self.found |= before;
        }
        Ok(())
    }

    fn inline_tensor(&mut self, tensor: &mut TensorProto) -> Result<(), String> {
        if tensor.data_location != Some(DataLocation::External as i32) {
            return Ok(());
        }
        let values = self
            .read(tensor)
            .map_err(|why| format!("weights {:?}: {why}", tensor.name))?;
        tensor.raw_data = values;
        tensor.external_data.clear();
        tensor.data_location = None;
        self.found = true;
        Ok(())
    }

    fn read(&mut self, tensor: &TensorProto) -> Result<Vec<u8>, String> {
        let entry = |key: &str| {
            let entry = tensor.external_data.iter().find(|entry| entry.key == key);
            entry.map(|entry| entry.value.as_str())
        };
        let number = |key: &str| {
            let number = entry(key).map(str::parse::<u64>).transpose();
            number.map_err(|_| format!("{key} {:?} is no number", entry(key).unwrap_or_default()))
        };
        let location = entry("location").unwrap_or_default();
        let Some(folder) = self.folder else {
            return Err(format!(
                "they lie outside of the model, in {location:?}: load it by its path, with that file \
                 beside it"
            ));
        };
        let path = beside(folder, location)?;
        let offset = number("offset")?.unwrap_or(0);
        let length = number("length")?;

        let unreadable = |e: std::io::Error| {
            let path = path.display();
            format!("they lie in {path}, which can't be read ({e}); put it beside the model")
        };
        let mut file = File::open(&path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(format!("{} is not a file", path.display()));
        }
        let rest = about.len().checked_sub(offset);
        let length = length.or(rest).unwrap_or(0);
        if rest.is_none_or(|rest| rest < length) {
            return Err(format!(
                "{} is cut off, or belongs to another model: it has {} bytes, and they are the {length} \
                 from {offset} on",
                path.display(),
                about.len()
            ));
        }
        if let Some(needed) = size(tensor)
            && needed != length
        {
            return Err(format!(
                "{length} bytes of {} for {:?} values, which take {needed}",
                path.display(),
                tensor.dims
            ));
        }
        self.total = self.total.saturating_add(length);
        if self.total > LIMIT {
            return Err("with all its weights the model has more than 2 GiB".to_owned());
        }
        let mut values = vec![0; length as usize];
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut values))
            .map_err(unreadable)?;
        Ok(values)
    }
}

/// The file at `location` in `folder`. A model must not be able to name any file of this
/// machine, so it stays within its own folder.
fn beside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let within = Path::new(location)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || !within {
        return Err(format!(
            "they lie in {location:?}, which is not a file in the model's folder"
        ));
    }
    Ok(folder.join(location))
}

/// Bytes of a tensor's values, where its type has whole ones.
fn size(tensor: &TensorProto) -> Option<u64> {
    let each = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Uint8 | DataType::Int8 | DataType::Bool => 1,
        DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Int64 | DataType::Uint64 | DataType::Double => 8,
        DataType::Undefined | DataType::String => return None,
    };
    tensor.dims.iter().try_fold(each, |size: u64, dim| {
        size.checked_mul(u64::try_from(*dim).ok()?)
    })
}

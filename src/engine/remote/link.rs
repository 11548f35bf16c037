//! A server that was found to run our network.

use std::sync::Arc;

use super::client::{Client, Failure};
use super::fit::{Signature, fit};
use super::messages::{InferRequest, Tensor, Wanted};
use super::tensors::decode;
use crate::Model;
use crate::engine::pieces::{alike, is_as_said, trial_faces};

/// A connection, and what requests over it look like.
pub struct Link {
    client: Client,
    signature: Signature,
    model: Model,
    /// For the log.
    pub platform: String,
}

impl Link {
    /// Asks the server whether it is there, is ready, and runs a network that fits `model`, and
    /// tries that with two faces, whose values come with it.
    ///
    /// # Errors
    /// [`Failure::Away`] where it may be ready later, [`Failure::Refused`] where what it runs is
    /// not `model`.
    pub async fn open(client: Client, model: &Model) -> Result<(Arc<Self>, Vec<f32>), Failure> {
        if !client.live().await? {
            return Err(Failure::Away("the server is not live".to_owned()));
        }
        if !client.ready().await? {
            return Err(Failure::Away("its model is not ready".to_owned()));
        }
        let metadata = client.metadata().await?;
        let mut link = Self {
            client,
            signature: fit(&metadata, model).map_err(Failure::Refused)?,
            model: model.clone(),
            platform: metadata.platform,
        };
        let faces = trial_faces(model.info().input.len());
        let mut alone = link.infer(&faces[0], 1).await?;
        alone.extend(link.infer(&faces[1], 1).await?);
        let classes = model.info().labels.len();
        for values in alone.chunks(classes) {
            is_as_said(values, model).map_err(|why| Failure::Refused(why.to_string()))?;
        }
        if link.signature.faces.is_none() {
            let why = match link.infer(&faces.concat(), 2).await {
                Ok(together) if alike(&alone, &together) => None,
                Ok(_) => Some("two faces together give other values than alone".to_owned()),
                Err(Failure::Refused(why)) => Some(why),
                Err(other) => return Err(other),
            };
            if let Some(why) = why {
                log::warn!("the server is asked face by face: {why}");
                link.signature.faces = Some(1);
            }
        }
        Ok((Arc::new(link), alone))
    }

    /// What the network gives for `batch` prepared faces.
    pub async fn infer(&self, input: &[f32], batch: usize) -> Result<Vec<f32>, Failure> {
        let Some(faces) = self.signature.faces else {
            return self.request(input, batch).await;
        };
        let whole = faces * input.len() / batch;
        let mut output = Vec::new();
        for piece in input.chunks(whole) {
            let mut piece = piece.to_vec();
            piece.resize(whole, 0.0);
            output.extend(self.request(&piece, faces).await?);
        }
        output.truncate(batch * self.model.info().labels.len());
        Ok(output)
    }

    async fn request(&self, input: &[f32], batch: usize) -> Result<Vec<f32>, Failure> {
        let (info, signature) = (self.model.info(), &self.signature);
        let request = InferRequest {
            inputs: vec![Tensor {
                name: signature.input.clone(),
                datatype: signature.datatype.name().to_owned(),
                shape: info.input.shape(batch).map(|size| size as i64).to_vec(),
                contents: None,
            }],
            outputs: vec![Wanted {
                name: signature.output.clone(),
            }],
            raw_input_contents: vec![signature.datatype.encode(input, &info.input)],
            ..Default::default()
        };
        let answer = self.client.infer(request).await?;
        let values = decode(&answer, &signature.output).map_err(Failure::Refused)?;
        let wanted = batch * info.labels.len();
        if values.len() != wanted {
            return Err(Failure::Refused(format!(
                "{} values for {batch} faces instead of {wanted}",
                values.len()
            )));
        }
        Ok(values)
    }
}

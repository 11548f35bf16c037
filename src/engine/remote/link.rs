//! A server that was found to run our network.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::{Client, Failure, line};
use super::fit::{Signature, fit};
use super::messages::{InferRequest, Tensor, Wanted};
use super::tensors::decode;
use crate::Model;
use crate::engine::pieces::{alike, is_as_said, trial_faces};

/// A connection, and what requests over it look like.
pub struct Link {
    client: Client,
    signature: Signature,
    /// Most faces of a request, as far as the server has refused more.
    most: AtomicUsize,
    model: Model,
    /// For the log.
    pub platform: String,
}

impl Link {
    /// Asks the server whether it is there, is ready, and runs a network that fits `model`, and
    /// tries that with two faces, whose values come with it.
    ///
    /// # Errors
    /// [`Failure::Wrong`] where what it runs is not `model`, another where it may be ready later.
    pub async fn open(client: Client, model: &Model) -> Result<(Arc<Self>, Vec<f32>), Failure> {
        if !client.live().await? {
            return Err(Failure::Away("the server is not live".to_owned()));
        }
        let ready = client.ready().await;
        if let Ok(false) | Err(Failure::Refused(_)) = ready {
            // Triton says of a model that it does not know that it is not ready, MLServer that it
            // has failed itself; both say what it is when asked about the model.
            if let Err(unknown @ Failure::Unknown(_)) = client.metadata().await {
                return Err(unknown);
            }
        }
        if !ready? {
            return Err(Failure::Away("its model is not ready".to_owned()));
        }
        let metadata = client.metadata().await?;
        let mut link = Self {
            client,
            signature: fit(&metadata, model).map_err(Failure::Wrong)?,
            most: AtomicUsize::new(usize::MAX),
            model: model.clone(),
            platform: line(&metadata.platform),
        };
        let faces = trial_faces(model.info().input.len());
        let mut alone = link.infer(&faces[0], 1).await?;
        alone.extend(link.infer(&faces[1], 1).await?);
        let classes = model.info().labels.len();
        for values in alone.chunks(classes) {
            is_as_said(values, model).map_err(|why| Failure::Wrong(why.to_string()))?;
        }
        if link.signature.faces.is_none() {
            let why = match link.infer(&faces.concat(), 2).await {
                Ok(together) if alike(&alone, &together) => None,
                Ok(_) => Some("two faces together give other values than alone".to_owned()),
                Err(Failure::Refused(why) | Failure::Wrong(why)) => Some(why),
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
        let face = input.len() / batch;
        let Some(faces) = self.signature.faces else {
            return self.infer_any(input, face).await;
        };
        let whole = faces * face;
        let mut output = Vec::new();
        for piece in input.chunks(whole) {
            let mut piece = piece.to_vec();
            piece.resize(whole, 0.0);
            output.extend(self.request(&piece, faces).await?);
        }
        output.truncate(batch * self.model.info().labels.len());
        Ok(output)
    }

    /// The same by a server that takes any number of faces, or any up to one that it does not
    /// tell: it is found by asking for half as many where a request is refused.
    async fn infer_any(&self, input: &[f32], face: usize) -> Result<Vec<f32>, Failure> {
        let (mut rest, mut output) = (input, Vec::new());
        while !rest.is_empty() {
            let most = self.most.load(Ordering::Relaxed);
            let faces = most.min(rest.len() / face);
            let (piece, after) = rest.split_at(faces * face);
            match self.request(piece, faces).await {
                Ok(values) => {
                    output.extend(values);
                    rest = after;
                }
                Err(Failure::Full(why) | Failure::Refused(why)) if faces > 1 => {
                    let fewer = faces / 2;
                    if self.most.fetch_min(fewer, Ordering::Relaxed) > fewer {
                        log::info!("remote: at most {fewer} faces a request: {why}");
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
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
        let values = decode(&answer, &signature.output).map_err(Failure::Wrong)?;
        let wanted = batch * info.labels.len();
        if values.len() != wanted {
            return Err(Failure::Wrong(format!(
                "{} values for {batch} faces instead of {wanted}",
                values.len()
            )));
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Failure::Away(
                "it gives values that are not numbers".to_owned(),
            ));
        }
        Ok(values)
    }
}

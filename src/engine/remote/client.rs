//! Calls of one server.

use std::error::Error as _;
use std::time::Duration;

use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Endpoint, Uri};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::address::Address;
use super::http::{Translated, translated};
use super::messages::{
    InferRequest, InferResponse, LiveRequest, LiveResponse, Metadata, ModelRequest, ReadyResponse,
};
use super::options::RemoteOptions;

/// For a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Dead peers are noticed by the system after about twice as long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answers, or not now: another try may be answered.
    Away(String),
    /// Nobody has answered in time.
    Late,
    /// It is too much, now or at all: another try with less may be answered.
    Full(String),
    /// The server will not do that, or can't.
    Refused(String),
    /// It does not know the model; it may be loading it.
    Unknown(String),
    /// What can't be right however long one waits: another network, or no right to ask.
    Wrong(String),
}

impl Failure {
    /// In one line.
    pub fn text(&self, deadline: Duration) -> String {
        match self {
            Self::Away(why)
            | Self::Full(why)
            | Self::Refused(why)
            | Self::Unknown(why)
            | Self::Wrong(why) => why.clone(),
            Self::Late => {
                // What was left of the one that was asked for.
                let ms = (deadline.as_secs_f64() * 1e3).ceil();
                format!("no answer within {ms} ms")
            }
        }
    }
}

/// A connection to a server, made when it is first used and again when it breaks. Requests share
/// it, as many at once as come.
#[derive(Clone)]
pub struct Client {
    channel: Translated,
    encrypts: bool,
    token: Option<MetadataValue<Ascii>>,
    model: ModelRequest,
}

impl Client {
    /// A connection to `address`; within a runtime.
    ///
    /// # Errors
    /// A text for the user, where settings can't be right.
    pub fn new(address: &Address, options: &RemoteOptions) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(address.uri())
            .map_err(|why| why.to_string())?
            .connect_timeout(CONNECT)
            .tcp_keepalive(Some(KEEP_ALIVE));
        let endpoint = if address.tls {
            encrypt(endpoint, options)?
        } else {
            endpoint
        };
        let token = options.token.reveal();
        let token = (!token.is_empty()).then(|| format!("Bearer {token}").parse());
        let mut token: Option<MetadataValue<Ascii>> = token
            .transpose()
            .map_err(|_| "the token is not plain text")?;
        if let Some(token) = &mut token {
            token.set_sensitive(true);
        }
        Ok(Self {
            channel: translated(endpoint.connect_lazy()),
            encrypts: address.tls,
            token,
            model: ModelRequest {
                name: options.model.clone(),
                version: options.version.clone(),
            },
        })
    }

    /// Whether the server is there.
    pub async fn live(&self) -> Result<bool, Failure> {
        let answer: Result<LiveResponse, _> = self.call("ServerLive", LiveRequest {}).await;
        match answer {
            Err(Failure::Away(why))
                if !self.encrypts && why.contains("connection error detected") =>
            {
                let hint = "it does not speak HTTP/2; grpcs:// is for servers that encrypt";
                Err(Failure::Away(format!("{hint} ({why})")))
            }
            answer => Ok(answer?.live),
        }
    }

    /// Whether it is ready to run the network.
    pub async fn ready(&self) -> Result<bool, Failure> {
        let answer: ReadyResponse = self.call("ModelReady", self.model.clone()).await?;
        Ok(answer.ready)
    }

    /// What it says of the network.
    pub async fn metadata(&self) -> Result<Metadata, Failure> {
        self.call("ModelMetadata", self.model.clone()).await
    }

    /// Runs the network.
    pub async fn infer(&self, mut request: InferRequest) -> Result<InferResponse, Failure> {
        request.model_name.clone_from(&self.model.name);
        request.model_version.clone_from(&self.model.version);
        self.call("ModelInfer", request).await
    }

    async fn call<Q, A>(&self, method: &str, message: Q) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = Uri::try_from(format!("/inference.GRPCInferenceService/{method}"));
        let path = path.ok().and_then(|uri| uri.path_and_query().cloned());
        let path = path.expect("a path of letters");
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", token.clone());
        }
        let mut grpc = Grpc::new(self.channel.clone());
        let connected = grpc.ready().await;
        connected.map_err(|why| broken(chain(&why), &why))?;
        let answer = grpc.unary(request, path, ProstCodec::<Q, A>::default());
        Ok(answer.await.map_err(failure)?.into_inner())
    }
}

#[cfg(feature = "remote-tls")]
fn encrypt(endpoint: Endpoint, options: &RemoteOptions) -> Result<Endpoint, String> {
    use tonic::transport::{Certificate, ClientTlsConfig};
    let config = match &options.ca_file {
        Some(path) => {
            let pem = std::fs::read(path).map_err(|why| format!("{}: {why}", path.display()))?;
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
        }
        None => ClientTlsConfig::new().with_native_roots(),
    };
    endpoint.tls_config(config).map_err(|why| chain(&why))
}

#[cfg(not(feature = "remote-tls"))]
fn encrypt(_: Endpoint, _: &RemoteOptions) -> Result<Endpoint, String> {
    unreachable!("refused with the address")
}

fn failure(status: Status) -> Failure {
    let said = match status.message() {
        "" => format!("{:?}", status.code()),
        message => line(message),
    };
    match status.code() {
        Code::DeadlineExceeded => Failure::Late,
        Code::Unavailable | Code::Aborted | Code::Cancelled => {
            broken(with_source(said, &status), &status)
        }
        Code::ResourceExhausted => Failure::Full(with_source(said, &status)),
        // What breaks on the way has a source, what the server says has none.
        _ if status.source().is_some() => broken(with_source(said, &status), &status),
        code => {
            let said = format!("{code:?}: {said}");
            match code {
                Code::NotFound => Failure::Unknown(said),
                Code::Unauthenticated | Code::PermissionDenied => Failure::Wrong(said),
                _ => Failure::Refused(said),
            }
        }
    }
}

/// What breaks on the way: a server that can't say who it is won't be able to later.
fn broken(said: String, error: &(dyn std::error::Error + 'static)) -> Failure {
    match distrust(error) {
        Some(why) => Failure::Wrong(why),
        None => Failure::Away(said),
    }
}

/// Why TLS has not come about, where that is no matter of the connection.
#[cfg(feature = "remote-tls")]
fn distrust(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    use rustls::{CertificateError, Error, InvalidMessage};
    let mut next = Some(error);
    while let Some(error) = next {
        // What an I/O error carries is not its source.
        let carried = error.downcast_ref::<std::io::Error>();
        let carried = carried.and_then(|error| error.get_ref()?.downcast_ref());
        match carried.or_else(|| error.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                return Some(format!("{error}; ca-file names those who vouch for it"));
            }
            // It will be: clocks are set some time after the start of a machine.
            Some(Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            )) => return None,
            Some(Error::InvalidCertificate(_)) => return Some(line(&error.to_string())),
            Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
                return Some("it does not speak TLS: grpc:// is for those".to_owned());
            }
            _ => next = error.source(),
        }
    }
    None
}

#[cfg(not(feature = "remote-tls"))]
fn distrust(_: &(dyn std::error::Error + 'static)) -> Option<String> {
    None
}

fn with_source(said: String, status: &Status) -> String {
    match status.source() {
        Some(source) => chain(source),
        None => said,
    }
}

/// An error and what is behind it, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = vec![line(&error.to_string())];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = line(&cause.to_string());
        // Many repeat what is behind them.
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

/// The first line of what a server says, which may be a long trace, without what would move a
/// terminal's cursor.
pub fn line(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or_default()
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect()
}

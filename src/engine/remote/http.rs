//! Answers of what stands between: an ingress or a balancer may answer in plain HTTP, with a page
//! that tonic would take for a broken message.

use http::{Response, StatusCode, header};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::util::MapResponse;

/// A connection whose answers are all gRPC's.
pub type Translated = MapResponse<Channel, fn(Response<Body>) -> Response<Body>>;

/// Has plain answers over `channel` be gRPC's.
pub fn translated(channel: Channel) -> Translated {
    MapResponse::new(channel, translate)
}

fn translate(answer: Response<Body>) -> Response<Body> {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // Pages that an ingress was told to answer gRPC with may have the status alone.
    let is_grpc = kind.starts_with("application/grpc");
    if is_grpc || answer.headers().contains_key("grpc-status") {
        return answer;
    }
    let status = answer.status();
    let text = format!("HTTP status {status} ({kind:?}) instead of gRPC");
    Status::new(code(status), text).into_http()
}

/// As gRPC maps what HTTP says (<https://grpc.github.io/grpc/core/md_doc_http-grpc-status-mapping.html>),
/// and what is too large or late, which that knows nothing of.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
        _ => Code::Unknown,
    }
}

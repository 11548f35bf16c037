//! HTTP: which answer to which request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use askama::Template;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, LOCATION, SET_COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Notify, Semaphore};

use super::access::{Access, Verdict};
use super::body::Answer;
use super::hub::Hub;
use super::patient::Patient;
use super::{metrics, views};

/// Connections at a time; a browser opens six at most.
const CONNECTIONS: usize = 64;
/// Connections at a time of one other machine.
const CONNECTIONS_OF_ONE: usize = 16;
/// How long somebody may take to say what is wanted.
const PATIENCE: Duration = Duration::from_secs(10);
/// Browsers open six connections, one of which is for events: of more inputs than this they
/// fetch single pictures.
const STREAMS: usize = 4;

/// Nothing may come from elsewhere, go elsewhere or be shown within another page.
const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

const PLAIN: &str = "text/plain; charset=utf-8";

#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    names: Vec<&'a str>,
    streams: bool,
}

/// Answers for ever.
pub fn serve(listener: TcpListener, access: Access, hub: Arc<Hub>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there are threads and sockets");
    let access = Arc::new(access);
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("it does not block");
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let seats = Arc::<Seats>::default();
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                // As when there are no more file descriptors.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                continue;
            };
            let Some(seat) = Seat::take(&seats, peer.ip()) else {
                continue;
            };
            let (access, hub) = (access.clone(), hub.clone());
            tokio::spawn(async move {
                let (_place, _seat) = (place, seat);
                let gone = Arc::new(Notify::new());
                let lost = gone.clone();
                let service = service_fn(move |request| {
                    let answer = answer(&request, &access, &hub, &lost);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .serve_connection(TokioIo::new(Patient::new(stream)), service);
                tokio::select! {
                    // Whatever ends it, nobody is there to be told.
                    _ = connection => {}
                    () = gone.notified() => {}
                }
            });
        }
    });
}

/// Connections by the machine that they come from.
type Seats = Mutex<HashMap<IpAddr, usize>>;

/// One of the connections of a machine, as long as it lives.
struct Seat(Arc<Seats>, IpAddr);

impl Seat {
    /// `None` where the machine has enough of them. This one may have all: a proxy on it speaks
    /// for many.
    fn take(seats: &Arc<Seats>, peer: IpAddr) -> Option<Self> {
        let mut taken = seats.lock().unwrap();
        let count = taken.entry(peer).or_default();
        if *count >= CONNECTIONS_OF_ONE && !peer.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Self(seats.clone(), peer))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.0.lock().unwrap();
        if let Some(count) = taken.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.1);
            }
        }
    }
}

fn answer(
    request: &Request<Incoming>,
    access: &Access,
    hub: &Arc<Hub>,
    gone: &Arc<Notify>,
) -> Response<Answer> {
    let (status, kind, body) = match judged(request, access) {
        Err(refusal) => {
            let (status, text) = refusal;
            let mut response = Response::new(Answer::whole(text));
            *response.status_mut() = status;
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(PLAIN));
            // Who is not let in holds no place.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            return secured(response);
        }
        Ok(Some(())) => {
            let mut response = Response::new(Answer::whole(""));
            *response.status_mut() = StatusCode::SEE_OTHER;
            let headers = response.headers_mut();
            headers.insert(LOCATION, HeaderValue::from_static("/"));
            if let Ok(cookie) = HeaderValue::from_str(&access.cookie()) {
                headers.insert(SET_COOKIE, cookie);
            }
            return secured(response);
        }
        Ok(None) => route(request.uri().path(), hub, gone),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_str(kind).expect("kinds are of our own making");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    secured(response)
}

/// Why not, or whether the token is to be taken out of the address.
fn judged(
    request: &Request<Incoming>,
    access: &Access,
) -> Result<Option<()>, (StatusCode, &'static str)> {
    let mut head = Request::new(()).into_parts().0;
    head.uri = request.uri().clone();
    head.headers = request.headers().clone();
    let verdict = access.judge(&head);
    match verdict {
        Verdict::WrongHost => Err((
            StatusCode::MISDIRECTED_REQUEST,
            "This page is for this machine only, by its own name.\n",
        )),
        Verdict::NoToken => Err((
            StatusCode::UNAUTHORIZED,
            "Open the address that fer-annotate has printed: it has a token in it.\n",
        )),
        _ if request.method() != Method::GET && request.method() != Method::HEAD => {
            Err((StatusCode::METHOD_NOT_ALLOWED, "Only GET.\n"))
        }
        Verdict::WithToken if request.uri().path() == "/" => Ok(Some(())),
        Verdict::WithToken | Verdict::Yes => Ok(None),
    }
}

fn secured(mut response: Response<Answer>) -> Response<Answer> {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn route(path: &str, hub: &Arc<Hub>, gone: &Arc<Notify>) -> (StatusCode, &'static str, Answer) {
    let ok = |kind, body| (StatusCode::OK, kind, body);
    let camera = |name: &str| {
        let number: usize = name.parse().ok()?;
        (number < hub.cameras.len()).then_some(number)
    };
    let absent = (
        StatusCode::NOT_FOUND,
        PLAIN,
        Answer::whole("There is no such page.\n"),
    );
    match path {
        "/" => {
            let names: Vec<&str> = hub.cameras.iter().map(|c| c.name.as_str()).collect();
            let streams = names.len() <= STREAMS;
            match (Page { names, streams }).render() {
                Ok(page) => ok("text/html; charset=utf-8", Answer::whole(page)),
                Err(_) => (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    PLAIN,
                    Answer::whole("The page can't be made.\n"),
                ),
            }
        }
        "/live.css" => ok(
            "text/css; charset=utf-8",
            Answer::whole(include_str!("../../templates/live.css")),
        ),
        "/live.js" => ok(
            "text/javascript; charset=utf-8",
            Answer::whole(include_str!("../../templates/live.js")),
        ),
        "/events" => ok("text/event-stream", views::events(hub, gone.clone())),
        "/metrics" => ok(
            "text/plain; version=0.0.4; charset=utf-8",
            Answer::whole(metrics::text(hub)),
        ),
        path => {
            if let Some(number) = path.strip_prefix("/video/").and_then(camera) {
                let pictures = views::pictures(hub, number, gone.clone());
                return ok(views::MANY_PICTURES, pictures);
            }
            if let Some(number) = path.strip_prefix("/picture/").and_then(camera) {
                let picture = hub.cameras[number].picture.borrow().clone();
                if !picture.is_empty() {
                    return ok("image/jpeg", Answer::whole(picture));
                }
            }
            absent
        }
    }
}

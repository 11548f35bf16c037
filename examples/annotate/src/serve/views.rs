//! Streams to one viewer: pictures as `multipart/x-mixed-replace`, which browsers show in an
//! image, and messages as server-sent events. Each viewer has a queue of one; who does not take
//! anything for a while is let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, mpsc};

use super::body::Answer;
use super::hub::{Hub, Message};

/// Kind of a stream of pictures.
pub const MANY_PICTURES: &str = "multipart/x-mixed-replace; boundary=fer-frame";
/// How long a viewer may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two signs of life to who waits for events.
const SILENCE: Duration = Duration::from_secs(15);
/// Between the parts of a stream of pictures.
const BOUNDARY: &str = "fer-frame";

/// One more in a number, as long as it lives.
struct Counted(Arc<Hub>, fn(&Hub) -> &AtomicUsize);

impl Counted {
    fn new(hub: &Arc<Hub>, which: fn(&Hub) -> &AtomicUsize) -> Self {
        which(hub).fetch_add(1, Ordering::Relaxed);
        Self(hub.clone(), which)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives a piece to the network when it takes it; false where it does not in time or is gone.
async fn give(queue: &mpsc::Sender<Bytes>, piece: Bytes, gone: &Notify) -> bool {
    match tokio::time::timeout(PATIENCE, queue.send(piece)).await {
        Ok(sent) => sent.is_ok(),
        Err(_) => {
            gone.notify_one();
            false
        }
    }
}

/// The pictures of an input: always the latest, whatever has come between.
pub fn pictures(hub: &Arc<Hub>, camera: usize, gone: Arc<Notify>) -> Answer {
    let (queue, pieces) = mpsc::channel(1);
    let counted = Counted::new(hub, |hub| &hub.viewers);
    let mut pictures = hub.cameras[camera].picture.subscribe();
    pictures.mark_changed();
    tokio::spawn(async move {
        let _counted = counted;
        let head = format!("\r\n--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n");
        let mut first = head.clone();
        loop {
            tokio::select! {
                () = queue.closed() => return,
                changed = pictures.changed() => if changed.is_err() { return },
            }
            let picture = pictures.borrow_and_update().clone();
            if picture.is_empty() {
                continue;
            }
            // Chromium shows a picture when the head of the next one comes.
            let part = [first.as_bytes(), &picture, head.as_bytes()].concat();
            first.clear();
            if !give(&queue, part.into(), &gone).await {
                return;
            }
        }
    });
    Answer::Pieces(pieces)
}

fn event(message: &Message) -> Bytes {
    format!("event: {}\ndata: {}\n\n", message.event, message.data).into()
}

/// All messages, after one that tells what was before. Who is too slow for them gets that again.
pub fn events(hub: &Arc<Hub>, gone: Arc<Notify>) -> Answer {
    let (queue, pieces) = mpsc::channel(1);
    let counted = Counted::new(hub, |hub| &hub.listeners);
    let hub = hub.clone();
    tokio::spawn(async move {
        let _counted = counted;
        let (mut messages, everything) = hub.listen();
        let mut piece = event(&everything);
        loop {
            if !give(&queue, piece, &gone).await {
                return;
            }
            let message = tokio::select! {
                () = queue.closed() => return,
                message = tokio::time::timeout(SILENCE, messages.recv()) => message,
            };
            piece = match message {
                Err(_) => Bytes::from_static(b": still here\n\n"),
                Ok(Ok(message)) => event(&message),
                Ok(Err(RecvError::Lagged(_))) => {
                    let (anew, everything) = hub.listen();
                    messages = anew;
                    event(&everything)
                }
                Ok(Err(RecvError::Closed)) => return,
            };
        }
    });
    Answer::Pieces(pieces)
}

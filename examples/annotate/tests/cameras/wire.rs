//! What lies between a camera and who looks: a wire that can be cut, and a camera that speaks HTTP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Carries connections to a port, until it is cut. Both ends of those that it has then stay open,
/// and nothing comes any more, as from a camera without power.
pub struct Wire {
    pub port: u16,
    cuts: Arc<AtomicUsize>,
}

impl Wire {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            cuts: Arc::default(),
        };
        let cuts = wire.cuts.clone();
        std::thread::spawn(move || {
            for from in listener.incoming() {
                let from = from.unwrap();
                let to = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let begun = cuts.load(Ordering::Relaxed);
                for (mut from, mut to) in [
                    (from.try_clone().unwrap(), to.try_clone().unwrap()),
                    (to, from),
                ] {
                    let cuts = cuts.clone();
                    std::thread::spawn(move || {
                        let mut bytes = [0; 65536];
                        while let Ok(length @ 1..) = from.read(&mut bytes) {
                            let is_cut = cuts.load(Ordering::Relaxed) > begun;
                            if !is_cut && to.write_all(&bytes[..length]).is_err() {
                                return;
                            }
                        }
                    });
                }
            }
        });
        wire
    }

    /// Connections from now on are carried again.
    pub fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::Relaxed);
    }
}

/// A camera that sends these JPEGs over and over, ten a second, to whoever asks; gives its port.
pub fn http(pictures: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let pictures = Arc::new(pictures);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, pictures) = (stream.unwrap(), pictures.clone());
            std::thread::spawn(move || {
                // Its request, whatever it is.
                let _ = stream.read(&mut [0; 4096]);
                let kind = "multipart/x-mixed-replace;boundary=part";
                let head = format!("HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\n\r\n");
                let mut sent = stream.write_all(head.as_bytes());
                for picture in pictures.iter().cycle() {
                    let part = "--part\r\nContent-Type: image/jpeg\r\n\r\n";
                    let part = [part.as_bytes(), picture, b"\r\n"].concat();
                    sent = sent.and_then(|()| stream.write_all(&part));
                    if sent.is_err() {
                        return;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
            });
        }
    });
    port
}

/// A server that sends this recording to whoever asks; gives its port.
pub fn recording(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bytes = Arc::new(bytes);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, bytes) = (stream.unwrap(), bytes.clone());
            std::thread::spawn(move || {
                // Its request, whatever it is.
                let _ = stream.read(&mut [0; 4096]);
                let length = bytes.len();
                let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n");
                // Who asked may have had enough.
                let _ = stream.write_all(&[head.as_bytes(), &bytes].concat());
            });
        }
    });
    port
}

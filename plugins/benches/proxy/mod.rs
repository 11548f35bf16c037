//! A TCP proxy on loopback that holds back what passes, as a longer way would.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// A proxy, and what has passed through it.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy to `server` with this round trip beside its own.
    pub fn new(server: SocketAddr, round_trip: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Self {
            address: listener.local_addr()?,
            sent: Arc::default(),
            received: Arc::default(),
        };
        let (sent, received) = (proxy.sent.clone(), proxy.received.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else {
                    continue;
                };
                for side in [&client, &server] {
                    side.set_nodelay(true).expect("a socket");
                }
                let copy = |stream: &TcpStream| stream.try_clone().expect("a socket");
                pass(copy(&client), copy(&server), round_trip / 2, sent.clone());
                pass(server, client, round_trip / 2, received.clone());
            }
        });
        Ok(proxy)
    }

    /// Bytes to the server and back, in all.
    pub fn bytes(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.sent), of(&self.received))
    }
}

/// Passes on what is read, each piece that much later.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration, count: Arc<AtomicU64>) {
    let (put, get) = channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut room = [0; 65536];
        while let Ok(read @ 1..) = from.read(&mut room) {
            count.fetch_add(read as u64, Ordering::Relaxed);
            if put
                .send((Instant::now() + delay, room[..read].to_vec()))
                .is_err()
            {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, piece) in get {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        // The other side may have closed it already.
        let _ = to.shutdown(Shutdown::Both);
    });
}

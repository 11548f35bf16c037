//! The live page: pictures, faces, curves and events of all inputs in a browser, and figures for
//! Prometheus. Nothing of it holds up video: who looks on gets the latest, or nothing.

mod access;
mod body;
mod camera;
mod http;
mod hub;
mod metrics;
mod patient;
mod views;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::checks::is_standard_output;
use access::Access;
pub use camera::attach;
pub use hub::Hub;

/// Shows all inputs until it is interrupted.
///
/// # Errors
/// When the address can't be had, nothing can be shown, or a copy or records can't be written.
pub fn run(args: &Args, address: SocketAddr, interrupted: &Arc<AtomicBool>) -> Result<()> {
    let listener = TcpListener::bind(address).with_context(|| address.to_string())?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let access = Access::new(address)?;
    let hub = Arc::new(Hub::new(&args.inputs));
    let line = format!("live page: {}", access.url());
    if is_standard_output(args.records.as_deref()) {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
    let shared = hub.clone();
    std::thread::spawn(move || http::serve(listener, access, shared));
    let shared = hub.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            shared.look_for_silence();
        }
    });

    let ended: Vec<Result<()>> = std::thread::scope(|scope| {
        let camera = |number| {
            let (hub, interrupted) = (hub.clone(), interrupted.clone());
            move || camera::run(args, number, &hub, &interrupted)
        };
        let cameras = (0..args.inputs.len()).map(|number| scope.spawn(camera(number)));
        let cameras: Vec<_> = cameras.collect();
        let ended = cameras.into_iter().map(|camera| match camera.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    });
    let failed = ended.iter().filter(|ended| ended.is_err()).count();
    if failed == ended.len() || interrupted.load(Ordering::Relaxed) {
        return ended.into_iter().collect();
    }
    // What has been seen can be looked at.
    while !interrupted.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
    }
    if failed > 0 {
        bail!("{failed} of {} inputs failed", args.inputs.len());
    }
    Ok(())
}

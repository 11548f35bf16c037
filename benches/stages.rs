//! Time of preparing and classifying faces on one thread, for 1, 4 and 16 faces at once,
//! beside ONNX Runtime called from Python in the same run; and faces a second of one and of
//! four streams that share an engine.
//!
//! `cargo bench --workspace --bench stages`; engines and peers that are not there are named.

mod timing;

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use fer::engine::{self, Builtin, EngineKind, EngineOptions};
use fer::model::Bundled;
use fer::prepare::Preparer;
use fer::{Frame, Model, Rect};
use timing::{SPAN, median_ms};

const BATCHES: [usize; 3] = [1, 4, 16];
/// Milliseconds of ONNX Runtime in Python by batch, on one thread, or why there is none.
fn python(model: &Path) -> Result<Vec<f64>, String> {
    let code = format!(
        "import time, numpy, onnxruntime as ort\n\
         o = ort.SessionOptions(); o.intra_op_num_threads = 1\n\
         s = ort.InferenceSession({:?}, o)\n\
         for n in {BATCHES:?}:\n\
         \x20   x = numpy.zeros((n, 1, 48, 48), numpy.float32); t = []\n\
         \x20   end = time.perf_counter() + {}\n\
         \x20   while len(t) < 7 or time.perf_counter() < end:\n\
         \x20       b = time.perf_counter(); s.run(None, {{'input': x}}); t.append(time.perf_counter() - b)\n\
         \x20   t = sorted(t[2:]); print(t[len(t) // 2] * 1e3)\n",
        model.display().to_string(),
        SPAN.as_secs_f64(),
    );
    let output = Command::new("python3")
        .args(["-c", &code])
        .output()
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let times: Vec<f64> = text.lines().filter_map(|l| l.parse().ok()).collect();
    if times.len() == BATCHES.len() {
        Ok(times)
    } else {
        let why = String::from_utf8_lossy(&output.stderr);
        Err(why.lines().last().unwrap_or("no output").to_owned())
    }
}

fn main() {
    let model = Model::bundled().expect("the bundled model is valid");
    let spec = model.info().input.clone();

    let pixels: Vec<u8> = (0..640 * 480).map(|i| (i * 7 % 251) as u8).collect();
    let frame = Frame::gray(&pixels, 640, 480).expect("memory fits");
    let mut preparer = Preparer::new(&spec).expect("the bundled model is valid");
    let mut out = vec![0.0; spec.len()];
    println!("| prepare one face of | ms |\n| --- | --- |");
    for side in [60.0, 150.0, 400.0] {
        let face = Rect::new(20.5, 10.25, side, side);
        let ms = median_ms(|| {
            preparer
                .prepare(black_box(&frame), &face, &mut out)
                .expect("the face is inside");
        });
        println!("| {side} px | {ms:.4} |");
    }

    let models = [
        (Bundled::Small, env!("FER_BUNDLED_SMALL_MODEL")),
        (Bundled::Standard, env!("FER_BUNDLED_MODEL")),
        (Bundled::Accurate, env!("FER_BUNDLED_ACCURATE_MODEL")),
    ]
    .map(|(which, path)| (Model::built_in(which).expect("is valid"), path));
    println!(
        "\n| classify, ms a face | 1 face | 4 faces | 16 faces | of Python, 1 face | 16 faces |\n\
         | --- | --- | --- | --- | --- | --- |"
    );
    for (model, path) in &models {
        let peer = python(Path::new(path));
        for kind in ENGINES {
            match times(kind, model) {
                Ok(times) => row(
                    &format!("{}, {kind}", model.name()),
                    &times,
                    peer.as_ref().ok(),
                ),
                Err(why) => println!("| {}, {kind} | {why} | | | | |", model.name()),
            }
        }
        match &peer {
            Ok(times) => row("ONNX Runtime from Python", times, None),
            Err(why) => println!("| ONNX Runtime from Python | {why} | | | | |"),
        }
    }
    println!("\n| open the engine that is compiled in | ms |\n| --- | --- |");
    for (model, _) in &models {
        let ms = median_ms(|| {
            Builtin::open(black_box(model)).expect("the bundled models are valid");
        });
        println!("| {} | {ms:.1} |", model.name());
    }
    println!(
        "\n| faces a second, one each time | 1 stream | 4 streams | ratio |\n| --- | --- | --- | --- |"
    );
    for (model, _) in &models {
        for kind in ENGINES {
            let name = model.name();
            match (throughput(kind, model, 1), throughput(kind, model, 4)) {
                (Ok(one), Ok(four)) => {
                    println!(
                        "| {name}, {kind} | {one:.0} | {four:.0} | {:.2} |",
                        four / one
                    );
                }
                (Err(why), _) | (_, Err(why)) => println!("| {name}, {kind} | {why} | | |"),
            }
        }
    }
}

const ENGINES: [EngineKind; 2] = [EngineKind::Builtin, EngineKind::OnnxRuntime];

/// Milliseconds by batch, on one thread.
fn times(kind: EngineKind, model: &Model) -> fer::Result<[f64; 3]> {
    let options = EngineOptions {
        kind,
        ..Default::default()
    };
    let engine = engine::open(model, &options)?.engine;
    Ok(BATCHES.map(|n| {
        let input = vec![0.1; n * model.info().input.len()];
        let mut output = vec![0.0; n * model.info().labels.len()];
        median_ms(|| {
            let outcome = engine.run(black_box(&input), n, &mut output);
            outcome.expect("the engine has run before");
        })
    }))
}

fn row(name: &str, times: &[f64], peer: Option<&Vec<f64>>) {
    let each: Vec<f64> = times
        .iter()
        .zip(BATCHES)
        .map(|(t, n)| t / n as f64)
        .collect();
    let ratio = |at: usize| {
        peer.map_or("-".to_owned(), |peer| {
            format!("{:.2}", times[at] / peer[at])
        })
    };
    println!(
        "| {name} | {:.3} | {:.3} | {:.3} | {} | {} |",
        each[0],
        each[1],
        each[2],
        ratio(0),
        ratio(2)
    );
}

/// Faces a second of `streams` streams that share an engine, one face each time.
fn throughput(kind: EngineKind, model: &Model, streams: usize) -> fer::Result<f64> {
    let options = EngineOptions {
        kind,
        shared: true,
        ..Default::default()
    };
    let engines: Vec<_> = (0..streams)
        .map(|_| engine::open(model, &options))
        .collect::<fer::Result<_>>()?;
    let start = Instant::now();
    let counts: Vec<u64> = std::thread::scope(|scope| {
        let stream = |selection: engine::Selection| {
            scope.spawn(move || {
                let input = vec![0.1; model.info().input.len()];
                let mut output = vec![0.0; model.info().labels.len()];
                let mut count = 0;
                while start.elapsed() < SPAN {
                    let outcome = selection.engine.run(black_box(&input), 1, &mut output);
                    outcome.expect("the engine has run before");
                    count += 1;
                }
                count
            })
        };
        let running: Vec<_> = engines.into_iter().map(stream).collect();
        running
            .into_iter()
            .map(|r| r.join().expect("no panic"))
            .collect()
    });
    Ok(counts.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64())
}

//! Time of preparing and classifying faces on one thread, for 1, 4 and 16 faces at once,
//! beside ONNX Runtime called from Python in the same run.
//!
//! `cargo bench --workspace --bench stages`; engines and peers that are not there are named.

mod timing;

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use fer::engine::{self, EngineKind, EngineOptions};
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

    let peer = python(Path::new(env!("FER_BUNDLED_MODEL")));
    println!(
        "\n| classify, ms a face | 1 face | 4 faces | 16 faces | of Python |\n| --- | --- | --- | --- | --- |"
    );
    let row = |name: &str, times: &[f64]| {
        let each: Vec<f64> = times
            .iter()
            .zip(BATCHES)
            .map(|(t, n)| t / n as f64)
            .collect();
        let ratio = peer
            .as_ref()
            .map_or("-".to_owned(), |peer| format!("{:.2}", times[0] / peer[0]));
        println!(
            "| {name} | {:.3} | {:.3} | {:.3} | {ratio} |",
            each[0], each[1], each[2]
        );
    };
    let [small, accurate] = [Bundled::Small, Bundled::Accurate]
        .map(|which| Model::built_in(which).expect("the bundled models are valid"));
    let models = [("", &model), (", small", &small), (", accurate", &accurate)];
    let kinds = [EngineKind::Builtin, EngineKind::OnnxRuntime];
    for (kind, (size, model)) in kinds.iter().flat_map(|k| models.map(|m| (*k, m))) {
        let options = EngineOptions {
            kind,
            ..Default::default()
        };
        match engine::open(model, &options) {
            Ok(selection) => {
                let times = BATCHES.map(|n| {
                    let input = vec![0.1; n * spec.len()];
                    let mut output = vec![0.0; n * model.info().labels.len()];
                    median_ms(|| {
                        selection
                            .engine
                            .run(black_box(&input), n, &mut output)
                            .expect("the engine has run before");
                    })
                });
                row(&format!("{}{size}", kind.name()), &times);
            }
            Err(why) => println!("| {kind}{size} | {why} | | | |"),
        }
    }
    match &peer {
        Ok(times) => row("ONNX Runtime from Python", times),
        Err(why) => println!("| ONNX Runtime from Python | {why} | | | |"),
    }
}

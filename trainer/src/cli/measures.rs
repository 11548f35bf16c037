//! Measures on a terminal.

use fer_trainer::eval::{Agreement, Interval, Metrics, Robustness};
use fer_trainer::report::Undetected;

/// Prints all measures and the confusion matrix; `counted` is what they count.
pub fn print(m: &Metrics, counted: &str) {
    println!(
        "accuracy {:.2} % of {} {counted} (95 % interval {:.2} to {:.2}), balanced {:.2} %, macro F1 {:.4}, \
         calibration error {:.4}",
        100.0 * m.accuracy,
        m.n,
        100.0 * m.interval.low,
        100.0 * m.interval.high,
        100.0 * m.balanced_accuracy,
        m.macro_f1,
        m.ece
    );
    let percent = |share: Option<f64>| share.map_or("-".into(), |s| format!("{:.1}", 100.0 * s));
    println!(
        "{:10} {:>6} {:>9} {:>6} {:>6}  called",
        "class", "n", "precision", "recall", "F1"
    );
    for (class, row) in m.classes.iter().zip(&m.confusion) {
        let called: Vec<String> = row.iter().map(|n| format!("{n:5}")).collect();
        println!(
            "{:10} {:6} {:>9} {:>6} {:>6}  {}",
            class.class,
            class.n,
            percent(class.precision),
            percent(class.recall),
            percent(class.f1),
            called.join(" ")
        );
    }
}

/// Prints the interval by subjects; nothing where they are not known.
pub fn print_by_subject(interval: Option<Interval>) {
    if let Some(Interval { low, high }) = interval {
        println!(
            "for people who were never seen: 95 % interval {:.2} to {:.2} (bootstrap over subjects; \
             with fewer than 30 the wider of it and Wilson's)",
            100.0 * low,
            100.0 * high
        );
    }
}

/// Prints what the detector's misses make of the accuracy; nothing where it has none.
pub fn print_missed(missed: &Undetected) {
    if missed.n > 0 {
        println!(
            "{} pictures without a face that the detector sees: {:.2} % with them as wrong",
            missed.n,
            100.0 * missed.accuracy_with
        );
    }
}

/// Prints how probabilities agree with votes.
pub fn print_agreement(agreement: &Agreement) {
    println!(
        "beside the votes on {} pictures: cosine {:.4}, divergence {:.4} nats",
        agreement.n, agreement.cosine, agreement.divergence
    );
}

/// Prints what is left of the accuracy under damage.
pub fn print_robustness(r: &Robustness) {
    println!(
        "damaged: mean {:.2} %, {:.3} of the {:.2} % on clean faces; balanced {:.2} % (seed {})",
        100.0 * r.mean,
        r.share_of_clean,
        100.0 * r.clean,
        100.0 * r.balanced_mean,
        r.seed
    );
}

//! Figures of others to hold ours against.

use super::{Cell, Table};
use crate::data::{Dataset, classes};

/// The data set that a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Benchmark {
    /// JAFFE.
    Jaffe,
    /// The extended Cohn-Kanade set.
    CkPlus,
    /// FER-2013 with its own labels.
    Fer2013,
    /// FER-2013 with the majority of FERPlus' votes.
    FerPlus,
}

impl Benchmark {
    /// The set that `data` is, by its form; of folders of classes only FER-2013's are known.
    pub fn of(data: &Dataset) -> Option<Self> {
        match data.format {
            "jaffe" => Some(Self::Jaffe),
            "ck+" | "ck+48" => Some(Self::CkPlus),
            "fer2013-csv" => Some(Self::Fer2013),
            "ferplus" => Some(Self::FerPlus),
            _ if data.is_fer2013() && data.classes == classes::FER2013 => Some(Self::Fer2013),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jaffe => "JAFFE",
            Self::CkPlus => "CK+",
            Self::Fer2013 => "FER-2013",
            Self::FerPlus => "FERPlus",
        }
    }
}

/// A figure that someone else has reached.
#[derive(Debug, Clone, Copy)]
struct Baseline {
    on: Benchmark,
    name: &'static str,
    accuracy: f64,
    /// How it was had, which decides what it can be compared to.
    how: &'static str,
}

const SEEN: &str = "published; same people on both sides, model chosen on the test pictures";
const MEASURED: &str = "package with weights, measured by us on the held-out part";

const fn of(on: Benchmark, name: &'static str, accuracy: f64, how: &'static str) -> Baseline {
    Baseline {
        on,
        name,
        accuracy,
        how,
    }
}

/// FER-2013's held-out part has its original pixels, 3,589 faces; by FERPlus' majority 3,136
/// of them have one of seven classes.
const BASELINES: [Baseline; 13] = [
    of(Benchmark::Jaffe, "RT-FER, six classes", 0.9524, SEEN),
    of(
        Benchmark::CkPlus,
        "RT-FER, six classes, last frames",
        0.9692,
        SEEN,
    ),
    of(Benchmark::Fer2013, "people", 0.65, "published, +- 5 %"),
    of(
        Benchmark::Fer2013,
        "best single network trained on it alone",
        0.733,
        "published",
    ),
    of(
        Benchmark::Fer2013,
        "@vladmandic/human 3.3.6",
        0.672,
        MEASURED,
    ),
    of(Benchmark::Fer2013, "fer 25.10.3", 0.658, MEASURED),
    of(
        Benchmark::Fer2013,
        "@vladmandic/face-api 1.7.15",
        0.588,
        MEASURED,
    ),
    of(Benchmark::Fer2013, "facex", 0.427, MEASURED),
    of(
        Benchmark::FerPlus,
        "VGG13 trained on its votes, eight classes",
        0.850,
        "published",
    ),
    of(
        Benchmark::FerPlus,
        "@vladmandic/face-api 1.7.15",
        0.687,
        MEASURED,
    ),
    of(
        Benchmark::FerPlus,
        "@vladmandic/human 3.3.6",
        0.677,
        MEASURED,
    ),
    of(Benchmark::FerPlus, "fer 25.10.3", 0.674, MEASURED),
    of(
        Benchmark::FerPlus,
        "our standard model before it learned from votes",
        0.705,
        "measured by us on the held-out part",
    ),
];

/// Ours, with how it was had, and the baselines on the same data set; `None` where there is none.
pub fn table(ours: f64, how: &str, on: Option<Benchmark>) -> Option<Table> {
    let mut table = Table::new(["system", "data set", "accuracy", "how"]);
    let on = on?;
    table.push(vec![
        "this model".into(),
        on.name().into(),
        Cell::Share(ours),
        how.into(),
    ]);
    let mut any = false;
    for baseline in BASELINES.iter().filter(|b| b.on == on) {
        any = true;
        table.push(vec![
            baseline.name.into(),
            baseline.on.name().into(),
            Cell::Share(baseline.accuracy),
            baseline.how.into(),
        ]);
    }
    any.then_some(table)
}

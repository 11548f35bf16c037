//! Figures of others to hold ours against.

use super::{Cell, Table};

/// The data set that a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// JAFFE.
    Jaffe,
    /// The extended Cohn-Kanade set.
    CkPlus,
    /// FER-2013.
    Fer2013,
}

impl On {
    /// The set in a form that the readers of [`data`](crate::data) know; folders may hold
    /// anything, and FER-2013's classes tell it.
    pub fn of(format: &str, classes: &[String]) -> Option<Self> {
        match format {
            "jaffe" => Some(Self::Jaffe),
            "ck+" | "ck+48" => Some(Self::CkPlus),
            "fer2013-csv" => Some(Self::Fer2013),
            "folder" if classes == crate::data::classes::FER2013 => Some(Self::Fer2013),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jaffe => "JAFFE",
            Self::CkPlus => "CK+",
            Self::Fer2013 => "FER-2013",
        }
    }
}

/// A figure that someone else has reached.
#[derive(Debug, Clone, Copy)]
struct Baseline {
    on: On,
    name: &'static str,
    accuracy: f64,
    /// How it was had, which decides what it can be compared to.
    how: &'static str,
}

const SEEN: &str = "published; same people on both sides, model chosen on the test pictures";
const MEASURED: &str = "package with weights, measured by us on the held-out part";

const BASELINES: [Baseline; 7] = [
    Baseline {
        on: On::Jaffe,
        name: "RT-FER, six classes",
        accuracy: 0.9524,
        how: SEEN,
    },
    Baseline {
        on: On::CkPlus,
        name: "RT-FER, six classes, last frames",
        accuracy: 0.9692,
        how: SEEN,
    },
    Baseline {
        on: On::Fer2013,
        name: "people",
        accuracy: 0.65,
        how: "published, about",
    },
    Baseline {
        on: On::Fer2013,
        name: "best single network trained on it alone",
        accuracy: 0.733,
        how: "published",
    },
    Baseline {
        on: On::Fer2013,
        name: "fer",
        accuracy: 0.584,
        how: MEASURED,
    },
    Baseline {
        on: On::Fer2013,
        name: "@vladmandic/face-api",
        accuracy: 0.568,
        how: MEASURED,
    },
    Baseline {
        on: On::Fer2013,
        name: "@vladmandic/human",
        accuracy: 0.563,
        how: MEASURED,
    },
];

/// Ours, with how it was had, and the baselines: all of them, or those `on` one data set.
/// `None` where there is none.
pub fn table(ours: f64, how: &str, on: Option<On>, all: bool) -> Option<Table> {
    let mut table = Table::new(["system", "data set", "accuracy", "how"]);
    let set = on.map_or("this data", On::name);
    table.push(vec![
        "this model".into(),
        set.into(),
        Cell::Share(ours),
        how.into(),
    ]);
    let mut any = false;
    for baseline in BASELINES.iter().filter(|b| all || Some(b.on) == on) {
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

//! How expressions look: colours that colour-blind people tell apart (Okabe and Ito, 2008), each
//! with a pattern of its own, so that colour is never the only sign.

/// What is called so where a face was not read.
pub const UNREAD: &str = "not read";

/// Colours of Okabe and Ito, and grey.
const COLOURS: [&str; 8] = [
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#b0b0b0",
];

/// Those of them that are dark.
const DARK: [usize; 3] = [2, 4, 5];

/// Marks in a tile of 8 x 8, and how a line in a chart is dashed.
const MARKS: [(&str, &str); 8] = [
    ("", "none"),
    ("M0 2H8M0 6H8", "6 3"),
    ("M0 0L8 8", "2 2"),
    ("M2 0V8M6 0V8", "10 3"),
    ("M0 8L8 0", "1 3"),
    ("M0 0L8 8M0 8L8 0", "8 2 2 2"),
    ("M3 3H5V5H3Z", "4 4"),
    ("M0 4H4M4 0V4", "12 2 2 2 2 2"),
];

/// Those of the built-in networks, as colour and mark.
const KNOWN: [(&str, usize, usize); 7] = [
    ("happy", 0, 6),
    ("surprise", 1, 3),
    ("disgust", 2, 5),
    ("contempt", 3, 7),
    ("sad", 4, 1),
    ("angry", 5, 4),
    ("fear", 6, 2),
];

/// How an expression looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its name.
    pub label: String,
    /// Number of its pattern.
    pub number: usize,
    /// Colour behind the marks.
    pub colour: &'static str,
    /// Path of the marks in a tile of 8 x 8.
    pub mark: &'static str,
    /// Colour of the marks, light on dark and dark on light.
    pub ink: &'static str,
    /// Value of `stroke-dasharray`.
    pub dash: &'static str,
}

/// The looks of all `labels`, in their order.
pub fn looks<'a>(labels: impl IntoIterator<Item = &'a str>) -> Vec<Look> {
    let mut others = 0;
    let look = |(number, label): (usize, &str)| {
        let (colour, mark) = match KNOWN.iter().find(|(known, ..)| *known == label) {
            Some((_, colour, mark)) => (*colour, *mark),
            None if ["neutral", gstfer::meta::UNCERTAIN, UNREAD].contains(&label) => (7, 0),
            // Another pair each time until all have been used; grey is for the three above.
            None => loop {
                others += 1;
                let pair = (others % 7, (others % 7 + others / 7) % 8);
                if KNOWN
                    .iter()
                    .all(|(_, colour, mark)| (*colour, *mark) != pair)
                {
                    break pair;
                }
            },
        };
        let (mark, dash) = match label {
            gstfer::meta::UNCERTAIN => MARKS[7],
            UNREAD => MARKS[2],
            _ => MARKS[mark],
        };
        Look {
            label: label.to_owned(),
            number,
            colour: COLOURS[colour],
            mark,
            ink: if DARK.contains(&colour) {
                "#fff"
            } else {
                "#000"
            },
            dash,
        }
    };
    labels.into_iter().enumerate().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_look_alike() {
        let all = "angry disgust fear happy sad surprise neutral uncertain a b c d e f g h i j k";
        let labels = all.split(' ').chain(["not read"]);
        let looks = looks(labels);
        for (i, a) in looks.iter().enumerate() {
            for b in &looks[..i] {
                assert_ne!((a.colour, a.mark), (b.colour, b.mark), "{a:?} {b:?}");
            }
        }
    }
}

//! Names of expressions.

/// The classes of FER-2013 in the order of its labels, 0 to 6.
pub const FER2013: [&str; 7] = [
    "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
];

/// The eighth class of CK+, FERPlus and AffectNet.
pub const CONTEMPT: &str = "contempt";

/// The name that this program uses for an expression, however a data set spells it; `None`
/// for other words.
pub fn canonical(name: &str) -> Option<&'static str> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "angry" | "anger" | "an" => "angry",
        "disgust" | "disgusted" | "di" => "disgust",
        "fear" | "fearful" | "afraid" | "fe" => "fear",
        "happy" | "happiness" | "joy" | "ha" => "happy",
        "sad" | "sadness" | "sa" => "sad",
        "surprise" | "surprised" | "su" => "surprise",
        "neutral" | "ne" => "neutral",
        "contempt" => CONTEMPT,
        _ => return None,
    })
}

/// Class names in the order of labels: expressions as in FER-2013 and contempt last, other
/// words after the alphabet.
pub fn ordered(mut names: Vec<String>) -> Vec<String> {
    let place = |name: &str| {
        FER2013
            .iter()
            .chain(&[CONTEMPT])
            .position(|known| *known == name)
            .unwrap_or(usize::MAX)
    };
    names.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_and_order() {
        assert_eq!(canonical(" Happiness "), Some("happy"));
        assert_eq!(canonical("cat"), None);
        let names = ["contempt", "neutral", "fear", "angry", "fear"].map(String::from);
        assert_eq!(
            ordered(names.to_vec()),
            ["angry", "fear", "neutral", "contempt"]
        );
    }
}

//! JAFFE: `KA.AN1.39.tiff` is subject, expression with take, and serial number.

use std::path::Path;

use super::files::{Unread, pictures, stem};
use super::picture::Entry;
use super::{Dataset, ReadOptions, classes};
use crate::Result;

/// Subject and class in a file's name.
fn parse(file: &Path) -> Option<(String, &'static str)> {
    let parts: Vec<&str> = stem(file).split('.').collect();
    let [subject, expression, serial] = parts[..] else {
        return None;
    };
    let take = expression.get(2..)?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let named = subject.len() == 2 && subject.bytes().all(|b| b.is_ascii_uppercase());
    if !named || !number(take) || !number(serial) {
        return None;
    }
    let class = classes::canonical(expression.get(..2)?)?;
    Some((subject.to_owned(), class))
}

/// Whether most pictures in the folder are named as JAFFE's.
pub(super) fn fits(path: &Path) -> Result<bool> {
    let files = pictures(path, &mut Unread::new())?;
    let named = files.iter().filter(|f| parse(f).is_some()).count();
    Ok(named > 0 && 2 * named >= files.len())
}

/// Reads every picture; files of another name become faults.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let mut dataset = Dataset {
        format: "jaffe",
        classes: classes::FER2013.map(String::from).to_vec(),
        ..Dataset::default()
    };
    let mut entries = Vec::new();
    for file in pictures(path, &mut dataset.unread)? {
        match parse(&file) {
            Some((subject, class)) => entries.push(Entry {
                file,
                label: dataset.label(class),
                split: None,
                subject: Some(subject),
                aligned: None,
            }),
            None => dataset
                .faults
                .push(format!("{}: not named as in JAFFE", stem(&file))),
        }
    }
    dataset.read_pictures(path, &entries, options);
    Ok(dataset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let parse = |name: &str| parse(Path::new(name));
        assert_eq!(parse("KA.AN1.39.tiff"), Some(("KA".into(), "angry")));
        assert_eq!(parse("YM.NE12.100.jpg"), Some(("YM".into(), "neutral")));
        for other in [
            "KA.XX1.39.tiff",
            "KA.AN.39.tiff",
            "README.tiff",
            "ka.AN1.3.tiff",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}

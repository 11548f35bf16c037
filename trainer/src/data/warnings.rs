//! What is odd about a data set, said before time is spent on it.

use std::collections::BTreeSet;

use super::{Dataset, Sample};

/// One line for each oddity of the pictures to train on and those to validate by: classes
/// without a picture, the same people in both, pictures of several sizes.
pub fn warnings(data: &Dataset, train: &[&Sample], validation: &[&Sample]) -> Vec<String> {
    let mut lines = Vec::new();
    for (samples, verb) in [(train, "train on"), (validation, "validate by")] {
        let counts = data.counts(samples.iter().copied());
        for (class, _) in data.classes.iter().zip(counts).filter(|(_, n)| *n == 0) {
            lines.push(format!("there is no {class} to {verb}"));
        }
    }
    lines.extend(lone_subjects(data));
    lines.extend(same_people(
        ("train on", train),
        ("validate by", validation),
    ));
    if let [first, .., last] = data.sizes.keys().collect::<Vec<_>>()[..] {
        lines.push(format!(
            "pictures are of {} sizes, {} x {} to {} x {}; all are brought to one",
            data.sizes.len(),
            first.0,
            first.1,
            last.0,
            last.1
        ));
    }
    lines
}

/// That subjects keep nothing apart, since each has one picture.
pub fn lone_subjects(data: &Dataset) -> Option<String> {
    let (pictures, subjects) = (data.samples.len(), data.subjects()?.len());
    (pictures > 1 && subjects == pictures).then(|| {
        format!(
            "each of the {pictures} pictures is of a subject of its own: if that is not so, the \
             same people are on both sides, and accuracy is too good for people who were never seen"
        )
    })
}

/// That subjects are in two parts, each with what it is for.
pub fn same_people(a: (&str, &[&Sample]), b: (&str, &[&Sample])) -> Option<String> {
    let people = |samples: &[&Sample]| -> BTreeSet<String> {
        samples.iter().filter_map(|s| s.subject.clone()).collect()
    };
    let (own, others) = (people(a.1), people(b.1));
    let both = own.intersection(&others).count();
    (both > 0).then(|| {
        format!(
            "{both} of {} subjects to {} are also among those to {}, so that accuracy is too good \
             for people who were never seen",
            others.len(),
            b.0,
            a.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(label: usize, pattern: usize) -> Sample {
        Sample {
            pixels: (0..48 * 48).map(|i| (i * pattern % 251) as u8).collect(),
            label,
            ..Sample::default()
        }
    }

    #[test]
    fn a_sound_set_has_none_and_each_oddity_is_named() {
        let mut data = Dataset {
            classes: vec!["happy".into(), "sad".into()],
            ..Dataset::default()
        };
        let samples = [sample(0, 3), sample(1, 7), sample(0, 11), sample(1, 13)];
        let [a, b, c, d] = &samples;
        assert!(warnings(&data, &[a, b], &[c, d]).is_empty());

        let known = samples.each_ref().map(|sample| Sample {
            subject: Some(format!("S{}", sample.pixels[1] % 5)),
            ..sample.clone()
        });
        // 3, 7, 11 and 13 are S3, S2, S1 and S3.
        let [e, f, g, h] = &known;
        let lines = warnings(&data, &[e, f], &[g, h]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let said = "1 of 2 subjects to validate by are also among those to train on";
        assert!(lines[0].contains(said), "{lines:?}");

        data.sizes = [((48, 48), 3), ((90, 60), 1)].into();
        let lines = warnings(&data, &[a, c], &[c, d]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("no sad to train on"), "{lines:?}");
        assert!(
            lines[1].contains("2 sizes, 48 x 48 to 90 x 60"),
            "{lines:?}"
        );
    }
}

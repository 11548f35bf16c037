//! Small data sets of drawn faces in the forms of others.

use std::path::Path;

use fer_trainer::SIDE;
use fer_trainer::rng::Rng;

use super::face;

fn save(path: &Path, label: usize, rng: &mut Rng) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let side = SIDE as u32;
    let pixels = face(label, rng);
    image::save_buffer(path, &pixels, side, side, image::ExtendedColorType::L8).unwrap();
}

/// FER-2013's folders with the classes angry, happy, sad and neutral; `train` and
/// `validation` pictures of each.
pub fn fer2013(folder: &Path, train: usize, validation: usize) {
    let mut rng = Rng::new(2);
    for (label, class) in ["angry", "happy", "sad", "neutral"].iter().enumerate() {
        for (part, usage, n) in [
            ("train", "Training", train),
            ("validation", "PublicTest", validation),
        ] {
            for i in 0..n {
                let file = folder
                    .join(part)
                    .join(class)
                    .join(format!("{usage}_{i}.png"));
                save(&file, label, &mut rng);
            }
        }
    }
}

/// FER-2013's table with `n` rows, one in two of them for validation.
pub fn fer2013_csv(file: &Path, n: usize) {
    let mut rng = Rng::new(5);
    let mut text = "emotion,pixels,Usage\n".to_owned();
    for i in 0..n {
        let pixels: Vec<String> = face(i % 4, &mut rng).iter().map(u8::to_string).collect();
        let part = ["Training", "PublicTest"][i % 2];
        text += &format!("{},{},{part}\n", i % 7, pixels.join(" "));
    }
    std::fs::write(file, text).unwrap();
}

/// JAFFE with these subjects, four expressions and `takes` of each.
pub fn jaffe(folder: &Path, subjects: &[&str], takes: usize) {
    let mut rng = Rng::new(3);
    let mut serial = 1;
    for subject in subjects {
        for (label, expression) in ["AN", "HA", "SA", "NE"].iter().enumerate() {
            for take in 1..=takes {
                let file = folder.join(format!("{subject}.{expression}{take}.{serial}.tiff"));
                save(&file, label, &mut rng);
                serial += 1;
            }
        }
    }
}

/// CK+ with `subjects` subjects, a sequence each of anger, happiness and sadness, whose
/// three frames begin with a neutral one.
pub fn ck_plus(folder: &Path, subjects: usize) {
    let mut rng = Rng::new(4);
    for subject in 0..subjects {
        for (label, emotion) in [1, 5, 6].iter().enumerate() {
            let place = format!("S{subject:03}/{:03}", label + 1);
            let name = place.replace('/', "_");
            for frame in 1..=3 {
                let file = format!("cohn-kanade-images/{place}/{name}_{frame:08}.png");
                let shown = if frame == 1 { 3 } else { label };
                save(&folder.join(file), shown, &mut rng);
            }
            let labels = folder.join("Emotion").join(&place);
            std::fs::create_dir_all(&labels).unwrap();
            let text = format!("   {emotion}.0000000e+00\n");
            std::fs::write(labels.join(format!("{name}_00000003_emotion.txt")), text).unwrap();
        }
    }
}

/// Happy and neutral pictures of `subjects` people, whose number is the file's name.
pub fn people(folder: &Path, subjects: usize) {
    people_from(folder, 1, subjects);
}

/// The same of `subjects` people from number `first` on, who are others than those of another
/// `first`.
pub fn people_from(folder: &Path, first: usize, subjects: usize) {
    let mut rng = Rng::new(4 + first as u64);
    for (label, class) in [(1, "happy"), (3, "neutral")] {
        for subject in first..first + subjects {
            let file = folder.join(class).join(format!("{subject:02}.png"));
            save(&file, label, &mut rng);
        }
    }
}

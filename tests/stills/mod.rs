//! Portraits of many people with checked boxes, and pictures made of them: tilted, cut to the
//! face, and put together to crowds. Every box is known by construction.
//!
//! The portraits are no part of the repository. They are looked for in `FER_STILLS_DIR` and in
//! `../shared/data/second_stage`, as `tests/data/stills.json` names them.

#![allow(dead_code, reason = "each test and bench uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fer::frame::GrayImage;
use fer::{Point, Rect};

/// Whose pictures detection is tuned by, and whose it is scored by: half of the people each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    Tuning,
    Scoring,
    All,
}

/// A picture with the boxes of the faces in it.
pub struct Still {
    pub image: GrayImage,
    pub faces: Vec<Rect>,
}

/// The portraits of those people; `None` where this machine lacks them.
pub fn portraits(people: People) -> Option<Vec<Still>> {
    #[derive(serde::Deserialize)]
    struct File {
        pictures: BTreeMap<String, [f32; 4]>,
    }
    let folder = folder()?;
    let file: File = serde_json::from_str(include_str!("../data/stills.json")).unwrap();
    let person = |name: &str| {
        let path = Path::new(name);
        let set = path.components().next().unwrap().as_os_str().to_owned();
        (set, path.file_stem().unwrap().to_owned())
    };
    let all: BTreeSet<_> = file.pictures.keys().map(|name| person(name)).collect();
    let tuning: BTreeSet<_> = all.into_iter().step_by(2).collect();
    let chosen = file.pictures.iter().filter(|(name, _)| match people {
        People::Tuning => tuning.contains(&person(name)),
        People::Scoring => !tuning.contains(&person(name)),
        People::All => true,
    });
    let still = |(name, [x, y, width, height]): (&String, &[f32; 4])| {
        let picture = image::open(folder.join(name)).unwrap().into_luma8();
        let (across, down) = (picture.width() as usize, picture.height() as usize);
        Still {
            image: GrayImage::from_vec(across, down, picture.into_raw()).unwrap(),
            faces: vec![Rect::new(*x, *y, *width, *height)],
        }
    };
    Some(chosen.map(still).collect())
}

fn folder() -> Option<PathBuf> {
    let own = std::env::var_os("FER_STILLS_DIR").map(PathBuf::from);
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = folders.find(|folder| folder.join("Cargo.lock").is_file())?;
    let shared = root.join("../shared/data/second_stage");
    own.into_iter().chain([shared]).find(|path| path.is_dir())
}

impl Still {
    /// The picture turned clockwise by `degrees` around its middle, of the same size; the boxes
    /// keep their size. Beyond its edge the edge is repeated.
    pub fn tilted(&self, degrees: f32) -> Self {
        let (width, height) = (self.image.width(), self.image.height());
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
        let pixel = |i: usize| {
            let (x, y) = ((i % width) as f32 + 0.5 - cx, (i / width) as f32 + 0.5 - cy);
            self.at(cx + x * cos + y * sin, cy - x * sin + y * cos)
        };
        let pixels = (0..width * height).map(pixel).collect();
        let turned = |face: &Rect| {
            let Point { x, y } = face.center();
            let (x, y) = (x - cx, y - cy);
            let (x, y) = (cx + x * cos - y * sin, cy + x * sin + y * cos);
            centered(x, y, face.width, face.height)
        };
        Self {
            image: GrayImage::from_vec(width, height, pixels).unwrap(),
            faces: self.faces.iter().map(turned).collect(),
        }
    }

    /// Only the face, `height` pixels high, with a twentieth of its box around it.
    pub fn cut(&self, height: usize) -> Self {
        let part = self.faces[0]
            .expand(0.05)
            .clamp(self.image.width(), self.image.height());
        self.part(&part, height as f32 / part.height)
    }

    /// A part of the picture, scaled.
    fn part(&self, part: &Rect, scale: f32) -> Self {
        let side = |length: f32| ((length * scale).round() as usize).max(1);
        let (width, height) = (side(part.width), side(part.height));
        // Averages what falls into a pixel.
        let fine = (1.0 / scale).ceil().max(1.0) as usize;
        let pixel = |i: usize| {
            let sum: f32 = (0..fine * fine)
                .map(|k| {
                    let sub = |k: usize| (k as f32 + 0.5) / fine as f32;
                    let x = part.x + ((i % width) as f32 + sub(k % fine)) / scale;
                    let y = part.y + ((i / width) as f32 + sub(k / fine)) / scale;
                    f32::from(self.at(x, y))
                })
                .sum();
            (sum / (fine * fine) as f32).round() as u8
        };
        let face = self.faces[0];
        Self {
            image: GrayImage::from_vec(width, height, (0..width * height).map(pixel).collect())
                .unwrap(),
            faces: vec![
                Rect::new(face.x - part.x, face.y - part.y, face.width, face.height).scale(scale),
            ],
        }
    }

    /// The picture's value there, between its pixels.
    fn at(&self, x: f32, y: f32) -> u8 {
        let (width, height) = (self.image.width(), self.image.height());
        let x = (x - 0.5).clamp(0.0, (width - 1) as f32);
        let y = (y - 0.5).clamp(0.0, (height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
        let value = |x: usize, y: usize| f32::from(self.image.pixels()[y * width + x]);
        let (part_x, part_y) = (x.fract(), y.fract());
        let above = value(left, top) * (1.0 - part_x) + value(right, top) * part_x;
        let below = value(left, bottom) * (1.0 - part_x) + value(right, bottom) * part_x;
        (above * (1.0 - part_y) + below * part_y).round() as u8
    }
}

fn centered(x: f32, y: f32, width: f32, height: f32) -> Rect {
    Rect::new(x - width / 2.0, y - height / 2.0, width, height)
}

/// Photographs of 1280 x 853 pixels of up to twelve people each, before a wall of stripes and
/// noise; their faces are 40 to 75 pixels high.
pub fn crowds(portraits: &[Still]) -> Vec<Still> {
    const SIZE: (usize, usize) = (1280, 853);
    let mut random = Random(7);
    let crowd = |people: &[Still]| {
        let mut image = GrayImage::from_vec(SIZE.0, SIZE.1, vec![0; SIZE.0 * SIZE.1]).unwrap();
        for (i, pixel) in image.pixels_mut().iter_mut().enumerate() {
            let (x, y) = (i % SIZE.0, i / SIZE.0);
            let shade = 90 + 60 * usize::from((x / 37 + y / 91).is_multiple_of(3)) + y / 16;
            *pixel = (shade + random.below(24)) as u8;
        }
        let mut faces = Vec::new();
        for (place, portrait) in people.iter().enumerate() {
            let height = 40 + random.below(36);
            let head = portrait.faces[0].expand(0.35);
            let head = head.clamp(portrait.image.width(), portrait.image.height());
            let head = portrait.part(&head, height as f32 / portrait.faces[0].height);
            let left = 40 + place % 4 * 310 + random.below(150);
            let top = 30 + place / 4 * 270 + random.below(110);
            for (row, line) in head
                .image
                .pixels()
                .chunks_exact(head.image.width())
                .enumerate()
            {
                let start = (top + row) * SIZE.0 + left;
                image.pixels_mut()[start..start + line.len()].copy_from_slice(line);
            }
            let face = head.faces[0];
            let (x, y) = (face.x + left as f32, face.y + top as f32);
            faces.push(Rect { x, y, ..face });
        }
        Still { image, faces }
    };
    portraits.chunks(12).map(crowd).collect()
}

/// Numbers that are the same in every run.
pub struct Random(pub u32);

impl Random {
    /// From 0 on, below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % end
    }
}

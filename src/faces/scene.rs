//! What changed in the picture since it was last scanned.

use crate::Rect;
use crate::frame::GrayImage;

/// Cells of the thumbnail in each direction.
const CELLS: usize = 24;
/// A new scene differs from the frame before by at least this mean difference of luma.
const CUT: f32 = 22.0;
/// A cell has changed when its luma did by at least this, beyond the change of the
/// whole picture's brightness.
const MOVED: f32 = 10.0;

/// Mean luma of the cells of a grid over the picture.
type Thumbnail = [f32; CELLS * CELLS];

/// Compares frames by a thumbnail.
pub(crate) struct Scene {
    last: Option<Thumbnail>,
    /// What each cell looked like when it was last scanned for faces.
    scanned: Thumbnail,
    width: usize,
    height: usize,
}

impl Scene {
    pub fn new() -> Self {
        Self {
            last: None,
            scanned: [0.0; CELLS * CELLS],
            width: 0,
            height: 0,
        }
    }

    /// Forgets the frame before.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// Takes the next frame; whether it shows another scene than the one before. The
    /// first frame does.
    pub fn advance(&mut self, image: &GrayImage) -> bool {
        let thumbnail = thumbnail(image);
        let cut = match &self.last {
            Some(last) if (self.width, self.height) == (image.width(), image.height()) => {
                let difference = thumbnail.iter().zip(last).map(|(a, b)| (a - b).abs());
                difference.sum::<f32>() / thumbnail.len() as f32 >= CUT
            }
            _ => true,
        };
        (self.width, self.height) = (image.width(), image.height());
        self.last = Some(thumbnail);
        cut
    }

    /// Notes that `region` of the current frame has been scanned.
    pub fn mark_scanned(&mut self, region: &Rect) {
        let Some(last) = self.last else { return };
        for (cell, brightness) in last.iter().enumerate() {
            let middle = self.cell(cell).center();
            let inside = |v: f32, from: f32, to: f32| v >= from && v < to;
            if inside(middle.x, region.x, region.right())
                && inside(middle.y, region.y, region.bottom())
            {
                self.scanned[cell] = *brightness;
            }
        }
    }

    /// The smallest box around all cells that changed since they were scanned, but for
    /// those inside `known` boxes.
    pub fn changed(&self, known: &[Rect]) -> Option<Rect> {
        let last = self.last.as_ref()?;
        let mut differences: Vec<f32> =
            last.iter().zip(&self.scanned).map(|(a, b)| a - b).collect();
        let brightness = median(&mut differences.clone());
        for difference in &mut differences {
            *difference -= brightness;
        }
        differences
            .iter()
            .enumerate()
            .filter(|(_, difference)| difference.abs() >= MOVED)
            .map(|(i, _)| self.cell(i))
            .filter(|cell| known.iter().all(|k| k.intersect(cell).is_empty()))
            .reduce(|a, b| {
                let (x, y) = (a.x.min(b.x), a.y.min(b.y));
                let (right, bottom) = (a.right().max(b.right()), a.bottom().max(b.bottom()));
                Rect::new(x, y, right - x, bottom - y)
            })
    }

    fn cell(&self, i: usize) -> Rect {
        let width = self.width as f32 / CELLS as f32;
        let height = self.height as f32 / CELLS as f32;
        let (row, column) = (i / CELLS, i % CELLS);
        Rect::new(column as f32 * width, row as f32 * height, width, height)
    }
}

fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

fn thumbnail(image: &GrayImage) -> Thumbnail {
    let (width, height) = (image.width(), image.height());
    let edge = |i: usize, side: usize| i * side / CELLS;
    let mut cells = [0.0; CELLS * CELLS];
    for row in 0..CELLS {
        let top = edge(row, height).min(height - 1);
        let bottom = edge(row + 1, height).max(top + 1);
        let mut sums = [0u32; CELLS];
        for line in image.pixels()[top * width..bottom * width].chunks_exact(width) {
            for (column, sum) in sums.iter_mut().enumerate() {
                let left = edge(column, width).min(width - 1);
                let right = edge(column + 1, width).max(left + 1);
                *sum += line[left..right].iter().map(|&v| u32::from(v)).sum::<u32>();
            }
        }
        for (column, sum) in sums.into_iter().enumerate() {
            let left = edge(column, width).min(width - 1);
            let right = edge(column + 1, width).max(left + 1);
            let count = (bottom - top) * (right - left);
            cells[row * CELLS + column] = sum as f32 / count as f32;
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: u8) -> GrayImage {
        GrayImage::from_vec(96, 48, vec![value; 96 * 48]).unwrap()
    }

    #[test]
    fn first_frame_and_another_picture_are_cuts() {
        let mut scene = Scene::new();
        assert!(scene.advance(&flat(50)));
        assert!(!scene.advance(&flat(53)));
        assert!(scene.advance(&flat(150)));
        scene.reset();
        assert!(scene.advance(&flat(150)));
    }

    #[test]
    fn change_is_found_where_it_is_and_once_scanned_is_known() {
        let mut scene = Scene::new();
        scene.advance(&flat(50));
        scene.mark_scanned(&Rect::new(0.0, 0.0, 96.0, 48.0));
        let mut image = flat(50);
        for y in 10..20 {
            image.pixels_mut()[y * 96 + 40..y * 96 + 52].fill(120);
        }
        scene.advance(&image);
        let changed = scene.changed(&[]).unwrap();
        assert!(
            changed.iou(&Rect::new(40.0, 10.0, 12.0, 10.0)) > 0.7,
            "{changed:?}"
        );
        assert_eq!(scene.changed(&[changed]), None);
        scene.mark_scanned(&changed);
        assert_eq!(scene.changed(&[]), None);
    }

    #[test]
    fn brighter_light_is_no_motion() {
        let mut scene = Scene::new();
        scene.advance(&flat(50));
        scene.mark_scanned(&Rect::new(0.0, 0.0, 96.0, 48.0));
        scene.advance(&flat(65));
        assert_eq!(scene.changed(&[]), None);
    }
}

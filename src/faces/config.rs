use std::path::PathBuf;

use super::FaceSize;
use super::detect::{DetectorKind, Tuning};
use crate::{Error, Rect, Result};

/// Settings of a [`FaceFinder`](super::FaceFinder).
#[derive(Clone, Debug, PartialEq)]
pub struct FinderConfig {
    /// Which detector.
    pub detector: DetectorKind,
    /// Cascade file of the Haar detector; `None` searches as
    /// [`find_cascade`](super::detect::find_cascade) does.
    pub cascade: Option<PathBuf>,
    /// ONNX file of the YuNet detector; `None` searches as
    /// [`find_yunet`](super::detect::find_yunet) does.
    pub yunet: Option<PathBuf>,
    /// Ratio of one window size of the Haar detector to the next, above 1.
    pub scale_factor: f64,
    /// Windows of the Haar detector that must agree on a new face.
    pub min_neighbors: u32,
    /// Least confidence of a detection that begins a face, 0 to 1.
    pub min_confidence: f32,
    /// Side of the smallest face looked for.
    pub min_size: FaceSize,
    /// Side of the largest face looked for; `None` for no limit.
    pub max_size: Option<FaceSize>,
    /// Frames from one full scan to the next, at least 1; faces are tracked between.
    pub interval: u32,
    /// Frames for which a face is reported that the detector does not see any more, but
    /// that looks as it did: one that has turned or is half covered.
    pub coast: u32,
    /// Part of the frame in which faces are looked for, in pixels.
    pub roi: Option<Rect>,
    /// Width in pixels to which the frame is scaled for detection; 0 chooses it such
    /// that the smallest face is as small as the detector can well see.
    pub work_width: u32,
}

impl Default for FinderConfig {
    fn default() -> Self {
        Self {
            detector: DetectorKind::Auto,
            cascade: None,
            yunet: None,
            scale_factor: 1.2,
            min_neighbors: 3,
            min_confidence: 0.0,
            min_size: FaceSize::Share(0.125),
            max_size: None,
            interval: 15,
            coast: 30,
            roi: None,
            work_width: 0,
        }
    }
}

impl FinderConfig {
    /// For pictures that have nothing to do with one another: as usual, but for faces of
    /// 32 pixels and more, however large the picture is.
    pub fn for_stills() -> Self {
        Self {
            min_size: FaceSize::Pixels(32.0),
            ..Self::default()
        }
    }

    /// How hard the detector looks.
    pub(crate) fn tuning(&self) -> Tuning {
        Tuning {
            scale_factor: self.scale_factor,
            min_neighbors: self.min_neighbors,
        }
    }

    /// Whether both settings use one detector file.
    pub(crate) fn same_detector(&self, other: &Self) -> bool {
        (self.detector, &self.cascade, &self.yunet)
            == (other.detector, &other.cascade, &other.yunet)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Setting`] that names the field.
    pub fn check(&self) -> Result<()> {
        let fail = |text: String| Err(Error::Setting(text));
        if !(self.scale_factor > 1.0 && self.scale_factor <= 4.0) {
            return fail(format!(
                "scale factor {} is not above 1 and at most 4",
                self.scale_factor
            ));
        }
        if !(0.0..=1.0).contains(&self.min_confidence) {
            return fail(format!("confidence {} is not 0 to 1", self.min_confidence));
        }
        if self.interval == 0 {
            return fail("interval 0 is not at least 1 frame".into());
        }
        for (name, size) in [("min", Some(self.min_size)), ("max", self.max_size)] {
            let valid = match size {
                None => true,
                Some(FaceSize::Pixels(pixels)) => pixels.is_finite() && pixels >= 0.0,
                Some(FaceSize::Share(share)) => (0.0..=1.0).contains(&share),
            };
            if !valid {
                return fail(format!("{name} size {size:?} is out of range"));
            }
        }
        if let Some(roi) = self.roi
            && (roi.is_empty() || !roi.area().is_finite())
        {
            return fail(format!(
                "the region of interest, {} x {}, is empty",
                roi.width, roi.height
            ));
        }
        match (self.detector, &self.yunet, &self.cascade) {
            (DetectorKind::Haar, Some(yunet), _) => fail(format!(
                "the detector is haar, which does not use YuNet's {}",
                yunet.display()
            )),
            (DetectorKind::YuNet, _, Some(cascade)) => fail(format!(
                "the detector is yunet, which does not use the cascade {}",
                cascade.display()
            )),
            _ => Ok(()),
        }
    }

    /// Why no face can be found in frames of `width` x `height` pixels, whatever they show: the
    /// smallest face is larger than the largest or than the frame, or the region lies outside.
    /// `None` where faces can be found.
    pub fn finds_nothing(&self, width: usize, height: usize) -> Option<String> {
        let least = self.min_size.pixels(height);
        let frame = format!("frames of {width} x {height}");
        if let Some(roi) = self.roi
            && roi.clamp(width, height).is_empty()
        {
            return Some(format!("the region of interest lies outside {frame}"));
        }
        // A face that is cut off may be larger than the shorter side.
        if least > width.max(height) as f32 {
            return Some(format!(
                "the smallest face looked for, {least:.0} pixels, is larger than {frame}"
            ));
        }
        let most = self.max_size?.pixels(height);
        (least > most).then(|| {
            format!(
                "the smallest face looked for, {least:.0} pixels, is larger than the largest, \
                 {most:.0} pixels, in {frame}"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_with_which_nothing_can_be_found_are_told() {
        let plain = FinderConfig::default();
        assert_eq!(plain.finds_nothing(640, 480), None);
        let region = |x| Some(Rect::new(x, 0.0, 100.0, 100.0));
        let of = |change: &dyn Fn(&mut FinderConfig)| {
            let mut config = FinderConfig::default();
            change(&mut config);
            config.finds_nothing(640, 480)
        };
        assert_eq!(of(&|c| c.roi = region(600.0)), None);
        assert!(of(&|c| c.roi = region(640.0)).unwrap().contains("outside"));
        assert!(of(&|c| c.min_size = FaceSize::Pixels(641.0)).is_some());
        // An eighth of 480 is 60.
        assert_eq!(of(&|c| c.max_size = Some(FaceSize::Pixels(60.0))), None);
        assert!(of(&|c| c.max_size = Some(FaceSize::Pixels(59.0))).is_some());
    }

    #[test]
    fn a_file_of_the_other_detector_is_refused() {
        let file = Some(PathBuf::from("own"));
        for (detector, cascade, yunet, refused) in [
            (DetectorKind::Haar, None, file.clone(), true),
            (DetectorKind::YuNet, file.clone(), None, true),
            (DetectorKind::Auto, file.clone(), file.clone(), false),
            (DetectorKind::Haar, file.clone(), None, false),
        ] {
            let config = FinderConfig {
                detector,
                cascade,
                yunet,
                ..FinderConfig::default()
            };
            assert_eq!(config.check().is_err(), refused, "{detector:?}");
        }
    }
}

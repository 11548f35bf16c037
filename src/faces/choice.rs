//! Which detector a finder's settings ask for.

use super::FinderConfig;
use super::detect::{
    Detector, DetectorKind, HaarDetector, YuNetDetector, find_cascade, find_yunet,
};
use crate::{Error, Result};

/// Opens it.
///
/// # Errors
/// [`Error::Detector`] when its file is missing or wrong.
pub(super) fn open(config: &FinderConfig) -> Result<Box<dyn Detector>> {
    let yunet = match config.detector {
        DetectorKind::Haar => None,
        // Who names a cascade wants it.
        DetectorKind::Auto if config.yunet.is_none() && config.cascade.is_some() => None,
        DetectorKind::Auto => config.yunet.clone().or_else(find_yunet),
        DetectorKind::YuNet => match config.yunet.clone().or_else(find_yunet) {
            Some(path) => Some(path),
            None => {
                let why = "the YuNet detector needs its ONNX file: name it, or put it where it \
                           is looked for (FER_YUNET, beside the plugin, ~/.local/share/fer)";
                return Err(Error::Setting(why.into()));
            }
        },
    };
    // A file that nobody named but lies where it is looked for must stop nobody.
    let may_do_without = config.detector == DetectorKind::Auto
        && config.yunet.is_none()
        && std::env::var_os("FER_YUNET").is_none();
    if let Some(path) = yunet {
        match YuNetDetector::open(&path) {
            Ok(detector) => {
                log::info!("faces are found by YuNet ({})", path.display());
                return Ok(Box::new(detector));
            }
            Err(why) if may_do_without => log::warn!("{why}; a cascade takes its place"),
            Err(why) => return Err(why),
        }
    }
    let path = match &config.cascade {
        Some(path) => path.clone(),
        None => find_cascade()?,
    };
    let detector = HaarDetector::open(&path, config.tuning())?;
    log::info!("faces are found by a Haar cascade ({})", path.display());
    Ok(Box::new(detector))
}

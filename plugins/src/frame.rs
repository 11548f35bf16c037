//! A mapped video frame as the library sees it; nothing is copied.

use fer::frame::{Component, Matrix, Pixels, Range};
use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFrameRef};

/// The components of `frame`, wherever its format keeps them.
///
/// # Errors
/// When the frame's memory does not hold what its size promises.
pub fn view<'a>(frame: &'a VideoFrameRef<&gst::BufferRef>) -> fer::Result<fer::Frame<'a>> {
    let info = frame.info();
    let component = |index: u32| -> fer::Result<Component<'a>> {
        let missing = || fer::Error::Frame(format!("no component {index} in {}", info.format()));
        let data = frame.comp_data(index).map_err(|_| missing())?;
        let stride = usize::try_from(frame.comp_stride(index)).map_err(|_| missing())?;
        let step = usize::try_from(frame.comp_pstride(index)).map_err(|_| missing())?;
        let format = info.format_info();
        let at = index as usize;
        Ok(Component::new(data, stride, step).subsampled(format.w_sub()[at], format.h_sub()[at]))
    };
    let format = info.format_info();
    let pixels = if format.is_gray() {
        Pixels::Gray(component(0)?)
    } else if format.is_rgb() {
        Pixels::Rgb {
            r: component(0)?,
            g: component(1)?,
            b: component(2)?,
        }
    } else {
        Pixels::Yuv {
            y: component(0)?,
            u: component(1)?,
            v: component(2)?,
        }
    };
    let colorimetry = info.colorimetry();
    let range = match colorimetry.range() {
        VideoColorRange::Range16_235 => Range::Limited,
        _ => Range::Full,
    };
    let matrix = match colorimetry.matrix() {
        VideoColorMatrix::Bt709 => Matrix::Bt709,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        _ => Matrix::Bt601,
    };
    Ok(
        fer::Frame::new(info.width() as usize, info.height() as usize, pixels)?
            .with_colorimetry(range, matrix)
            .with_pixel_aspect(pixel_aspect(info)),
    )
}

/// Width of a pixel in proportion to its height.
pub fn pixel_aspect(info: &gst_video::VideoInfo) -> f32 {
    let ratio = info.par();
    ratio.numer() as f32 / ratio.denom() as f32
}

//! Pixels of boxes, labels and bars, kept so that each is drawn once and shown often.

use std::collections::HashMap;

use gst_video::VideoOverlayRectangle;

use super::style::{self, Rgb};

/// Pictures kept before those that were not used for a while are dropped.
const KEPT: usize = 256;

/// A drawn picture: premultiplied BGRA in a buffer with a video meta.
#[derive(Clone)]
pub struct Picture {
    buffer: gst::Buffer,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Picture {
    /// The picture with its left top corner at `x`, `y` of the frame.
    pub fn at(&self, x: i32, y: i32) -> VideoOverlayRectangle {
        VideoOverlayRectangle::new_raw(
            &self.buffer,
            x,
            y,
            self.width,
            self.height,
            gst_video::VideoOverlayFormatFlags::PREMULTIPLIED_ALPHA,
        )
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Bar {
        width: u32,
        height: u32,
        color: [u8; 3],
    },
    Label {
        text: String,
        height: u32,
        color: [u8; 3],
    },
    Panel {
        rows: Vec<(String, u32)>,
        height: u32,
    },
}

struct Kept {
    picture: Picture,
    used: u64,
}

/// Draws and keeps.
#[derive(Default)]
pub struct Painter {
    kept: HashMap<Key, Kept>,
    clock: u64,
}

impl Painter {
    /// A filled bar.
    pub fn bar(&mut self, width: u32, height: u32, color: Rgb) -> Result<Picture, cairo::Error> {
        let key = Key::Bar {
            width,
            height,
            color: bytes(color),
        };
        self.keep(key, || {
            draw(width, height, |cairo| {
                cairo.set_source_rgb(color[0], color[1], color[2]);
                cairo.paint()
            })
        })
    }

    /// A line of text on a plate of `color`; the text is `height` pixels high.
    pub fn label(&mut self, text: &str, height: u32, color: Rgb) -> Result<Picture, cairo::Error> {
        let key = Key::Label {
            text: text.to_owned(),
            height,
            color: bytes(color),
        };
        self.keep(key, || {
            let pad = f64::from(height) / 4.0;
            let (width, lines) = extent(text, height)?;
            draw(
                (width + 2.0 * pad).ceil() as u32,
                (lines + pad).ceil() as u32,
                |cairo| {
                    cairo.set_source_rgba(color[0], color[1], color[2], 0.9);
                    cairo.paint()?;
                    let ink = style::text_on(color);
                    cairo.set_source_rgb(ink[0], ink[1], ink[2]);
                    write(cairo, text, height, pad, pad / 2.0);
                    Ok(())
                },
            )
        })
    }

    /// A panel of bars, one for each class with its probability in percent.
    pub fn panel(&mut self, rows: &[(String, f64)], height: u32) -> Result<Picture, cairo::Error> {
        let rows: Vec<(String, u32)> = rows
            .iter()
            .map(|(label, value)| (label.clone(), (value * 100.0).round() as u32))
            .collect();
        let key = Key::Panel {
            rows: rows.clone(),
            height,
        };
        self.keep(key, || draw_panel(&rows, height))
    }

    fn keep(
        &mut self,
        key: Key,
        draw: impl FnOnce() -> Result<Picture, cairo::Error>,
    ) -> Result<Picture, cairo::Error> {
        self.clock += 1;
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.used = self.clock;
            return Ok(kept.picture.clone());
        }
        if self.kept.len() >= KEPT {
            let mut uses: Vec<u64> = self.kept.values().map(|kept| kept.used).collect();
            uses.sort_unstable();
            let middle = uses[uses.len() / 2];
            self.kept.retain(|_, kept| kept.used > middle);
        }
        let picture = draw()?;
        let kept = Kept {
            picture: picture.clone(),
            used: self.clock,
        };
        self.kept.insert(key, kept);
        Ok(picture)
    }
}

fn bytes(color: Rgb) -> [u8; 3] {
    color.map(|v| (v * 255.0).round() as u8)
}

fn draw_panel(rows: &[(String, u32)], height: u32) -> Result<Picture, cairo::Error> {
    let mut widest: f64 = 0.0;
    let mut line: f64 = 0.0;
    for (label, _) in rows {
        let (width, height) = extent(label, height)?;
        widest = widest.max(width);
        line = line.max(height);
    }
    let (pad, full) = (f64::from(height) / 4.0, f64::from(height) * 4.0);
    let width = widest + full + 3.0 * pad;
    let total = line * rows.len() as f64 + 2.0 * pad;
    draw(width.ceil() as u32, total.ceil() as u32, |cairo| {
        cairo.set_source_rgba(0.0, 0.0, 0.0, 0.6);
        cairo.paint()?;
        for (i, (label, percent)) in rows.iter().enumerate() {
            let y = pad + line * i as f64;
            cairo.set_source_rgb(1.0, 1.0, 1.0);
            write(cairo, label, height, pad, y);
            let color = style::color(label, i);
            cairo.set_source_rgb(color[0], color[1], color[2]);
            let length = (full * f64::from(*percent) / 100.0).max(1.0);
            cairo.rectangle(widest + 2.0 * pad, y + line * 0.2, length, line * 0.6);
            cairo.fill()?;
        }
        Ok(())
    })
}

fn layout(cairo: &cairo::Context, text: &str, height: u32) -> pango::Layout {
    let layout = pangocairo::functions::create_layout(cairo);
    let mut font = pango::FontDescription::from_string("Sans Bold");
    font.set_absolute_size(f64::from(height) * f64::from(pango::SCALE));
    layout.set_font_description(Some(&font));
    layout.set_text(text);
    layout
}

fn write(cairo: &cairo::Context, text: &str, height: u32, x: f64, y: f64) {
    cairo.move_to(x, y);
    pangocairo::functions::show_layout(cairo, &layout(cairo, text, height));
}

/// Width and height of a line of text, in pixels.
fn extent(text: &str, height: u32) -> Result<(f64, f64), cairo::Error> {
    let surface = cairo::ImageSurface::create(cairo::Format::ARgb32, 1, 1)?;
    let cairo = cairo::Context::new(&surface)?;
    let (width, lines) = layout(&cairo, text, height).pixel_size();
    Ok((width.into(), lines.into()))
}

/// Draws on a transparent surface and wraps its pixels into a buffer.
fn draw(
    width: u32,
    height: u32,
    paint: impl FnOnce(&cairo::Context) -> Result<(), cairo::Error>,
) -> Result<Picture, cairo::Error> {
    let (width, height) = (width.max(1), height.max(1));
    let side = |n: u32| i32::try_from(n).map_err(|_| cairo::Error::InvalidSize);
    let mut surface =
        cairo::ImageSurface::create(cairo::Format::ARgb32, side(width)?, side(height)?)?;
    paint(&cairo::Context::new(&surface)?)?;
    surface.flush();
    let stride = surface.stride();
    let pixels = surface
        .data()
        .map_err(|_| cairo::Error::SurfaceFinished)?
        .to_vec();
    let mut buffer = gst::Buffer::from_mut_slice(pixels);
    gst_video::VideoMeta::add_full(
        buffer.get_mut().expect("just made"),
        gst_video::VideoFrameFlags::empty(),
        FORMAT,
        width,
        height,
        &[0],
        &[stride],
    )
    .map_err(|_| cairo::Error::InvalidStride)?;
    Ok(Picture {
        buffer,
        width,
        height,
    })
}

/// Cairo's ARGB32 is a native-endian word, as GStreamer's overlay format is.
#[cfg(target_endian = "little")]
const FORMAT: gst_video::VideoFormat = gst_video::VideoFormat::Bgra;
#[cfg(target_endian = "big")]
const FORMAT: gst_video::VideoFormat = gst_video::VideoFormat::Argb;

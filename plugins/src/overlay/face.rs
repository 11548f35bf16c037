//! What is shown of one face.

use fer::Rect;
use gst_video::VideoOverlayRectangle;

use super::paint::Painter;
use super::settings::Settings;
use super::style;
use crate::meta::{Expression, FaceMeta};

/// The rectangles that show `face` in a frame of `width` x `height` pixels; none where the
/// face lies outside.
pub fn draw(
    painter: &mut Painter,
    settings: &Settings,
    face: &FaceMeta,
    (frame_width, frame_height): (u32, u32),
) -> Result<Vec<VideoOverlayRectangle>, cairo::Error> {
    let mut rectangles = Vec::new();
    let expression = face.expression_by(settings.classifier.as_deref());
    let color = expression.map_or(style::PLAIN, |expression| {
        let label = &expression.smoothed_label;
        let place = expression
            .probabilities
            .iter()
            .position(|(name, _)| name == label);
        place.map_or(style::PLAIN, |place| style::color(label, place))
    });
    let line = style::line_width(frame_height);
    // A box from elsewhere may be of any size: sides beyond the frame are drawn just outside.
    let (side, whole) = (line as f32, (frame_width as f32, frame_height as f32));
    let around = Rect::new(-side, -side, whole.0 + 2.0 * side, whole.1 + 2.0 * side);
    let rect = face.rect.intersect(&around);
    if rect.is_empty() {
        return Ok(rectangles);
    }
    let (x, y) = (rect.x as i32, rect.y as i32);
    let (width, height) = (rect.width as u32, rect.height as u32);
    if settings.show_box && width > 0 && height > 0 {
        let line = line.min(width).min(height);
        let across = painter.bar(width, line, color)?;
        let down = painter.bar(line, height, color)?;
        rectangles.push(across.at(x, y));
        rectangles.push(across.at(x, y + (height - line) as i32));
        rectangles.push(down.at(x, y));
        rectangles.push(down.at(x + (width - line) as i32, y));
    }
    let text_height = style::text_height(frame_height, settings.text_scale);
    let text = caption(settings, face.id, expression);
    if !text.is_empty() {
        let label = painter.label(&text, text_height, color)?;
        // Above the box where there is room, else inside its upper edge.
        let above = y - label.height as i32;
        rectangles.push(label.at(x, if above >= 0 { above } else { y }));
    }
    if settings.show_bars
        && let Some(expression) = expression
        && !expression.probabilities.is_empty()
    {
        let panel = painter.panel(&expression.probabilities, text_height * 3 / 4)?;
        rectangles.push(panel.at(x + width as i32, y));
    }
    Ok(rectangles)
}

/// Number, label and confidence, as far as they are known and wanted.
fn caption(settings: &Settings, id: i32, expression: Option<&Expression>) -> String {
    let mut parts = Vec::new();
    if settings.show_id && id > 0 {
        parts.push(format!("#{id}"));
    }
    if let Some(expression) = expression {
        if settings.show_label {
            parts.push(expression.smoothed_label.clone());
        }
        if settings.show_confidence {
            parts.push(format!("{:.0}%", expression.smoothed_confidence * 100.0));
        }
    }
    parts.join(" ")
}

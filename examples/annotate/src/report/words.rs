//! How the page says things.

use crate::look;

/// What people read for an expression.
pub fn shown(label: &str) -> &str {
    if label.is_empty() {
        look::UNREAD
    } else {
        label
    }
}

/// A number of things.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Minutes, seconds and tenths.
pub fn clock(nanoseconds: u64) -> String {
    let tenths = nanoseconds / 100_000_000;
    let (hours, minutes) = (tenths / 36_000, tenths / 600 % 60);
    let (seconds, tenth) = (tenths / 10 % 60, tenths % 10);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{tenth}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}.{tenth}"),
    }
}

/// A share of 1.
pub fn percent(share: f64) -> String {
    // It is not broken at the end of a line.
    format!("{:.0}\u{a0}%", share * 100.0)
}

/// What a face's number is called.
pub fn name_of(id: i32) -> String {
    match id {
        id if id > 0 => format!("Person {id}"),
        _ => "Faces without a number".to_owned(),
    }
}

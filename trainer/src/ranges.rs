//! The check that settings of a recipe lie in their ranges.

use crate::Result;

/// Checks that each value is 0 to the number beside it; `prefix` stands before the name.
///
/// # Errors
/// Names the first setting that is not.
pub(crate) fn check(prefix: &str, settings: &[(&str, f32, f32)]) -> Result<()> {
    for (name, value, high) in settings {
        ensure!(
            (0.0..=*high).contains(value),
            Setting,
            "{prefix}{name} {value} is not 0 to {high}"
        );
    }
    Ok(())
}

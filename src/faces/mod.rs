//! From a frame to the faces in it, followed over time.
//!
//! A frame's luma is scaled down once. The whole picture is scanned for faces rarely:
//! in the first frame of a scene, every [`FinderConfig::interval`] frames, and when a
//! face was lost; where something changed, that part is scanned sooner. Between scans
//! the faces are followed, and the detector looks at their neighbourhoods in turn.
//!
//! The detector looks in the calling thread, so that the same frames give the same faces,
//! or on a thread of its own, so that a frame never waits for it: then frames pass with
//! the faces followed, and what the detector saw is carried forward to the frame in which
//! it is ready. Between the two, a frame may wait for a while.

mod choice;
mod config;
pub mod detect;
mod face;
mod finder;
mod scan;
mod scene;
mod size;
pub mod track;
mod work;
mod worker;

pub use config::FinderConfig;
pub use face::Face;
pub use finder::{FaceFinder, FinderStats, Threading};
pub use size::FaceSize;

//! From a frame to the faces in it, followed over time.
//!
//! A frame's luma is scaled down once. The whole picture is scanned for faces rarely:
//! in the first frame of a scene, every [`FinderConfig::interval`] frames, and when a
//! face was lost; where something changed, that part is scanned sooner. Between scans
//! the faces are followed, and the detector looks at their neighbourhoods in turn. A detector
//! may have further views, in which it sees faces that are tilted, turned or cut off by the
//! picture's edge: near a face that it misses it looks in those too, and at the whole picture
//! while no face is known, and now and then.
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
mod search;
mod size;
pub mod track;
mod work;
mod worker;

pub use config::FinderConfig;
pub use face::Face;
pub use finder::{FaceFinder, FinderStats, Threading};
pub use size::FaceSize;

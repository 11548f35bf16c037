//! Faces that keep their identity from frame to frame.

//! Facial expression recognition.

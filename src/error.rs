use std::path::PathBuf;

/// What can go wrong, each with the name of the thing at fault. The text is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A cascade or detector file is missing or can't be used.
    #[error("detector {path:?}: {reason}", path = path.display().to_string())]
    Detector {
        /// The file.
        path: PathBuf,
        /// Why it can't be used.
        reason: String,
    },
    /// A model file is missing, damaged, or does not fit its labels or its input.
    #[error("model {name:?}: {reason}")]
    Model {
        /// The file's path, or `bundled`, `bundled-small` or `bundled-accurate`.
        name: String,
        /// Why it can't be used.
        reason: String,
    },
    /// An inference engine can't be opened or failed.
    #[error("engine {engine}: {reason}")]
    Engine {
        /// `builtin`, `onnxruntime`, `tensorrt` or `remote`.
        engine: &'static str,
        /// Why.
        reason: String,
    },
    /// A frame whose memory does not hold what its size promises.
    #[error("frame: {0}")]
    Frame(String),
    /// A setting out of its range.
    #[error("{0}")]
    Setting(String),
    /// An error inside OpenCV.
    #[cfg(feature = "opencv")]
    #[error("OpenCV: {0}")]
    OpenCv(#[from] opencv::Error),
}

/// [`std::result::Result`] with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What another library says, in one line.
#[cfg(any(feature = "opencv", feature = "tensorrt"))]
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The one of `all` that has this name; `what` they are is for the message.
///
/// # Errors
/// [`Error::Setting`] that lists the names.
pub(crate) fn by_name<T: Copy>(
    what: &str,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    name: &str,
) -> Result<T> {
    let found = all.iter().copied().find(|one| name_of(*one) == name);
    found.ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|one| name_of(*one)).collect();
        let known = known.join(", ");
        Error::Setting(format!("{what} {name:?} is not one of {known}"))
    })
}

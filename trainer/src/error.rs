use std::fmt::Display;

/// What can go wrong. The text is one line that names the thing at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A data set, or a file or row of it, is not as it should be.
    #[error("{0}")]
    Data(String),
    /// A setting of a recipe is not known or out of its range.
    #[error("{0}")]
    Setting(String),
    /// A file of a run (weights, state, metrics, soft labels) or a network is damaged, or does not
    /// fit the recipe or the data.
    #[error("{0}")]
    Artifact(String),
    /// Training can't begin, or can't go on.
    #[error("{0}")]
    Training(String),
    /// A device is missing or failed.
    #[error("{0}")]
    Device(String),
    /// What was exported does not say what the network says.
    #[error("{0}")]
    Export(String),
    /// A report or a table can't be made.
    #[error("{0}")]
    Report(String),
    /// A file or folder can't be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An error of the library.
    #[error(transparent)]
    Library(#[from] fer::Error),
    /// Any of these, and what was being done.
    #[error("{doing}: {cause}")]
    While {
        /// What was being done, or the file at fault.
        doing: String,
        /// What went wrong.
        cause: Box<Error>,
    },
}

/// [`std::result::Result`] with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The error itself, without what was being done.
    pub fn root(&self) -> &Self {
        match self {
            Self::While { cause, .. } => cause.root(),
            root => root,
        }
    }
}

/// Says what was being done.
pub(crate) trait Context<T> {
    /// Puts `doing` before the error's text.
    fn context(self, doing: impl Display) -> Result<T>;

    /// As [`Context::context`], for a text that is made when it is needed.
    fn with_context<D: Display>(self, doing: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, doing: impl Display) -> Result<T> {
        self.with_context(|| doing)
    }

    fn with_context<D: Display>(self, doing: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|cause| Error::While {
            doing: doing().to_string(),
            cause: Box::new(cause.into()),
        })
    }
}

impl From<csv::Error> for Error {
    fn from(error: csv::Error) -> Self {
        if !error.is_io_error() {
            return Self::Data(error.to_string());
        }
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::Io(error),
            kind => Self::Data(format!("{kind:?}")),
        }
    }
}

impl From<image::ImageError> for Error {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::IoError(error) => Self::Io(error),
            error => Self::Data(error.to_string()),
        }
    }
}

impl From<zip::result::ZipError> for Error {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => Self::Io(error),
            error => Self::Data(error.to_string()),
        }
    }
}

/// Without the excerpt of the file, which has lines of its own.
impl From<toml::de::Error> for Error {
    fn from(error: toml::de::Error) -> Self {
        Self::Setting(fer_cli::one_line(error.message()))
    }
}

/// Errors of crates, as what they are here.
macro_rules! from {
    ($($error:ty => $kind:ident),* $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$kind(error.to_string())
            }
        })*
    };
}

from! {
    safetensors::SafeTensorError => Artifact,
    serde_json::Error => Artifact,
    toml::ser::Error => Setting,
    rayon::ThreadPoolBuildError => Training,
    askama::Error => Report,
}

/// Returns an error of a kind.
macro_rules! bail {
    ($kind:ident, $($text:tt)*) => {
        return Err($crate::Error::$kind(format!($($text)*)))
    };
}

/// Returns an error of a kind where something does not hold.
macro_rules! ensure {
    ($holds:expr, $kind:ident, $($text:tt)*) => {
        // Not negated, so that what can't be compared does not hold.
        if $holds {
        } else {
            bail!($kind, $($text)*);
        }
    };
}

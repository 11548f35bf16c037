//! JSON lines in a file, a named pipe or on standard output.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::{Line, Queue, Task};
use super::reporter::Reporter;

/// Where lines go.
#[derive(Debug)]
pub enum Target {
    /// Standard output.
    Output(File),
    /// A file, open.
    File(File),
    /// A named pipe, which can be opened when someone reads it.
    Pipe(PathBuf),
}

/// What a pipe that is ready surely takes (`PIPE_BUF` of POSIX is at least 512; Linux: 4096).
const PIECE: usize = 512;
/// Between two looks at whether the worker is to end.
const LOOK: Duration = Duration::from_millis(100);
/// Pause after a failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Target {
    /// Standard output.
    ///
    /// # Errors
    /// When it is closed.
    pub fn output() -> std::io::Result<Self> {
        let own: OwnedFd = std::io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self::Output(File::from(own)))
    }

    /// Opens `path`; a file is made or emptied.
    ///
    /// # Errors
    /// When it can't be written, or another element writes to it.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let is_pipe = std::fs::metadata(path).is_ok_and(|what| what.file_type().is_fifo());
        if is_pipe {
            return Ok(Self::Pipe(path.to_owned()));
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if file.metadata()?.is_file() {
            // Not emptied before it is known that nobody else writes to it.
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::other("another element or program writes to it"));
                }
                // Where a file system has no locks, nobody can be kept away.
                Ok(()) | Err(TryLockError::Error(_)) => (),
            }
            file.set_len(0)?;
        }
        Ok(Self::File(file))
    }

    /// The file to write to.
    fn file(&self) -> std::io::Result<File> {
        match self {
            Self::Output(file) | Self::File(file) => file.try_clone(),
            // Without a reader this fails rather than wait for one.
            Self::Pipe(path) => OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(path),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Output(_) => "standard output".to_owned(),
            Self::File(_) => "the file".to_owned(),
            Self::Pipe(path) => path.display().to_string(),
        }
    }
}

/// Writes the records of `queue` until it ends.
pub fn run(target: &Target, queue: &Queue, reporter: &Reporter) {
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    // What a failed write has left of a line.
    let mut rest = Rest::default();
    loop {
        let outcome = target.file().and_then(|file| {
            write_all(file, queue, &mut rest, || {
                (pause, told) = (FIRST_PAUSE, false)
            })
        });
        let why = match outcome {
            Ok(()) => return,
            Err(why) => why,
        };
        queue.set_connected(false);
        if queue.deadline().is_some_and(|end| Instant::now() >= end) {
            return;
        }
        let closed = why.kind() == ErrorKind::BrokenPipe;
        if closed && matches!(target, Target::Output(_)) {
            queue.give_up();
            reporter.warn("Nobody reads standard output any more", &why.to_string());
            return;
        }
        if closed {
            // The next reader begins with a whole line.
            rest = Rest::default();
        }
        if std::mem::replace(&mut told, true) {
            reporter.log(&format!("another attempt failed: {why}"));
        } else {
            let text = format!("Can't write to {} now; trying again", target.name());
            reporter.warn(&text, &why.to_string());
        }
        queue.pause(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A line that is being written, and how many bytes of it and its end are.
#[derive(Debug, Default)]
struct Rest {
    line: Option<Line>,
    written: usize,
}

fn write_all(
    file: File,
    queue: &Queue,
    rest: &mut Rest,
    mut succeeded: impl FnMut(),
) -> std::io::Result<()> {
    queue.set_connected(true);
    // Whatever has become of it in the queue meanwhile, no line is left half written.
    write(&file, queue, rest)?;
    while let Some(Task::Send(line)) = queue.next(1) {
        let is_done = rest
            .line
            .as_ref()
            .is_some_and(|done| Arc::ptr_eq(done, &line));
        if !is_done {
            *rest = Rest {
                line: Some(line),
                written: 0,
            };
            write(&file, queue, rest)?;
        }
        queue.sent();
        succeeded();
    }
    Ok(())
}

/// Writes what is left of a line in pieces, each when it can be written at once, so that the
/// worker can end while nobody reads.
fn write(mut file: &File, queue: &Queue, rest: &mut Rest) -> std::io::Result<()> {
    let Some(line) = &rest.line else {
        return Ok(());
    };
    while rest.written <= line.len() {
        wait_until_writable(file, queue)?;
        let piece = match &line[rest.written..] {
            [] => b"\n",
            left => &left[..left.len().min(PIECE)],
        };
        match file.write(piece) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => rest.written += written,
            Err(why) if matches!(why.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => (),
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

fn wait_until_writable(file: &File, queue: &Queue) -> std::io::Result<()> {
    loop {
        let mut asked = libc::pollfd {
            fd: file.as_raw_fd(),
            events: libc::POLLOUT,
            revents: 0,
        };
        // SAFETY: one entry is asked about, which lives until the call returns.
        let ready = unsafe { libc::poll(&raw mut asked, 1, LOOK.as_millis() as i32) };
        match ready {
            0 => (),
            1.. if asked.revents & libc::POLLERR != 0 => return Err(ErrorKind::BrokenPipe.into()),
            1.. => return Ok(()),
            _ => {
                let why = Error::last_os_error();
                if why.kind() != ErrorKind::Interrupted {
                    return Err(why);
                }
            }
        }
        if queue.deadline().is_some_and(|end| Instant::now() >= end) {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

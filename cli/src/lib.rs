//! What the programs do alike on the command line.

mod file;

pub use file::{Identity, are_one, identity};

/// A reason in one line, whatever lines it, or a file's name in it, has.
pub fn one_line(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Lets the program end when nobody reads what it prints any more (`| head`), as other programs
/// do; Rust ignores the signal, and the next line would be a panic. To be called before any thread
/// is started.
///
/// It is for pipes. Rust's sockets raise the signal too where several pieces are written at once:
/// threads that do that have to block it, as with `fer::pipe`.
pub fn quiet_on_a_closed_pipe() {
    #[cfg(unix)]
    // SAFETY: no other thread runs yet, and the default action is always a valid one.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn reasons_are_one_line() {
        for (text, line) in [
            ("no file", "no file"),
            ("no\r\nfile\n", "no file"),
            ("  no:\n\n   file  ", "no: file"),
        ] {
            assert_eq!(one_line(text), line);
        }
    }
}

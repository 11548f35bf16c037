//! Certificates of an authority of the test's own, by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with `NAME.pem` and `NAME.key`: `authority`, and by it `here` (this machine),
/// `elsewhere` and `expired`.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes them.
    pub fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("certificates-{test}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let own = Self { folder };
        own.make("authority", "CA:TRUE", "DNS:authority", &[]);
        for (name, names, days) in [
            ("here", "DNS:localhost,IP:127.0.0.1", "2"),
            ("elsewhere", "DNS:elsewhere", "2"),
            // It ends with the second in which it is made.
            ("expired", "DNS:localhost", "0"),
        ] {
            let by = [
                "-CA",
                "authority.pem",
                "-CAkey",
                "authority.key",
                "-days",
                days,
            ];
            own.make(name, "CA:FALSE", names, &by);
        }
        own
    }

    /// One of the files.
    pub fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{name}.{kind}"))
    }

    fn make(&self, name: &str, rights: &str, names: &str, by: &[&str]) {
        let made = Command::new("openssl")
            .current_dir(&self.folder)
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args(["-subj", &format!("/CN={name}")])
            .args(["-addext", &format!("basicConstraints=critical,{rights}")])
            .args(["-addext", &format!("subjectAltName={names}")])
            .args([
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ])
            .args(by)
            .output()
            .expect("openssl runs");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
}

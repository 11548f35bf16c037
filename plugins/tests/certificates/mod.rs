//! Certificates of an authority of the test's own, by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIG: &str = "
[ca]
default_ca = own
[own]
database = index
rand_serial = yes
new_certs_dir = .
certificate = authority.pem
private_key = authority.key
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
";

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
        std::fs::write(folder.join("index"), "").unwrap();
        std::fs::write(folder.join("config"), CONFIG).unwrap();
        let own = Self { folder };
        let authority = [
            "-x509",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-out",
            "authority.pem",
        ];
        own.key("authority", &authority);
        for (name, names, end) in [
            ("here", "DNS:localhost,IP:127.0.0.1", "20491231235959Z"),
            ("elsewhere", "DNS:elsewhere", "20491231235959Z"),
            ("expired", "DNS:localhost", "20200102000000Z"),
        ] {
            let (names, request) = (format!("subjectAltName={names}"), format!("{name}.csr"));
            own.key(name, &["-addext", &names, "-out", &request]);
            let (pem, begin) = (format!("{name}.pem"), "20200101000000Z");
            own.openssl(&[
                "ca",
                "-batch",
                "-notext",
                "-config",
                "config",
                "-in",
                &request,
                "-out",
                &pem,
                "-startdate",
                begin,
                "-enddate",
                end,
            ]);
        }
        own
    }

    /// One of the files.
    pub fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{name}.{kind}"))
    }

    /// A key, and what is asked for with it.
    fn key(&self, name: &str, more: &[&str]) {
        let (subject, key) = (format!("/CN={name}"), format!("{name}.key"));
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let named = ["-nodes", "-subj", &subject, "-keyout", &key];
        self.openssl(&[&["req"], &ec[..], &named, more].concat());
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut openssl = Command::new("openssl");
        let made = openssl.current_dir(&self.folder).args(arguments).output();
        let made = made.expect("openssl runs");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{arguments:?}: {said}");
    }
}

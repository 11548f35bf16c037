//! Who may look: this machine alone, or who has the token.

use std::io::Read;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use hyper::header::{AUTHORIZATION, COOKIE, HOST};
use hyper::http::request::Parts;
use subtle::ConstantTimeEq;

/// Where a token of the user's choice is looked for: command lines can be seen by others.
const VARIABLE: &str = "FER_SERVE_TOKEN";
/// Bytes of a token, at least. More cannot be guessed.
const SHORTEST: usize = 16;

/// What is asked of who looks.
pub struct Access {
    address: SocketAddr,
    token: Option<String>,
    /// Whether the user knows the token, and nobody else is to read it.
    is_own: bool,
}

/// Whether a request is let in.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Yes,
    /// It is, and has the token in its address, where it should not stay.
    WithToken,
    /// It came by a name that is not this machine's, as pages of others do that make their name
    /// lead here (DNS rebinding).
    WrongHost,
    /// It has no token or another one.
    NoToken,
}

impl Access {
    /// For who comes to `address`; beyond this machine with a token.
    ///
    /// # Errors
    /// When the user's token is too short or holds what can't be sent.
    pub fn new(address: SocketAddr) -> Result<Self> {
        let token = match std::env::var(VARIABLE) {
            Ok(token) if token.len() < SHORTEST => {
                bail!("{VARIABLE} has fewer than {SHORTEST} characters")
            }
            Ok(token)
                if !token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) =>
            {
                bail!("{VARIABLE} may have letters, digits, - and _ only")
            }
            Ok(token) => Some(token),
            Err(std::env::VarError::NotPresent) if address.ip().is_loopback() => None,
            Err(std::env::VarError::NotPresent) => Some(new_token()?),
            Err(why) => return Err(why).context(VARIABLE),
        };
        let is_own = std::env::var_os(VARIABLE).is_some();
        Ok(Self {
            address,
            token,
            is_own,
        })
    }

    /// What to open in a browser.
    pub fn url(&self) -> String {
        let host = match self.address {
            address if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
            address => address.to_string(),
        };
        match &self.token {
            Some(_) if self.is_own => format!("http://{host}/ (?token= as in {VARIABLE})"),
            Some(token) => format!("http://{host}/?token={token}"),
            None => format!("http://{host}/"),
        }
    }

    /// What makes a browser remember the token. With `Strict` it would not send it where
    /// it goes next when it comes from a link elsewhere, as in a message.
    pub fn cookie(&self) -> String {
        let token = self.token.as_deref().unwrap_or_default();
        let name = self.cookie_name();
        format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/")
    }

    /// Browsers send a machine's cookies to all its ports.
    fn cookie_name(&self) -> String {
        format!("fer-token-{}", self.address.port())
    }

    /// Judges a request.
    pub fn judge(&self, request: &Parts) -> Verdict {
        let header = |name| request.headers.get(name).and_then(|v| v.to_str().ok());
        let Some(token) = &self.token else {
            return match header(HOST) {
                Some(host) if self.is_this_machine(host) => Verdict::Yes,
                _ => Verdict::WrongHost,
            };
        };
        let is_right = |given: &str| bool::from(given.as_bytes().ct_eq(token.as_bytes()));
        let asked = request.uri.query().unwrap_or_default().split('&');
        let mut asked = asked.filter_map(|pair| pair.strip_prefix("token="));
        if asked.any(is_right) {
            return Verdict::WithToken;
        }
        let bearer = header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let name = format!("{}=", self.cookie_name());
        let cookies = request.headers.get_all(COOKIE).iter();
        let mut cookies = cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split("; "))
            .filter_map(|pair| pair.strip_prefix(&name));
        match bearer.is_some_and(is_right) || cookies.any(is_right) {
            true => Verdict::Yes,
            false => Verdict::NoToken,
        }
    }

    fn is_this_machine(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let ip = name.trim_start_matches('[').trim_end_matches(']').parse();
        name.eq_ignore_ascii_case("localhost") || ip == Ok(self.address.ip())
    }
}

fn new_token() -> Result<String> {
    let mut bytes = [0; SHORTEST];
    let source = "/dev/urandom";
    let mut file = std::fs::File::open(source).context(source)?;
    file.read_exact(&mut bytes).context(source)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(access: &Access, path: &str, headers: &[(&str, &str)]) -> Verdict {
        let mut request = hyper::Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        access.judge(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn this_machine_is_known_by_its_names_only() {
        let access = Access {
            address: "127.0.0.1:8080".parse().unwrap(),
            token: None,
            is_own: false,
        };
        for (host, verdict) in [
            ("127.0.0.1:8080", Verdict::Yes),
            ("localhost:8080", Verdict::Yes),
            ("LOCALHOST", Verdict::Yes),
            ("evil.example:8080", Verdict::WrongHost),
            ("127.0.0.1.evil.example", Verdict::WrongHost),
            ("localhost.evil.example:8080", Verdict::WrongHost),
            ("", Verdict::WrongHost),
        ] {
            assert_eq!(judge(&access, "/", &[("host", host)]), verdict, "{host}");
        }
        assert_eq!(judge(&access, "/", &[]), Verdict::WrongHost);
    }

    #[test]
    fn the_token_lets_in_and_nothing_else() {
        let access = Access {
            address: "0.0.0.0:8080".parse().unwrap(),
            token: Some("0123456789abcdef".to_owned()),
            is_own: true,
        };
        for (path, headers, verdict) in [
            ("/", &[][..], Verdict::NoToken),
            ("/?token=0123456789abcdef", &[], Verdict::WithToken),
            ("/?token=0123456789abcde", &[], Verdict::NoToken),
            ("/?token=", &[], Verdict::NoToken),
            (
                "/",
                &[("authorization", "Bearer 0123456789abcdef")],
                Verdict::Yes,
            ),
            ("/", &[("authorization", "Bearer ")], Verdict::NoToken),
            (
                "/",
                &[("cookie", "a=b; fer-token-8080=0123456789abcdef")],
                Verdict::Yes,
            ),
            (
                "/",
                &[("cookie", "fer-token-8081=0123456789abcdef")],
                Verdict::NoToken,
            ),
            ("/", &[("cookie", "fer-token-8080=")], Verdict::NoToken),
        ] {
            assert_eq!(judge(&access, path, headers), verdict, "{path} {headers:?}");
        }
    }

    #[test]
    fn tokens_differ() {
        let (a, b) = (new_token().unwrap(), new_token().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), 32);
    }
}

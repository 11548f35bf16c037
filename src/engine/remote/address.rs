//! Where a server listens.

use std::fmt;

/// Port of `grpc://` without one, Triton's.
const PORT: u16 = 8001;
/// Port of `grpcs://` without one: that of an ingress.
const TLS_PORT: u16 = 443;
const FORM: &str = "an endpoint is grpc://host:port";

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or IP address, IPv6 in brackets.
    host: String,
    port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

impl Address {
    /// Reads what the user wrote.
    ///
    /// # Errors
    /// A text for the user. What may be a password is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "grpc" => false,
            "grpcs" if cfg!(feature = "remote-tls") => true,
            "grpcs" => return Err("this program was built without grpcs:// (TLS)".to_owned()),
            _ => return Err(format!("{FORM} or grpcs://host:port")),
        };
        let place = rest.strip_suffix('/').unwrap_or(rest);
        if place.contains('@') {
            return Err(format!("{FORM}; credentials are a property of their own"));
        }
        let (host, port) = match place.rsplit_once(':') {
            // The colons of an IPv6 address are in brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (place, None),
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0),
            None if tls => Some(TLS_PORT),
            None => Some(PORT),
        };
        let port = port.ok_or_else(|| format!("{place:?}: a port is 1 to 65535"))?;
        let is_v6 = host.starts_with('[') && host.ends_with(']');
        let odd = |c: char| c.is_whitespace() || "/?#\"\\".contains(c) || (c == ':' && !is_v6);
        if host.is_empty() || host.contains(odd) {
            return Err(format!("{place:?}: {FORM}"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }

    /// The same for HTTP/2.
    pub fn uri(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "grpcs" } else { "grpc" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, uri) in [
            ("grpc://host", "http://host:8001"),
            ("grpc://host:9000/", "http://host:9000"),
            ("GRPC://[::1]:81", "http://[::1]:81"),
            ("grpc://[::1]", "http://[::1]:8001"),
        ] {
            assert_eq!(Address::parse(text).unwrap().uri(), uri, "{text}");
        }
        for (text, said) in [
            ("host:8001", "grpc://host:port"),
            ("http://host:8001", "grpcs://host:port"),
            ("grpc://", "grpc://host:port"),
            ("grpc://host:0", "1 to 65535"),
            ("grpc://host:port", "1 to 65535"),
            ("grpc://::1", "grpc://host:port"),
            ("grpc://host/model", "grpc://host:port"),
            ("grpc://jo:hunter2@host", "credentials"),
        ] {
            let why = Address::parse(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
        let encrypted = Address::parse("grpcs://host");
        assert_eq!(encrypted.is_ok(), cfg!(feature = "remote-tls"));
    }
}

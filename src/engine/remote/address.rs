//! Where a server listens.

use std::fmt;

/// Port of `grpc://` without one, Triton's.
const PORT: u16 = 8001;
/// Port of `grpcs://` without one: that of an ingress.
const TLS_PORT: u16 = 443;
const FORM: &str = "an endpoint is grpc://host:port";
const TLS_FORM: &str = "an endpoint is grpcs://host:port";

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
        let wrong = |what: &str| Err(format!("{what}: {FORM}"));
        if text.contains('@') {
            return wrong(
                "there are credentials in an endpoint, which are properties of their own",
            );
        }
        if text.is_empty() {
            return wrong("an endpoint without a name");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong(&format!("{text:?} does not begin with grpc://"));
        };
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "grpc" => false,
            "grpcs" if cfg!(feature = "remote-tls") => true,
            "grpcs" => return Err("this program was built without grpcs:// (TLS)".to_owned()),
            "http" => return wrong(&format!("{text:?} is for HTTP, and gRPC is spoken here")),
            "https" => {
                return Err(format!(
                    "{text:?} is for HTTP, and gRPC is spoken here: with TLS {TLS_FORM}"
                ));
            }
            _ => return wrong(&format!("{text:?} is neither grpc:// nor grpcs://")),
        };
        let place = rest.strip_suffix('/').unwrap_or(rest);
        if place.contains(['/', '?', '#']) {
            return wrong(&format!(
                "{text:?} has a path, and the model is named apart"
            ));
        }
        let (host, port) = match place.rsplit_once(':') {
            // The colons of an IPv6 address are in brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (place, None),
        };
        let is_v6 = host.starts_with('[') && host.ends_with(']');
        if host.contains(':') && !is_v6 {
            return Err(format!(
                "{text:?} has several colons: an IPv6 address is in brackets, grpc://[::1]:{PORT}"
            ));
        }
        let odd = |c: char| c.is_whitespace() || c.is_control() || "\"\\".contains(c);
        if host.is_empty() || host.contains(odd) {
            return wrong(&format!("{text:?} names no host"));
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0),
            None if tls => Some(TLS_PORT),
            None => Some(PORT),
        };
        let Some(port) = port else {
            return wrong(&format!("{text:?} has a port that is not 1 to 65535"));
        };
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
        for (text, wrong, right) in [
            ("host:8001", "not begin", "grpc://host:port"),
            ("grpc:/host", "not begin", "grpc://host:port"),
            ("", "without a name", "grpc://host:port"),
            ("http://host:8001", "HTTP", "grpc://host:port"),
            ("https://host", "HTTP", "grpcs://host:port"),
            ("tcp://host", "neither", "grpc://host:port"),
            ("grpc://", "no host", "grpc://host:port"),
            ("grpc://:8001", "no host", "grpc://host:port"),
            ("grpc://a host", "no host", "grpc://host:port"),
            ("grpc://host:0", "port", "1 to 65535"),
            ("grpc://host:port", "port", "1 to 65535"),
            ("grpc://host:", "port", "1 to 65535"),
            ("grpc://::1", "brackets", "grpc://[::1]:8001"),
            ("grpc://::1:8001", "brackets", "grpc://[::1]:8001"),
            ("grpc://host/model", "path", "grpc://host:port"),
            ("grpc://host:8001/v2/models", "path", "grpc://host:port"),
            ("grpc://jo:hunter2@host", "credentials", "grpc://host:port"),
            ("jo:hunter2@host", "credentials", "grpc://host:port"),
        ] {
            let why = Address::parse(text).unwrap_err();
            // Elements show what comes before a semicolon.
            let shown = why.split([';', '\n']).next().unwrap();
            assert!(
                shown.contains(wrong) && shown.contains(right),
                "{text}: {why}"
            );
            assert!(!why.contains("hunter2"), "{why}");
        }
        let encrypted = Address::parse("grpcs://host");
        assert_eq!(encrypted.is_ok(), cfg!(feature = "remote-tls"));
    }
}

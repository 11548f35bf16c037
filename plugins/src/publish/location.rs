//! Where records go.

use std::path::PathBuf;

use fer::Secret;
use gst::glib;

/// A place for records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// JSON lines on standard output.
    Output,
    /// JSON lines in a file or named pipe.
    File(PathBuf),
    /// A topic of an MQTT broker.
    Mqtt(Broker),
    /// A topic of a Kafka cluster.
    Kafka(Cluster),
}

/// A Kafka cluster and what it takes to send to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Brokers to begin with, as `host:port`, with commas between.
    pub brokers: String,
    /// User and password.
    pub user: Option<(String, Secret)>,
    /// Of the records.
    pub topic: String,
}

/// An MQTT broker and what it takes to send to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// User and password.
    pub user: Option<(String, Secret)>,
    /// Of the records.
    pub topic: String,
    /// File of the certificates that are trusted, in PEM; else those of the system are.
    pub certificates: Option<PathBuf>,
}

#[cfg(feature = "kafka")]
const KAFKA_PORT: u16 = 9092;
#[cfg(feature = "mqtt")]
const PORT: u16 = 1883;
#[cfg(feature = "mqtt")]
const TLS_PORT: u16 = 8883;
/// Longest topic, in bytes, that leaves room for that of the status.
#[cfg(feature = "mqtt")]
const LONGEST_TOPIC: usize = 65_000;

impl Location {
    /// Reads what the user wrote.
    ///
    /// # Errors
    /// A text for the user, which says nothing of a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Output);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            // Nobody's file is called so.
            let forgot = ["mqtt", "mqtts", "kafka"].into_iter().find(|scheme| {
                let behind = text.strip_prefix(scheme);
                behind.is_some_and(|behind| behind.starts_with(':'))
            });
            return match forgot {
                Some(scheme) => Err(format!("Behind {scheme}: come two slashes and a host")),
                None => Self::file(text.into()),
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => match glib::filename_from_uri(text) {
                Ok((path, host)) if host.as_deref().is_none_or(is_here) => Self::file(path),
                _ => Err("A file's URI is file:///folder/name".to_owned()),
            },
            "mqtt" => Broker::parse(rest, false).map(Self::Mqtt),
            "mqtts" => Broker::parse(rest, true).map(Self::Mqtt),
            "kafka" => Cluster::parse(rest).map(Self::Kafka),
            // Half a path is none that anybody means.
            _ if scheme.is_empty() || scheme.contains('/') || rest.is_empty() => {
                Err("The location is neither a path nor a URI".to_owned())
            }
            scheme => Err(format!(
                "The location's scheme {scheme} is not file, mqtt, mqtts or kafka"
            )),
        }
    }
}

impl Location {
    /// A file that is not called after something else than what it will hold.
    fn file(path: PathBuf) -> Result<Self, String> {
        let end = path.extension();
        if end.is_some_and(|end| end.eq_ignore_ascii_case("csv")) {
            return Err(format!(
                "Records are JSON lines, and {} would be CSV: name it .jsonl, or have \
                 fer-annotate --records write CSV",
                path.display()
            ));
        }
        Ok(Self::File(path))
    }
}

/// Whether a file's URI names this machine.
fn is_here(host: &str) -> bool {
    host.is_empty() || host == "localhost"
}

#[cfg(not(feature = "mqtt"))]
impl Broker {
    fn parse(_: &str, _: bool) -> Result<Self, String> {
        Err("This build has no MQTT (feature mqtt)".to_owned())
    }
}

#[cfg(feature = "mqtt")]
impl Broker {
    /// Reads what follows the scheme. Names may be percent-encoded (RFC 3986).
    fn parse(text: &str, tls: bool) -> Result<Self, String> {
        if tls && cfg!(not(feature = "mqtts")) {
            return Err("This build has no MQTT over TLS (feature mqtts)".to_owned());
        }
        let form = "A broker's location is mqtt://host/topic or mqtt://user@host:port/topic";
        let Parts { user, place, path } = Parts::of(text)?;
        let (host, port) = host_and_port(place, if tls { TLS_PORT } else { PORT }, form)?;
        let topic = decoded(path).ok_or(CODES)?;
        if path.contains('?') || topic.contains(['+', '#', '\0']) {
            return Err("A topic that is written to has no +, # or ? in it".to_owned());
        }
        if topic.is_empty() || topic.len() > LONGEST_TOPIC {
            return Err(format!("The location has no topic. {form}"));
        }
        let user = decoded(user).ok_or(form)?;
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
            user: Some((user, Secret::default())).filter(|(user, _)| !user.is_empty()),
            topic,
            certificates: None,
        })
    }
}

#[cfg(not(feature = "kafka"))]
impl Cluster {
    fn parse(_: &str) -> Result<Self, String> {
        Err("This build has no Kafka (feature kafka)".to_owned())
    }
}

#[cfg(feature = "kafka")]
impl Cluster {
    /// Reads what follows the scheme.
    fn parse(text: &str) -> Result<Self, String> {
        let form =
            "A cluster's location is kafka://host/topic or kafka://user@host:port,host/topic";
        let Parts { user, place, path } = Parts::of(text)?;
        let brokers = place.split(',').map(|broker| {
            let (host, port) = host_and_port(broker, KAFKA_PORT, form)?;
            Ok(format!("{host}:{port}"))
        });
        let brokers = brokers.collect::<Result<Vec<_>, String>>()?.join(",");
        let topic = decoded(path).ok_or(CODES)?;
        // As Kafka itself has it.
        let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if topic.is_empty() || topic.len() > 249 || !topic.chars().all(is_legal) {
            return Err(format!(
                "A topic of Kafka has 1 to 249 letters, digits, dots, _ and -. {form}"
            ));
        }
        let user = decoded(user).ok_or(form)?;
        Ok(Self {
            brokers,
            user: Some((user, Secret::default())).filter(|(user, _)| !user.is_empty()),
            topic,
        })
    }
}

/// The parts of a location with a host.
#[cfg(any(feature = "mqtt", feature = "kafka"))]
struct Parts<'a> {
    /// Empty where there is none.
    user: &'a str,
    /// Host and port.
    place: &'a str,
    /// Without the slash before it.
    path: &'a str,
}

#[cfg(any(feature = "mqtt", feature = "kafka"))]
impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, String> {
        let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        if user.contains(':') {
            return Err(
                "A password does not belong into the location, where others see it: use the \
                 property password or FER_PUBLISH_PASSWORD"
                    .to_owned(),
            );
        }
        Ok(Self {
            user,
            place,
            path: path.strip_prefix('/').unwrap_or(path),
        })
    }
}

#[cfg(any(feature = "mqtt", feature = "kafka"))]
fn host_and_port<'a>(
    place: &'a str,
    default_port: u16,
    form: &str,
) -> Result<(&'a str, u16), String> {
    let (host, port) = match place.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (place, None),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(form.to_owned());
    }
    let port = port.map_or(Some(default_port), |port| port.parse().ok());
    let port = port.filter(|port| *port > 0);
    Ok((host, port.ok_or("The location's port is not 1 to 65535")?))
}

/// What is said of a name that can't be decoded.
#[cfg(any(feature = "mqtt", feature = "kafka"))]
const CODES: &str = "A % in a location begins a code such as %20, of UTF-8; itself it is %25";

/// A part of a URI as it is meant.
#[cfg(any(feature = "mqtt", feature = "kafka"))]
fn decoded(text: &str) -> Option<String> {
    // The crate leaves what is no code as it is.
    let is_code = |rest: &str| {
        let code = rest.as_bytes().get(..2);
        code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_code) {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_standard_output() {
        assert_eq!(Location::parse("-"), Ok(Location::Output));
        for (text, path) in [
            ("faces.jsonl", "faces.jsonl"),
            ("/tmp/a b.jsonl", "/tmp/a b.jsonl"),
            ("a:b/c", "a:b/c"),
            ("file:///tmp/a%20b.jsonl", "/tmp/a b.jsonl"),
        ] {
            assert_eq!(Location::parse(text), Ok(Location::File(path.into())));
        }
    }

    #[cfg(feature = "mqtt")]
    #[test]
    fn brokers() {
        let broker = |text: &str| match Location::parse(text) {
            Ok(Location::Mqtt(broker)) => broker,
            other => panic!("{text}: {other:?}"),
        };
        let plain = broker("mqtt://broker.example/cameras/door");
        assert_eq!((plain.host.as_str(), plain.port), ("broker.example", 1883));
        assert_eq!(plain.topic, "cameras/door");
        assert_eq!(plain.user, None);
        let full = broker("MQTT://jo%40home@[::1]:2000/t%20t");
        assert_eq!((full.host.as_str(), full.port), ("[::1]", 2000));
        assert_eq!(full.topic, "t t");
        assert_eq!(full.user.unwrap().0, "jo@home");
    }

    #[cfg(feature = "kafka")]
    #[test]
    fn clusters() {
        let Location::Kafka(cluster) = Location::parse("kafka://jo@a,b:1,[::1]/faces.v1").unwrap()
        else {
            panic!("no cluster")
        };
        assert_eq!(cluster.brokers, "a:9092,b:1,[::1]:9092");
        assert_eq!(
            (cluster.topic.as_str(), cluster.user.unwrap().0.as_str()),
            ("faces.v1", "jo")
        );
        for (text, said) in [
            ("kafka://a", "topic"),
            ("kafka://a/b/c", "topic"),
            ("kafka://a,/b", "kafka://host/topic"),
            ("kafka://a:0/b", "port"),
            ("kafka://jo:hunter2@a/b", "password"),
        ] {
            let why = Location::parse(text).unwrap_err();
            assert!(
                why.contains(said) && !why.contains("hunter2"),
                "{text}: {why}"
            );
        }
    }

    #[test]
    fn what_is_no_place_is_said_without_the_password() {
        for (text, said) in [
            ("http://host/topic", "http"),
            #[cfg(not(feature = "kafka"))]
            ("kafka://host/topic", "no Kafka"),
            ("://x", "neither"),
            ("kafka:topic", "two slashes"),
            ("mqtt:/host/topic", "two slashes"),
            ("file://far/away", "file:///"),
            ("faces.csv", ".jsonl"),
            ("file:///tmp/faces.CSV", ".jsonl"),
            (
                "mqtts://host/topic",
                if cfg!(feature = "mqtts") { "" } else { "TLS" },
            ),
        ] {
            match Location::parse(text) {
                Err(why) => assert!(why.contains(said), "{text}: {why}"),
                Ok(place) => assert!(said.is_empty(), "{text}: {place:?}"),
            }
        }
        #[cfg(feature = "mqtt")]
        for (text, said) in [
            ("mqtt://", "mqtt://host/topic"),
            ("mqtt://host", "no topic"),
            ("mqtt://host/", "no topic"),
            ("mqtt:///topic", "mqtt://host/topic"),
            ("mqtt://host:99999/topic", "port"),
            ("mqtt://host:0/topic", "port"),
            ("mqtt://host/a/#", "topic"),
            ("mqtt://host/a/+/b", "topic"),
            ("mqtt://host/100%", "%25"),
            ("mqtt://host/a%zz", "%25"),
            ("mqtt://host/%ff", "%25"),
            ("mqtt://jo:hunter2@host/topic", "password"),
            ("mqtt://jo:hunter2@/to@host/topic", "password"),
            ("mqtt://jo:a/hunter2@host/topic", "port"),
        ] {
            let why = Location::parse(text).unwrap_err();
            assert!(
                why.contains(said) && !why.contains("hunter2"),
                "{text}: {why}"
            );
        }
    }
}

//! `ferclassify engine=remote` by way of an ingress: a proxy that balances, ends connections,
//! limits what it passes on, asks for a token, and encrypts (with the feature `grpcs`).

#![cfg(feature = "remote")]

#[cfg(feature = "grpcs")]
mod certificates;
mod common;
mod marked;
mod nginx;
#[path = "../../tests/servers/mod.rs"]
mod servers;

use std::time::Duration;

use common::{run_with, skip};
use gst_video::VideoRegionOfInterestMeta;
use marked::{Live, assert_alike, classify, count, remote, stream};
use nginx::Nginx;
use servers::{Kind, Server, free_port};

#[test]
fn connections_that_are_ended_every_few_requests_cost_no_face() {
    let Some(server) = Server::start(Kind::KServe, "ended") else {
        return;
    };
    let servers = [server.endpoint()];
    let Some(nginx) = Nginx::start("ended", &servers, "http2", "keepalive_requests 15;") else {
        return;
    };
    let run = classify(
        100,
        &remote(&nginx.endpoint(), "deadline=20000 fallback=error"),
    );
    assert_eq!(run.error, None);
    assert_alike(&run, &classify(100, "engine=builtin"));
    assert_eq!(count(&run, "remote-outages"), 0);
}

#[test]
fn of_balanced_servers_one_may_go() {
    let both = [Kind::KServe, Kind::Triton].map(|kind| Server::start(kind, "balanced"));
    let [Some(mut first), Some(second)] = both else {
        return;
    };
    let servers = [first.endpoint(), second.endpoint()];
    let Some(nginx) = Nginx::start("balanced", &servers, "http2", "") else {
        return;
    };
    let live = Live::start(&remote(&nginx.endpoint(), "deadline=20000 fallback=error"));
    let asked = |server: &Server| server.notes("batches").len();
    let (before, other) = (asked(&first), asked(&second));
    live.until(|_| asked(&first) > before + 5 && asked(&second) > other + 5);
    first.kill();
    live.until_grown("remote-requests", 50);
    assert_eq!((live.count("unread"), live.count("remote-outages")), (0, 0));
    live.end();
}

#[test]
fn an_ingress_without_servers_or_that_goes_itself_is_an_outage_with_an_end() {
    let Some(mut server) = Server::start(Kind::KServe, "none-behind") else {
        return;
    };
    let servers = [server.endpoint()];
    let Some(mut nginx) = Nginx::start("none-behind", &servers, "http2", "") else {
        return;
    };
    let live = Live::start(&remote(&nginx.endpoint(), "deadline=5000"));
    live.until_grown("remote-requests", 10);
    server.kill();
    live.until_grown("local-faces", 30);
    assert!(live.warnings.borrow()[0].contains("No server answers"));
    server.restart();
    live.until_grown("remote-requests", 10);
    nginx.restart();
    live.until_grown("remote-requests", 10);
    assert_eq!(live.count("unread"), 0);
    live.end();
}

#[test]
fn a_connection_that_breaks_with_several_requests_on_their_way_costs_no_face() {
    let Some(server) = Server::start(Kind::KServe, "broken-off") else {
        return;
    };
    let servers = [server.endpoint()];
    let Some(nginx) = Nginx::start("broken-off", &servers, "http2", "") else {
        return;
    };
    server.delay(Duration::from_millis(200));
    // Three faces a frame.
    let properties = "deadline=20000 fallback=error batch-size=1";
    let live = Live::start(&remote(&nginx.endpoint(), properties));
    live.until_grown("remote-requests", 6);
    nginx.break_off();
    live.until_grown("remote-requests", 12);
    assert!(live.count("remote-failed") > 1, "{}", live.stats());
    assert_eq!((live.count("unread"), live.count("remote-outages")), (0, 0));
    live.end();
}

#[test]
fn an_ingress_may_say_in_grpc_that_its_servers_are_away() {
    let nobody = [format!("grpc://127.0.0.1:{}", free_port())];
    // As nginx' documentation has it, with no type.
    let page = "error_page 502 = @away; location @away { internal; default_type ''; \
                add_header grpc-status 14 always; add_header grpc-message gone-fishing always; \
                return 204; }";
    let Some(nginx) = Nginx::start("grpc-page", &nobody, "http2", page) else {
        return;
    };
    let run = classify(2, &remote(&nginx.endpoint(), "fallback=error"));
    let (_, text) = run.error.expect("no start");
    assert!(text.contains(": gone-fishing"), "{text}");
}

#[test]
fn requests_that_are_too_large_for_it_are_halved() {
    let Some(server) = Server::start(Kind::KServe, "limited") else {
        return;
    };
    let servers = [server.endpoint()];
    let limit = "client_max_body_size 100k;";
    let Some(nginx) = Nginx::start("limited", &servers, "http2", limit) else {
        return;
    };
    let properties = remote(
        &nginx.endpoint(),
        "deadline=20000 fallback=error batch-size=40",
    );
    let run = run_with(&stream(2, &properties), |pipeline| {
        common::mark(pipeline, |buffer| {
            for at in 0..40 {
                let rect = (at % 8 * 40, at / 8 * 40, 40, 40);
                VideoRegionOfInterestMeta::add(buffer, "face", rect);
            }
        });
    });
    assert_eq!(run.error, None);
    assert_eq!(count(&run, "classified"), 80);
    let largest = server
        .notes("batches")
        .iter()
        .map(|n| n.parse().unwrap())
        .max();
    assert!(largest <= Some(10), "{largest:?}");
}

#[test]
fn a_token_that_it_does_not_take_is_an_error_at_the_start() {
    let Some(server) = Server::start(Kind::KServe, "token") else {
        return;
    };
    let servers = [server.endpoint()];
    let check = r#"if ($http_authorization != "Bearer hunter2") { return 401; }"#;
    let Some(nginx) = Nginx::start("token", &servers, "http2", check) else {
        return;
    };
    let properties = |token: &str| remote(&nginx.endpoint(), &format!("deadline=20000 {token}"));
    let run = classify(2, &properties("token=hunter2"));
    assert_eq!((run.error.as_ref(), count(&run, "local-faces")), (None, 0));
    for token in ["", "token=hunter3"] {
        let run = classify(2, &properties(token));
        let told = run.warnings();
        let (_, text) = run.error.unwrap_or_else(|| panic!("it starts: {told:?}"));
        assert!(text.contains("401") && !text.contains("hunter"), "{text}");
    }
}

#[cfg(feature = "grpcs")]
mod encrypted {
    use super::*;
    use certificates::Certificates;

    /// Such a server, and an ingress that encrypts with the certificate `name`.
    fn start(test: &str, certificates: &Certificates, name: &str) -> Option<(Server, Nginx)> {
        let server = Server::start(Kind::KServe, test)?;
        let more = format!(
            "ssl_certificate {}; ssl_certificate_key {};",
            certificates.file(name, "pem").display(),
            certificates.file(name, "key").display()
        );
        let nginx = Nginx::start(test, &[server.endpoint()], "http2 ssl", &more)?;
        Some((server, nginx))
    }

    #[test]
    fn whose_certificate_is_vouched_for_is_asked() {
        let certificates = Certificates::new("vouched");
        let Some((server, nginx)) = start("vouched", &certificates, "here") else {
            return;
        };
        let authority = certificates.file("authority", "pem");
        for name in ["localhost", "127.0.0.1"] {
            let properties = format!(
                "deadline=20000 fallback=error token=hunter2 ca-file={}",
                authority.display()
            );
            let run = classify(5, &remote(&nginx.encrypted(name), &properties));
            assert_eq!(run.error, None);
            assert_alike(&run, &classify(5, "engine=builtin"));
            assert_eq!(
                server.notes("authorization").last().unwrap(),
                "Bearer hunter2"
            );
        }
    }

    #[test]
    fn whose_certificate_is_not_is_an_error_at_the_start() {
        let certificates = Certificates::new("strangers");
        let authority = certificates.file("authority", "pem");
        let vouched = format!("ca-file={}", authority.display());
        for (certificate, trust, said) in [
            ("here", "", "ca-file names"),
            ("elsewhere", &vouched as &str, "not valid for name"),
            ("expired", &vouched, "expired"),
        ] {
            let Some((_server, nginx)) = start(certificate, &certificates, certificate) else {
                return;
            };
            let properties = format!("deadline=20000 token=hunter2 {trust}");
            let run = classify(2, &remote(&nginx.encrypted("localhost"), &properties));
            let told = run.warnings();
            let (_, text) = run.error.unwrap_or_else(|| panic!("it starts: {told:?}"));
            assert!(text.contains(said), "{text}");
            // Nothing was asked of who can't say who they are, and no token told.
            assert_eq!(nginx.requests(), "");
        }
    }

    #[test]
    fn who_encrypts_and_who_does_not_is_said() {
        let certificates = Certificates::new("mixed");
        let Some((server, nginx)) = start("mixed", &certificates, "here") else {
            return;
        };
        let port = |endpoint: &str| endpoint.rsplit_once(':').unwrap().1.to_owned();
        let (plain, encrypted) = (port(&server.endpoint()), port(&nginx.endpoint()));
        for (endpoint, said) in [
            (format!("grpcs://localhost:{plain}"), "grpc:// is for those"),
            (format!("grpc://localhost:{encrypted}"), "grpcs:// is for"),
        ] {
            let run = classify(2, &remote(&endpoint, "deadline=20000 fallback=error"));
            let (_, text) = run.error.expect("no start");
            assert!(text.contains(said), "{text}");
        }
    }
}

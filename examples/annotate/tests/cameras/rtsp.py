"""A camera that speaks RTSP, on loopback:

    rtsp.py PORT [--tcp | --firewall] [--login USER:PASSWORD] PATH=PIPELINE...

Pipelines are GStreamer's, with payloaders named pay0, pay1 and so on. With port 0 it takes a free
one. It says at which port it listens, and goes on until it is killed."""

import argparse

import gi

for library in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(library, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("port")
parser.add_argument("--tcp", action="store_true", help="gives no UDP")
parser.add_argument("--firewall", action="store_true", help="lets no UDP through")
parser.add_argument("--login")
parser.add_argument("paths", nargs="+")
args = parser.parse_args()

Gst.init(None)


def let_nothing_through(_factory, media):
    def look(_pipeline, _bin, element):
        made_by = element.get_factory()
        if made_by and made_by.get_name() == "multiudpsink":
            pad = element.get_static_pad("sink")
            data = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST
            pad.add_probe(data, lambda *_: Gst.PadProbeReturn.DROP)

    media.get_element().get_parent().connect("deep-element-added", look)


server = GstRtspServer.RTSPServer(address="127.0.0.1", service=args.port)
for mount in args.paths:
    path, pipeline = mount.split("=", 1)
    factory = GstRtspServer.RTSPMediaFactory(shared=True, launch=f"( {pipeline} )")
    if args.tcp:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
    if args.firewall:
        factory.connect("media-configure", let_nothing_through)
    if args.login:
        rights = "known, media.factory.access=true, media.factory.construct=true"
        factory.add_role_from_structure(Gst.Structure.new_from_string(rights))
    server.get_mount_points().add_factory(path, factory)
if args.login:
    user, password = args.login.split(":")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "known")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()

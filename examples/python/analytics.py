#!/usr/bin/python3
"""Prints the faces of a video file from GStreamer's analytics metadata.

    GST_PLUGIN_PATH=target/release examples/python/analytics.py clip.mkv

Needs GStreamer 1.24, a plugin that was built with the feature `analytics` (`make` turns it on
where GStreamer has it), and Debian's packages python3-gi and gir1.2-gst-plugins-bad-1.0.
"""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstAnalytics", "1.0")
from gi.repository import GLib, Gst, GstAnalytics  # noqa: E402


def related(meta, detection, get):
    """The first of the data that `get` reads which is related to a detection, or None."""
    relation = GstAnalytics.RelTypes.RELATE_TO
    for number in range(GstAnalytics.relation_get_length(meta)):
        if meta.get_relation(detection.id, number) & relation:
            there, mtd = get(number)
            if there:
                return mtd
    return None


def describe(meta, face):
    """One line about a face: its number, its box and its classes, most probable first."""
    _, x, y, width, height, confidence = face.get_location()
    line = f"{width}x{height} at {x},{y} ({confidence:.2f})"
    track = related(meta, face, meta.get_tracking_mtd)
    if track is not None:
        _, number, *_ = track.get_info()
        line = f"#{number} {line}"
    said = related(meta, face, meta.get_cls_mtd)
    if said is not None:
        for i in range(said.get_length()):
            line += f" {GLib.quark_to_string(said.get_quark(i))} {said.get_level(i):.2f}"
    return line


def on_buffer(_pad, info):
    """Called for every frame behind ferclassify."""
    buffer = info.get_buffer()
    meta = GstAnalytics.buffer_get_analytics_relation_meta(buffer)
    if meta is not None:
        for number in range(GstAnalytics.relation_get_length(meta)):
            there, detection = meta.get_od_mtd(number)
            if there and GLib.quark_to_string(detection.get_obj_type()) == "face":
                print(f"{buffer.pts / Gst.SECOND:7.2f} s  {describe(meta, detection)}", flush=True)
    return Gst.PadProbeReturn.OK


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FILE")
    # Ends quietly when what reads the output has seen enough, as in `| head`.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # And by Ctrl-C, which GStreamer's own loops do not see.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Gst.init(None)
    pipeline = Gst.parse_launch(
        "filesrc name=file ! decodebin ! videoconvert ! ferfacedetect ! ferclassify name=classify"
        " ! fakesink"
    )
    pipeline.get_by_name("file").props.location = sys.argv[1]
    pad = pipeline.get_by_name("classify").get_static_pad("src")
    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)
    pipeline.set_state(Gst.State.PLAYING)
    end = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, end)
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        why, _ = message.parse_error()
        sys.exit(f"{sys.argv[0]}: {why.message}")


if __name__ == "__main__":
    main()

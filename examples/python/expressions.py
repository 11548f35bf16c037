#!/usr/bin/python3
"""Prints the expression of every face of a video, read from the metadata on the buffers.

    GST_PLUGIN_PATH=target/release examples/python/expressions.py clip.mkv

Needs Debian's python3-gi and gir1.2-gst-plugins-base-1.0.
"""

import pathlib
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo  # noqa: E402


class Faces:
    """Reads the faces from the metadata of a buffer.

    The Python bindings give a region of interest by its id only. Ids count up from 1 and
    stay with a face, so it is enough to look from 1 to a little beyond the highest seen.
    """

    AHEAD = 20

    def __init__(self):
        self.highest = 0

    def of(self, buffer):
        """The GstVideoRegionOfInterestMeta of each face, by rising id."""
        found = []
        for number in range(1, self.highest + self.AHEAD):
            face = GstVideo.buffer_get_video_region_of_interest_meta_id(buffer, number)
            if face is not None and GLib.quark_to_string(face.roi_type) == "face":
                found.append(face)
                self.highest = max(self.highest, number)
        return found


def on_buffer(_pad, info, faces):
    """Called for every frame behind ferclassify."""
    buffer = info.get_buffer()
    for face in faces.of(buffer):
        expression = face.get_param("expression")
        label = expression.get_string("smoothed-label")
        _, confidence = expression.get_double("smoothed-confidence")
        print(f"{buffer.pts / Gst.SECOND:7.2f} s  #{face.id}  {label} {confidence:.0%}"
              f"  at {face.x},{face.y} {face.w}x{face.h}", flush=True)
    return Gst.PadProbeReturn.OK


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FILE")
    # Ends quietly when what reads the output has seen enough, as in `| head`.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # And by Ctrl-C, which GStreamer's own loops do not see.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Gst.init(None)
    uri = pathlib.Path(sys.argv[1]).resolve().as_uri()
    pipeline = Gst.parse_launch(
        f"uridecodebin uri={uri} ! videoconvert ! ferfacedetect "
        "! ferclassify name=classify ! fakesink sync=false")
    pad = pipeline.get_by_name("classify").get_static_pad("src")
    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer, Faces())
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        sys.exit(f"{sys.argv[1]}: {message.parse_error()[0].message}")


if __name__ == "__main__":
    main()

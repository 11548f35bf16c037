/* Prints the expression of every face of a video, read from the metadata on the buffers.
 *
 *   cc expressions.c -o expressions $(pkg-config --cflags --libs gstreamer-video-1.0)
 *   GST_PLUGIN_PATH=target/release ./expressions clip.mkv
 */
#include <gst/gst.h>
#include <gst/video/video.h>

/* Called for every frame behind ferclassify. */
static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state,
              GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    GstVideoRegionOfInterestMeta *face = (GstVideoRegionOfInterestMeta *) meta;
    GstStructure *expression =
        gst_video_region_of_interest_meta_get_param (face, "expression");
    gdouble confidence = 0.0;

    /* Other elements may have marked regions of other types. */
    if (face->roi_type != g_quark_from_static_string ("face") || !expression)
      continue;
    gst_structure_get_double (expression, "smoothed-confidence", &confidence);
    g_print ("%7.2f s  #%d  %s %.0f%%  at %u,%u %ux%u\n",
        (gdouble) GST_BUFFER_PTS (buffer) / GST_SECOND, face->id,
        gst_structure_get_string (expression, "smoothed-label"),
        100.0 * confidence, face->x, face->y, face->w, face->h);
  }
  return GST_PAD_PROBE_OK;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  GstElement *pipeline, *source, *classify;
  GstPad *pad;
  GstMessage *message;
  gchar *uri;
  int result = 0;

  gst_init (&argc, &argv);
  if (argc != 2) {
    g_printerr ("usage: %s FILE\n", argv[0]);
    return 2;
  }
  pipeline = gst_parse_launch ("uridecodebin name=source ! videoconvert "
      "! ferfacedetect ! ferclassify name=classify ! fakesink sync=false", &error);
  if (error) {
    g_printerr ("%s: %s\n", argv[0], error->message);
    return 1;
  }
  uri = gst_filename_to_uri (argv[1], &error);
  if (error) {
    g_printerr ("%s: %s\n", argv[1], error->message);
    return 1;
  }
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_object_set (source, "uri", uri, NULL);
  g_free (uri);
  gst_object_unref (source);

  classify = gst_bin_get_by_name (GST_BIN (pipeline), "classify");
  pad = gst_element_get_static_pad (classify, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, NULL, NULL);
  gst_object_unref (pad);
  gst_object_unref (classify);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (pipeline),
      GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_printerr ("%s: %s\n", argv[1], error->message);
    g_error_free (error);
    result = 1;
  }
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return result;
}

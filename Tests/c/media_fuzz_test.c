/* Arrays and file contents drawn at random, with fixed seeds: whatever comes, a call answers, leaves its output clear if
 * it refuses, and what it takes can be logged and freed. Worth most under a sanitizer or valgrind. */
#include "rows.h"

static uint64_t seed;
static uint64_t next_random(void) {
  uint64_t z = seed += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static int64_t below_random(int64_t limit) { return (int64_t)(next_random() % (uint64_t)limit); }

/* Room for any array drawn below: at most 5 axes of at most 6 elements, strides of at most 2000 bytes. */
enum { room_size = 1 << 18 };
static unsigned char room[room_size];
static int64_t shape[5], strides[5];

static quipu_array random_array(void) {
  static const int32_t likely[] = {6, 12, 13, 3, 1, 10};
  quipu_array array;
  int axis;
  memset(&array, 0, sizeof array);
  array.data = room + room_size / 2 + below_random(16);
  array.dtype = below_random(3) ? likely[below_random(6)] : (quipu_dtype)below_random(17);
  array.ndim = (int32_t)below_random(6);
  for (axis = 0; axis < array.ndim; axis++) {
    static const int64_t channels[] = {1, 2, 3, 4, 6};
    shape[axis] = below_random(3) ? channels[below_random(5)] : below_random(7);
    strides[axis] = below_random(4001) - 2000;
  }
  array.shape = shape;
  array.strides = below_random(2) ? strides : NULL;
  array.flags = below_random(8) ? 0 : QUIPU_ARRAY_BYTE_SWAPPED;
  return array;
}

/* Notes a refusal without its text, or a handle that is there although the call refused. */
static int refused(int line, const char *what, quipu_status status, quipu_media *media, quipu_error *error) {
  if (status == QUIPU_OK) {
    if (!media) harness_fail(__FILE__, line, "%s: no handle", what);
    return 0;
  }
  if (media) harness_fail(__FILE__, line, "%s: the output is not cleared", what);
  if (!error || !*quipu_error_message(error)) harness_fail(__FILE__, line, "%s: no text", what);
  if (status == QUIPU_ERROR_INTERNAL) harness_fail(__FILE__, line, "%s: %s", what, quipu_error_message(error));
  quipu_error_free(error);
  return 1;
}

enum { kinds = 12 };
static quipu_status make(int kind, const quipu_array *array, quipu_media **media, quipu_error **error) {
  quipu_image_options image = QUIPU_IMAGE_OPTIONS_INIT;
  quipu_video_options video = QUIPU_VIDEO_OPTIONS_INIT;
  quipu_histogram_options histogram = QUIPU_HISTOGRAM_OPTIONS_INIT;
  quipu_scene_options scene = QUIPU_SCENE_OPTIONS_INIT;
  static const char *const modes[] = {NULL, "L", "RGB", "RGBA", "1", "I;16", "CMYK"};
  static const char *const types[] = {NULL, "png", "jpg", "bmp", "tga"};
  switch (kind) {
    case 0:
      image.mode = modes[below_random(7)];
      image.file_type = types[below_random(5)];
      image.channels_first = (uint32_t)below_random(2);
      image.raw_values = (uint32_t)below_random(2);
      image.bit_depth = below_random(4) ? 0 : 16;
      image.quality = (int32_t)below_random(103) - 1;
      return quipu_image_new(array, &image, media, error);
    case 1: return quipu_images_new(array, NULL, &image, media, error);
    case 2: return quipu_mask_new(array, NULL, NULL, media, error);
    case 3: return quipu_boxes_new(array, NULL, media, error);
    case 4: histogram.bins = below_random(600); return quipu_histogram_new(array, &histogram, media, error);
    case 5: return quipu_array_value_new(array, media, error);
    case 6: return quipu_array_statistics_new(array, NULL, media, error);
    case 7: return quipu_point_cloud_new(array, NULL, media, error);
    case 8: scene.points = array; return quipu_scene_new(&scene, media, error);
    case 9: return quipu_audio_new(array, below_random(50000) - 10, NULL, media, error);
    case 10:
      video.channels_last = (uint32_t)below_random(2);
      video.fps = (double)below_random(100) - 5;
      return quipu_video_new(array, &video, media, error);
    default: return quipu_histogram_from_counts(array, array, media, error);
  }
}

static quipu_run *quiet_run(void) {
  quipu_run_options options = QUIPU_RUN_OPTIONS_INIT;
  quipu_run *run = NULL;
  options.mode = QUIPU_MODE_OFFLINE;
  options.dir = test_directory;
  options.settings_json = quipu_cstr("{\"console\":\"off\",\"x_disable_stats\":true,\"disable_git\":true}");
  CHECK_STATUS(quipu_run_start(&options, &run, NULL), QUIPU_OK);
  return run;
}

TEST(test_fuzz__arrays_of_any_kind_are_taken_or_refused) {
  quipu_run *run = quiet_run();
  int round, taken = 0;
  REQUIRE(run);
  seed = 20261122;
  for (round = 0; round < 6000; round++) {
    const quipu_array array = random_array();
    const int kind = (int)below_random(kinds);
    quipu_media *media = (quipu_media *)(uintptr_t)1;
    quipu_error *error = NULL;
    size_t at;
    if (round % 16 == 0) {
      for (at = 0; at < room_size; at += 8) {
        const uint64_t bits = below_random(3) ? next_random() : 0x3fe0000000000000u;
        memcpy(room + at, &bits, 8);
      }
    }
    const quipu_status status = make(kind, &array, &media, &error);
    if (refused(__LINE__, "an array", status, media, error)) continue;
    taken++;
    if (kind != 2 && kind != 3 && round % 4 == 0) {
      const quipu_item item = quipu_item_media("m", media);
      CHECK_STATUS(quipu_run_log_items(run, &item, 1, QUIPU_STEP_AUTO, QUIPU_COMMIT_DEFAULT, NULL), QUIPU_OK);
    }
    quipu_media_free(media);
  }
  CHECK(taken > 500); /* the draw is not only of nonsense */
  {
    quipu_run_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK_STATUS(quipu_run_finish(run, 0, QUIPU_WAIT_FOREVER, NULL), QUIPU_OK);
    CHECK_STATUS(quipu_run_get_stats(run, &stats), QUIPU_OK);
    CHECK_INT(stats.values_dropped, 0); /* what a call takes can be encoded */
    CHECK_INT(stats.media_pending, 0);
  }
  quipu_run_free(run);
}

static const struct {
  const char *type, *text;
  size_t size;
} contents[] = {
#define CONTENT(type, text) {type, text, sizeof text - 1}
    CONTENT("png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\0\0\0\0:~\x9bU"),
    CONTENT("jpg", "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x0b\b\0\1\0\1\1\1\x11\0\xff\xd9"),
    CONTENT("gif", "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"),
    CONTENT("bmp", "BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\1\0\1\0\1\0\x18\0\0\0\0\0"),
    CONTENT("webp", "RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0"),
    CONTENT("tiff", "II*\0\b\0\0\0\2\0\0\1\3\0\1\0\0\0\1\0\0\0\1\1\3\0\1\0\0\0\1\0\0\0\0\0\0\0"),
    CONTENT("wav", "RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\0\0\0\0"),
    CONTENT("mp3", "ID3\4\0\0\0\0\0\0\xff\xfb\x90\0"), CONTENT("flac", "fLaC\0\0\0\x22"),
    CONTENT("ogg", "OggS\0\2\0\0\0\0\0\0\0\0"), CONTENT("mp4", "\0\0\0\x18" "ftypisom\0\0\2\0isomiso2"),
    CONTENT("webm", "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1"), CONTENT("glb", "glTF\2\0\0\0\x0c\0\0\0"),
    CONTENT("stl", "solid cube\n facet normal 0 0 1\n"), CONTENT("gltf", "{\"asset\":{\"version\":\"2.0\"}}"),
    CONTENT("pts.json", "[[1,2,3],[4,5,6.5]]"), CONTENT("obj", "v 0 0 0\nf 1 2 3\n"),
    CONTENT("pdb", "HEADER    HYDROLASE\nATOM      1  N\n"), CONTENT("cif", "data_1ABC\nloop_\n"),
    CONTENT("mol2", "@<TRIPOS>MOLECULE\n"), CONTENT("mmtf", "\xde\0\5\xa3" "abc"),
    CONTENT("html", "<html><head></head>\xc3\xa9</html>"), CONTENT("smiles", "[13CH4].C1CC1(=O)[NH3+]"),
    CONTENT("json", "{\"box_data\":[{\"position\":{\"minX\":0,\"maxX\":1,\"minY\":0,\"maxY\":1},\"class_id\":1}],"
                    "\"data\":[],\"nodes\":[],\"edges\":[],\"roots\":{}}"),
};
enum { content_count = sizeof contents / sizeof contents[0] };

static void read_as_everything(const char *bytes, size_t size) {
  const quipu_str text = {bytes, size};
  int way;
  for (way = 0; way < 12; way++) {
    const char *type = contents[below_random(content_count)].type;
    quipu_media *media = NULL;
    quipu_error *error = NULL;
    quipu_status status;
    switch (way) {
      case 0: status = quipu_image_from_bytes(bytes, size, NULL, &media, &error); break;
      case 1: status = quipu_object3d_from_text(text, type, NULL, &media, &error); break;
      case 2: status = quipu_molecule_from_text(text, type, NULL, &media, &error); break;
      case 3: status = quipu_html_new(text, QUIPU_TOGGLE_DEFAULT, &media, &error); break;
      case 4: status = quipu_audio_from_bytes(text, type, NULL, &media, &error); break;
      case 5: status = quipu_video_from_bytes(text, type, NULL, &media, &error); break;
      case 6: status = quipu_boxes_from_json(text, NULL, &media, &error); break;
      case 7: status = quipu_classes_from_json(text, &media, &error); break;
      case 8: status = quipu_plotly_new(text, &media, &error); break;
      case 9: status = quipu_bokeh_new(text, &media, &error); break;
      case 10: status = quipu_graph_new(text, &media, &error); break;
      default:
        status = quipu_molecule_check_smiles(text, &error);
        quipu_error_free(error);
        continue;
    }
    if (!refused(__LINE__, type, status, media, error)) quipu_media_free(media);
  }
}

TEST(test_fuzz__contents_of_files_are_taken_or_refused) {
  static char bytes[512];
  int round;
  seed = 7;
  for (round = 0; round < 4000; round++) {
    const int which = (int)below_random(content_count);
    size_t size = contents[which].size;
    int change;
    memcpy(bytes, contents[which].text, size);
    if (below_random(3) == 0) size = (size_t)below_random((int64_t)size + 1);
    for (change = (int)below_random(5); change > 0 && size > 0; change--) {
      bytes[below_random((int64_t)size)] = (char)next_random();
    }
    if (below_random(4) == 0) {
      const size_t more = (size_t)below_random(100);
      size_t at;
      for (at = 0; at < more; at++) bytes[size++] = (char)next_random();
    }
    {
      /* A block of just this size, so that a read beyond it is seen. */
      char *exact = malloc(size ? size : 1);
      REQUIRE(exact);
      memcpy(exact, bytes, size);
      read_as_everything(exact, size);
      free(exact);
    }
  }
}

TEST(test_fuzz__contents_as_they_are_pass_under_their_own_type) {
  int which, passed = 0;
  for (which = 0; which < content_count; which++) {
    const quipu_str text = {contents[which].text, contents[which].size};
    quipu_media *media = NULL;
    if (quipu_object3d_from_text(text, contents[which].type, NULL, &media, NULL) == QUIPU_OK ||
        quipu_molecule_from_text(text, contents[which].type, NULL, &media, NULL) == QUIPU_OK ||
        quipu_image_from_bytes(text.data, text.size, NULL, &media, NULL) == QUIPU_OK ||
        quipu_video_from_bytes(text, contents[which].type, NULL, &media, NULL) == QUIPU_OK ||
        quipu_audio_from_bytes(text, contents[which].type, NULL, &media, NULL) == QUIPU_OK)
      passed++;
    quipu_media_free(media);
  }
  CHECK(passed >= 15);
}

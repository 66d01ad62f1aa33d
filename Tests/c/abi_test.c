/* The binary interface on 64-bit Linux, pinned: a change here breaks programs that are already compiled. */
#include "harness.h"

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)
#define AT(type, field, bytes) _Static_assert(offsetof(type, field) == (bytes), #type "." #field)
#define NUMBER(name, value) _Static_assert((name) == (value), #name)

#if defined(__LP64__)
SIZE(quipu_status, 4);
SIZE(quipu_level, 4);
SIZE(quipu_mode, 4);
SIZE(quipu_resume, 4);
SIZE(quipu_low_steps, 4);
SIZE(quipu_commit, 4);
SIZE(quipu_type, 4);
SIZE(quipu_toggle, 4);
SIZE(quipu_dtype, 4);
SIZE(quipu_table_log_mode, 4);
SIZE(quipu_file_policy, 4);
SIZE(quipu_stream, 4);
SIZE(quipu_upload_state, 4);

SIZE(quipu_str, 16);
AT(quipu_str, data, 0);
AT(quipu_str, size, 8);

SIZE(quipu_run_options, 184);
AT(quipu_run_options, struct_size, 0);
AT(quipu_run_options, mode, 4);
AT(quipu_run_options, project, 8);
AT(quipu_run_options, entity, 16);
AT(quipu_run_options, id, 24);
AT(quipu_run_options, name, 32);
AT(quipu_run_options, notes, 40);
AT(quipu_run_options, group, 48);
AT(quipu_run_options, job_type, 56);
AT(quipu_run_options, dir, 64);
AT(quipu_run_options, tags, 72);
AT(quipu_run_options, tag_count, 80);
AT(quipu_run_options, config_json, 88);
AT(quipu_run_options, config_path, 104);
AT(quipu_run_options, settings_json, 112);
AT(quipu_run_options, resume, 128);
AT(quipu_run_options, low_steps, 132);
AT(quipu_run_options, resume_from, 136);
AT(quipu_run_options, fork_from, 144);
AT(quipu_run_options, ring_bytes, 152);
AT(quipu_run_options, full_wait_ms, 160);
AT(quipu_run_options, program, 168);
AT(quipu_run_options, language, 176);

SIZE(quipu_run_stats, 168);
AT(quipu_run_stats, struct_size, 0);
AT(quipu_run_stats, disk_failing, 4);
AT(quipu_run_stats, calls_accepted, 8);
AT(quipu_run_stats, rows_written, 16);
AT(quipu_run_stats, rows_dropped_low_step, 24);
AT(quipu_run_stats, calls_dropped_full, 32);
AT(quipu_run_stats, records_lost, 40);
AT(quipu_run_stats, values_dropped, 48);
AT(quipu_run_stats, bytes_written, 56);
AT(quipu_run_stats, write_errors, 64);
AT(quipu_run_stats, media_pending, 72);
AT(quipu_run_stats, step, 80);
AT(quipu_run_stats, upload_state, 88);
AT(quipu_run_stats, stop_requested, 92);
AT(quipu_run_stats, rows_uploaded, 96);
AT(quipu_run_stats, rows_pending, 104);
AT(quipu_run_stats, files_uploaded, 112);
AT(quipu_run_stats, files_pending, 120);
AT(quipu_run_stats, bytes_uploaded, 128);
AT(quipu_run_stats, log_bytes_read, 136);
AT(quipu_run_stats, upload_requests, 144);
AT(quipu_run_stats, upload_retries, 152);
AT(quipu_run_stats, retry_in_ms, 160);

SIZE(quipu_item, 56);
AT(quipu_item, key, 0);
AT(quipu_item, type, 8);
AT(quipu_item, reserved, 12);
AT(quipu_item, integer, 16);
AT(quipu_item, number, 24);
AT(quipu_item, text, 32);
AT(quipu_item, media, 48);

SIZE(quipu_metric_options, 40);
AT(quipu_metric_options, struct_size, 0);
AT(quipu_metric_options, step_sync, 4);
AT(quipu_metric_options, hidden, 8);
AT(quipu_metric_options, overwrite, 12);
AT(quipu_metric_options, step_metric, 16);
AT(quipu_metric_options, summary, 24);
AT(quipu_metric_options, goal, 32);

SIZE(quipu_array, 40);
AT(quipu_array, data, 0);
AT(quipu_array, dtype, 8);
AT(quipu_array, ndim, 12);
AT(quipu_array, shape, 16);
AT(quipu_array, strides, 24);
AT(quipu_array, flags, 32);
AT(quipu_array, reserved, 36);

SIZE(quipu_limit, 24);
AT(quipu_limit, dtype, 0);
AT(quipu_limit, is_integer, 4);
AT(quipu_limit, integer, 8);
AT(quipu_limit, number, 16);

SIZE(quipu_histogram_options, 56);
AT(quipu_histogram_options, struct_size, 0);
AT(quipu_histogram_options, density, 4);
AT(quipu_histogram_options, bins, 8);
AT(quipu_histogram_options, estimator, 16);
AT(quipu_histogram_options, edges, 24);
AT(quipu_histogram_options, range, 32);
AT(quipu_histogram_options, weights, 40);
AT(quipu_histogram_options, skip_nonfinite, 48);

SIZE(quipu_histogram_result, 88);
AT(quipu_histogram_result, counts, 0);
AT(quipu_histogram_result, edges, 40);
AT(quipu_histogram_result, skipped, 80);

SIZE(quipu_image_options, 56);
AT(quipu_image_options, struct_size, 0);
AT(quipu_image_options, channels_first, 4);
AT(quipu_image_options, mode, 8);
AT(quipu_image_options, caption, 16);
AT(quipu_image_options, file_type, 24);
AT(quipu_image_options, grouping, 32);
AT(quipu_image_options, raw_values, 40);
AT(quipu_image_options, bit_depth, 44);
AT(quipu_image_options, quality, 48);
AT(quipu_image_options, any_layers, 52);

SIZE(quipu_class, 16);
AT(quipu_class, id, 0);
AT(quipu_class, name, 8);

SIZE(quipu_boxes_options, 64);
AT(quipu_boxes_options, struct_size, 0);
AT(quipu_boxes_options, layout, 4);
AT(quipu_boxes_options, in_pixels, 8);
AT(quipu_boxes_options, score_count, 12);
AT(quipu_boxes_options, class_ids, 16);
AT(quipu_boxes_options, scores, 24);
AT(quipu_boxes_options, score_names, 32);
AT(quipu_boxes_options, captions, 40);
AT(quipu_boxes_options, classes, 48);
AT(quipu_boxes_options, key, 56);

SIZE(quipu_box3d, 216);
AT(quipu_box3d, corners, 0);
AT(quipu_box3d, score, 192);
AT(quipu_box3d, label, 200);
AT(quipu_box3d, color, 208);
AT(quipu_box3d, has_score, 211);
AT(quipu_box3d, reserved, 212);

SIZE(quipu_scene_options, 88);
AT(quipu_scene_options, struct_size, 0);
AT(quipu_scene_options, reserved, 4);
AT(quipu_scene_options, points, 8);
AT(quipu_scene_options, boxes, 16);
AT(quipu_scene_options, box_count, 24);
AT(quipu_scene_options, vectors, 32);
AT(quipu_scene_options, vector_count, 40);
AT(quipu_scene_options, boxes_json, 48);
AT(quipu_scene_options, vectors_json, 64);
AT(quipu_scene_options, caption, 80);

SIZE(quipu_cells, 128);
AT(quipu_cells, form, 0);
AT(quipu_cells, unit, 4);
AT(quipu_cells, missing_is_nan, 8);
AT(quipu_cells, reserved, 12);
AT(quipu_cells, array, 16);
AT(quipu_cells, text, 56);
AT(quipu_cells, offsets, 72);
AT(quipu_cells, count, 80);
AT(quipu_cells, valid, 88);
AT(quipu_cells, media, 96);
AT(quipu_cells, media_count, 104);
AT(quipu_cells, arrays, 112);
AT(quipu_cells, array_count, 120);

SIZE(quipu_artifact_options, 32);
AT(quipu_artifact_options, struct_size, 0);
AT(quipu_artifact_options, reserved, 4);
AT(quipu_artifact_options, description, 8);
AT(quipu_artifact_options, metadata_json, 16);

SIZE(quipu_labels, 24);
AT(quipu_labels, numbers, 0);
AT(quipu_labels, texts, 8);
AT(quipu_labels, count, 16);

SIZE(quipu_chart_options, 40);
AT(quipu_chart_options, struct_size, 0);
AT(quipu_chart_options, split_table, 4);
AT(quipu_chart_options, title, 8);
AT(quipu_chart_options, class_names, 16);
AT(quipu_chart_options, classes_to_plot, 24);
AT(quipu_chart_options, interp_size, 32);

SIZE(quipu_video_options, 32);
AT(quipu_video_options, struct_size, 0);
AT(quipu_video_options, channels_last, 4);
AT(quipu_video_options, fps, 8);
AT(quipu_video_options, format, 16);
AT(quipu_video_options, caption, 24);

SIZE(quipu_login_options, 32);
AT(quipu_login_options, struct_size, 0);
AT(quipu_login_options, verify, 4);
AT(quipu_login_options, store, 8);
AT(quipu_login_options, relogin, 12);
AT(quipu_login_options, host, 16);
AT(quipu_login_options, timeout_ms, 24);

SIZE(quipu_table_options, 32);
AT(quipu_table_options, struct_size, 0);
AT(quipu_table_options, log_mode, 4);
AT(quipu_table_options, allow_mixed_types, 8);
AT(quipu_table_options, required, 12);
AT(quipu_table_options, schema_json, 16);
#endif

NUMBER(QUIPU_ABI, 0);
NUMBER(QUIPU_OK, 0);
NUMBER(QUIPU_ERROR_ARGUMENT, -100);
NUMBER(QUIPU_ERROR_NULL, -101);
NUMBER(QUIPU_ERROR_UTF8, -102);
NUMBER(QUIPU_ERROR_KEY, -103);
NUMBER(QUIPU_ERROR_STEP, -104);
NUMBER(QUIPU_ERROR_SHAPE, -105);
NUMBER(QUIPU_ERROR_DTYPE, -106);
NUMBER(QUIPU_ERROR_VALUE, -107);
NUMBER(QUIPU_ERROR_NAME, -108);
NUMBER(QUIPU_ERROR_SETTING, -109);
NUMBER(QUIPU_ERROR_OPTIONS, -110);
NUMBER(QUIPU_ERROR_DEVICE, -111);
NUMBER(QUIPU_ERROR_TOO_LARGE, -112);
NUMBER(QUIPU_ERROR_STATE, -200);
NUMBER(QUIPU_ERROR_FINISHED, -201);
NUMBER(QUIPU_ERROR_HANDLE, -202);
NUMBER(QUIPU_ERROR_FORKED, -203);
NUMBER(QUIPU_ERROR_CONFIG_CHANGED, -204);
NUMBER(QUIPU_ERROR_NOT_FOUND, -205);
NUMBER(QUIPU_ERROR_TIMEOUT, -206);
NUMBER(QUIPU_ERROR_FULL, -207);
NUMBER(QUIPU_ERROR_MEMORY, -300);
NUMBER(QUIPU_ERROR_FILE, -400);
NUMBER(QUIPU_ERROR_DIRECTORY, -401);
NUMBER(QUIPU_ERROR_FORMAT, -402);
NUMBER(QUIPU_ERROR_DISK_FULL, -403);
NUMBER(QUIPU_ERROR_BUSY, -404);
NUMBER(QUIPU_ERROR_NETWORK, -500);
NUMBER(QUIPU_ERROR_HOST, -501);
NUMBER(QUIPU_ERROR_CONNECT, -502);
NUMBER(QUIPU_ERROR_NETWORK_TIMEOUT, -503);
NUMBER(QUIPU_ERROR_TLS, -504);
NUMBER(QUIPU_ERROR_PROXY, -505);
NUMBER(QUIPU_ERROR_LIBRARY, -506);
NUMBER(QUIPU_ERROR_AUTH, -600);
NUMBER(QUIPU_ERROR_NO_API_KEY, -601);
NUMBER(QUIPU_ERROR_API_KEY, -602);
NUMBER(QUIPU_ERROR_SERVER, -700);
NUMBER(QUIPU_ERROR_ANSWER, -701);
NUMBER(QUIPU_ERROR_RESUME, -702);
NUMBER(QUIPU_ERROR_ENCODE, -800);
NUMBER(QUIPU_ERROR_INTERNAL, -900);
NUMBER(QUIPU_LEVEL_INFO, 1);
NUMBER(QUIPU_LEVEL_WARNING, 2);
NUMBER(QUIPU_LEVEL_ERROR, 3);
NUMBER(QUIPU_MODE_DEFAULT, 0);
NUMBER(QUIPU_MODE_ONLINE, 1);
NUMBER(QUIPU_MODE_OFFLINE, 2);
NUMBER(QUIPU_MODE_DISABLED, 3);
NUMBER(QUIPU_MODE_SHARED, 4);
NUMBER(QUIPU_RESUME_DEFAULT, 0);
NUMBER(QUIPU_RESUME_ALLOW, 1);
NUMBER(QUIPU_RESUME_MUST, 2);
NUMBER(QUIPU_RESUME_NEVER, 3);
NUMBER(QUIPU_RESUME_AUTO, 4);
NUMBER(QUIPU_LOW_STEPS_DROP, 0);
NUMBER(QUIPU_LOW_STEPS_KEEP, 1);
NUMBER(QUIPU_WAIT_FOREVER, -1);
NUMBER(QUIPU_STEP_AUTO, -1);
NUMBER(QUIPU_KEY_MAX_BYTES, 65535);
NUMBER(QUIPU_COMMIT_DEFAULT, 0);
NUMBER(QUIPU_COMMIT_NOW, 1);
NUMBER(QUIPU_COMMIT_LATER, 2);
NUMBER(QUIPU_TYPE_NULL, 0);
NUMBER(QUIPU_TYPE_BOOL, 1);
NUMBER(QUIPU_TYPE_INT, 2);
NUMBER(QUIPU_TYPE_DOUBLE, 3);
NUMBER(QUIPU_TYPE_TEXT, 4);
NUMBER(QUIPU_TYPE_JSON, 5);
NUMBER(QUIPU_TYPE_MEDIA, 6);
NUMBER(QUIPU_TOGGLE_DEFAULT, 0);
NUMBER(QUIPU_TOGGLE_ON, 1);
NUMBER(QUIPU_TOGGLE_OFF, 2);
NUMBER(QUIPU_DTYPE_BOOL, 1);
NUMBER(QUIPU_DTYPE_INT8, 2);
NUMBER(QUIPU_DTYPE_INT16, 3);
NUMBER(QUIPU_DTYPE_INT32, 4);
NUMBER(QUIPU_DTYPE_INT64, 5);
NUMBER(QUIPU_DTYPE_UINT8, 6);
NUMBER(QUIPU_DTYPE_UINT16, 7);
NUMBER(QUIPU_DTYPE_UINT32, 8);
NUMBER(QUIPU_DTYPE_UINT64, 9);
NUMBER(QUIPU_DTYPE_FLOAT16, 10);
NUMBER(QUIPU_DTYPE_BFLOAT16, 11);
NUMBER(QUIPU_DTYPE_FLOAT32, 12);
NUMBER(QUIPU_DTYPE_FLOAT64, 13);
NUMBER(QUIPU_DTYPE_COMPLEX64, 14);
NUMBER(QUIPU_DTYPE_COMPLEX128, 15);
NUMBER(QUIPU_ARRAY_MAX_DIMENSIONS, 32);
NUMBER(QUIPU_ARRAY_BYTE_SWAPPED, 1);
NUMBER(QUIPU_TABLE_IMMUTABLE, 0);
NUMBER(QUIPU_TABLE_MUTABLE, 1);
NUMBER(QUIPU_TABLE_INCREMENTAL, 2);
NUMBER(QUIPU_POLICY_LIVE, 0);
NUMBER(QUIPU_POLICY_NOW, 1);
NUMBER(QUIPU_POLICY_END, 2);
NUMBER(QUIPU_UPLOAD_OFF, 0);
NUMBER(QUIPU_UPLOAD_CONNECTING, 1);
NUMBER(QUIPU_UPLOAD_STREAMING, 2);
NUMBER(QUIPU_UPLOAD_WAITING, 3);
NUMBER(QUIPU_UPLOAD_FINISHING, 4);
NUMBER(QUIPU_UPLOAD_DONE, 5);
NUMBER(QUIPU_UPLOAD_FAILED, 6);
NUMBER(QUIPU_STREAM_STDOUT, 1);
NUMBER(QUIPU_STREAM_STDERR, 2);
NUMBER(QUIPU_STREAM_LINES, 3);

TEST(test_abi__sizes_offsets_and_numbers_are_pinned) {
  /* All above is checked by the compiler; this is the line that says so. */
  CHECK(1);
}

TEST(test_abi__library_and_header_are_of_one_version) {
  CHECK_TEXT(quipu_version(), QUIPU_VERSION);
  CHECK_INT(quipu_version_number(),
            QUIPU_VERSION_MAJOR * 1000000 + QUIPU_VERSION_MINOR * 1000 + QUIPU_VERSION_PATCH);
  CHECK_INT(quipu_abi_version(), QUIPU_ABI);
}

TEST(test_abi__every_status_has_a_name_and_a_sentence) {
#define STATUS(name) { QUIPU_##name, "QUIPU_" #name }
  static const struct {
    quipu_status status;
    const char *name;
  } all[] = {
    STATUS(OK), STATUS(ERROR_ARGUMENT), STATUS(ERROR_NULL), STATUS(ERROR_UTF8), STATUS(ERROR_KEY), STATUS(ERROR_STEP),
    STATUS(ERROR_SHAPE), STATUS(ERROR_DTYPE), STATUS(ERROR_VALUE), STATUS(ERROR_NAME), STATUS(ERROR_SETTING),
    STATUS(ERROR_OPTIONS), STATUS(ERROR_DEVICE), STATUS(ERROR_TOO_LARGE), STATUS(ERROR_STATE), STATUS(ERROR_FINISHED),
    STATUS(ERROR_HANDLE), STATUS(ERROR_FORKED), STATUS(ERROR_CONFIG_CHANGED), STATUS(ERROR_NOT_FOUND),
    STATUS(ERROR_TIMEOUT), STATUS(ERROR_FULL), STATUS(ERROR_MEMORY), STATUS(ERROR_FILE), STATUS(ERROR_DIRECTORY),
    STATUS(ERROR_FORMAT), STATUS(ERROR_DISK_FULL), STATUS(ERROR_BUSY), STATUS(ERROR_NETWORK), STATUS(ERROR_HOST),
    STATUS(ERROR_CONNECT), STATUS(ERROR_NETWORK_TIMEOUT), STATUS(ERROR_TLS), STATUS(ERROR_PROXY), STATUS(ERROR_LIBRARY),
    STATUS(ERROR_AUTH), STATUS(ERROR_NO_API_KEY), STATUS(ERROR_API_KEY), STATUS(ERROR_SERVER), STATUS(ERROR_ANSWER),
    STATUS(ERROR_RESUME), STATUS(ERROR_ENCODE), STATUS(ERROR_INTERNAL),
  };
#undef STATUS
  size_t index;
  for (index = 0; index < sizeof all / sizeof all[0]; index++) {
    CHECK_TEXT(quipu_status_name(all[index].status), all[index].name);
    CHECK(strlen(quipu_status_text(all[index].status)) > 5);
  }
  CHECK_TEXT(quipu_status_name(-12345), "QUIPU_ERROR");
  CHECK_TEXT(quipu_status_name(INT32_MIN), "QUIPU_ERROR");
  CHECK_TEXT(quipu_status_name(1), "QUIPU_ERROR");
  CHECK(strlen(quipu_status_text(-12345)) > 0);
}

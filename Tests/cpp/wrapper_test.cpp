// quipu.hpp: that every call does what the C call does, who owns what, and how a run ends.
#include "../c/rows.h"

#include <quipu.hpp>

#include <atomic>
#include <map>
#include <thread>

namespace {

quipu::RunOptions offline() {
  quipu::RunOptions options;
  options.project = "cpp-tests";
  options.mode = quipu::Mode::offline;
  options.dir = test_directory;
  return options;
}

row_list &rows_of(const std::string &directory, const char *key) {
  static row_list list;
  read_rows(directory.c_str(), key, &list);
  return list;
}

bool has(const std::string &text, const char *part) {
  std::string plain;
  for (const char c : text) {
    if (c != ' ' && c != '\n') plain.push_back(c);
  }
  if (plain.find(part) != std::string::npos) return true;
  harness_note("no %s in %s", part, plain.c_str());
  return false;
}

}  // namespace

static_assert(quipu::auto_step == QUIPU_STEP_AUTO, "the header and its wrapper agree");
static_assert(!std::is_copy_constructible_v<quipu::Run> && !std::is_copy_assignable_v<quipu::Run>, "one owner");
static_assert(std::is_nothrow_move_constructible_v<quipu::Run> && std::is_nothrow_move_assignable_v<quipu::Run>, "");
static_assert(std::is_nothrow_destructible_v<quipu::Run>, "");
static_assert(!std::is_copy_constructible_v<quipu::Image> && std::is_nothrow_move_constructible_v<quipu::Image>, "");
static_assert(!std::is_constructible_v<quipu::Array, std::vector<float>>, "a view of a temporary would dangle");
static_assert(!std::is_constructible_v<quipu::Array, std::array<float, 3>>, "");
static_assert(std::is_constructible_v<quipu::Array, const std::vector<float> &>, "");
static_assert(std::is_constructible_v<quipu::Array, quipu::span<const float>>, "");

TEST(test_cpp__items_of_every_type_are_logged) {
  std::string directory;
  {
    quipu::Run run(offline());
    directory = run.directory();
    const std::string text = "lvalue";
    const std::string_view key = "view key";
    run.log({{"double", 0.5},
             {"float", 0.25f},
             {"int", 7},
             {"big", std::uint64_t{1} << 63},
             {"bool", true},
             {"null", nullptr},
             {"literal", "text"},
             {"lvalue", text},
             {"temporary", std::string(100, 't')},
             {key, 1},
             {std::string("string key"), 2},
             {"list", std::vector<int>{1, 2, 3}},
             {"texts", std::vector<std::string>{"a", "b"}},
             {"map", std::map<std::string, double>{{"x", 1.5}}},
             {"none", std::optional<int>()},
             {"some", std::optional<int>(4)},
             {"nested", {{"a", 1}, {"b", {{"c", "deep"}}}}},
             {"escaped", quipu::Json(std::string("\"\\\n\x01"))}});
    const std::string summary = run.summary_json();
    CHECK(has(summary, "\"double\":0.5"));
    CHECK(has(summary, "\"float\":0.25"));
    CHECK(has(summary, "\"int\":7"));
    CHECK(has(summary, "\"bool\":true"));
    CHECK(has(summary, "\"literal\":\"text\""));
    CHECK(has(summary, "\"lvalue\":\"lvalue\""));
    CHECK(has(summary, ("\"" + std::string(100, 't') + "\"").c_str()));
    CHECK(has(summary, "\"viewkey\":1"));
    CHECK(has(summary, "\"stringkey\":2"));
    CHECK(has(summary, "\"list\":[1,2,3]"));
    CHECK(has(summary, "\"texts\":[\"a\",\"b\"]"));
    CHECK(has(summary, "\"x\":1.5"));
    CHECK(has(summary, "\"some\":4"));
    CHECK(has(summary, "\"c\":\"deep\""));
    run.finish();
  }
  CHECK_INT(rows_of(directory, "nested.a").count, 1);
  char log[1024];
  log_path_of(directory.c_str(), log, sizeof log);
  int nulls = 0;  // a summary has none, the row has
  runlog_read(
      log,
      [](int kind, const uint8_t *body, size_t size, void *user) {
        if (kind != RECORD_HISTORY) return;
        for (const char *key : {"null", "none"}) {
          size_t length = 0;
          const char *value = runlog_value(body, size, key, &length);
          if (value && std::string_view(value, length) == "null") ++*static_cast<int *>(user);
        }
      },
      &nulls);
  CHECK_INT(nulls, 2);
}

TEST(test_cpp__steps_and_commits_reach_the_library) {
  quipu::Run run(offline());
  const std::string directory = run.directory();
  run.log({{"a", 1}}, 5);
  run.log({{"a", 2}}, 5, quipu::Commit::now);
  run.log("a", 3);
  run.log({{"b", 1}}, quipu::auto_step, quipu::Commit::later);
  run.log(quipu::Json::object({{"a", 4}}));
  run.finish();
  row_list &list = rows_of(directory, "a");
  CHECK_INT(list.count, 3);
  CHECK_INT(list.values[0], 2);
  CHECK_INT(list.steps[0], 5);
  CHECK_INT(list.steps[1], 6);
  CHECK_INT(list.steps[2], 7);
}

TEST(test_cpp__columns_are_logged_in_order) {
  quipu::Run run(offline());
  const std::string directory = run.directory();
  auto columns = run.columns({"a", "b", "c"});
  run.log(columns, {1, 2, 3});
  run.log(columns, std::array<double, 3>{4, 5, 6}, 10);
  quipu::TypedColumns<double, int, bool> typed({"d", "i", "t"});
  run.log(typed, typed.row(0.5, 7, true));
  const char *keys[] = {"x", "y"};
  const double values[] = {8, 9};
  run.log_doubles({keys, 2}, {values, 2});
  run.finish();
  CHECK_INT(rows_of(directory, "b").values[0], 2);
  CHECK_INT(rows_of(directory, "c").values[1], 6);
  CHECK_INT(rows_of(directory, "c").steps[1], 10);
  CHECK_INT(rows_of(directory, "i").values[0], 7);
  CHECK_INT(rows_of(directory, "y").values[0], 9);
}

TEST(test_cpp__errors_are_thrown_with_their_code) {
  quipu::Run run(offline());
  bool thrown = false;
  try {
    run.log({{"a", 1}}, -5);
  } catch (const quipu::Error &error) {
    thrown = true;
    CHECK_STATUS(error.code(), QUIPU_ERROR_STEP);
    CHECK_TEXT(error.name(), "QUIPU_ERROR_STEP");
    CHECK(std::strstr(error.what(), "step") != nullptr);
    const quipu::Error copy = error;
    CHECK_TEXT(copy.what(), error.what());
    CHECK_TEXT(copy.kind(), error.kind());
  }
  CHECK(thrown);
  quipu::Status status = run.try_log({{"", 1}});
  CHECK(!status && !status.ok());
  CHECK_STATUS(status.code(), QUIPU_ERROR_KEY);
  CHECK(status.message()[0] != 0);
  status = run.try_log("fine", 1);
  CHECK(status.ok());
  const std::string broken("with\0nul", 8);
  CHECK_STATUS(run.try_log(broken, 1).code(), QUIPU_ERROR_UTF8);
  CHECK_STATUS(run.try_set_name(broken).code(), QUIPU_ERROR_UTF8);
  quipu::RunOptions options = offline();
  options.id = "a/b";
  quipu::Run refused;
  CHECK_STATUS(quipu::Run::try_start(refused, options).code(), QUIPU_ERROR_NAME);
  CHECK(refused.handle() == nullptr);
}

TEST(test_cpp__destructor_finishes_with_zero) {
  std::string directory;
  {
    quipu::Run run(offline());
    directory = run.directory();
    run.log("a", 1);
  }
  row_list &list = rows_of(directory, "a");
  CHECK(list.finished);
  CHECK_INT(list.exit_code, 0);
}

TEST(test_cpp__exception_finishes_with_one) {
  std::string directory;
  try {
    quipu::Run run(offline());
    directory = run.directory();
    run.log("a", 1);
    throw std::runtime_error("training failed");
  } catch (const std::runtime_error &) {
  }
  row_list &list = rows_of(directory, "a");
  CHECK(list.finished);
  CHECK_INT(list.count, 1);
  CHECK_INT(list.exit_code, 1);
}

// A run that starts and ends while another exception is on its way has not failed.
TEST(test_cpp__run_inside_unwinding_finishes_with_zero) {
  static std::string directory;
  struct Late {
    ~Late() {
      quipu::Run run(offline());
      directory = run.directory();
      run.log("a", 1);
    }
  };
  try {
    const Late late;
    throw 1;
  } catch (int) {
  }
  CHECK_INT(rows_of(directory, "a").exit_code, 0);
}

TEST(test_cpp__moved_from_run_answers_null) {
  quipu::Run run(offline());
  const std::string directory = run.directory();
  quipu::Run other = std::move(run);
  CHECK_STATUS(run.try_log("a", 1).code(), QUIPU_ERROR_NULL);  // NOLINT: what is tested
  CHECK_TEXT(run.id(), "");
  other.log("a", 2);
  run = std::move(other);
  run.log("a", 3);
  run.finish();
  CHECK_INT(rows_of(directory, "a").count, 2);
}

TEST(test_cpp__move_assignment_finishes_the_run_it_replaces) {
  quipu::Run run(offline());
  const std::string first = run.directory();
  run.log("a", 1);
  quipu::RunOptions options = offline();
  options.id = "second";
  run = quipu::Run(options);
  CHECK(rows_of(first, "a").finished);
  CHECK_TEXT(run.id(), "second");
}

TEST(test_cpp__arrays_of_every_source_are_read) {
  quipu::Run run(offline());
  const std::vector<float> vector{0, 1, 2, 3};
  const std::array<int, 4> array{0, 1, 2, 3};
  const double plain[2][2] = {{0, 1}, {2, 3}};
  const std::uint16_t big[] = {0, 1, 2, 3};
  run.log({{"v", quipu::ArrayValue(vector)},
           {"a", quipu::ArrayValue(array)},
           {"p", quipu::ArrayValue(plain)},
           {"s", quipu::ArrayValue(quipu::span<const float>(vector.data() + 1, 2))},
           {"m", quipu::ArrayValue(quipu::Array(vector, {2, 2}))},
           {"r", quipu::ArrayValue(quipu::Array::strided(vector.data() + 3, {4}, {-4}))},
           {"b", quipu::ArrayValue(quipu::Array(big, {4}))}});
  const std::string inside = quipu::ArrayValue(array).json();
  CHECK_TEXT(inside.c_str(), "[0,1,2,3]");
  const std::string summary = run.summary_json();
  CHECK(has(summary, "\"v\":[0.0,1.0,2.0,3.0]"));
  CHECK(has(summary, "\"a\":[0,1,2,3]"));
  CHECK(has(summary, "\"p\":[[0.0,1.0],[2.0,3.0]]"));
  CHECK(has(summary, "\"s\":[1.0,2.0]"));
  CHECK(has(summary, "\"m\":[[0.0,1.0],[2.0,3.0]]"));
  CHECK(has(summary, "\"r\":[3.0,2.0,1.0,0.0]"));
  CHECK(has(summary, "\"b\":[0,1,2,3]"));
  quipu::ArrayValue refused;
  CHECK_STATUS(quipu::ArrayValue::try_make(refused, quipu::Array(vector, {3, 2})).code(), QUIPU_ERROR_SHAPE);
  CHECK_STATUS(quipu::ArrayValue::try_make(refused, quipu::Array(vector, {std::int64_t{1} << 62, 16})).code(),
               QUIPU_ERROR_SHAPE);
  CHECK_STATUS(quipu::ArrayValue::try_make(refused, quipu::Array()).code(), QUIPU_ERROR_SHAPE);
}

TEST(test_cpp__images_carry_masks_boxes_and_classes) {
  quipu::Run run(offline());
  const std::vector<float> pixels(6 * 8 * 3, 0.5f);
  const std::vector<std::uint8_t> numbers(6 * 8, 1);
  const std::vector<double> corners{1, 1, 4, 5, 0, 0, 8, 6};
  const std::vector<std::int64_t> ids{0, 1};
  const quipu::Classes classes({{0, "sky"}, {1, "road"}});
  const std::vector<float> found{0.5f, 1.0f};
  const quipu::Array class_ids(ids, {2}), scores(found, {2});
  quipu::BoxesOptions options;
  options.in_pixels = true;
  options.class_ids = &class_ids;
  options.scores = &scores;
  options.captions = {"a", "b"};
  options.classes = &classes;
  const quipu::Boxes boxes(quipu::Array(corners, {2, 4}), options);
  const quipu::Mask mask(quipu::Array(numbers, {6, 8}), &classes);
  quipu::Image image(quipu::Array(pixels, {6, 8, 3}));
  image.add("truth", mask);
  image.add("found", boxes);
  image.set_classes(classes);
  quipu::Image same = image.copy();
  same.add("again", quipu::Boxes::from_json("{\"box_data\":[]}"));
  CHECK_STATUS(same.try_add("small", quipu::Mask(quipu::Array(numbers, {8, 6}))).code(), QUIPU_ERROR_VALUE);
  options.captions = {"one"};
  quipu::Boxes refused;
  CHECK_STATUS(quipu::Boxes::try_make(refused, quipu::Array(corners, {2, 4}), options).code(), QUIPU_ERROR_NULL);
  const std::vector<std::uint8_t> batch(2 * 6 * 8, 9);
  quipu::ImageOptions jpeg;
  jpeg.file_type = "jpg";
  jpeg.quality = 90;
  quipu::ImageBatch none;
  CHECK_STATUS(quipu::ImageBatch::try_make(none, quipu::Array(batch, {2, 6, 8}), jpeg, {"one"}).code(),
               QUIPU_ERROR_NULL);
  run.log({{"image", image}, {"same", same}, {"batch", quipu::ImageBatch(quipu::Array(batch, {2, 6, 8}), jpeg, {"x", "y"})}});
  const std::string summary = run.summary_json();
  CHECK(has(summary, "\"masks\":{\"truth\""));
  CHECK(has(summary, "\"boxes\":{\"found\""));
  CHECK(has(summary, "\"boxes\":{\"again\""));
  CHECK(has(summary, "\"captions\":[\"x\",\"y\"]"));
  CHECK(has(summary, ".jpg\""));
}

TEST(test_cpp__media_of_every_kind_are_logged) {
  quipu::Run run(offline());
  const std::vector<std::uint8_t> pixels(8 * 8 * 3, 100);
  const std::vector<float> points{0, 0, 0, 1, 1, 1};
  const std::vector<double> counts{1, 2}, edges{0, 1, 2};
  std::vector<quipu::Image> images;
  images.push_back(quipu::Image(quipu::Array(pixels, {8, 8, 3})));
  images.push_back(quipu::Image(quipu::Array(pixels, {8, 8, 3})));
  quipu::ImageOptions captioned;
  captioned.caption = "captioned";
  const quipu::Image image(quipu::Array(pixels, {3, 8, 8}),
                           [&] { auto o = captioned; o.channels_first = true; return o; }());
  quipu::Table table({"i", "t", "image"});
  table.add_row({1, "one", image});
  table.add_row({2, std::string("two"), nullptr});
  run.log({{"images", images},
           {"pair", quipu::MediaList({&images[0], &image})},
           {"image", image},
           {"histogram", quipu::Histogram(counts, 2)},
           {"counted", quipu::Histogram::from_counts(counts, edges)},
           {"read", quipu::Histogram::from_json("{\"values\":[1],\"bins\":[0,1]}")},
           {"cloud", quipu::PointCloud(quipu::Array(points, {2, 3}), "two points")},
           {"scene", quipu::Object3D::from_text("[[0,0,0]]", "json")},
           {"sound", quipu::Audio(quipu::Array(points, {6}), 8000, "six samples")},
           {"flac", quipu::Audio::from_bytes("fLaC", "flac")},
           {"video", quipu::Video(quipu::Array(pixels, {1, 3, 8, 8}))},
           {"gif", quipu::Video::from_bytes("GIF89a", "gif", "six bytes")},
           {"table", table}});
  const std::string summary = run.summary_json();
  CHECK(has(summary, "\"_type\":\"images/separated\""));
  CHECK(has(summary, "\"_type\":\"image-file\""));
  CHECK(has(summary, "captioned"));
  CHECK(has(summary, "\"_type\":\"histogram\""));
  CHECK(has(summary, "\"_type\":\"object3D-file\""));
  CHECK(has(summary, "\"_type\":\"audio-file\""));
  CHECK(has(summary, "\"_type\":\"video-file\""));
  CHECK(has(summary, "\"_type\":\"table-file\""));
  run.finish();
  const quipu::Stats stats = run.stats();
  CHECK_INT(stats.values_dropped, 0);
  CHECK_INT(stats.media_pending, 0);
}

TEST(test_cpp__scenes_pages_and_molecules_are_logged) {
  quipu::Run run(offline());
  const std::vector<float> points{0, 0, 0, 1, 1, 1};
  const quipu::Array cloud(points, {2, 3});
  std::vector<quipu::Box3D> boxes(1);
  boxes[0].turn({0, 0, 0}, {2, 2, 2}).or_throw();
  boxes[0].label = "car";
  boxes[0].score = 0.5;
  const std::vector<quipu::Vector3D> arrows{{{0, 0, 0}, {1, 1, 1}}};
  run.log({{"scene", quipu::Scene(cloud, boxes, arrows, "two points")},
           {"page", quipu::Html("<p>x</p>")},
           {"molecule", quipu::Molecule::from_text("ATOM\n", "pdb", "an atom")}});
  const std::string summary = run.summary_json();
  CHECK(has(summary, "\"_type\":\"object3D-file\""));
  CHECK(has(summary, "\"_type\":\"html-file\""));
  CHECK(has(summary, "\"_type\":\"molecule-file\""));
  run.finish();
  CHECK_INT(run.stats().values_dropped, 0);
  quipu::Scene empty;
  CHECK_STATUS(quipu::Scene::try_make(empty, nullptr).code(), QUIPU_OK);
  CHECK_STATUS(boxes[0].turn({0, 0, 0}, {1, 1, 1}, {0, 0, 0, 0}).code(), QUIPU_ERROR_VALUE);
  CHECK_STATUS(quipu::Molecule::check_smiles("C1CC").code(), QUIPU_ERROR_VALUE);
  CHECK_STATUS(quipu::Molecule::check_smiles("C1CC1").code(), QUIPU_OK);
  quipu::Html html;
  CHECK_STATUS(quipu::Html::try_open(html, "nowhere.html").code(), QUIPU_ERROR_NOT_FOUND);
  quipu::Molecule molecule;
  CHECK_STATUS(quipu::Molecule::try_open(molecule, "nowhere.pdb").code(), QUIPU_ERROR_NOT_FOUND);
}

TEST(test_cpp__table_calls_do_what_they_say) {
  quipu::Table table({"i", "t"});
  table.add_row({1, "one"});
  table.add_row({2, std::string("two")});
  table.add_rows_json("[[3,\"three\"]]");
  const std::vector<double> scores{0.1, 0.2, 0.3};
  table.add_column("score", scores);
  table.add_column("name", std::vector<std::string>{"a", "b", "c"});
  table.add_column("flag", quipu::Cells::json("[true,false,true]"));
  CHECK_INT(table.row_count(), 3);
  CHECK_INT(table.column_count(), 5);
  CHECK_STATUS(table.try_add_row({1}).code(), QUIPU_ERROR_SHAPE);
  CHECK_STATUS(table.try_add_row({"not a number", "x", 1.0, "x", true}).code(), QUIPU_ERROR_VALUE);
  quipu::Run run(offline());
  run.log({{"table", table}});
  run.finish();
  CHECK_INT(run.stats().values_dropped, 0);
}

TEST(test_cpp__charts_leave_their_keys_to_tables) {
  quipu::Run run(offline());
  quipu::Table table({"x", "y", "s"});
  table.add_row({1, 2.5, "a"});
  quipu::ChartOptions split;
  split.split_table = true;
  split.title = "title";
  const std::vector<std::int64_t> truth{0, 1, 1, 0};
  const std::vector<std::string> words{"no", "yes", "yes", "no"};
  const float scores[4][2] = {{0.9F, 0.1F}, {0.2F, 0.8F}, {0.6F, 0.4F}, {0.7F, 0.3F}};
  quipu::ChartOptions named;
  named.class_names = {"no", "yes"};
  named.classes_to_plot = {1};
  named.interp_size = 3;
  const std::vector<double> x{0, 1}, y{2, 3};
  run.log({{"line", quipu::Chart::line(table, "x", "y", "s", split)},
           {"scatter", quipu::Chart::scatter(table, "x", "y")},
           {"bar", quipu::Chart::bar(table, "s", "y")},
           {"histogram", quipu::Chart::histogram(table, "y")},
           {"own", quipu::Chart(table, "me/spec", quipu::Json::object({{"x", "x"}}))},
           {"viz", quipu::Chart::visualize(table, "id")},
           {"series", quipu::Chart::line_series({x}, {x, y}, {"p", "q"}, "step")},
           {"roc", quipu::Chart::roc_curve(words, scores)},
           {"matrix", quipu::Chart::confusion_matrix(truth, truth, named)},
           {"scored", quipu::Chart::confusion_matrix_of_scores(truth, scores)},
           {"deep", quipu::Json::object({{"pr", quipu::Chart::pr_curve(truth, scores, named)}})},
           {"plotly", quipu::Figure::plotly("{\"data\":[]}")},
           {"bokeh", quipu::Figure::bokeh("{\"roots\":[]}")},
           {"graph", quipu::Figure::graph("{\"format\":\"keras\",\"nodes\":[],\"edges\":[]}")}});
  const std::string summary = run.summary_json();
  for (const char *key : {"CustomChartTables/line_table", "scatter_table", "bar_table", "histogram_table",
                          "own_table", "viz", "series_table", "roc_table", "matrix_table", "scored_table",
                          "deep.pr_table", "plotly", "bokeh", "graph"}) {
    CHECK(has(summary, ("\"" + std::string(key) + "\":{").c_str()));
  }
  CHECK(has(summary, "\"_type\":\"plotly-file\""));
  quipu::Chart chart;
  const std::vector<std::int64_t> fewer{0, 1, 1};
  CHECK_STATUS(quipu::Chart::try_roc_curve(chart, fewer, scores).code(), QUIPU_ERROR_VALUE);
  CHECK_STATUS(run.try_log({{"list", quipu::Json::list({quipu::Chart::bar(table, "s", "y")})}}).code(),
               QUIPU_ERROR_VALUE);
  run.finish();
  CHECK_INT(run.stats().values_dropped, 0);
}

TEST(test_cpp__config_and_summary_are_kept) {
  quipu::RunOptions options = offline();
  options.config = quipu::Json::object({{"rate", 0.1}});
  quipu::Run run(options);
  run.config({{"layers", std::vector<int>{1, 2}}, {"nested", {{"a", "b"}}}});
  CHECK_STATUS(run.try_config({{"rate", 0.2}}).code(), QUIPU_ERROR_CONFIG_CHANGED);
  run.config({{"rate", 0.3}}, true);
  run.config_defaults(quipu::Json::object({{"rate", 9}, {"seed", 1}}));
  const std::string config = run.config_json();
  CHECK(has(config, "\"rate\":0.3"));
  CHECK(has(config, "\"seed\":1"));
  CHECK(has(config, "\"layers\":[1,2]"));
  run.summary("best", 0.5);
  run.summary({"deep", "er"}, "x");
  run.summary("gone", 1);
  run.summary_remove({"gone"});
  const std::string summary = run.summary_json();
  CHECK(has(summary, "\"best\":0.5"));
  CHECK(has(summary, "\"er\":\"x\""));
  CHECK(summary.find("gone") == std::string::npos);
}

TEST(test_cpp__histograms_take_all_options_and_are_computed_without_a_run) {
  const float values[] = {0, 1, 2, 3, 4, std::numeric_limits<float>::quiet_NaN()};
  const double weights[] = {1, 1, 1, 1, 0.5, 9};
  const std::vector<std::int32_t> edges = {0, 2, 5};
  quipu::HistogramOptions options;
  options.edges = quipu::Array(edges);
  options.weights = quipu::Array(weights);
  options.skip_nonfinite = true;
  quipu::HistogramResult result = quipu::histogram(values, options);
  CHECK(result.counts<double>().size() == 2 && result.counts<double>().data()[1] == 2.5);
  CHECK(result.edges<std::int32_t>().size() == 3 && result.edges<std::int32_t>().data()[2] == 5);
  CHECK(result.edges<float>().data() == nullptr);
  CHECK_INT(result.skipped(), 1);

  options = {};
  options.bins = 2;
  options.range = {1, 3};
  result = quipu::histogram(values, options);
  CHECK(result.counts().size() == 2 && result.counts().data()[1] == 2);
  CHECK(result.edges<float>().size() == 3);
  options.range = {quipu::Limit::typed(1.0), 3};  // a double brings its type
  CHECK(quipu::histogram(values, options).edges<double>().size() == 3);

  options.range.reset();
  options.skip_nonfinite = true;
  const quipu::Histogram logged(values, options);
  quipu_str json = {nullptr, 0};
  CHECK_STATUS(quipu_media_json(logged.handle(), &json, nullptr), QUIPU_OK);
  CHECK(has(json.data, "\"values\":[2,3],\"bins\":[0.0,2.0,4.0],\"skipped\":1"));
  quipu_text_free(json);

  options.estimator = "auto";
  CHECK_INT(quipu::try_histogram(result, values, options).code(), QUIPU_ERROR_OPTIONS);
  CHECK(result.handle() == nullptr);
}

TEST(test_cpp__statistics_of_an_array_go_into_the_summary) {
  std::vector<double> values(101);
  for (std::size_t at = 0; at < values.size(); at++) values[at] = static_cast<double>(at);
  quipu::Run run(offline());
  run.summary("weights", quipu::ArrayStatistics(values));
  const std::string summary = run.summary_json();
  CHECK(has(summary, "\"_type\":\"numpy.ndarray\""));
  CHECK(has(summary, "\"75%\":75"));
  run.finish();
}

TEST(test_cpp__the_rest_is_reachable) {
  quipu::RunOptions options = offline();
  options.tags = std::vector<std::string>{"a", "b"};
  options.name = "first";
  quipu::Run run(options);
  quipu::MetricOptions metric;
  metric.summary = "max";
  metric.step_metric = "epoch";
  run.define_metric("accuracy", metric);
  run.set_name("second");
  run.set_notes("notes");
  run.set_tags({"c"});
  run.alert("title", "text", quipu::Level::warning);
  run.output("line\n");
  run.mark_preempting();
  std::FILE *file = std::fopen(below("saved.txt"), "w");
  REQUIRE(file);
  std::fputs("saved", file);
  std::fclose(file);
  const std::string here = test_directory;
  CHECK(has(run.save(here + "/*.txt", quipu::Policy::end, here), "saved.txt"));
  run.record_requirements("a==1\n");
  const std::string info = run.info_json();
  CHECK(has(info, "\"name\":\"second\""));
  CHECK(has(info, "\"notes\":\"notes\""));
  run.flush();
  run.finish(3);
  std::string report;
  CHECK(run.try_report(report).ok());
  CHECK(has(run.info_json(), "\"exit_code\":3"));
  CHECK_TEXT(quipu::version(), QUIPU_VERSION);
  CHECK(quipu::check_library().ok());
  CHECK_STATUS(quipu::try_recover("/no/such/run").code(), QUIPU_ERROR_NOT_FOUND);
}

TEST(test_cpp__online_calls_answer_offline) {
  quipu::Run run(offline());
  bool called = false;
  CHECK(!run.stop_requested());
  CHECK(run.try_on_stop([&called] { called = true; }).ok());
  quipu::Run moved(std::move(run));
  CHECK_STATUS(moved.try_wait_online(100).code(), QUIPU_ERROR_STATE);
  CHECK_INT(moved.stats().upload_state, static_cast<int>(quipu::UploadState::off));
  CHECK(moved.try_on_stop({}).ok());
  moved.finish();
  CHECK(!called);
  CHECK_STATUS(quipu::try_login("short").code(), QUIPU_ERROR_API_KEY);
  quipu::LoginOptions options;
  options.host = "ftp://nowhere";
  CHECK_STATUS(quipu::try_login(nullptr, options).code(), QUIPU_ERROR_SETTING);
}

TEST(test_cpp__diagnostics_reach_the_receiver_while_it_lives) {
  std::atomic<int> heard{0};
  std::string kind;
  {
    const quipu::Diagnostics diagnostics([&](const quipu::Diagnostic &d) {
      if (std::string(d.kind) == "step_too_low") heard++;
      throw 1;  // must not reach the library
    });
    quipu::Run run(offline());
    run.log({{"a", 1}}, 10, quipu::Commit::now);
    run.log({{"a", 1}}, 5, quipu::Commit::now);
    run.flush();
    CHECK_INT(heard.load(), 1);
  }
  quipu::RunOptions options = offline();
  quipu::Run run(options);
  run.log({{"a", 1}}, 10, quipu::Commit::now);
  run.log({{"a", 1}}, 5, quipu::Commit::now);
  run.flush();
  CHECK_INT(heard.load(), 1);
}

TEST(test_cpp__nested_media_are_logged) {
  quipu::Run run(offline());
  const std::vector<double> values{1, 2, 3};
  const quipu::Histogram histogram(values, 3);
  run.log({{"tree", {{"h", histogram}, {"n", 1}}}, {"loss", 0.5}});
  const std::string summary = run.summary_json();
  CHECK(has(summary, "\"loss\":0.5"));
  CHECK(has(summary, "\"_type\":\"histogram\""));
  CHECK(has(summary, "\"n\":1"));
}

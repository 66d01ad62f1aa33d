// The parity program in C++. Arguments: the directory of the run, the directory of the input file.
#include <quipu.hpp>

#include <cmath>
#include <cstdio>
#include <limits>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  using quipu::Json;
  quipu::RunOptions options;
  options.mode = quipu::Mode::offline;
  options.dir = argv[1];
  options.project = "parity";
  options.id = "parity01";
  options.name = "parity run";
  options.notes = "four languages";
  options.group = "g";
  options.job_type = "train";
  options.tags = std::vector<std::string>{"a", "b"};
  options.config =
      Json::object({{"rate", 0.1}, {"layers", std::vector<int>{64, 10}}, {"nested", {{"a", "b"}}}});
  options.settings = Json::object({{"console", "off"}, {"x_disable_stats", true}});
  quipu::Run run(options);

  run.define_metric("epoch");
  quipu::MetricOptions metric;
  metric.step_metric = "epoch";
  metric.summary = "min,max";
  run.define_metric("val/*", metric);
  run.config({{"seed", 7}});
  for (int step = 0; step < 10; step++) {
    run.log({{"loss", 1.0 / (step + 1)}, {"count", step * step}, {"even", step % 2 == 0}}, step * 2);
  }
  for (int epoch = 0; epoch < 3; epoch++) run.log({{"val/accuracy", 0.5 + epoch * 0.125}, {"epoch", epoch}});
  run.log({{"tree", {{"a", 1}, {"b", {{"c", "text"}, {"d", std::vector<int>{1, 2, 3}}, {"e", nullptr}}}}},
           {"text", "\xc3\xbc" "bung \"quoted\""},
           {"odd", std::numeric_limits<double>::quiet_NaN()},
           {"large", 1e300}});

  std::uint8_t pixels[6][8][3];
  for (int y = 0; y < 6; y++) {
    for (int x = 0; x < 8; x++) {
      pixels[y][x][0] = static_cast<std::uint8_t>(x * 30);
      pixels[y][x][1] = static_cast<std::uint8_t>(y * 40);
      pixels[y][x][2] = 128;
    }
  }
  std::vector<double> values;
  for (int x = 0; x < 100; x++) values.push_back(x * x);
  float points[4][3];
  for (int y = 0; y < 4; y++) {
    for (int x = 0; x < 3; x++) points[y][x] = static_cast<float>(y * 3 + x) * 0.5f;
  }
  quipu::ImageOptions captioned;
  captioned.caption = "a picture";
  quipu::Table table({"number", "text", "flag"});
  for (int x = 0; x < 3; x++) table.add_row({x * 0.5, "row " + std::to_string(x), x == 1});
  run.log({{"image", quipu::Image(pixels, captioned)},
           {"histogram", quipu::Histogram(values, 10)},
           {"cloud", quipu::PointCloud(points)},
           {"table", table}});

  run.summary("best", 0.25);
  run.summary("deep", Json::object({{"er", "x"}}));
  run.alert("Done", "It is done.", quipu::Level::warning);
  run.save(std::string(argv[2]) + "/*.md", quipu::Policy::end, argv[2]);
  run.set_tags({"a", "c"});
  run.set_name("renamed");
  run.finish();
  std::puts(run.directory());
}

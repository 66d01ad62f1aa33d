// Every kind of media from C++; see media.c. Argument: the directory of the run.
#include <quipu.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

std::uint8_t pixels[6][8][3], mask[6][8], frames[4][3][8][8];
float fractions[6][8], points[4][3];
std::int16_t samples[400][2];

void fill() {
  for (int y = 0; y < 6; y++) {
    for (int x = 0; x < 8; x++) {
      pixels[y][x][0] = static_cast<std::uint8_t>(x * 30);
      pixels[y][x][1] = static_cast<std::uint8_t>(y * 40);
      pixels[y][x][2] = 128;
      mask[y][x] = static_cast<std::uint8_t>(x / 4 + y / 3 * 2);
      fractions[y][x] = static_cast<float>(x * y) / 35.0f;
    }
  }
  for (int t = 0; t < 4; t++) {
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < 8; y++) {
        for (int x = 0; x < 8; x++) {
          frames[t][c][y][x] = static_cast<std::uint8_t>((t * 60 + x * 8 + y * 4 + c * 20) % 256);
        }
      }
    }
  }
  for (int i = 0; i < 12; i++) points[i / 3][i % 3] = static_cast<float>(i) * 0.5f;
  for (int i = 0; i < 800; i++) samples[i / 2][i % 2] = static_cast<std::int16_t>((i * 397 % 2000 - 1000) * 16);
}

quipu::ImageOptions captioned(const char *caption) {
  quipu::ImageOptions options;
  options.caption = caption;
  return options;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  fill();
  quipu::RunOptions options;
  options.mode = quipu::Mode::offline;
  options.dir = argv[1];
  options.project = "parity";
  options.id = "media001";
  options.name = "media";
  options.settings = quipu::Json::object({{"console", "off"}, {"x_disable_stats", true}});
  quipu::Run run(options);

  quipu::Image image(pixels, captioned("a picture"));
  const quipu::Classes classes({{0, "sky"}, {1, "road"}, {2, "car"}, {3, "tree"}});
  image.add("truth", quipu::Mask(mask, &classes));
  image.add("found", quipu::Boxes::from_json(
                         R"({"box_data":[{"position":{"minX":0.125,"maxX":0.5,"minY":0.25,"maxY":0.75},)"
                         R"("class_id":1,"box_caption":"a car","scores":{"score":0.5}}],)"
                         R"("class_labels":{"1":"car"}})"));
  run.log({{"image", image}});
  run.log({{"gray", quipu::Image(fractions)}});
  std::vector<quipu::Image> images;
  images.emplace_back(pixels, captioned("a picture"));
  images.emplace_back(fractions, captioned("another"));
  run.log({{"images", images}});

  run.log({{"cloud", quipu::PointCloud(points, "four points")}});
  std::vector<quipu::Box3D> boxes(1);
  boxes[0].turn({0, 0, 0}, {2, 2, 2}, {1, 0.5, 0, 0}).or_throw();
  boxes[0].color = {255, 0, 0};
  boxes[0].label = "car";
  boxes[0].score = 0.5;
  const std::vector<quipu::Vector3D> arrows{{{0, 0, 0}, {1, 1, 1}}};
  run.log({{"scene", quipu::Scene(points, boxes, arrows)}});
  run.log({{"model", quipu::Object3D::from_text("v 0 0 0\n", "obj")}});
  run.log({{"molecule", quipu::Molecule::from_text("ATOM\n", "pdb", "an atom")}});
  run.log({{"page", quipu::Html("<p>page</p>")}});

  run.log({{"audio", quipu::Audio(samples, 8000, "a tone")}});
  quipu::VideoOptions film;
  film.fps = 10;
  film.caption = "a film";
  run.log({{"video", quipu::Video(frames, film)}});

  std::vector<double> values;
  for (int x = 0; x < 100; x++) values.push_back(x * x);
  run.log({{"histogram", quipu::Histogram(values, 10)}});
  quipu::Table table({"id", "score", "label", "picture"});
  const quipu::Image cell(pixels);
  for (int x = 0; x < 2; x++) table.add_row({x, x * 0.25, x ? "one" : "none", cell});
  run.log({{"table", table}});
  quipu::Table line({"x", "y"});
  for (int x = 0; x < 3; x++) line.add_row({x, x * 0.5});
  quipu::ChartOptions titled;
  titled.title = "a line";
  run.log({{"line", quipu::Chart::line(line, "x", "y", nullptr, titled)}});

  const std::vector<std::int64_t> truth{0, 1, 0, 1, 1, 0}, chosen{0, 1, 0, 1, 0, 0};
  const double scores[6][2] = {{0.9, 0.1}, {0.4, 0.6}, {0.65, 0.35}, {0.3, 0.7}, {0.55, 0.45}, {0.8, 0.2}};
  quipu::ChartOptions named;
  named.class_names = {"cat", "dog"};
  run.log({{"pr", quipu::Chart::pr_curve(truth, scores, named)}});
  run.log({{"roc", quipu::Chart::roc_curve(truth, scores, named)}});
  run.log({{"confusion", quipu::Chart::confusion_matrix(truth, chosen, named)}});
  run.finish();
}

// Trains a small network on handwritten digits and records the run: what a training program with Quipu looks like.
//   digits DATA.csv [DIRECTORY]
// The network is a plain multilayer perceptron, 64 inputs, 48 hidden units, 10 classes, trained by Adam on the cross
// entropy. No library but Quipu is used.
#include <quipu.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int side = 8, inputs = side * side, hidden = 48, classes = 10;

struct Digit {
  float pixels[inputs];  // 0..1
  int label;
};

std::vector<Digit> read_digits(const std::string &path) {
  std::vector<Digit> digits;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::string cell;
    Digit digit{};
    for (float &pixel : digit.pixels) {
      if (!std::getline(cells, cell, ',')) break;
      pixel = std::stof(cell) / 16;
    }
    if (std::getline(cells, cell, ',')) {
      digit.label = std::stoi(cell);
      if (digit.label >= 0 && digit.label < classes) digits.push_back(digit);
    }
  }
  return digits;
}

// A parameter tensor with its gradient and Adam's two moments.
struct Parameters {
  explicit Parameters(std::size_t count) : value(count), gradient(count), first(count), second(count) {}
  std::vector<float> value, gradient, first, second;

  void step(float rate, int time) {
    const float bias1 = 1 - std::pow(0.9f, static_cast<float>(time));
    const float bias2 = 1 - std::pow(0.999f, static_cast<float>(time));
    for (std::size_t i = 0; i < value.size(); i++) {
      first[i] = 0.9f * first[i] + 0.1f * gradient[i];
      second[i] = 0.999f * second[i] + 0.001f * gradient[i] * gradient[i];
      value[i] -= rate * (first[i] / bias1) / (std::sqrt(second[i] / bias2) + 1e-8f);
      gradient[i] = 0;
    }
  }
};

struct Network {
  Parameters weights1{hidden * inputs}, biases1{hidden}, weights2{classes * hidden}, biases2{classes};
  float activations[hidden], probabilities[classes];

  explicit Network(std::mt19937 &random) {
    std::normal_distribution<float> normal;
    for (float &w : weights1.value) w = normal(random) * std::sqrt(2.0f / inputs);
    for (float &w : weights2.value) w = normal(random) * std::sqrt(2.0f / hidden);
  }

  // Fills activations and probabilities; returns the most probable class.
  int forward(const Digit &digit) {
    for (int h = 0; h < hidden; h++) {
      const float *row = &weights1.value[static_cast<std::size_t>(h * inputs)];
      const float sum = std::inner_product(row, row + inputs, digit.pixels, biases1.value[static_cast<std::size_t>(h)]);
      activations[h] = sum > 0 ? sum : 0;
    }
    for (int c = 0; c < classes; c++) {
      const float *row = &weights2.value[static_cast<std::size_t>(c * hidden)];
      probabilities[c] = std::inner_product(row, row + hidden, activations, biases2.value[static_cast<std::size_t>(c)]);
    }
    const float largest = *std::max_element(probabilities, probabilities + classes);
    float total = 0;
    for (float &p : probabilities) total += p = std::exp(p - largest);
    for (float &p : probabilities) p /= total;
    return static_cast<int>(std::max_element(probabilities, probabilities + classes) - probabilities);
  }

  // Adds the gradient of the cross entropy, after forward(); returns the loss.
  float backward(const Digit &digit, float scale) {
    float back[hidden] = {};
    for (int c = 0; c < classes; c++) {
      const float delta = (probabilities[c] - (c == digit.label ? 1.0f : 0.0f)) * scale;
      biases2.gradient[static_cast<std::size_t>(c)] += delta;
      for (int h = 0; h < hidden; h++) {
        const auto index = static_cast<std::size_t>(c * hidden + h);
        weights2.gradient[index] += delta * activations[h];
        back[h] += delta * weights2.value[index];
      }
    }
    for (int h = 0; h < hidden; h++) {
      if (activations[h] <= 0) continue;
      biases1.gradient[static_cast<std::size_t>(h)] += back[h];
      float *row = &weights1.gradient[static_cast<std::size_t>(h * inputs)];
      for (int i = 0; i < inputs; i++) row[i] += back[h] * digit.pixels[i];
    }
    return -std::log(std::max(probabilities[digit.label], 1e-12f));
  }

  void step(float rate, int time) {
    for (Parameters *p : {&weights1, &biases1, &weights2, &biases2}) p->step(rate, time);
  }
};

// Pixels [height, width, 3].
struct Canvas {
  Canvas(int width, int height) : width(width), height(height), pixels(static_cast<std::size_t>(width * height * 3), 255) {}
  int width, height;
  std::vector<std::uint8_t> pixels;

  void fill(int left, int top, int size, const std::array<float, 3> &colour) {
    for (int y = top; y < top + size; y++) {
      for (int x = left; x < left + size; x++) {
        for (int c = 0; c < 3; c++) {
          pixels[static_cast<std::size_t>((y * width + x) * 3 + c)] =
              static_cast<std::uint8_t>(255 * std::clamp(colour[static_cast<std::size_t>(c)], 0.0f, 1.0f));
        }
      }
    }
  }
  void draw(const Digit &digit, int left, int top, int scale) {
    for (int i = 0; i < inputs; i++) {
      const float paper = 1 - digit.pixels[i];
      fill(left + i % side * scale, top + i / side * scale, scale, {paper, paper, paper});
    }
  }
  quipu::Array array() const { return quipu::Array(pixels, {height, width, 3}); }
};

// Black on white, eight times as large, with what is ink as a mask and a box around it.
quipu::Image picture(const Digit &digit, const std::string &caption, float confidence) {
  constexpr int scale = 8, size = side * scale;
  std::vector<float> paper(size * size);
  std::vector<std::uint8_t> ink(size * size);
  std::int32_t box[4] = {size, size, 0, 0};
  for (int y = 0; y < size; y++) {
    for (int x = 0; x < size; x++) {
      const float value = digit.pixels[y / scale * side + x / scale];
      paper[static_cast<std::size_t>(y * size + x)] = 1 - value;
      if (value < 0.5f) continue;
      ink[static_cast<std::size_t>(y * size + x)] = 1;
      box[0] = std::min(box[0], x);
      box[1] = std::min(box[1], y);
      box[2] = std::max(box[2], x + 1);
      box[3] = std::max(box[3], y + 1);
    }
  }
  quipu::ImageOptions options;
  options.caption = caption;
  quipu::Image image(quipu::Array(paper, {size, size}), options);
  const quipu::Classes names({{0, "paper"}, {1, "ink"}});
  image.add("ink", quipu::Mask(quipu::Array(ink, {size, size}), &names));
  const std::vector<std::int64_t> ids{1};
  const std::vector<float> scores{confidence};
  const quipu::Array id_array(ids), score_array(scores);
  quipu::BoxesOptions around;
  around.in_pixels = true;
  around.class_ids = &id_array;
  around.scores = &score_array;
  around.classes = &names;
  image.add("digit", quipu::Boxes(quipu::Array(box, {1, 4}), around));
  return image;
}

// What each hidden unit looks for: red where ink speaks for it, blue where ink speaks against it.
Canvas weights_picture(const std::vector<float> &weights) {
  constexpr int scale = 3, tile = side * scale + 3, across = 8;
  Canvas canvas(across * tile + 3, hidden / across * tile + 3);
  for (int h = 0; h < hidden; h++) {
    for (int i = 0; i < inputs; i++) {
      // In steps, which keeps the film small.
      const float w = std::round(std::clamp(weights[static_cast<std::size_t>(h * inputs + i)] * 2, -1.0f, 1.0f) * 5) / 5;
      const std::array<float, 3> colour = w > 0 ? std::array{1.0f, 1 - 0.8f * w, 1 - w}
                                                : std::array{1 + w, 1 + 0.6f * w, 1.0f};
      canvas.fill(3 + h % across * tile + i % side * scale, 3 + h / across * tile + i / side * scale, scale, colour);
    }
  }
  return canvas;
}

// Truth downwards, guess to the right; right guesses blue, wrong ones orange, as dark as they are many.
Canvas confusion_picture(const std::vector<std::int64_t> &truth, const std::vector<std::int64_t> &guesses) {
  int counts[classes][classes] = {};
  for (std::size_t n = 0; n < truth.size(); n++) counts[truth[n]][guesses[n]]++;
  constexpr int cell = 24;
  Canvas canvas(classes * cell + 1, classes * cell + 1);
  for (int t = 0; t < classes; t++) {
    for (int g = 0; g < classes; g++) {
      const float share = static_cast<float>(counts[t][g]) / static_cast<float>(std::max(1, counts[t][t]));
      const float wrong = std::min(1.0f, 6 * share);
      canvas.fill(g * cell + 1, t * cell + 1, cell - 1,
                  t == g ? std::array{1 - 0.8f * share, 1 - 0.5f * share, 1 - 0.1f * share}
                         : std::array{1.0f, 1 - 0.5f * wrong, 1 - 0.9f * wrong});
    }
  }
  return canvas;
}

// The coordinates of the rows of `data` along their first three principal axes, by power iteration with deflation.
std::vector<std::array<float, 3>> project(std::vector<std::vector<float>> data, std::mt19937 &random) {
  const std::size_t width = data[0].size();
  std::vector<float> mean(width);
  for (const auto &row : data) {
    for (std::size_t i = 0; i < width; i++) mean[i] += row[i] / static_cast<float>(data.size());
  }
  for (auto &row : data) {
    for (std::size_t i = 0; i < width; i++) row[i] -= mean[i];
  }
  std::vector<std::array<float, 3>> result(data.size());
  std::normal_distribution<float> normal;
  for (std::size_t axis = 0; axis < 3; axis++) {
    std::vector<float> direction(width), next(width);
    for (float &d : direction) d = normal(random);
    for (int round = 0; round < 30; round++) {
      std::fill(next.begin(), next.end(), 0.0f);
      for (const auto &row : data) {
        const float along = std::inner_product(row.begin(), row.end(), direction.begin(), 0.0f);
        for (std::size_t i = 0; i < width; i++) next[i] += along * row[i];
      }
      const float length = std::sqrt(std::inner_product(next.begin(), next.end(), next.begin(), 1e-30f));
      for (std::size_t i = 0; i < width; i++) direction[i] = next[i] / length;
    }
    for (std::size_t n = 0; n < data.size(); n++) {
      const float along = std::inner_product(data[n].begin(), data[n].end(), direction.begin(), 0.0f);
      result[n][axis] = along;
      for (std::size_t i = 0; i < width; i++) data[n][i] -= along * direction[i];
    }
  }
  return result;
}

int train(const std::string &path, const std::string &directory) {
  std::mt19937 random(7);
  std::vector<Digit> digits = read_digits(path);
  if (digits.size() < 100) {
    std::fprintf(stderr, "digits: no digits in %s\n", path.c_str());
    return 1;
  }
  std::shuffle(digits.begin(), digits.end(), random);
  const auto train_count = digits.size() * 4 / 5;
  const std::vector<Digit> test(digits.begin() + static_cast<std::ptrdiff_t>(train_count), digits.end());
  digits.resize(train_count);

  constexpr int epochs = 30, batch = 32;
  constexpr float top_rate = 3e-3f;

  quipu::RunOptions options;
  options.project = "digits";
  options.mode = quipu::Mode::offline;
  options.dir = directory;
  options.tags = std::vector<std::string>{"demo", "mlp"};
  options.config = quipu::Json::object({{"epochs", epochs},
                                        {"batch_size", batch},
                                        {"learning_rate", top_rate},
                                        {"layers", std::vector<int>{inputs, hidden, classes}},
                                        {"data", {{"train", digits.size()}, {"test", test.size()}}}});
  quipu::Run run(options);
  run.define_metric("epoch");
  quipu::MetricOptions best;
  best.step_metric = "epoch";
  best.summary = "max";
  run.define_metric("test/accuracy", best);
  best.summary = "min";
  run.define_metric("test/loss", best);

  Network network(random);
  const auto columns = run.columns({"loss", "accuracy", "learning_rate"});
  const int batches = static_cast<int>(digits.size()) / batch;
  int time = 0;
  float test_accuracy = 0;
  std::vector<std::uint8_t> film;  // frames [epoch, height, width, 3]
  Canvas frame = weights_picture(network.weights1.value);

  for (int epoch = 1; epoch <= epochs; epoch++) {
    std::shuffle(digits.begin(), digits.end(), random);
    for (int b = 0; b < batches; b++) {
      const float progress = static_cast<float>(time) / static_cast<float>(epochs * batches);
      const float rate = top_rate * 0.5f * (1 + std::cos(progress * 3.14159265f));
      float loss = 0;
      int right = 0;
      for (int i = 0; i < batch; i++) {
        const Digit &digit = digits[static_cast<std::size_t>(b * batch + i)];
        right += network.forward(digit) == digit.label;
        loss += network.backward(digit, 1.0f / batch) / batch;
      }
      network.step(rate, ++time);
      // The last batch of an epoch shares its row with the figures of the test below.
      run.log(columns, {loss, static_cast<double>(right) / batch, rate}, quipu::auto_step,
              b + 1 < batches ? quipu::Commit::now : quipu::Commit::later);
    }

    float test_loss = 0;
    int right = 0;
    for (const Digit &digit : test) {
      right += network.forward(digit) == digit.label;
      test_loss -= std::log(std::max(network.probabilities[digit.label], 1e-12f)) / static_cast<float>(test.size());
    }
    test_accuracy = static_cast<float>(right) / static_cast<float>(test.size());
    run.log({{"epoch", epoch},
             {"test/loss", test_loss},
             {"test/accuracy", test_accuracy},
             {"weights/1", quipu::Histogram(network.weights1.value)},
             {"weights/2", quipu::Histogram(network.weights2.value)}});
    frame = weights_picture(network.weights1.value);
    film.insert(film.end(), frame.pixels.begin(), frame.pixels.end());
    if (epoch == 1 || epoch % 10 == 0) {
      std::printf("epoch %2d: test loss %.4f, accuracy %.1f %%\n", epoch, static_cast<double>(test_loss),
                  static_cast<double>(test_accuracy) * 100);
    }
  }

  // What it looks like: samples, mistakes, curves, the weights as they grew, and the space in which the hidden layer
  // sees the digits.
  std::vector<quipu::Image> samples;
  quipu::Table mistakes({"digit", "truth", "guess", "confidence"});
  std::vector<std::vector<float>> seen;
  std::vector<std::int64_t> truth, guesses;
  std::vector<float> scores;
  std::vector<std::pair<float, const Digit *>> worst;
  for (const Digit &digit : test) {
    const int guess = network.forward(digit);
    const float confidence = network.probabilities[guess];
    if (samples.size() < 16) {
      samples.push_back(picture(digit, std::to_string(digit.label) + " read as " + std::to_string(guess), confidence));
    }
    if (guess != digit.label) {
      mistakes.add_row({picture(digit, "read as " + std::to_string(guess), confidence), digit.label, guess, confidence});
    }
    truth.push_back(digit.label);
    guesses.push_back(guess);
    scores.insert(scores.end(), network.probabilities, network.probabilities + classes);
    worst.emplace_back(network.probabilities[digit.label], &digit);
    seen.emplace_back(network.activations, network.activations + hidden);
  }
  static constexpr float colours[classes][3] = {{230, 25, 75},  {60, 180, 75},  {255, 225, 25}, {0, 130, 200},
                                                {245, 130, 48}, {145, 30, 180}, {70, 240, 240}, {240, 50, 230},
                                                {170, 110, 40}, {128, 128, 128}};
  const auto places = project(seen, random);
  std::vector<std::array<float, 6>> points;
  for (std::size_t n = 0; n < places.size(); n++) {
    const float *colour = colours[test[n].label];
    points.push_back({places[n][0], places[n][1], places[n][2], colour[0], colour[1], colour[2]});
  }
  const auto point_count = static_cast<std::int64_t>(points.size());
  const quipu::PointCloud cloud(quipu::Array(points.data()->data(), {point_count, 6}), "hidden layer, by digit");
  std::sort(worst.begin(), worst.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
  constexpr int scale = 6, tile = side * scale + 6, across = 8, rows = 3;
  Canvas sheet(across * tile + 6, rows * tile + 6);
  for (int n = 0; n < across * rows && n < static_cast<int>(worst.size()); n++) {
    sheet.draw(*worst[static_cast<std::size_t>(n)].second, 6 + n % across * tile, 6 + n / across * tile, scale);
  }
  quipu::ImageOptions hardest;
  hardest.caption = "the digits with the least probability for what they are";
  const Canvas matrix = confusion_picture(truth, guesses);
  quipu::ImageOptions described;
  described.caption = "truth downwards, guess to the right";
  quipu::VideoOptions film_options;
  film_options.fps = 6;
  film_options.channels_last = true;
  film_options.caption = "weights of the hidden layer, epoch by epoch";
  quipu::ChartOptions names;
  for (int c = 0; c < classes; c++) names.class_names.push_back(std::to_string(c));
  const auto count = static_cast<std::int64_t>(truth.size());
  const quipu::Array score_array(scores, {count, classes});
  run.log({{"samples", samples},
           {"mistakes", mistakes},
           {"hardest", quipu::Image(sheet.array(), hardest)},
           {"confusion_picture", quipu::Image(matrix.array(), described)},
           {"weights_film", quipu::Video(quipu::Array(film, {epochs, frame.height, frame.width, 3}), film_options)},
           {"precision_recall", quipu::Chart::pr_curve(truth, score_array, names)},
           {"roc", quipu::Chart::roc_curve(truth, score_array, names)},
           {"confusion", quipu::Chart::confusion_matrix(truth, guesses, names)},
           {"hidden_space", cloud}});
  run.summary("mistakes_count", static_cast<int>(mistakes.row_count()));
  if (test_accuracy < 0.9f) run.alert("Poor accuracy", "The network did not learn.", quipu::Level::warning);

  run.finish();
  const quipu::Stats stats = run.stats();
  std::printf("%llu rows in %s\n", static_cast<unsigned long long>(stats.rows_written), run.directory());
  return test_accuracy > 0.9f ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: digits DATA.csv [DIRECTORY]\n");
    return 2;
  }
  try {
    return train(argv[1], argc > 2 ? argv[2] : ".");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "digits: %s\n", error.what());
    return 1;
  }
}

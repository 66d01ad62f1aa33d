"""Audio and Video from Python, read back by other programs."""

import io
import os
import random
import stat
import struct
import subprocess
import wave

import pytest
import quipu
import runs

numpy = pytest.importorskip("numpy")


def logged(value):
    run = runs.start()
    run.log({"v": value})
    return runs.rows(run)[0]["v"], run


def path_of(run, value):
    return os.path.join(run.dir, value["path"])


def content(run, value):
    with open(path_of(run, value), "rb") as file:
        return file.read()


def frames_of(data):
    """Pillow's view of a GIF: frames [time, height, width, 3] and their times in ms."""
    Image = pytest.importorskip("PIL.Image")
    image = Image.open(io.BytesIO(data))
    pictures, times = [], []
    for number in range(image.n_frames):
        image.seek(number)
        pictures.append(numpy.asarray(image.convert("RGB")))
        times.append(image.info.get("duration"))
    return numpy.stack(pictures), times


# -- audio


def test_audio_of_an_array_is_a_wav_with_those_samples():
    soundfile = pytest.importorskip("soundfile")
    samples = numpy.random.default_rng(1).uniform(-1, 1, (1000, 2))
    value, run = logged(quipu.Audio(samples, sample_rate=22050, caption="c"))
    assert (value["_type"], value["caption"]) == ("audio-file", "c")
    read, rate = soundfile.read(path_of(run, value))
    assert rate == 22050 and read.shape == (1000, 2) and abs(read - samples).max() <= 1 / 32768
    with wave.open(path_of(run, value)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (2, 2, 22050, 1000)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", ">f4", ">i2", ">i4"])
@pytest.mark.parametrize("channels", [None, 1, 2, 5])
def test_audio_is_what_soundfile_writes(dtype, channels):
    soundfile = pytest.importorskip("soundfile")
    generator = numpy.random.default_rng(7)
    shape = (777,) if channels is None else (777, channels)
    if numpy.dtype(dtype).kind == "f":
        samples = (generator.normal(0, 0.6, shape)).astype(dtype)
    else:
        info = numpy.iinfo(dtype)
        samples = generator.integers(info.min, info.max, shape).astype(dtype)
    for array in (samples, samples[::-1][::-1], numpy.asfortranarray(samples), samples[1::3]):
        expected = io.BytesIO()
        native = array.astype(array.dtype.newbyteorder("="))
        soundfile.write(expected, native, 8000, format="WAV", subtype="PCM_16")
        value, run = logged(quipu.Audio(array, sample_rate=8000))
        assert content(run, value) == expected.getvalue()


def test_audio_of_lists_and_tensors():
    value, run = logged(quipu.Audio([[0.0, 0.5], [-0.5, 1.0]], sample_rate=10))
    assert content(run, value)[44:] == struct.pack("<4h", 0, 16384, -16384, 32767)
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([0.0, 0.5, -0.5], requires_grad=True)
    value, run = logged(quipu.Audio(tensor, sample_rate=10))
    assert content(run, value)[44:] == struct.pack("<3h", 0, 16384, -16384)


def test_audio_does_not_follow_later_changes_of_the_array():
    samples = numpy.ones(100_000, "f4")
    audio = quipu.Audio(samples, sample_rate=8000)
    samples[:] = -1
    value, run = logged(audio)
    assert content(run, value)[44:] == struct.pack("<h", 32767) * 100_000


@pytest.mark.parametrize(
    "data, arguments, error",
    [
        (numpy.zeros(4), {}, ValueError),
        (numpy.zeros(4), {"sample_rate": 0}, ValueError),
        (numpy.zeros(4), {"sample_rate": -8000}, ValueError),
        (numpy.zeros(4), {"sample_rate": 2**31}, ValueError),
        (numpy.zeros(4), {"sample_rate": 2**80}, ValueError),
        (numpy.zeros(4), {"sample_rate": 44100.5}, ValueError),
        (numpy.zeros(4), {"sample_rate": "44100"}, ValueError),
        (numpy.zeros((2, 3, 4)), {"sample_rate": 8000}, ValueError),
        (numpy.zeros(()), {"sample_rate": 8000}, ValueError),
        (numpy.zeros((4, 0)), {"sample_rate": 8000}, ValueError),
        (numpy.zeros((1, 1025)), {"sample_rate": 8000}, ValueError),
        (numpy.zeros(4, "i8"), {"sample_rate": 8000}, ValueError),
        (numpy.zeros(4, "u2"), {"sample_rate": 8000}, ValueError),
        (numpy.zeros(4, "?"), {"sample_rate": 8000}, ValueError),
        (numpy.zeros(4, "c8"), {"sample_rate": 8000}, ValueError),
        ([1, 2, 3], {"sample_rate": 8000}, ValueError),
        (["a"], {"sample_rate": 8000}, ValueError),
        ([[0.0], [0.0, 1.0]], {"sample_rate": 8000}, ValueError),
        (object(), {"sample_rate": 8000}, ValueError),
        (b"RIFF", {}, ValueError),
        (b"", {"format": "wav"}, ValueError),
        (b"x", {"format": "../x"}, ValueError),
        ("missing.wav", {}, FileNotFoundError),
        ("https://example.org/a.wav", {}, ValueError),
    ],
)
def test_audio_refuses_what_is_no_recording(data, arguments, error):
    run = runs.start()
    with pytest.raises(error):
        run.log({"v": quipu.Audio(data, **arguments)})
    assert runs.rows(run) == []


# -- files of both


HEADS = {
    "wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "flac": b"fLaC" + bytes(60), "mp3": b"ID3\3" + bytes(60),
    "ogg": b"OggS" + bytes(60), "gif": b"GIF89a\1\0\1\0" + bytes(40), "mp4": b"\0\0\0\x20ftypisom" + bytes(40),
    "webm": b"\x1aE\xdf\xa3" + bytes(60),
}  # fmt: skip


@pytest.mark.parametrize("kind", [quipu.Audio, quipu.Video])
def test_files_are_copied_unless_they_certainly_are_something_else(tmp_path, kind):
    names = ("gif", "mp4", "webm", "ogg") if kind is quipu.Video else ("wav", "flac", "mp3", "ogg")
    for name in names:
        for other, head in HEADS.items():
            path = tmp_path / f"x.{name}"
            path.write_bytes(head)
            if other == name or (name, other) == ("flac", "mp3"):
                value, run = logged(kind(str(path)))
                assert content(run, value) == head and value["path"].endswith("." + name)
                value, run = logged(kind(io.BytesIO(head), format=name))
                assert content(run, value) == head and value["size"] == len(head)
            else:
                with pytest.raises(ValueError, match=f"not {name}"):
                    kind(path)
                with pytest.raises(ValueError):
                    kind(head, format=name)
        path.write_bytes(b"nobody knows")
        value, run = logged(kind(path))
        assert content(run, value) == b"nobody knows"
        path.write_bytes(b"")
        with pytest.raises(ValueError, match="empty"):
            kind(path)
    folder = tmp_path / f"d.{names[0]}"
    folder.mkdir()
    with pytest.raises(OSError, match="directory"):
        kind(folder)
    with pytest.raises(FileNotFoundError):
        kind(tmp_path / f"missing.{names[0]}")


def test_any_bytes_are_sniffed_without_harm(tmp_path):
    generator = random.Random(4)
    for length in list(range(40)) + [100, 1000]:
        for name in ("wav", "mp3", "gif", "mp4"):
            kind = quipu.Video if name in ("gif", "mp4") else quipu.Audio
            head = bytearray(generator.choice(list(HEADS.values()))[:length])
            for _ in range(generator.randrange(3)):
                if head:
                    head[generator.randrange(len(head))] = generator.randrange(256)
            try:
                kind(bytes(head), format=name)
            except ValueError:
                pass


# -- video


def test_gif_shows_the_frames_exactly():
    generator = numpy.random.default_rng(2)
    palette = generator.integers(0, 256, (200, 3), dtype="u1")
    frames = palette[generator.integers(0, 200, (6, 20, 30))]
    value, run = logged(quipu.Video(frames.transpose(0, 3, 1, 2), caption="c", fps=10, format="gif"))
    assert (value["_type"], value["width"], value["height"], value["caption"]) == ("video-file", 30, 20, "c")
    shown, times = frames_of(content(run, value))
    assert times == [100] * 6 and (shown == frames).all()


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (2, 3, 1, 1), (3, 3, 5, 1), (3, 4, 1, 9), (2, 1, 7, 7), (2, 3, 1, 65535)]
)
def test_gif_of_odd_sizes(shape):
    array = numpy.random.default_rng(3).integers(0, 3, shape, dtype="u1") * 100
    array[:, 0, 0, 0] = numpy.arange(shape[0])  # no two frames are equal
    value, run = logged(quipu.Video(array, format="gif"))
    shown, times = frames_of(content(run, value))
    colours = array[:, [0, 0, 0]] if shape[1] == 1 else array[:, :3]
    assert times == [250] * shape[0] and (shown == colours.transpose(0, 2, 3, 1)).all()


def test_random_gifs_read_back_like_their_frames():
    generator = numpy.random.default_rng(11)
    for _ in range(25):
        time, height, width = (int(generator.integers(1, limit)) for limit in (7, 40, 40))
        colours = int(generator.choice([1, 2, 100, 256, 257, 1 << 24]))
        numbers = generator.integers(0, colours, (time, height, width))
        keep = generator.random((time, height, width)) < generator.random()
        for t in range(1, time):
            numbers[t] = numpy.where(keep[t], numbers[t - 1], numbers[t])
        values = (numbers * 2654435761) % (1 << 24)
        array = numpy.stack([(values >> shift) & 255 for shift in (0, 8, 16)], axis=1).astype("u1")
        value, run = logged(quipu.Video(array, fps=25, format="gif"))
        shown, times = frames_of(content(run, value))
        assert sum(times) == 40 * time
        at = 0
        for t in range(time):
            if t > 0 and (array[t] == array[t - 1]).all():
                continue  # equal frames are one that stays longer
            frame = array[t].transpose(1, 2, 0)
            if len(numpy.unique(frame.reshape(-1, 3), axis=0)) <= 256:
                assert (shown[at] == frame).all()
            else:
                assert ((shown[at].astype(float) - frame) ** 2).mean() < 400
            at += 1
        assert at == len(shown)


def psnr(shown, wanted):
    return 10 * numpy.log10(255**2 / ((shown.astype(float) - wanted) ** 2).mean())


def sea(time, height, width):
    """Waves with a little noise: far more than 256 colours."""
    y, x = numpy.mgrid[0:height, 0:width]
    frames = []
    for t in range(time):
        red = 128 + 80 * numpy.sin((x + 3 * t) / 17) + 30 * numpy.cos(y / 9)
        green = 128 + 60 * numpy.cos((y + 2 * t) / 23) + 50 * numpy.sin(x * y / 900)
        blue = 128 + 90 * numpy.sin((x + y + 4 * t) / 31)
        frames.append(numpy.stack([red, green, blue]) + numpy.random.default_rng(t).normal(0, 4, (3, height, width)))
    return numpy.clip(numpy.stack(frames), 0, 255).astype("u1")


@pytest.mark.parametrize("name", ["sea", "noise", "smooth", "dark"])
def test_gif_is_nearer_to_the_frames_than_pillows(name):
    Image = pytest.importorskip("PIL.Image")
    array = sea(3, 128, 128)
    if name == "noise":
        array = numpy.random.default_rng(5).integers(0, 256, array.shape, dtype="u1")
    elif name == "smooth":
        y, x = numpy.mgrid[0:128, 0:128]
        array = numpy.stack([numpy.stack([x * 2 + t, y * 2, x + y]) % 256 for t in range(3)]).astype("u1")
    elif name == "dark":
        array = array // 6
    frames = array.transpose(0, 2, 3, 1)
    value, run = logged(quipu.Video(array, format="gif"))
    shown, _ = frames_of(content(run, value))
    theirs = numpy.stack(
        [numpy.asarray(Image.fromarray(frame).quantize(256, method=Image.Quantize.MEDIANCUT, dither=0).convert("RGB"))
         for frame in frames]
    )  # fmt: skip
    assert psnr(shown, frames) >= psnr(theirs, frames)


def test_video_takes_every_form_of_frames():
    generator = numpy.random.default_rng(6)
    frames = (generator.integers(0, 2, (3, 8, 6, 3)) * 255).astype("u1")  # channels last
    first = frames.transpose(0, 3, 1, 2)
    forms = [
        (first, {}),
        (numpy.ascontiguousarray(first), {}),
        (frames, {"channels_last": True}),
        (first[:, ::-1][:, ::-1], {}),
        (first.astype("f4"), {}),
        (first.astype(">i4"), {}),
        (first.astype("f8") + 0.75, {}),
    ]
    try:
        import torch

        forms.append((torch.from_numpy(numpy.ascontiguousarray(first)), {}))
    except ImportError:
        pass

    class Clip:  # as moviepy's
        fps = 4

        def iter_frames(self, fps=None, dtype=None):
            assert fps == 4
            return iter(frames)

    forms.append((Clip(), {}))
    for data, arguments in forms:
        value, run = logged(quipu.Video(data, format="gif", **arguments))
        shown, times = frames_of(content(run, value))
        assert times == [250] * 3 and (shown == frames).all()


def test_video_of_a_batch_is_a_grid():
    batch = numpy.zeros((5, 2, 3, 4, 6), "u1") + (numpy.arange(1, 6, dtype="u1") * 40)[:, None, None, None, None]
    batch[:, 1] += 1
    value, run = logged(quipu.Video(batch, format="gif"))
    assert (value["width"], value["height"]) == (24, 8)
    shown, _ = frames_of(content(run, value))
    corners = shown[0, ::4, ::6, 0]
    assert corners.tolist() == [[40, 80, 120, 160], [200, 0, 0, 0]]


@pytest.mark.parametrize(
    "data, arguments, error",
    [
        (numpy.zeros((2, 3, 4, 4), "u1"), {}, ValueError),
        (numpy.zeros((2, 3, 4, 4), "u1"), {"format": "avi"}, ValueError),
        (numpy.zeros((2, 3, 4, 4), "u1"), {"format": "gif", "fps": -1}, ValueError),
        (numpy.zeros((2, 3, 4, 4), "u1"), {"format": "gif", "fps": float("nan")}, ValueError),
        (numpy.zeros((2, 3, 4, 4), "u1"), {"format": "gif", "fps": 1e-9}, ValueError),
        (numpy.zeros((2, 3, 4), "u1"), {"format": "gif"}, ValueError),
        (numpy.zeros((2, 2, 4, 4), "u1"), {"format": "gif"}, ValueError),
        (numpy.zeros((0, 3, 4, 4), "u1"), {"format": "gif"}, ValueError),
        (numpy.zeros((1, 1, 1, 1, 1, 1), "u1"), {"format": "gif"}, ValueError),
        (numpy.zeros((1, 1, 1, 65536), "u1"), {"format": "gif"}, ValueError),
        (numpy.zeros((2, 3, 4, 4), "S1"), {"format": "gif"}, ValueError),
        ([[1]], {"format": "gif"}, ValueError),
        (io.BytesIO(b"x"), {}, ValueError),
        (io.BytesIO(b""), {"format": "mp4"}, ValueError),
        ("missing.mp4", {}, FileNotFoundError),
        ("x.avi", {}, ValueError),
        ("x", {}, ValueError),
        ("s3://bucket/x.mp4", {}, ValueError),
    ],
)
def test_video_refuses_what_is_no_video(data, arguments, error):
    run = runs.start()
    with pytest.raises(error):
        run.log({"v": quipu.Video(data, **arguments)})
    assert runs.rows(run) == []


def test_lists_of_audio_and_video_are_one_value():
    sounds = [quipu.Audio(numpy.zeros(80), sample_rate=8000), quipu.Audio(b"x", format="flac", caption="b")]
    videos = [quipu.Video(numpy.full((1, 1, 2, 2), n, "u1"), format="gif", caption=f"c{n}") for n in range(2)]
    run = runs.start()
    run.log({"a": sounds, "v": videos})
    row = runs.rows(run)[0]
    assert row["a"]["_type"] == "audio" and row["a"]["count"] == 2
    assert (row["a"]["sampleRates"], row["a"]["durations"]) == ([8000, None], [0.01, None])
    assert row["a"]["captions"] == ["", "b"]
    assert row["v"]["_type"] == "videos" and row["v"]["captions"] == ["c0", "c1"]
    assert [video["width"] for video in row["v"]["videos"]] == [2, 2]


# -- ffmpeg


@pytest.fixture
def ffmpeg(monkeypatch):
    program = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    monkeypatch.setenv("QUIPU_FFMPEG", program)
    return program


def decoded(program, path, width, height):
    raw = subprocess.run(
        [program, "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    return numpy.frombuffer(raw, "u1").reshape(-1, height, width, 3)


@pytest.mark.parametrize("form", ["mp4", "webm", "ogg"])
@pytest.mark.parametrize("size", [(32, 48), (33, 47), (1, 1)])
def test_ffmpeg_makes_other_formats(ffmpeg, form, size):
    if form == "ogg" and size == (1, 1):
        size = (17, 18)  # ffmpeg does not open Theora of 16 x 16 and less
    height, width = size
    frames = sea(5, height, width)
    value, run = logged(quipu.Video(frames, fps=5, format=form))
    assert value["path"].endswith("." + form) and (value["width"], value["height"]) == (width, height)
    assert value["size"] == len(content(run, value))
    shown = decoded(ffmpeg, path_of(run, value), width + width % 2, height + height % 2)
    assert len(shown) == 5
    if height > 1:
        assert psnr(shown[:, :height, :width], frames.transpose(0, 2, 3, 1)) > 20
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # nothing is left of it


def program(folder, text):
    path = folder / "fake-ffmpeg"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_without_ffmpeg_the_call_says_what_to_do(tmp_path, monkeypatch):
    frames = numpy.zeros((2, 3, 4, 4), "u1")
    monkeypatch.setenv("PATH", str(tmp_path))
    run = runs.start()
    with pytest.raises(quipu.Error, match="QUIPU_FFMPEG.*or pass format gif"):
        run.log({"v": quipu.Video(frames, format="mp4")})
    monkeypatch.setenv("QUIPU_FFMPEG", str(tmp_path / "nothing"))
    with pytest.raises(quipu.Error, match="nothing"):
        run.log({"v": quipu.Video(frames, format="webm")})
    assert runs.rows(run) == []


def test_ffmpeg_is_found_by_name_on_the_search_path(tmp_path, monkeypatch):
    program(tmp_path, "cat > /dev/null; printf hello > /proc/self/fd/3\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("QUIPU_FFMPEG", "fake-ffmpeg")
    value, run = logged(quipu.Video(numpy.zeros((2, 3, 4, 4), "u1"), format="mp4"))
    assert content(run, value) == b"hello"


FAILURES = {
    "fails": ("cat > /dev/null; echo first >&2; echo 'the reason' >&2; exit 3\n", "ended with code 3: the reason"),
    "ends early": ("echo 'no such codec' >&2; exit 1\n", "ended with code 1: no such codec"),
    "is killed": ("kill -9 $$\n", "ended by signal 9"),
    "writes nothing": ("cat > /dev/null\n", "wrote no mp4 file"),
    "chatters": ("cat > /dev/null; head -c 300000 /dev/zero | tr '\\\\0' x >&2; exit 9\n", "code 9"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_program_that_fails_costs_the_video_only(tmp_path, what):
    text, message = FAILURES[what]
    process = runs.script(
        """
        import numpy, quipu
        run = quipu.init(project="p")
        run.log({"a": 1, "v": quipu.Video(numpy.zeros((40, 3, 200, 200), "u1"), format="mp4")})
        run.log({"a": 2})
        run.finish()
        print(run.stats()["values_dropped"])
        """,
        environment={"QUIPU_FFMPEG": program(tmp_path, text), "WANDB_SILENT": "false"}, cwd=str(tmp_path),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert message in process.stderr and process.stdout.strip().endswith("1")
    rows = runs.log_of(str(tmp_path)).rows
    assert [row["a"] for row in rows] == [1, 2] and "v" not in rows[0]


def test_a_program_that_hangs_does_not_outlive_the_process(tmp_path):
    marker = tmp_path / "pid"
    process = runs.script(
        """
        import numpy, quipu
        run = quipu.init(project="p")
        run.log({"a": 1, "v": quipu.Video(numpy.zeros((4, 3, 200, 200), "u1"), format="mp4")})
        run.log({"a": 2})
        """,
        environment={"QUIPU_FFMPEG": program(tmp_path, f"echo $$ > {marker}; sleep 1000\n")}, cwd=str(tmp_path),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert not os.path.exists(f"/proc/{marker.read_text().strip()}")
    rows = runs.log_of(str(tmp_path)).rows
    assert [row["a"] for row in rows] == [1, 2] and "v" not in rows[0]


def test_hosts_that_ignore_children_or_have_closed_their_streams(tmp_path, ffmpeg):
    process = runs.script(
        """
        import os, signal, sys
        import numpy, quipu
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        run = quipu.init(project="p", settings={"console": "off"})
        for descriptor in (0, 1, 2):
            os.close(descriptor)
        run.log({"v": quipu.Video(numpy.zeros((3, 3, 20, 20), "u1"), format="mp4")})
        run.finish()
        os._exit(0 if run.stats()["values_dropped"] == 0 else 7)
        """,
        cwd=str(tmp_path),
    )
    assert process.returncode == 0, process.stderr
    value = runs.log_of(str(tmp_path)).rows[0]["v"]
    assert value["_type"] == "video-file" and value["size"] > 100


def test_a_program_that_ends_early_raises_no_signal(tmp_path):
    # SIGPIPE kills a C program that has not asked for anything else.
    process = runs.script(
        """
        import signal
        import numpy, quipu
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        run = quipu.init(project="p")
        run.log({"a": 1, "v": quipu.Video(numpy.zeros((40, 3, 200, 200), "u1"), format="mp4")})
        run.finish()
        """,
        environment={"QUIPU_FFMPEG": program(tmp_path, "exit 1\n")}, cwd=str(tmp_path),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr


def test_a_child_that_the_host_forks_does_not_hold_up_the_program(tmp_path):
    process = runs.script(
        """
        import os, signal, sys, time
        import numpy, quipu
        run = quipu.init(project="p", settings={"console": "off"})
        run.log({"v": quipu.Video(numpy.zeros((2, 3, 4, 4), "u1"), format="mp4")})
        while not os.path.exists("started"):
            time.sleep(0.01)
        child = os.fork()  # with a copy of the socket that the program reads
        if child == 0:
            signal.pause()
            os._exit(0)
        open("go", "w").close()
        run.finish()
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, signal.SIGKILL)
        """,
        environment={
            "QUIPU_FFMPEG": program(
                tmp_path,
                "touch started; while [ ! -e go ]; do sleep 0.01; done; cat > /dev/null; printf ok > /proc/self/fd/3\n",
            )
        },
        cwd=str(tmp_path),
    )
    assert process.returncode == 0, process.stderr
    assert runs.log_of(str(tmp_path)).rows[0]["v"]["size"] == 2

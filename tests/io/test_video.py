from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from cinecor.errors import ConfigError, InputError, LimitError, StorageError
from cinecor.io import video
from cinecor.io.limits import Limits

FRAME_MS = 1000 / 51


def speckle(count: int = 30, height: int = 112, width: int = 112, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).gamma(1, 40, (count, height, width)).clip(0, 255).astype(np.uint8)
    return np.stack([cv2.GaussianBlur(frame, (3, 3), 0) for frame in noise])[:, None]


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return speckle()


@pytest.fixture(scope="module")
def avi(tmp_path_factory: pytest.TempPathFactory, frames: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("video") / "loop.avi"
    video.write(path, frames, FRAME_MS, "mjpeg")
    return path


@pytest.fixture(scope="module")
def mp4(tmp_path_factory: pytest.TempPathFactory, frames: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("video") / "loop.mp4"
    video.write(path, frames, FRAME_MS, "h264")
    return path


def mux(path: Path, form: str, codec: str, pixels: str, frames: np.ndarray, stamps: list[int] | None = None) -> Path:
    """A video by way of PyAV alone, for what ``write`` does not make; stamps are in ms."""
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=50)
        stream.height, stream.width = frames.shape[2:]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame[0], format="gray")
            picture.pts = stamps[index] if stamps else index * 20
            picture.time_base = Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def code_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        video.load(path)
    return caught.value.code


def test_echonet_form(avi: Path, frames: np.ndarray) -> None:
    cine = video.describe(avi)
    assert (cine.frames, cine.height, cine.width, cine.modality) == (30, 112, 112, "US")
    assert avi.read_bytes()[112:116] == b"MJPG"  # strh.fccHandler
    loaded = video.load(avi)
    assert loaded.shape == (30, 3, 112, 112)
    assert np.abs(loaded.astype(int) - frames).mean() < 2.5
    assert np.abs(loaded[:, 0].astype(int) - loaded[:, 2]).max() <= 1  # grey stored as colour stays grey


@pytest.mark.parametrize("codec", ["mjpeg", "h264"])
def test_opencv_decodes_the_same(avi: Path, mp4: Path, codec: str) -> None:
    path = avi if codec == "mjpeg" else mp4
    capture = cv2.VideoCapture(str(path))
    theirs = []
    while True:
        done, frame = capture.read()
        if not done:
            break
        theirs.append(frame[..., ::-1].transpose(2, 0, 1))
    ours = video.load(path)
    assert ours.shape == np.stack(theirs).shape
    assert np.abs(ours.astype(int) - np.stack(theirs)).max() <= 3


@pytest.mark.parametrize("codec", ["mjpeg", "h264"])
def test_colour_and_range(tmp_path: Path, codec: str) -> None:
    flat = np.zeros((4, 3, 64, 48), np.uint8)
    flat[1] = 255
    flat[2] = 128
    flat[3, 0] = 200  # red
    path = tmp_path / "flat"
    video.write(path, flat, 20.0, codec)
    assert np.abs(video.load(path).astype(int) - flat).max() <= 6


def test_h264_is_for_browsers(mp4: Path) -> None:
    content = mp4.read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")
    with av.open(str(mp4)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("codec", ["mjpeg", "h264"])
@pytest.mark.parametrize("frame_ms", [1000 / 51, 20.0, 33.366, 1000 / 29.97])
def test_frame_times_survive(tmp_path: Path, codec: str, frame_ms: float) -> None:
    path = tmp_path / "loop"
    video.write(path, speckle(8, 32, 32), frame_ms, codec)
    times = video.describe(path).times_ms
    assert times is not None
    np.testing.assert_allclose(times, np.arange(8) * frame_ms, rtol=1e-4)
    assert video.describe(path).notes == ("frame times from the container",)


def test_irregular_times_are_kept(tmp_path: Path) -> None:
    stamps = [0, 20, 45, 60, 100, 117]
    path = mux(tmp_path / "a.mkv", "matroska", "mjpeg", "yuvj420p", speckle(6, 32, 32), stamps)
    assert video.describe(path).times_ms == pytest.approx(stamps)


@pytest.mark.parametrize("rate", [1, 3, 2000])
def test_impossible_times_are_unknown(avi: Path, tmp_path: Path, rate: int) -> None:
    content = bytearray(avi.read_bytes())
    struct.pack_into("<II", content, content.find(b"strh") + 8 + 20, 1, rate)  # dwScale, dwRate
    path = tmp_path / "rate.avi"
    path.write_bytes(content)
    cine = video.describe(path)
    assert cine.times_ms is None
    assert cine.notes == (f"the container's frame times are not those of a heart ({1000 / rate:g} ms a frame)",)
    assert cine.frames == 30


@pytest.mark.parametrize("codec", ["mjpeg", "h264"])
def test_some_frames_in_any_order(avi: Path, mp4: Path, codec: str) -> None:
    path = avi if codec == "mjpeg" else mp4
    wanted = [7, 0, 29, 7, 13]
    np.testing.assert_array_equal(video.load(path, wanted), video.load(path)[wanted])
    assert video.load(path, []).shape == (0, 3, 112, 112)


def test_motion_jpeg_decodes_only_what_is_wanted(avi: Path, tmp_path: Path) -> None:
    content = bytearray(avi.read_bytes())
    places = [place for place in range(len(content)) if content.startswith(b"\xff\xd8\xff", place)]
    content[places[5] + 600 : places[5] + 900] = bytes(300)
    damaged = tmp_path / "damaged.avi"
    damaged.write_bytes(content)
    np.testing.assert_array_equal(video.load(damaged, [4, 6]), video.load(avi)[[4, 6]])
    assert code_of(damaged) == "CORRUPT"


@pytest.mark.parametrize("index", [-1, 30])
def test_a_frame_outside(avi: Path, index: int) -> None:
    with pytest.raises(InputError, match=f"frame {index} was asked for, the video holds 30"):
        video.load(avi, [0, index])


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("codec", ["mjpeg", "h264"])
def test_a_cut_file(avi: Path, mp4: Path, tmp_path: Path, codec: str, share: float) -> None:
    content = (avi if codec == "mjpeg" else mp4).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(content[: int(len(content) * share)])
    assert code_of(path) == "TRUNCATED"


def test_an_mp4_whose_index_was_never_written(tmp_path: Path, frames: np.ndarray) -> None:
    whole = mux(tmp_path / "a.mp4", "mp4", "libx264", "yuv420p", frames)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: content.find(b"moov") - 4])
    assert code_of(cut) == "TRUNCATED"


def test_a_cut_matroska_declares_no_frames_but_its_size(tmp_path: Path, frames: np.ndarray) -> None:
    whole = mux(tmp_path / "a.mkv", "matroska", "mjpeg", "yuvj420p", frames)
    assert video.load(whole).shape == (30, 3, 112, 112)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[:20_000])
    assert code_of(cut) == "TRUNCATED"


@pytest.mark.parametrize("codec", ["mjpeg", "h264"])
def test_damage_inside(avi: Path, mp4: Path, tmp_path: Path, codec: str) -> None:
    content = bytearray((avi if codec == "mjpeg" else mp4).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = np.random.default_rng(3).bytes(300)
    path = tmp_path / "damaged"
    path.write_bytes(content)
    assert code_of(path) in ("CORRUPT", "TRUNCATED")


def test_a_header_that_claims_two_thousand_million_frames(avi: Path, tmp_path: Path) -> None:
    content = bytearray(avi.read_bytes())
    place = content.find(b"strh") + 8 + 32  # dwLength
    assert struct.unpack_from("<I", content, place)[0] == 30
    struct.pack_into("<I", content, place, 2**31 - 1)
    path = tmp_path / "claims.avi"
    path.write_bytes(content)
    assert code_of(path) == "TRUNCATED"


@pytest.mark.parametrize("size", [64, 60_000])
def test_frames_of_another_size_than_the_first(avi: Path, tmp_path: Path, size: int) -> None:
    content = bytearray(avi.read_bytes())
    places = [place for place in range(len(content)) if content.startswith(b"\xff\xc0\x00\x11\x08", place)]
    assert len(places) == 30
    struct.pack_into(">HH", content, places[20] + 5, size, size)
    path = tmp_path / "sizes.avi"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        video.load(path)
    assert caught.value.code in ("INCONSISTENT", "CORRUPT")


def test_a_stream_without_colour_gives_one_channel(tmp_path: Path, frames: np.ndarray) -> None:
    path = mux(tmp_path / "grey.mkv", "matroska", "ffv1", "gray", frames)
    np.testing.assert_array_equal(video.load(path), frames)
    np.testing.assert_array_equal(video.load(path, [3, 1]), frames[[3, 1]])


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(bytes=1000), "BYTES"),
        (Limits(pixels=112 * 111), "PIXELS"),
        (Limits(frames=10), "FRAMES"),
        (Limits(decoded_bytes=30 * 112 * 112 * 3 - 1), "BYTES"),
    ],
)
def test_limits(avi: Path, limits: Limits, code: str) -> None:
    with pytest.raises(LimitError) as caught:
        video.load(avi, limits=limits)
    assert caught.value.code == code


def test_what_is_no_video(tmp_path: Path) -> None:
    playlist = tmp_path / "a.avi"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    assert code_of(playlist) == "NOT_RECOGNISED"
    (tmp_path / "empty.avi").touch()
    assert code_of(tmp_path / "empty.avi") == "EMPTY"
    assert code_of(tmp_path) == "NOT_REGULAR_FILE"
    assert code_of(tmp_path / "absent.avi") == "NOT_REGULAR_FILE"
    os.mkfifo(tmp_path / "pipe.avi")
    assert code_of(tmp_path / "pipe.avi") == "NOT_REGULAR_FILE"


def test_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    assert code_of(path) == "NO_PIXELS"


def test_pixels_that_are_not_square_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=50)
        stream.height = stream.width = 32
        stream.pix_fmt = "yuvj420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for index in range(3):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32), np.uint8), format="gray")
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    assert "pixels are not square (4:3)" in video.describe(path).notes


@pytest.mark.parametrize(
    ("shape", "frame_ms", "codec"),
    [
        ((0, 1, 8, 8), 20.0, "mjpeg"),
        ((2, 2, 8, 8), 20.0, "mjpeg"),
        ((2, 1, 8, 8), 0.0, "mjpeg"),
        ((2, 1, 8, 8), 1.0, "mjpeg"),
        ((2, 1, 9, 8), 20.0, "h264"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, shape: tuple[int, ...], frame_ms: float, codec: str) -> None:
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        video.write(tmp_path / "x", np.zeros(shape, np.uint8), frame_ms, codec)
    assert list(tmp_path.iterdir()) == []


def test_odd_sizes_as_motion_jpeg(tmp_path: Path) -> None:
    odd = speckle(3, 33, 47)
    video.write(tmp_path / "odd.avi", odd, 20.0)
    assert np.abs(video.load(tmp_path / "odd.avi").astype(int) - odd).mean() < 3


def test_a_refused_write_keeps_what_was_there(tmp_path: Path, frames: np.ndarray) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(StorageError):
        video.write(target, frames[:2], 20.0)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("form", "codec", "pixels", "error"),
    [
        ("avi", "rawvideo", "bgr24", 0.0),
        ("avi", "rawvideo", "gray", 0.0),
        ("avi", "png", "rgb24", 0.0),
        ("avi", "mpeg4", "yuv420p", 3.0),
        ("avi", "libx264", "yuv420p", 3.0),
        ("asf", "wmv2", "yuv420p", 3.0),
        ("mpeg", "mpeg2video", "yuv420p", 3.0),
        ("mov", "prores", "yuv422p10le", 3.0),
        ("webm", "libvpx", "yuv420p", 3.0),
    ],
)
def test_what_other_programs_export(tmp_path: Path, form: str, codec: str, pixels: str, error: float) -> None:
    frames = speckle(12, 64, 64)
    path = tmp_path / "loop"
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height = stream.width = 64
        stream.pix_fmt, stream.bit_rate = pixels, 4_000_000
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame[0], format="gray")
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    assert video.describe(path).times_ms == pytest.approx([40 * index for index in range(12)])
    loaded = video.load(path)
    assert len(loaded) == 12
    assert np.abs(loaded.astype(int) - frames).mean() <= error
    np.testing.assert_array_equal(video.load(path, [9, 2]), loaded[[9, 2]])


def test_an_avi_may_skip_a_frame_that_repeats_the_one_before(avi: Path, tmp_path: Path) -> None:
    content = bytearray(avi.read_bytes())
    place = content.find(b"movi") + 4
    for _ in range(20):  # step to the chunk of frame 20
        place += 8 + (struct.unpack_from("<I", content, place + 4)[0] + 1) // 2 * 2
    size = (struct.unpack_from("<I", content, place + 4)[0] + 1) // 2 * 2
    content[place + 4 : place + 16] = bytes(4) + b"JUNK" + struct.pack("<I", size - 8)
    struct.pack_into("<I", content, content.find(b"idx1") + 8 + 20 * 16 + 12, 0)
    path = tmp_path / "skips.avi"
    path.write_bytes(content)
    cine = video.describe(path)
    assert cine.frames == 29
    assert cine.times_ms == pytest.approx([index * FRAME_MS for index in range(30) if index != 20])
    np.testing.assert_array_equal(video.load(path), np.delete(video.load(avi), 20, axis=0))


def test_times_without_stamps() -> None:
    stream = SimpleNamespace(time_base=Fraction(1, 50), average_rate=Fraction(50), container=None)
    assert video._times_ms(stream, [0, None, 2]) == ((0.0, 20.0, 40.0), "frame times from the container's frame rate")
    unknown = SimpleNamespace(time_base=None, average_rate=None)
    assert video._times_ms(unknown, [None, None]) == (None, "the container gives no frame times")
    assert video._times_ms(stream, [0, 0, 2])[0] is None

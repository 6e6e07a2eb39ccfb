"""Video loops: AVI as EchoNet-Dynamic ships it, MP4, MOV, MKV, WebM, WMV and MPEG, by way of FFmpeg (PyAV).

FFmpeg reads an AVI that was cut at half without a word. So every packet of the file is counted before a frame is
decoded, the count is compared with what the header declares, and every packet must give its frame.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter
from jaxtyping import UInt8

from cinecor.errors import CinecorError, ConfigError, InputError
from cinecor.io.containers import declared_bytes
from cinecor.io.kinds import head_of, opened, video_format
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Cine, Frames
from cinecor.storage import write_bytes

SHORTEST_STEP_MS = 1.0  # ms; a container that claims more than 1,000 frames a second is wrong about an echo loop
LONGEST_STEP_MS = 250.0  # ms; nor is fewer than 4 frames a second a recording of a beating heart
FINEST_STEP_MS = 2.0  # ms; FFmpeg's AVI writer turns more than 600 frames a second into 600
MJPEG_QUANTISER = "2"  # FFmpeg's scale, 1 is the finest: 1.5 grey levels of mean error on speckle, 4 kB for 112 × 112
H264_QUALITY = "18"  # constant rate factor: visually lossless


@dataclass(frozen=True, kw_only=True)
class _Scan:
    """What the container says, and what counting its packets showed."""

    frames: int
    height: int
    width: int
    grey: bool
    intra: bool
    times_ms: tuple[float, ...] | None
    notes: tuple[str, ...]

    @property
    def channels(self) -> int:
        return 1 if self.grey else 3


def describe(path: Path, limits: Limits = DEFAULT) -> Cine:
    """Read a video's header and count its frames; nothing is decoded.

    A container names neither modality nor view nor pixel size: the modality is taken to be ultrasound, the rest is
    None. Frame times are the container's own; where they are missing or impossible, ``times_ms`` is None and a note
    says so.

    Raises:
        InputError: NOT_RECOGNISED, EMPTY, NOT_REGULAR_FILE, TRUNCATED, CORRUPT, UNSUPPORTED, NO_PIXELS.
        LimitError: BYTES, PIXELS, FRAMES.
    """
    scan = _scan(path, limits)
    return Cine(
        source=path,
        modality="US",
        frames=scan.frames,
        height=scan.height,
        width=scan.width,
        times_ms=scan.times_ms,
        notes=scan.notes,
    )


def load(path: Path, indices: Sequence[int] | None = None, limits: Limits = DEFAULT) -> Frames:
    """Decode a video to uint8 ``time channel height width``, black 0 and white 255 whatever the range recorded.

    A stream that is recorded without colour planes gives one channel; every other gives three (red, green, blue),
    also where the picture is grey, as EchoNet-Dynamic's are.

    Args:
        path: the video.
        indices: the frames wanted, in the order wanted; all where None. Of a codec whose frames stand alone
            (Motion JPEG) only these are decoded.
        limits: what the file may ask for.

    Raises:
        InputError: as :func:`describe`; also CORRUPT where a frame does not decode, and INCONSISTENT where the frame
            size changes or an index lies outside the video.
        LimitError: BYTES, PIXELS, FRAMES.
    """
    scan = _scan(path, limits)
    wanted = list(range(scan.frames)) if indices is None else [int(index) for index in indices]
    outside = [index for index in wanted if not 0 <= index < scan.frames]
    if outside:
        what = f"frame {outside[0]} was asked for, the video holds {scan.frames}"
        raise InputError("INCONSISTENT", what, where=path.name)
    rows = {index: row for row, index in enumerate(sorted(set(wanted)))}
    limits.check_frames(len(rows), scan.height, scan.width, scan.channels, where=path.name)
    decoded = np.empty((len(rows), scan.channels, scan.height, scan.width), np.uint8)
    _decode(path, scan, rows, decoded, limits)
    if indices is None or wanted == sorted(rows):
        return decoded
    return decoded[[rows[index] for index in wanted]]


def write(
    path: Path,
    frames: UInt8[np.ndarray, "time channel height width"],
    frame_ms: float,
    codec: Literal["mjpeg", "h264"] = "mjpeg",
) -> None:
    """Write a video, whole or not at all.

    Args:
        path: where to; ``.avi`` for mjpeg, ``.mp4`` for h264.
        frames: one channel (grey) or three (red, green, blue). Grey is stored as colour, as EchoNet-Dynamic does.
        frame_ms: time between frames, ms.
        codec: ``mjpeg``: Motion JPEG in AVI, FourCC MJPG, full range, as EchoNet-Dynamic is published.
            ``h264``: H.264 in MP4, yuv420p with its index first, which every browser plays.

    Raises:
        ConfigError: OUT_OF_RANGE: no frames, not one or three channels, no time step, or an odd size for h264.
        StorageError: the file cannot be written.
    """
    count, channels, height, width = frames.shape
    if count < 1 or channels not in (1, 3) or not FINEST_STEP_MS <= frame_ms <= 60_000:
        what = f"{count} frames of {channels} channels, {frame_ms} ms apart, make no video"
        raise ConfigError("OUT_OF_RANGE", what, "give frames of 1 or 3 channels, 2 ms apart or more", where=path.name)
    if codec == "h264" and (height % 2 or width % 2):
        what = f"H.264 in colour 4:2:0 needs an even size, not {height} × {width}"
        raise ConfigError("OUT_OF_RANGE", what, "crop or pad by one pixel, or write mjpeg", where=path.name)
    with tempfile.TemporaryDirectory(prefix="cinecor-") as folder:  # the MP4 writer must read back what it wrote
        part = Path(folder) / "video"
        _encode(part, frames, Fraction(1000 / frame_ms).limit_denominator(10_000), codec)
        write_bytes(path, part.read_bytes())


def _scan(path: Path, limits: Limits) -> _Scan:
    """Open the container, count its packets and compare with what it declares."""
    with _reading(path, limits) as (stream, file):
        context = stream.codec_context
        if context is None:
            raise InputError(
                "UNSUPPORTED", "no decoder for this codec", "convert it to H.264 or MJPEG", where=path.name
            )
        limits.check_frames(0, context.height, context.width, where=path.name)
        declared = int(stream.frames)
        stamps: list[int | None] = []
        for packet in stream.container.demux(stream):
            if packet.size and not packet.is_discard:
                stamps.append(packet.pts)
                limits.check_frames(len(stamps), 1, 1, where=path.name)
        if not stamps:
            raise InputError("NO_PIXELS", "the video holds no frames", "export it again", where=path.name)
        if not context.height or not context.width:  # FFmpeg forgets a size that it finds wrong or beyond reason
            raise InputError("CORRUPT", "the frames have no possible size", "export it again", where=path.name)
        if _reached(stream, stamps) < declared or (not declared and _is_cut(file)):
            what = f"the header declares {declared or 'more'} frames, the file holds {len(stamps)}"
            raise InputError("TRUNCATED", what, "copy it again from its source", where=path.name)
        times, time_note = _times_ms(stream, stamps)
        return _Scan(
            frames=len(stamps),
            height=context.height,
            width=context.width,
            grey=_is_grey(context.format),
            intra=bool(context.codec.intra_only),
            times_ms=times,
            notes=(time_note, *_notes(stream)),
        )


@contextmanager
def _reading(path: Path, limits: Limits) -> Iterator[tuple[Any, BinaryIO]]:
    """The first video stream of a file, and the file; FFmpeg's failures become InputErrors."""
    form = video_format(head_of(path))
    if form is None:
        raise InputError("NOT_RECOGNISED", "not a video that is read here", "give AVI or MP4", where=path.name)
    with opened(path) as file:
        limits.check_bytes(path.stat().st_size, where=path.name)
        options = {"max_pixels": str(4 * limits.pixels), "err_detect": "explode"}
        try:
            with av.open(file, format=form, options=options, metadata_errors="replace") as container:
                if not container.streams.video and not _is_cut(file):
                    raise InputError("NO_PIXELS", "the file has no video stream", where=path.name)
                stream = container.streams.video[0]  # IndexError: a file cut before it described its stream
                if stream.codec_context is not None:
                    stream.codec_context.options = options
                    stream.codec_context.thread_count = 1  # the same bits anywhere, and no threads inside a worker
                yield stream, file
        except CinecorError:
            raise
        except (av.error.FFmpegError, ValueError, IndexError, OverflowError, MemoryError) as error:
            raise _failure(error, file, path) from error


def _failure(error: Exception, file: BinaryIO, path: Path) -> InputError:
    """What FFmpeg's exception means to a user: a file that was cut, or one that is damaged."""
    if isinstance(error, av.error.DecoderNotFoundError | av.error.PatchWelcomeError):
        return InputError("UNSUPPORTED", "no decoder for this codec", "convert it to H.264 or MJPEG", where=path.name)
    if _is_cut(file):
        return InputError("TRUNCATED", "the file ends too early", "copy it again from its source", where=path.name)
    return InputError("CORRUPT", "the video is damaged", "copy it again from its source", where=path.name)


def _is_cut(file: BinaryIO) -> bool:
    size = file.seek(0, 2)
    return declared_bytes(file) > size


def _reached(stream: Any, stamps: Sequence[int | None]) -> int:
    """How many frames the file reaches to. An AVI may skip a frame that repeats the one before; its time goes on."""
    known = [stamp for stamp in stamps if stamp is not None]
    if not known or stream.container.format.name != "avi" or not stream.average_rate:
        return len(stamps)
    seconds = float((max(known) - min(known)) * stream.time_base)
    return max(len(stamps), round(seconds * float(stream.average_rate)) + 1)


def _times_ms(stream: Any, stamps: Sequence[int | None]) -> tuple[tuple[float, ...] | None, str]:
    """Time of each frame from the first, ms, and the note on where it is from."""
    known = sorted(stamp for stamp in stamps if stamp is not None)
    if len(known) == len(stamps) and stream.time_base:
        times = tuple(float((stamp - known[0]) * stream.time_base * 1000) for stamp in known)
        note = "frame times from the container"
    elif stream.average_rate:
        times = tuple(float(index * 1000 / stream.average_rate) for index in range(len(stamps)))
        note = "frame times from the container's frame rate"
    else:
        return None, "the container gives no frame times"
    steps = np.diff(times)
    if len(steps) and (steps.min() <= 0 or not SHORTEST_STEP_MS <= float(np.median(steps)) <= LONGEST_STEP_MS):
        return None, f"the container's frame times are not those of a heart ({np.median(steps):g} ms a frame)"
    return times, note


def _notes(stream: Any) -> tuple[str, ...]:
    """What a user should know of a stream that is not the plain case."""
    notes = []
    aspect = stream.sample_aspect_ratio
    if aspect is not None and aspect not in (0, 1):
        notes.append(f"pixels are not square ({aspect.numerator}:{aspect.denominator})")
    if len(stream.container.streams.video) > 1:
        notes.append("several video streams, the first is read")
    return tuple(notes)


def _is_grey(form: Any) -> bool:
    return form is not None and len(form.components) == 1 and not form.has_palette


def _decode(
    path: Path, scan: _Scan, rows: dict[int, int], into: UInt8[np.ndarray, "time channel height width"], limits: Limits
) -> None:
    """Decode the frames that are keys of ``rows`` to the rows that are its values."""
    if not rows:
        return
    convert = _Converter(scan, path.name)
    with _reading(path, limits) as (stream, _):
        frames = _picked(stream, rows) if scan.intra else enumerate(_all(stream))
        last, done = max(rows), 0
        for index, frame in frames:
            if index in rows:
                convert(frame, into[rows[index]])
                done += 1
            if index >= last and len(rows) < scan.frames:
                break
        if done != len(rows):
            what = f"{len(rows) - done} of {len(rows)} frames do not decode"
            raise InputError("CORRUPT", what, "copy it again from its source", where=path.name)


def _all(stream: Any) -> Iterator[Any]:
    """Every frame in the order of presentation."""
    for packet in stream.container.demux(stream):
        yield from packet.decode()


def _picked(stream: Any, wanted: dict[int, int]) -> Iterator[tuple[int, Any]]:
    """The wanted frames of a codec in which every packet is a frame on its own."""
    index = 0
    for packet in stream.container.demux(stream):
        if not packet.size or packet.is_discard:
            continue
        if index in wanted:
            for frame in packet.decode():
                yield index, frame
        index += 1


class _Converter:
    """Turns FFmpeg's frames into arrays with one reused scaler: a new one for each frame costs more than decoding."""

    def __init__(self, scan: _Scan, name: str) -> None:
        self._scan, self._name = scan, name
        self._reformatter = VideoReformatter()
        self._format = av.VideoFormat("gray" if scan.grey else "rgb24", scan.width, scan.height)

    def __call__(self, frame: Any, into: UInt8[np.ndarray, "channel height width"]) -> None:
        channels, height, width = into.shape
        if (frame.height, frame.width) != (height, width):
            what = f"a frame is {frame.height} × {frame.width}, the header says {height} × {width}"
            raise InputError("INCONSISTENT", what, "export it again", where=self._name)
        if frame.is_corrupt:
            raise InputError("CORRUPT", "a frame is damaged", "copy it again from its source", where=self._name)
        plain = self._reformatter.reformat(frame, format=self._format, dst_color_range=ColorRange.JPEG, threads=1)
        plane: Any = plain.planes[0]
        lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, : width * channels]
        into[:] = lines.reshape(height, width, channels).transpose(2, 0, 1)


def _encode(
    path: Path, frames: UInt8[np.ndarray, "time channel height width"], rate: Fraction, codec: Literal["mjpeg", "h264"]
) -> None:
    _, channels, height, width = frames.shape
    jpeg = codec == "mjpeg"
    reformatter = VideoReformatter()
    pixels, target = ("yuvj420p", ColorRange.JPEG) if jpeg else ("yuv420p", ColorRange.MPEG)
    form, muxing = ("avi", {}) if jpeg else ("mp4", {"movflags": "+faststart"})
    with av.open(str(path), "w", format=form, options=muxing) as container:
        stream: Any = container.add_stream("mjpeg" if jpeg else "libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.thread_count = 1
        quality = {"qmin": MJPEG_QUANTISER, "qmax": MJPEG_QUANTISER} if jpeg else {"crf": H264_QUALITY}
        stream.options = quality
        for index, frame in enumerate(frames):
            image = frame[0] if channels == 1 else np.ascontiguousarray(frame.transpose(1, 2, 0))
            picture = av.VideoFrame.from_ndarray(image, format="gray" if channels == 1 else "rgb24")
            picture = reformatter.reformat(
                picture, format=pixels, src_color_range=ColorRange.JPEG, dst_color_range=target, threads=1
            )
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode())

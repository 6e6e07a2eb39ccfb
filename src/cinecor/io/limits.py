"""How much one file may ask for. Checked against headers and file sizes, before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass

from cinecor.errors import LimitError

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that one file may hold; whoever trusts a larger file gives larger limits."""

    bytes: int = 2 * GIB
    """Size of the file on disk."""
    pixels: int = 16 * MIB
    """Height times width of a frame, 4096 × 4096."""
    frames: int = 20_000
    """Frames of a loop; the longest of EchoNet-Dynamic has 1,002."""
    decoded_bytes: int = 1 * GIB
    """All decoded frames together: 455 colour frames of 1024 × 768."""
    ratio: float = 500.0
    """Decoded over stored bytes of a general compressor (gzip, deflate); deflate's own bound is 1,032."""
    ratio_from_bytes: int = 64 * MIB
    """The ratio counts from this decoded size on: a small empty mask packs very well and harms nobody."""

    def check_bytes(self, size: int, *, where: str = "") -> None:
        """Refuse a file of too many bytes.

        Raises:
            LimitError: BYTES.
        """
        if size > self.bytes:
            raise _too_much("BYTES", f"{size / MIB:.0f} MiB on disk", f"{self.bytes / MIB:.0f} MiB", "bytes", where)

    def check_frames(self, frames: int, height: int, width: int, sample_bytes: int = 1, *, where: str = "") -> None:
        """Refuse frames that are too large, too many, or too much together.

        Args:
            frames: number of frames.
            height: rows.
            width: columns.
            sample_bytes: bytes of one decoded pixel, all channels together.
            where: the file, for the message.

        Raises:
            LimitError: PIXELS, FRAMES or BYTES.
        """
        if height * width > self.pixels:
            raise _too_much("PIXELS", f"a frame of {height} × {width} pixels", f"{self.pixels} pixels", "pixels", where)
        if frames > self.frames:
            raise _too_much("FRAMES", f"{frames} frames", f"{self.frames}", "frames", where)
        self.check_decoded(frames * height * width * sample_bytes, where=where)

    def check_decoded(self, size: int, *, where: str = "") -> None:
        """Refuse content that would take too many bytes once decoded.

        Raises:
            LimitError: BYTES.
        """
        if size > self.decoded_bytes:
            allowed = f"{self.decoded_bytes / MIB:.0f} MiB"
            raise _too_much("BYTES", f"{size / MIB:.0f} MiB once decoded", allowed, "decoded_bytes", where)

    def check_ratio(self, stored: int, decoded: int, *, where: str = "") -> None:
        """Refuse a file of a general compressor that grows out of all proportion.

        Args:
            stored: bytes on disk.
            decoded: bytes that they become.
            where: the file, for the message.

        Raises:
            LimitError: RATIO.
        """
        if decoded >= self.ratio_from_bytes and decoded > self.ratio * max(stored, 1):
            grows = f"{stored} bytes grow to {decoded / MIB:.0f} MiB"
            raise _too_much("RATIO", grows, f"{self.ratio:g} times", "ratio", where)


DEFAULT = Limits()


def _too_much(code: str, what: str, allowed: str, name: str, where: str) -> LimitError:
    cure = f"if you trust the file, raise the limit {name!r}"
    return LimitError(code, f"{what}, where the limit is {allowed}", cure, where=where)

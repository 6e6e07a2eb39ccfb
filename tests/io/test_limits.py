from __future__ import annotations

import pytest

from cinecor.errors import LimitError
from cinecor.io.limits import DEFAULT, MIB, Limits


def refused(check: object, *values: object) -> LimitError:
    with pytest.raises(LimitError) as caught:
        check(*values, where="a.avi")  # type: ignore[operator]
    return caught.value


def test_each_bound_holds_and_is_named() -> None:
    limits = Limits(bytes=100, pixels=64, frames=3, decoded_bytes=300, ratio=10.0, ratio_from_bytes=50)
    limits.check_bytes(100)
    assert refused(limits.check_bytes, 101).code == "BYTES"
    limits.check_frames(3, 8, 8)
    assert refused(limits.check_frames, 1, 8, 9).code == "PIXELS"
    assert refused(limits.check_frames, 4, 1, 1).code == "FRAMES"
    assert refused(limits.check_frames, 3, 8, 8, 2).code == "BYTES"
    limits.check_ratio(10, 100)
    limits.check_ratio(1, 49)
    error = refused(limits.check_ratio, 10, 101)
    assert error.code == "RATIO"
    assert "'ratio'" in error.cure
    assert error.where == "a.avi"


def test_an_empty_file_has_no_ratio_of_infinity() -> None:
    assert refused(DEFAULT.check_ratio, 0, 64 * MIB).code == "RATIO"


def test_defaults_take_the_largest_real_loops() -> None:
    DEFAULT.check_frames(1_002, 112, 112, 3)  # the longest of EchoNet-Dynamic
    DEFAULT.check_frames(400, 768, 1024, 3)  # a long loop of a lab
    DEFAULT.check_frames(35 * 21, 428, 512, 4)  # the largest of ACDC, as float32

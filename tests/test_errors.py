"""The error tree: codes, exit codes, words."""

from __future__ import annotations

import pickle

import pytest

from cinecor import errors

FAMILIES = errors.CinecorError.__subclasses__()


def test_exit_codes_are_distinct_and_documented() -> None:
    codes = [family.exit_code for family in FAMILIES]
    assert codes == [2, 3, 4, 5, 6, 7, 8]
    reserved = {errors.SOME_FAILED, errors.INTERRUPTED, errors.TERMINATED, errors.OUR_BUG, 0, 1}
    assert not reserved & set(codes)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_drawn_tree_names_every_code(family: type[errors.CinecorError]) -> None:
    assert errors.__doc__ is not None
    assert family.__name__ in errors.__doc__
    for code in family.codes:
        assert code in errors.__doc__, code


def test_message_has_code_place_fault_and_cure() -> None:
    error = errors.InputError("TRUNCATED", "100 of 200 frames", "copy the file again", where="loop.avi")
    assert str(error) == "TRUNCATED: loop.avi: 100 of 200 frames; copy the file again"
    assert error.as_dict() == {
        "code": "TRUNCATED",
        "message": "100 of 200 frames",
        "where": "loop.avi",
        "cure": "copy the file again",
    }
    assert str(errors.InputError("EMPTY", "no bytes")) == "EMPTY: no bytes"


def test_an_unknown_code_is_a_bug() -> None:
    with pytest.raises(ValueError, match="InputError has no code 'OOM'"):
        errors.InputError("OOM", "out of memory")


def test_errors_cross_processes() -> None:
    error = errors.LimitError("PIXELS", "58 GiB", where="huge.dcm")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.LimitError
    assert str(copy) == str(error)

"""Recipe parts made of dataclasses."""

from dataclasses import dataclass, fields

import pytest
from pydantic import ValidationError

from cinecor.records import ClipSpec
from cinecor.training.mirror import field_texts, mirror


@dataclass(frozen=True)
class Thing:
    """A thing."""

    size: int = 3
    """How big it is,
    in ``mm``."""
    best_name: str = "a"


def test_fields_defaults_and_texts_are_the_dataclass_own():
    part = mirror(Thing)
    assert part().model_dump() == {"size": 3, "best_name": "a"}
    assert part.model_fields["size"].description == "How big it is, in `mm`."
    assert part.model_fields["best_name"].description == "Best name."
    assert field_texts(Thing) == {"size": "How big it is, in `mm`."}


def test_every_field_may_be_left_out_where_asked():
    assert mirror(Thing, optional=True)(size=4).model_dump() == {"size": 4, "best_name": None}


@pytest.mark.parametrize("values", [{"siz": 1}, {"size": "x"}])
def test_unknown_and_wrong_values_are_refused(values):
    with pytest.raises(ValidationError):
        mirror(Thing)(**values)


def test_it_follows_the_clip_specification():
    assert list(mirror(ClipSpec).model_fields) == [field.name for field in fields(ClipSpec)]
    assert ClipSpec(**mirror(ClipSpec)().model_dump()) == ClipSpec()


def test_fields_that_a_recipe_does_not_say_are_left_out():
    assert list(mirror(Thing, without=("size",)).model_fields) == ["best_name"]

"""A cohort of synthetic patients for a layout, one after another, made by as many processes as wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from cinecor.errors import ConfigError
from cinecor.phantom.camus import camus_study
from cinecor.phantom.echo import echo_study
from cinecor.phantom.exam import FRAMES, VIEW_NAMES, view_study
from cinecor.phantom.hmc_qu import infarct_study
from cinecor.phantom.mri import mri_study
from cinecor.phantom.pediatric import pediatric_study
from cinecor.phantom.walls import wall_study
from cinecor.records import Split, Study

MARK = "SYNTHETIC.txt"
"""A file of this name says that the hearts of a folder were simulated."""


def _examination(
    index: int,
    seed: int,
    *,
    max_frames: int = FRAMES,
    quality: str = "any",
    views: Sequence[str] = VIEW_NAMES,
    scanners: Sequence[str] = (),
    split: Split | None = None,
    dual: float | None = None,
) -> Study:
    style = scanners[index % len(scanners)] if scanners else None
    return view_study(index, seed, views=views, frames=max_frames, style=style, dual=dual, quality=quality, split=split)


MAKERS: dict[str, Callable[..., Study]] = {
    "echonet_dynamic": echo_study,
    "dicom_folder": partial(echo_study, overlays=True),
    "acdc": mri_study,
    "camus": camus_study,
    "hmc_qu": infarct_study,
    "echonet_pediatric": pediatric_study,
    "echonet_lvh": wall_study,
    "view_folders": _examination,
}
_AHEAD = 2  # studies a process may be ahead of whoever takes them, so that memory stays small


def population(
    layout: str,
    studies: int,
    seed: int,
    *,
    workers: int = 1,
    max_frames: int | None = None,
    quality: str = "any",
    views: Sequence[str] = (),
    scanners: Sequence[str] = (),
    split: Split | None = None,
    dual: float | None = None,
) -> Iterator[Study]:
    """The patients 0 to ``studies`` - 1 of the cohort ``seed``, in that order, whatever the number of ``workers``.

    Args:
        layout: for which layout on disk: ``echonet_dynamic`` (A4C, 112x112), ``dicom_folder`` (A4C on a scanner's
            screen), ``acdc`` (short-axis MRI), ``camus`` (A2C and A4C half sequences with masks), ``hmc_qu`` (A4C and
            A2C with infarcts by segment), ``echonet_pediatric`` (A4C and PSAX of children), ``echonet_lvh`` (PLAX with
            calipers), ``view_folders`` (fifteen views of each patient on scanners' screens).
        studies: how many.
        seed: which cohort.
        workers: processes; 1 makes them in this one.
        max_frames: longest echo loop; as the layout's own loops where not given.
        quality: of echo images: ``any``, as widely as machines and windows differ (``camus`` and ``hmc_qu`` draw and
            label a grade for each view, ``view_folders`` draws one), ``good``, ``medium`` or ``poor``.
        views: of ``view_folders``: only these of the fifteen.
        scanners: of ``view_folders``: only these makes, in turn; drawn of all where empty.
        split: of ``view_folders``: that of all patients; drawn where not given.
        dual: of ``view_folders``: probability that a loop stands twice on a screen; that of ``view_study`` if absent.

    Raises:
        ConfigError: UNKNOWN_KEY for a layout, view or make that the phantom does not make, CONFLICT for ``max_frames``
            or ``quality`` with MRI and for ``views``, ``scanners``, ``split`` or ``dual`` of a layout other than
            ``view_folders``; OUT_OF_RANGE for a quality that there is not.
    """
    if layout not in MAKERS:
        raise ConfigError("UNKNOWN_KEY", f"the phantom makes no {layout!r}", f"choose of {', '.join(MAKERS)}")
    maker = partial(MAKERS[layout], seed=seed)
    chosen: dict[str, Any] = {} if max_frames is None else {"max_frames": max_frames}
    chosen |= {} if quality == "any" else {"quality": quality}
    if layout == "acdc" and chosen:
        raise ConfigError("CONFLICT", f"{' and '.join(chosen)} is for echo loops", "leave it out for acdc")
    chosen |= _of_view_folders(layout, views=tuple(views), scanners=tuple(scanners), split=split, dual=dual)
    maker = partial(maker, **chosen)
    return map(maker, range(studies)) if workers == 1 else _in_parallel(maker, studies, workers)


def _of_view_folders(layout: str, **given: Any) -> dict[str, Any]:
    """What was asked of an examination, which no other layout has."""
    chosen = {name: value for name, value in given.items() if value not in ((), None)}
    if chosen and layout != "view_folders":
        raise ConfigError("CONFLICT", f"{' and '.join(chosen)} is for view_folders", f"leave it out for {layout}")
    return chosen


def _in_parallel(maker: Callable[[int], Study], studies: int, workers: int) -> Iterator[Study]:
    waiting: deque[Future[Study]] = deque()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        for index in range(studies):
            waiting.append(pool.submit(maker, index))
            if len(waiting) > workers * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _one_thread() -> None:
    """Processes share the cores; OpenCV's own threads would fight over them."""
    import cv2

    cv2.setNumThreads(1)

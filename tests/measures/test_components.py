"""The largest part of each label against a flood fill written out."""

import numpy as np

from cinecor.measures.components import largest_components


def _flood(labels):
    """Parts of each label by walking from voxel to voxel; the first of the largest is kept."""
    kept, seen = np.zeros_like(labels), np.zeros(labels.shape, bool)
    best = {}
    for start in zip(*np.nonzero(labels), strict=True):
        if seen[start]:
            continue
        part, waiting, label = [], [start], labels[start]
        seen[start] = True
        while waiting:
            here = waiting.pop()
            part.append(here)
            for step in np.ndindex(3, 3, 3):
                there = tuple(a + b - 1 for a, b in zip(here, step, strict=True))
                inside = all(0 <= a < size for a, size in zip(there, labels.shape, strict=True))
                if inside and not seen[there] and labels[there] == label:
                    seen[there] = True
                    waiting.append(there)
        if len(part) > len(best.get(label, [])):
            best[label] = part
    for label, part in best.items():
        kept[tuple(np.array(part).T)] = label
    return kept


def test_random_volumes_are_as_a_flood_fill_has_them():
    rng = np.random.default_rng(0)
    for _ in range(5):
        labels = rng.choice(np.arange(4, dtype=np.uint8), (3, 9, 9), p=[0.7, 0.1, 0.1, 0.1])
        np.testing.assert_array_equal(largest_components(labels), _flood(labels))


def test_one_part_a_label_is_left_as_it_is():
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[:, 2:5, 2:5] = 3
    labels[1, 6, 1:4] = 1
    np.testing.assert_array_equal(largest_components(labels), labels)


def test_corners_connect_and_other_labels_do_not():
    labels = np.zeros((2, 4, 4), np.uint8)
    labels[0, 0, 0] = labels[1, 1, 1] = 2  # a corner apart
    labels[0, 3, 3] = 2
    labels[1, 2, 2] = 1  # between them, of another kind
    kept = largest_components(labels)
    assert kept[0, 0, 0] == kept[1, 1, 1] == 2
    assert kept[0, 3, 3] == 0
    assert kept[1, 2, 2] == 1


def test_nothing_stays_nothing():
    assert not largest_components(np.zeros((2, 3, 3), np.uint8)).any()

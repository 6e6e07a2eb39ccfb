"""A network as a regression task."""

import torch

from cinecor.models import create_model
from cinecor.training.task import Task, seed_step


def _task(**options) -> Task:
    torch.manual_seed(0)
    network = create_model("i3d", depth="stem", width=0.1)
    network.set_output_bias(55.123)
    return Task(network, **options).eval()


def test_half_precision_keeps_the_head_exact():
    x = torch.randn(4, 1, 6, 32, 32)
    exact, mixed = _task()(x), _task(mixed=True)(x)
    assert mixed.dtype == torch.float32
    assert (exact - mixed).abs().max() < 0.02
    assert not torch.equal(exact, mixed)
    # in bfloat16 the values near 55 would be multiples of 0.25
    assert (mixed * 4 - (mixed * 4).round()).abs().max() > 0.01


def test_the_layout_changes_nothing_but_the_speed():
    x = torch.randn(2, 1, 6, 32, 32)
    task, plain = _task(channels_last=True), _task(channels_last=False)
    assert task.network.conv1[0][1].weight.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(task(x), plain(x), rtol=1e-4, atol=1e-4)


def test_embeddings_are_those_of_the_head():
    x = torch.randn(2, 1, 6, 32, 32)
    task = _task()
    head = task.network.head.last
    torch.testing.assert_close(task.embed(x) @ head.weight.T + head.bias, task(x))
    assert not task.embed(x).requires_grad


def test_random_numbers_belong_to_a_step():
    def draw(*key: int) -> torch.Tensor:
        seed_step(*key)
        return torch.rand(5)

    assert torch.equal(draw(0, 1, 2), draw(0, 1, 2))
    for other in ((1, 1, 2), (0, 2, 2), (0, 1, 3), (0, 12, 0)):
        assert not torch.equal(draw(0, 1, 2), draw(*other))


def test_folding_mean_and_scale_changes_nothing_but_who_applies_them():
    x = torch.randn(3, 1, 6, 32, 32)
    torch.manual_seed(0)
    task = Task(create_model("i3d", depth="stem", width=0.1), mean=50.0, scale=12.0).eval()
    with torch.no_grad():
        before = task(x)
        torch.testing.assert_close(before, task.network(x) * 12 + 50)
        task.fold()
        torch.testing.assert_close(task(x), before)
        torch.testing.assert_close(task.network(x), before)


def test_outlines_are_given_in_training_alone():
    torch.manual_seed(0)
    task = Task(create_model("i3d_outline", width=0.1, dropout=0.0), outlines=True, scale=2.0, mean=50.0)
    x = torch.randn(2, 1, 6, 32, 32)
    values, logits = task.train()(x)
    assert values.shape == (2, 1)
    assert logits.shape == x.shape
    task.eval()
    torch.testing.assert_close(task(x), task.network(x) * 2 + 50)

"""Paper 004's generator and discriminator."""

import numpy as np
import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.models import create_model
from cinecor.models.gan import Generator, list_kernels


def test_seven_layers_make_110_pixels_in_the_one_way_there_is():
    kernels = list_kernels((110, 110))
    assert [kernel for kernel, _ in kernels] == [4, 4, 3, 4, 4, 3, 4]
    sides = [1]
    for kernel, _ in kernels:
        sides.append((sides[-1] - 1) * 2 - 2 + kernel)
    assert sides == [1, 2, 4, 7, 14, 28, 55, 110]
    with torch.device("meta"):
        generator = Generator((110, 110))
        assert generator(torch.zeros(4, 100)).shape == (4, 1, 1, 110, 110)


@pytest.mark.parametrize("size", [(24, 32), (15, 20), (2, 1), (120, 160), (33, 7)])
def test_any_size_can_be_generated(size):
    generator = Generator(size, channels=3, noise=5, width=1)
    images = generator(torch.randn(2, 5))
    assert images.shape == (2, 3, 1, *size)
    assert images.abs().max() <= 1
    images.sum().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_one_position_is_no_image():
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        Generator((1, 1))


@pytest.mark.parametrize("norm", ["batch", "weight"])
def test_in_salimans_form_real_is_what_k_logits_and_a_zero_say(norm):
    torch.manual_seed(0)
    network = create_model("gan", 4, form="k_logits", norm=norm, widths=(3,)).eval()
    features = network.forward_features(torch.randn(5, 1, 1, 12, 12))
    with torch.no_grad():
        logits, real = network.forward_head(features).numpy(), torch.sigmoid(network.forward_real(features)).numpy()
    total = np.exp(logits.astype(np.float64)).sum(1)
    np.testing.assert_allclose(real, total / (total + 1), rtol=1e-5)
    whole = np.exp(np.concatenate([logits, np.zeros((5, 1))], axis=1))
    np.testing.assert_allclose(1 - real, whole[:, -1] / whole.sum(1), rtol=1e-4)


def test_real_is_an_output_of_its_own_in_the_papers_form():
    network = create_model("gan", 4, widths=(3,)).eval()
    features = network.forward_features(torch.randn(2, 1, 1, 12, 12))
    before, logits = network.forward_real(features), network(torch.randn(2, 1, 1, 12, 12))
    network.reset_classifier(2)
    assert torch.equal(network.forward_real(features), before)
    assert logits.shape == (2, 4)
    assert "real" not in dict(create_model("gan", form="k_logits").named_children())


def test_each_block_halves_the_map_and_the_last_kernel_is_another():
    network = create_model("gan", widths=(2, 3, 4))
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert [conv.kernel_size[0] for conv in convolutions] == [3] * 9 + [1]
    assert [conv.stride[0] for conv in convolutions] == [1, 1, 2] * 3 + [1]
    assert network.forward_features(torch.zeros(1, 1, 1, 110, 110)).shape == (1, 4, 1, 14, 14)


@pytest.mark.parametrize("options", [{"widths": ()}, {"widths": (0,)}, {"dropout": 1.0}, {"input_dropout": -0.1}])
def test_what_makes_no_network_is_refused(options):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("gan", **options)

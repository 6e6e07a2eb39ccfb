"""I3D with a second head: one trunk, two answers."""

import torch

from cinecor.models import create_model
from cinecor.objectives import dice_and_cross_entropy


def test_both_heads_stand_on_one_trunk():
    model = create_model("i3d_outline", width=0.1).eval()
    clip = torch.randn(2, 1, 6, 33, 32)
    features, logits = model.forward_maps(clip)
    assert logits.shape == clip.shape
    torch.testing.assert_close(model.forward_head(features), model(clip))
    with torch.no_grad():
        next(model.i3d.conv1.parameters()).mul_(2.0)
    changed = model.forward_maps(clip)
    assert not torch.equal(changed[0], features)
    assert not torch.equal(changed[1], logits)


def test_the_values_are_those_of_plain_i3d():
    model = create_model("i3d_outline", width=0.1).eval()
    plain = create_model("i3d", width=0.1).eval()
    plain.load_state_dict(model.i3d.state_dict())
    clip = torch.randn(1, 1, 6, 32, 32)
    assert torch.equal(model(clip), plain(clip))


def test_outlines_can_be_learned():
    torch.manual_seed(0)
    model = create_model("i3d_outline", width=0.1, norm_momentum=0.1)
    clip = torch.randn(1, 1, 4, 32, 32) * 0.1
    clip[..., 8:20, 8:20] += 2
    share = (clip > 1).float()
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(40):
        optimiser.zero_grad()
        loss = dice_and_cross_entropy(model.forward_maps(clip)[1], share)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.25

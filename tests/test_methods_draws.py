import torch

from fgcore.methods.ap.output import ROIs
from fgcore.methods.ap.roi import draw_drop
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.draws import BatchGenerator, rand
from fgcore.methods.mc.losses import channel_mask
from fgcore.methods.mc.settings import MCLossSettings
from fgcore.outputs import Pyramid

CPU = torch.device("cpu")
SHARES = ((0, 3), (3, 2))  # first image and number of images of two processes, of a batch of five


def generators(seed=7):
    """A plain generator for all five images, and one for each share."""
    whole, shares = torch.Generator(), [BatchGenerator(CPU, first, 5) for first, _ in SHARES]
    return [generator.manual_seed(seed) for generator in (whole, *shares)]


def test_shares_of_a_batch_get_their_part_of_what_the_whole_batch_gets():
    for axis, shape in ((0, [5, 4]), (1, [2, 5])):
        whole, *shares = generators()
        expected = rand(shape, whole, images_axis=axis)
        parts = []
        for generator, (_, images) in zip(shares, SHARES, strict=True):
            mine = [images if i == axis else side for i, side in enumerate(shape)]
            parts.append(rand(mine, generator, images_axis=axis))
        assert torch.equal(torch.cat(parts, dim=axis), expected)


def test_what_belongs_to_the_batch_is_the_same_in_all_shares():
    drawn = [rand([3, 2], generator, images_axis=None) for generator in generators()]
    assert all(torch.equal(each, drawn[0]) for each in drawn)


def test_without_shares_the_numbers_are_torchs_own():
    assert torch.equal(
        rand([2, 3], torch.Generator().manual_seed(1), images_axis=1),
        torch.rand(2, 3, generator=torch.Generator().manual_seed(1)),
    )


def test_the_shared_mask_is_one_for_all_processes_and_masks_per_image_are_dealt_out():
    assert MCLossSettings().mask_per_image is False
    sizes = (4, 4, 5)
    shared = [channel_mask(sizes, generator=generator) for generator in generators()]
    assert torch.equal(shared[0], shared[1])
    assert torch.equal(shared[0], shared[2])
    whole, *shares = generators()
    parts = [
        channel_mask(sizes, images=images, generator=generator)
        for generator, (_, images) in zip(shares, SHARES, strict=True)
    ]
    assert torch.equal(torch.cat(parts), channel_mask(sizes, images=5, generator=whole))
    assert not torch.equal(parts[0][:2], parts[1])


def test_dropblock_depends_on_the_image_and_not_on_who_holds_it():
    valid = torch.ones(5, 3, dtype=torch.bool)
    rois = [ROIs(torch.zeros(5, 3, 4), torch.zeros(5, 3), valid)] * 3

    def draw(generator, first, images):
        mine = Pyramid(*(ROIs(*(field[first : first + images] for field in level)) for level in rois))
        return torch.stack(list(draw_drop(mine, ROIConfig(drop_probabilities=(0.4, 0.4)), generator)))

    whole, *shares = generators()
    parts = [draw(generator, *share) for generator, share in zip(shares, SHARES, strict=True)]
    expected = draw(whole, 0, 5)
    assert torch.equal(torch.cat(parts, dim=1), expected)
    assert len(expected.unique(dim=1).T) > 1

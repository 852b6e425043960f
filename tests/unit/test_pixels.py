"""Pictures as numbers, held against plain NumPy."""

import numpy as np
import pytest
from PIL import Image

from models.pixels import FITS, Input, numbers, squared

RNG = np.random.default_rng(3)
PHOTO = Image.fromarray(RNG.integers(0, 256, (60, 100, 3), np.uint8)).resize((200, 120), Image.Resampling.BILINEAR)


def cubic(x):
    x = abs(x)
    near, far = ((1.5 * x - 2.5) * x) * x + 1, (((x - 5) * x + 8) * x - 4) * -0.5
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def linear(x):
    return np.maximum(0, 1 - abs(x))


def weights(filter_, support, size, target):
    """Each new pixel's share of each old one, the filter widened where the picture shrinks."""
    scale = max(1.0, size / target)
    middle = (np.arange(target) + 0.5) * size / target
    reach = support * scale
    found = filter_((np.arange(size) + 0.5 - middle[:, None]) / scale)
    low = np.maximum(0, (middle - reach + 0.5).astype(int))
    high = np.minimum(size, (middle + reach + 0.5).astype(int))
    there = np.arange(size)
    found = np.where((there >= low[:, None]) & (there < high[:, None]), found, 0.0)
    return found / found.sum(1, keepdims=True)


def resized(values, width, height, filter_=cubic, support=2.0):
    across = np.einsum("hwc,nw->hnc", values.astype(float), weights(filter_, support, values.shape[1], width))
    across = np.floor(across + 0.5).clip(0, 255)
    down = np.einsum("hwc,nh->nwc", across, weights(filter_, support, values.shape[0], height))
    return np.floor(down + 0.5).clip(0, 255)


def near(ours, reference, most=1.0):
    return np.abs(ours.astype(float) - reference).max() <= most


def test_a_stretched_picture_is_that_of_the_filter_to_the_last_pixel():
    ours = np.asarray(squared(PHOTO, Input(48, fit="stretch")))
    assert near(ours, resized(np.asarray(PHOTO), 48, 48))
    ours = np.asarray(squared(PHOTO, Input(48, fit="stretch", resample="bilinear")))
    assert near(ours, resized(np.asarray(PHOTO), 48, 48, linear, 1.0))


def test_a_border_is_put_round_before_the_size_changes():
    square = np.full((200, 200, 3), 255, np.uint8)
    square[40:160] = np.asarray(PHOTO)
    ours = np.asarray(squared(PHOTO, Input(64, fit="pad")))
    assert near(ours, resized(square, 64, 64))


def test_or_after_it_and_in_its_colour():
    ours = np.asarray(squared(PHOTO, Input(100, fit="fit", border=(1, 2, 3))))
    assert near(ours[20:80], resized(np.asarray(PHOTO), 100, 60))
    assert (ours[:20] == (1, 2, 3)).all()
    assert (ours[80:] == (1, 2, 3)).all()


def test_a_border_may_repeat_the_picture_s_own():
    ours = np.asarray(squared(PHOTO, Input(100, fit="edge", resample="bilinear")))
    inner = resized(np.asarray(PHOTO), 100, 60, linear, 1.0)
    assert near(ours[20:80], inner)
    assert (ours[:20] == ours[20]).all()
    assert (ours[80:] == ours[79]).all()


def test_the_middle_is_cut_out_as_immich_does():
    ours = np.asarray(squared(PHOTO, Input(60, fit="crop")))
    assert near(ours, resized(np.asarray(PHOTO), 100, 60)[:, 20:80])
    tall = PHOTO.transpose(Image.Transpose.ROTATE_90)
    ours = np.asarray(squared(tall, Input(60, fit="crop")))
    assert near(ours, resized(np.asarray(tall), 60, 100)[20:80])


def test_channels_range_and_layout():
    square = PHOTO.resize((32, 32))
    plain = np.asarray(square, np.float32)
    assert np.array_equal(numbers(square, Input(32, layout="NHWC", channels="BGR", top=255)), plain[:, :, ::-1])
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours = numbers(square, Input(32, mean=mean, std=std))
    assert ours.shape == (3, 32, 32)
    assert ours.flags.c_contiguous
    assert np.allclose(ours, ((plain / 255 - mean) / std).transpose(2, 0, 1), atol=1e-5)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2), (48, 48)])
def test_every_shape_becomes_a_square(fit, size):
    made = numbers(Image.new("RGB", size, "red"), Input(48, fit=fit))
    assert made.shape == (3, 48, 48)
    assert np.isfinite(made).all()


def test_a_model_that_is_filled_from_the_shorter_edge_asks_for_more():
    assert Input(384, fit="stretch").wanted == 576
    assert Input(448, fit="pad").wanted == 448
    assert Input(448, fit="pad", edge=900).wanted == 900

"""Rebuilds a golden AP-CNN case: the official weights by rule, through our conversion, on the rule's image."""

import json

import numpy as np
import torch

from fgcore.config import ModelConfig
from fgcore.methods import build_model
from fgcore.methods.ap.convert import _PREFIXES, convert_apcnn
from fgcore.methods.ap.output import Drop


def to_ours(official_name):
    prefix = next(p for p in _PREFIXES if official_name.startswith(p))
    return _PREFIXES[prefix] + official_name.removeprefix(prefix)


def official_shapes(case, meta):
    """Names and shapes of the official state_dict; a case that stores none takes them from our own network."""
    if "key_names" in case:
        shapes = [tuple(int(side) for side in str(text).split("x") if side) for text in case["key_shapes"]]
        return dict(zip(case["key_names"].tolist(), shapes, strict=True))
    classes = meta["num_classes"]
    network = build_model(ModelConfig("ap", meta["arch"], num_classes=classes, hidden=512 if classes == 200 else 256))
    ours = {ours: official for official, ours in _PREFIXES.items()}
    shapes = {}
    for name, value in network.state_dict().items():
        prefix = next(p for p in ours if name.startswith(p))
        shapes[ours[prefix] + name.removeprefix(prefix)] = tuple(value.shape)
    return shapes


def run(path, rules):
    """(arrays of the case, its meta, our model, our output on its image)."""
    with np.load(path) as file:
        case = dict(file)
    meta = json.loads(str(case["meta"]))
    shapes = official_shapes(case, meta)
    state = {key: torch.as_tensor(rules.fill32(key, shape, meta["weight_seed"])) for key, shape in shapes.items()}
    if "key_abs_sum" in case:
        sums = [float(value.double().abs().sum()) for value in state.values()]
        np.testing.assert_allclose(sums, case["key_abs_sum"], rtol=1e-6)
    config, converted = convert_apcnn(state)
    model = build_model(config)
    model.load_state_dict(converted)
    model.train(meta["train"])
    images = torch.from_numpy(rules.image(meta["image_seed"], meta["batch"], meta["height"], meta["width"]))
    drop = None
    if meta["train"]:
        level, index = (torch.from_numpy(case[f"drop_{name}"].astype(np.int64)) for name in ("level", "index"))
        drop = Drop(level, index.clamp(min=0))
    with torch.set_grad_enabled(meta["train"]):
        return case, meta, model, model.second_pass(model.first_pass(images), drop=drop)

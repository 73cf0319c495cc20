"""Import of the authors' AP-CNN ResNet checkpoints by their key names."""

import re
from collections.abc import Mapping

from torch import Tensor

from fgcore.config import DataConfig, Experiment, ModelConfig
from fgcore.methods.ap.settings import APSettings, ROIConfig
from fgcore.methods.base import Imported
from fgcore.trunks import resnet_name

OFFICIAL_BORDER = {"cub": 0.2, "cars": 0.1, "aircraft": 0.1}  # the border the authors used per dataset
_SIZES = {"cub": 600, "cars": 448, "aircraft": 448}  # to which the authors' scripts resize the images of each set
_DATA = {
    name: DataConfig(dataset=name, resize=size, square=True, crop=448, normalise="imagenet")
    for name, size in _SIZES.items()
}
_OTHER = DataConfig(dataset="folder", resize=512, crop=448, normalise="imagenet")
_SETS = {200: "cub", 196: "cars", 100: "aircraft"}  # by their number of classes
AIRCRAFT = (  # the variants of FGVC-Aircraft in the order of its variants.txt
    "707-320", "727-200", "737-200", "737-300", "737-400", "737-500", "737-600", "737-700", "737-800", "737-900",
    "747-100", "747-200", "747-300", "747-400", "757-200", "757-300", "767-200", "767-300", "767-400", "777-200",
    "777-300", "A300B4", "A310", "A318", "A319", "A320", "A321", "A330-200", "A330-300", "A340-200", "A340-300",
    "A340-500", "A340-600", "A380", "ATR-42", "ATR-72", "An-12", "BAE 146-200", "BAE 146-300", "BAE-125",
    "Beechcraft 1900", "Boeing 717", "C-130", "C-47", "CRJ-200", "CRJ-700", "CRJ-900", "Cessna 172", "Cessna 208",
    "Cessna 525", "Cessna 560", "Challenger 600", "DC-10", "DC-3", "DC-6", "DC-8", "DC-9-30", "DH-82", "DHC-1", "DHC-6",
    "DHC-8-100", "DHC-8-300", "DR-400", "Dornier 328", "E-170", "E-190", "E-195", "EMB-120", "ERJ 135", "ERJ 145",
    "Embraer Legacy 600", "Eurofighter Typhoon", "F-16A/B", "F/A-18", "Falcon 2000", "Falcon 900", "Fokker 100",
    "Fokker 50", "Fokker 70", "Global Express", "Gulfstream IV", "Gulfstream V", "Hawk T1", "Il-76", "L-1011", "MD-11",
    "MD-80", "MD-87", "MD-90", "Metroliner", "Model B200", "PA-28", "SR-20", "Saab 2000", "Saab 340", "Spitfire",
    "Tornado", "Tu-134", "Tu-154", "Yak-42",
)  # fmt: skip
NAMES = {"aircraft": AIRCRAFT}  # data set -> its classes, where they are known without its files

_FOLDERS = {  # data set -> the folders that the authors' scripts make of its classes, in the order of the classes
    "cars": tuple(str(number) for number in range(1, 197)),
    "aircraft": tuple(name.replace("/", "_", 1).replace(" ", "_", 1) for name in AIRCRAFT),
}
# official name -> ours, applied to the start of each key
_PREFIXES = {
    "conv1.": "trunk.stem.conv1.",
    "bn1.": "trunk.stem.bn1.",
    "layer1.": "trunk.stem.layer1.",
    "layer2.": "trunk.stem.layer2.",
    "layer3.": "trunk.level4.",
    "layer4.": "trunk.level5.",
    "fpn.P5_1.conv_master.conv.": "feature_pyramid.context5.local_conv.",
    "fpn.P5_1.conv_master.bn.": "feature_pyramid.context5.local_norm.",
    "fpn.P5_1.conv_gpb.conv.": "feature_pyramid.context5.pooled_conv.",
    "fpn.P5_1.conv_gpb.bn.": "feature_pyramid.context5.pooled_norm.",
    "fpn.P4_1.": "feature_pyramid.lateral4.",
    "fpn.P3_1.": "feature_pyramid.lateral3.",
    "fpn.P5_2.": "feature_pyramid.output5.",
    "fpn.P4_2.": "feature_pyramid.output4.",
    "fpn.P3_2.": "feature_pyramid.output3.",
}
_PREFIXES |= {f"apn.A{n}_1.conv.": f"attention_pyramid.spatial.{n - 3}.conv." for n in (3, 4, 5)}
_PREFIXES |= {f"apn.A{n}_2.conv1.": f"attention_pyramid.channel.{n - 3}.squeeze." for n in (3, 4, 5)}
_PREFIXES |= {f"apn.A{n}_2.conv2.": f"attention_pyramid.channel.{n - 3}.expand." for n in (3, 4, 5)}
_HEAD_LAYERS = ("norm", "hidden", "hidden_norm", None, "classifier")  # the activation has no entries


def _head_prefixes() -> dict[str, str]:
    prefixes = {}
    for official, ours, first in (("cls3", 3, 2), ("cls4", 4, 2), ("cls5", 5, 2), ("cls_concate", 0, 1)):
        head = f"level{ours}" if ours else "concat"
        for offset, layer in enumerate(_HEAD_LAYERS):
            if layer:
                prefixes[f"{official}.{first + offset}."] = f"heads.{head}.{layer}."
    return prefixes


_PREFIXES |= _head_prefixes()


def convert_apcnn(
    state_dict: Mapping[str, Tensor], dataset: str | None = None
) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Turn an official AP-CNN ResNet state_dict into this project's config and state_dict.

    Depth, classes and hidden width are read from the shapes; `build_model(config)` then loads the result strictly.

    Args:
        state_dict: the authors' names, with or without DataParallel's `module.`; a dictionary that holds it under
            `state_dict`, `model` or `net` is accepted too.
        dataset: cub, cars or aircraft, which decides the ROI border; None: the authors' rule, cub if K = 200.

    Raises:
        ValueError: not the authors' AP-CNN on a ResNet, or an unknown dataset.

    Source: PRIS-CV/AP-CNN_Pytorch-master, model/resnet50.py.
    """
    if dataset is not None and dataset not in OFFICIAL_BORDER:
        raise ValueError(f"dataset must be one of {', '.join(OFFICIAL_BORDER)}, got {dataset!r}")
    state = _unwrap(state_dict)
    if "cls_concate.5.weight" not in state or "layer4.0.conv1.weight" not in state:
        raise ValueError(
            "expected the authors' AP-CNN ResNet checkpoint (keys such as cls_concate.5.weight and "
            f"layer4.0.conv1.weight), got {len(state)} entries beginning with {sorted(state)[:3]}; "
            "their VGG19 file is another design and is not imported"
        )
    converted = {}
    for key, value in state.items():
        prefix = next((official for official in _PREFIXES if key.startswith(official)), None)
        if prefix is None:
            raise ValueError(f"unexpected entry {key!r} in an AP-CNN ResNet checkpoint; is this the authors' file?")
        converted[_PREFIXES[prefix] + key.removeprefix(prefix)] = value
    classes, hidden = state["cls_concate.5.weight"].shape
    dataset = dataset or ("cub" if classes == 200 else "cars")
    config = ModelConfig(
        method="ap",
        trunk=_trunk_name(state),
        num_classes=classes,
        hidden=hidden,
        settings=APSettings(
            pyramid_channels=state["fpn.P5_2.weight"].shape[0], roi=ROIConfig(border=OFFICIAL_BORDER[dataset])
        ),
    )
    return config, converted


def _unwrap(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for key in ("state_dict", "model", "net"):
        if isinstance(state.get(key), Mapping):
            state = state[key]
            break
    entries = {key.removeprefix("module."): value for key, value in state.items()}
    return {key: value for key, value in entries.items() if not key.startswith("fc.")}  # torchvision's unused head


def _trunk_name(state: Mapping[str, Tensor]) -> str:
    counts = []
    for layer in range(1, 5):
        numbers = [int(match[1]) for key in state if (match := re.match(rf"layer{layer}\.(\d+)\.", key))]
        counts.append(max(numbers, default=-1) + 1)
    return resnet_name(counts, "layer1.0.conv3.weight" in state)


def import_authors(state: Mapping[str, Tensor], dataset: str = "") -> Imported | None:
    """An official AP-CNN ResNet file as one of our networks; None where it is another file.

    The classes are brought into the order of the data set itself; see `places`.

    Args:
        state: the authors' names -> tensors.
        dataset: cub, cars or aircraft; "": the set with that many classes; "folder": other classes, in their order.

    Raises:
        ValueError: the authors' AP-CNN, but one that cannot be imported.
    """
    if not any(key.removeprefix("module.").startswith("cls_concate.") for key in state):
        return None
    model, tensors = convert_apcnn(state, dataset if dataset in OFFICIAL_BORDER else None)
    dataset = dataset or _SETS.get(model.num_classes, "")
    rows = list(places(dataset, model.num_classes))
    tensors |= {name: tensors[name][rows] for name in tensors if ".classifier." in name}
    names = NAMES.get(dataset, ())
    experiment = Experiment(name="official AP-CNN", model=model, data=_DATA.get(dataset, _OTHER))
    known = names if len(names) == model.num_classes else ()
    return Imported(model, tensors, experiment, "the authors' AP-CNN", known)


def places(dataset: str, classes: int) -> tuple[int, ...]:
    """At which place of the authors' file each class is, in the order that the data set itself gives them.

    Their scripts copy the images into one folder a class and train on torchvision's `ImageFolder`, which sorts the
    folders as text: of Cars' folders, "1" to "196", the second is "10"; "BAE-125" comes before "BAE_146-200".

    Args:
        dataset: cub, cars or aircraft; of others the order stays.
        classes: of the file; where the data set has another number of them the order stays.

    Source: PRIS-CV/AP-CNN_Pytorch-master, utils/split_dataset/. **Differs**: its script for CUB makes folders "1" to
    "200", in a later version "01" to "200"; which of them, if any, the published CUB file was trained on is unknown,
    so that one keeps its order, which is right for folders that are called as CUB's own.
    """
    folders = _FOLDERS.get(dataset, ())
    if len(folders) != classes:
        return tuple(range(classes))
    place = {folder: number for number, folder in enumerate(sorted(folders))}
    return tuple(place[folder] for folder in folders)

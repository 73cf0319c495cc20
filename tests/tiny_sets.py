"""Tiny data sets on disk, in every layout that the readers know."""

import numpy as np
from PIL import Image
from scipy.io import savemat

from fgcore.config import DataConfig
from fgcore.data.readers import read


def listing_of(dataset, root, **settings):
    return read(DataConfig(dataset=dataset, root=str(root), **settings))


def write_pictures(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (48, 40), (200, 100, 50)).save(folder / name)


def make_cub(root):
    """Three classes; picture numbers with gaps; the last class has one training and one test picture."""
    names = {1: "001.Black_footed_Albatross/a.jpg", 2: "001.Black_footed_Albatross/b.jpg"}
    names |= {5: "002.Laysan_Albatross/c.jpg", 6: "002.Laysan_Albatross/d.jpg"}
    names |= {9: "003.Sooty_Albatross/e.jpg", 11: "003.Sooty_Albatross/f.jpg"}
    for name in names.values():
        write_pictures((root / "images" / name).parent, name.rpartition("/")[2])
    lines = {
        "images.txt": [f"{number} {name}" for number, name in names.items()],
        "image_class_labels.txt": [f"{number} {int(name[:3])}" for number, name in names.items()],
        "train_test_split.txt": ["1 1", "2 0", "5 1", "6 0", "9 0", "11 1"],
        "classes.txt": ["1 001.Black_footed_Albatross", "2 002.Laysan_Albatross", "3 003.Sooty_Albatross"],
        "bounding_boxes.txt": [f"{number} 2.5 3.0 20.0 30.0" for number in names],
        "parts/parts.txt": ["1 back", "2 left eye"],
        "parts/part_locs.txt": [
            line for number in names for line in (f"{number} 1 10.5 12.0 1", f"{number} 2 0.0 0.0 0")
        ],
    }
    (root / "parts").mkdir()
    for name, text in lines.items():
        (root / name).write_text("\n".join(text) + "\n")
    return root


_CAR_FIELDS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class")
_CAR_NAMES = {"class_names": np.array(["Acura RL 2012", "BMW M3 2012"], dtype=object)}


def annotations(fields, *rows):
    return {"annotations": np.array(list(rows), dtype=[(field, "O") for field in fields])}


def make_devkit(root, *, labels="devkit", damage=None):
    fields = (*_CAR_FIELDS, "fname")
    rows = [(3, 5, 40, 30, 1, "00001.jpg"), (1, 1, 48, 40, 2, "00002.jpg")]
    (root / "devkit").mkdir(parents=True)
    savemat(root / "devkit" / "cars_meta.mat", _CAR_NAMES)
    damaged = [tuple((damage or {}).get(*pair) for pair in zip(fields, row, strict=True)) for row in rows]
    savemat(root / "devkit" / "cars_train_annos.mat", annotations(fields, *damaged))
    savemat(root / labels / "cars_test_annos_withlabels.mat", annotations(fields, *rows))
    for folder in ("cars_train", "cars_test"):
        write_pictures(root / folder, "00001.jpg", "00002.jpg")
    return root


def make_cars_in_one_folder(root, separator="/"):
    """As the AP-CNN authors ask for it: `car_ims/` and `cars_annos.mat`, with a flag for the test images."""
    rows = [(3, 5, 40, 30, 1, 0), (1, 1, 48, 40, 2, 1), (1, 1, 48, 40, 1, 1), (1, 1, 48, 40, 2, 0)]
    named = [(f"car_ims{separator}{number:06}.jpg", *row) for number, row in enumerate(rows, start=1)]
    write_pictures(root / "car_ims", *(f"{number:06}.jpg" for number in range(1, 5)))
    savemat(root / "cars_annos.mat", annotations(("relative_im_path", *_CAR_FIELDS, "test"), *named) | _CAR_NAMES)
    return root


def make_aircraft(root):
    data = root / "data"
    write_pictures(data / "images", *(f"{number:07}.jpg" for number in range(1, 5)))
    lines = {
        "variants.txt": ["707-320", "Boeing 717"],
        "images_variant_trainval.txt": ["0000001 707-320", "0000002 Boeing 717"],
        "images_variant_test.txt": ["0000004 Boeing 717", "0000003 707-320"],
        "families.txt": ["Boeing 707", "Boeing 717"],
        "images_family_trainval.txt": ["0000001 Boeing 707", "0000002 Boeing 717"],
        "images_family_test.txt": ["0000004 Boeing 717", "0000003 Boeing 707"],
        "manufacturers.txt": ["Boeing"],
        "images_manufacturer_trainval.txt": ["0000001 Boeing", "0000002 Boeing"],
        "images_manufacturer_test.txt": ["0000004 Boeing", "0000003 Boeing"],
        "images_box.txt": ["0000001 3 5 40 30"],
    }
    for name, text in lines.items():
        (data / name).write_text("\n".join(text) + "\n")
    return root


def make_split_folders(root, test="test"):
    for split in ("train", test):
        write_pictures(root / split / "001.Acura_RL_2012", "a.jpg", "b.PNG")
        write_pictures(root / split / "002.BMW_M3_2012", "c.jpg")
    return root

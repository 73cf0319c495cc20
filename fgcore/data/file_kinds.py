"""What a file or folder is by its name alone: an image, a photograph in another format, a system's litter, a split."""

from collections.abc import Iterable, Sequence

from fgcore.data.images import ENDINGS

TRAINING = ("train", "training", "trainset", "train_set", "training_set", "train_data", "training_data")
TESTING = (  # the first of them that is there counts
    *("test", "testing", "testset", "test_set", "testing_set", "test_data", "testing_data"),
    *("val", "valid", "validation", "val_set", "valid_set", "validation_set", "val_data", "validation_data"),
    *("eval", "evaluation", "dev"),
)
_CLUTTER = frozenset(  # of macOS, Synology, QNAP, Windows and Linux, beside everything that begins with a dot
    (
        *("__macosx", "@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb"),
        *("$recycle.bin", "system volume information", "lost+found", "__pycache__", "thumbs.db", "desktop.ini"),
    )
)
_UNREAD = frozenset(  # endings of photographs that cannot be read here
    f".{last}"
    for last in (
        *("jxl", "jxr", "jp2", "j2k", "psd", "xcf", "tga", "dng", "cr2", "cr3", "nef", "arw", "orf", "rw2"),
        *("raf", "pef", "srw"),
    )
)


def is_clutter(name: str) -> bool:
    """True for what systems leave in folders: hidden files, previews, bins."""
    return name.startswith(".") or name.casefold() in _CLUTTER


def is_image(name: str) -> bool:
    """True for a file that may be an image."""
    return ending(name).lower() in ENDINGS


def is_unread(name: str) -> bool:
    """True for a photograph in a format that cannot be read here."""
    return ending(name).lower() in _UNREAD


def ending(name: str) -> str:
    """The ending of a file's name as it is written, ".JPG"; "" without one."""
    stem, dot, last = name.rstrip(". ").rpartition(".")
    return f"{dot}{last}" if stem else ""


def first_called(folders: Iterable[str], wanted: Sequence[str]) -> str:
    """The folder with the earliest of the wanted names, in any case; "" where there is none."""
    keys = {name: _key(name) for name in folders}
    fitting = sorted((wanted.index(key), name) for name, key in keys.items() if key in wanted)
    return fitting[0][1] if fitting else ""


def alike(folders: Iterable[str]) -> tuple[str, str]:
    """The folders of a split called alike but for one word, such as seg_train and seg_test; "" where there are none."""
    folders = sorted(folders)
    for testing in TESTING:
        for train, rest in _without(folders, ("train", "training")):
            for test, same in _without(folders, (testing,)):
                if rest and rest == same:
                    return train, test
    return "", ""


def _without(folders: Sequence[str], words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Those of the folders that have one of the words in their names, and the other words of each."""
    split = [(name, _key(name).split("_")) for name in folders]
    return [(name, [part for part in parts if part not in words]) for name, parts in split if {*parts} & {*words}]


def _key(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")

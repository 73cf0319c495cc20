"""In which order the authors' AP-CNN files have their classes, and how the classes are called."""

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

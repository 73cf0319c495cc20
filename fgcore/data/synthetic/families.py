"""The families of birds and cars: what the plain member looks like and how the others differ from it.

Each family is a pair: the parts of its plain member (those every member of the kind shares are given once), and
the changes that make each member, by full name. `field_guide` turns them into part sheets.
"""

from fgcore.data.synthetic.tones import Colour

Family = tuple[dict[str, str], dict[str, dict[str, str]]]

PIGMENTS: dict[str, Colour] = {
    "white": (244, 242, 234),
    "cream": (243, 229, 200),
    "buff": (219, 190, 146),
    "yellow": (240, 205, 92),
    "amber": (236, 162, 52),
    "ember": (219, 104, 52),
    "coral": (226, 92, 74),
    "rose": (203, 84, 92),
    "chestnut": (142, 74, 46),
    "brown": (122, 92, 66),
    "umber": (82, 60, 46),
    "black": (38, 37, 42),
    "horn": (92, 84, 82),
    "pearl": (206, 212, 212),
    "ash": (140, 149, 156),
    "slate": (92, 104, 120),
    "dusk": (50, 66, 110),
    "cobalt": (56, 104, 184),
    "teal": (32, 128, 142),
    "fern": (112, 142, 82),
    "silver": (190, 194, 198),
    "chrome": (216, 221, 226),
    "graphite": (70, 74, 82),
}

BIRD_PARTS = (
    "crown", "nape", "cheek", "brow", "mask", "eye_ring", "throat", "bill",
    "breast", "belly", "back", "wing", "wing_bars", "tail", "legs",
)  # fmt: skip

PLAIN_BIRD = {"brow": "none", "mask": "none", "eye_ring": "none", "wing_bars": "none"}

BIRD_FAMILIES: dict[str, Family] = {
    "Ash Warbler": (
        dict(crown="ash", nape="ash", cheek="ash", throat="pearl", bill="horn", breast="pearl", belly="white",
             back="ash", wing="slate", tail="slate", legs="horn"),
        {"Ash Warbler": {},
         "Ring-eyed Ash Warbler": {"eye_ring": "white"},
         "Barred Ash Warbler": {"wing_bars": "two white"}},
    ),
    "Rosehip Finch": (
        dict(crown="rose", nape="rose", cheek="rose", throat="rose", bill="horn", breast="rose", belly="cream",
             back="brown", wing="umber", tail="umber", legs="horn"),
        {"Rosehip Finch": {},
         "Streaked Rosehip Finch": {"breast": "umber streaks on rose"},
         "Amber-billed Rosehip Finch": {"bill": "amber"}},
    ),
    "Brook Kingfisher": (
        dict(crown="teal", nape="teal", cheek="teal", throat="white", bill="black", breast="ember", belly="ember",
             back="teal", wing="teal", tail="teal", legs="coral", mask="black"),
        {"Brook Kingfisher": {},
         "Belted Brook Kingfisher": {"breast": "dusk band on ember"},
         "Ember-throated Brook Kingfisher": {"throat": "ember"}},
    ),
    "Hazel Thrush": (
        dict(crown="brown", nape="brown", cheek="brown", throat="cream", bill="horn", breast="cream", belly="white",
             back="brown", wing="brown", tail="brown", legs="buff"),
        {"Hazel Thrush": {},
         "Spotted Hazel Thrush": {"breast": "umber spots on cream"},
         "Coral-billed Hazel Thrush": {"bill": "coral", "legs": "coral"}},
    ),
    "Fern Tit": (
        dict(crown="black", nape="fern", cheek="white", throat="white", bill="black", breast="yellow", belly="cream",
             back="fern", wing="slate", tail="slate", legs="slate", wing_bars="one white"),
        {"Fern Tit": {},
         "Bibbed Fern Tit": {"throat": "black"},
         "Chestnut-capped Fern Tit": {"crown": "chestnut"}},
    ),
    "Heath Wren": (
        dict(crown="chestnut", nape="chestnut", cheek="chestnut", throat="buff", bill="horn", breast="buff",
             belly="buff", back="chestnut", wing="chestnut", tail="chestnut", legs="brown"),
        {"Heath Wren": {},
         "Bar-tailed Heath Wren": {"tail": "umber bars on chestnut"},
         "White-browed Heath Wren": {"brow": "white"}},
    ),
    "Dusk Swallow": (
        dict(crown="dusk", nape="dusk", cheek="dusk", throat="cream", bill="black", breast="cream", belly="white",
             back="dusk", wing="dusk", tail="dusk", legs="horn"),
        {"Dusk Swallow": {},
         "Ember-throated Dusk Swallow": {"throat": "ember"},
         "Collared Dusk Swallow": {"nape": "cream"}},
    ),
    "Cobalt Jay": (
        dict(crown="cobalt", nape="cobalt", cheek="cobalt", throat="white", bill="black", breast="pearl", belly="white",
             back="cobalt", wing="cobalt", tail="cobalt", legs="black", wing_bars="one white"),
        {"Cobalt Jay": {},
         "Masked Cobalt Jay": {"mask": "black"},
         "Gold-tailed Cobalt Jay": {"tail": "yellow tip on cobalt"}},
    ),
}  # fmt: skip

CAR_PARTS = (
    "headlights", "fog_lamps", "grille", "bumper", "bonnet", "roof", "roof_rails", "window_trim",
    "mirror", "stripe", "spoiler", "wheels",
)  # fmt: skip

PLAIN_CAR = dict(
    fog_lamps="none", bonnet="none", roof="body", roof_rails="none", window_trim="black", mirror="body",
    stripe="none", spoiler="none", bumper="graphite",
)  # fmt: skip

CAR_FAMILIES: dict[str, Family] = {
    "Orrin Pico": (
        dict(headlights="round", grille="black bars", wheels="silver discs"),
        {"Orrin Pico": {},
         "Orrin Pico Duo": {"roof": "white"},
         "Orrin Pico Lumen": {"headlights": "slim"}},
    ),
    "Halden Vale": (
        dict(headlights="slim", grille="chrome slats", wheels="silver spokes", window_trim="chrome"),
        {"Halden Vale": {},
         "Halden Vale Sport": {"grille": "black mesh"},
         "Halden Vale Aero": {"wheels": "silver discs"}},
    ),
    "Brisa Coast": (
        dict(headlights="round", grille="black mesh", wheels="silver spokes", mirror="chrome"),
        {"Brisa Coast": {},
         "Brisa Coast Regatta": {"stripe": "white"},
         "Brisa Coast Rally": {"bonnet": "white stripes", "fog_lamps": "yellow"}},
    ),
    "Corvane GT": (
        dict(headlights="slim", grille="black mesh", wheels="graphite stars", mirror="black"),
        {"Corvane GT": {},
         "Corvane GT Apex": {"spoiler": "black"},
         "Corvane GT Vent": {"bonnet": "black scoops"}},
    ),
    "Nordal Trek": (
        dict(headlights="square", grille="black bars", wheels="graphite stars", mirror="black"),
        {"Nordal Trek": {},
         "Nordal Trek Ridge": {"roof_rails": "silver"},
         "Nordal Trek Polar": {"fog_lamps": "yellow"}},
    ),
    "Tilbury Carrier": (
        dict(headlights="square", grille="black bars", wheels="silver discs", mirror="black"),
        {"Tilbury Carrier": {},
         "Tilbury Carrier Post": {"stripe": "white"},
         "Tilbury Carrier Plus": {"mirror": "white", "bumper": "white"}},
    ),
    "Kestro Haul": (
        dict(headlights="square", grille="black mesh", wheels="silver stars", mirror="black"),
        {"Kestro Haul": {},
         "Kestro Haul Chrome": {"grille": "chrome slats"},
         "Kestro Haul Night": {"wheels": "black stars"}},
    ),
    "Wickford Eight": (
        dict(headlights="round", grille="chrome slats", wheels="chrome discs", bumper="chrome", mirror="chrome",
             window_trim="chrome"),
        {"Wickford Eight": {},
         "Wickford Eight Ivory": {"wheels": "white walls"},
         "Wickford Eight Twin": {"headlights": "twin round"}},
    ),
}  # fmt: skip

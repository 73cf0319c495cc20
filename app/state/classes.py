"""What is asked of the models: a class, and the class to hold against it."""

CLASS = "class"  # str, link: the class in question, or FIRST_CHOICE
CONTRAST = "rival"  # str, link: its contrast class, or SECOND_CHOICE
FIRST_CHOICE = "each model's first choice"
SECOND_CHOICE = "the second choice"
DEFAULTS: dict[str, str] = {}  # widgets own both

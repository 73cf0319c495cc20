"""The command `finegrain-lens`: opens the app, from a checkout or installed."""

import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app import places


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the app; further arguments are Streamlit's own, such as `--server.port=8600`."""
    try:
        from streamlit.web import cli
    except ImportError:
        print('The app needs Streamlit: pip install "finegrain-lens[app]"', file=sys.stderr)  # noqa: T201
        return 2
    import streamlit_app

    given = list(sys.argv[1:] if arguments is None else arguments)
    settings = [] if places.is_checkout() else list(_flags(tomllib.loads(_settings().read_text(encoding="utf-8"))))
    return cli.main(["run", streamlit_app.__file__, *settings, *given], standalone_mode=False) or 0


def _settings() -> Path:
    """Streamlit's settings, which a wheel holds beside this file."""
    return Path(__file__).with_name("config.toml")


def _flags(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The settings as options of the command line, which reads them from no other folder; lists are repeated."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flags(value, f"{prefix}{name}.")
        else:
            for item in value if isinstance(value, list) else [value]:
                yield f"--{prefix}{name}={str(item).lower() if isinstance(item, bool) else item}"


if __name__ == "__main__":
    sys.exit(main())

"""What pyproject.toml cannot say: checkpoints and the app's settings lie outside the package that ships them."""

from setuptools import setup
from setuptools.command.build_py import build_py

_DATA = {"app/shipped": "checkpoints/*.safetensors", "app": ".streamlit/config.toml"}


class BuildWithData(build_py):
    """Puts both into the `app` package of a wheel."""

    def run(self) -> None:
        """Copy the packages, then the data."""
        super().run()
        from pathlib import Path

        for place, pattern in _DATA.items():
            folder = Path(self.build_lib) / place
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(Path().glob(pattern)):
                self.copy_file(str(file), str(folder / file.name))


setup(cmdclass={"build_py": BuildWithData})

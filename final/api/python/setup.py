"""Builds the extension, which contains liblars.a: run `make api` in final/ first."""
import os
import re

from setuptools import Extension, setup
from wheel.bdist_wheel import bdist_wheel

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.join(HERE, "..", "..", "src")
BUILD = os.environ.get("LARS_BUILD", os.path.join(HERE, "..", "..", "build"))

with open(os.path.join(SRC, "base", "version.h"), encoding="ascii") as header:
    VERSION = re.search(r'^#define LARS_VERSION "(.*)"$', header.read(), re.M).group(1)


class OneForAll(bdist_wheel):
    """One wheel for Python 3.10 and later."""

    def get_tag(self):
        return ("cp310", "abi3") + super().get_tag()[2:]


setup(
    name="lars",
    version=VERSION,
    description="Which node to call, and how the call went",
    license="MIT",
    python_requires=">=3.10",
    ext_modules=[
        Extension(
            "lars",
            ["larsmodule.c"],
            include_dirs=[os.path.join(SRC, "api")],
            extra_objects=[os.path.join(BUILD, "liblars.a")],
            libraries=["protobuf-c", "m"],
            py_limited_api=True,
        )
    ],
    packages=["lars-stubs"],
    package_dir={"lars-stubs": "stubs"},
    package_data={"lars-stubs": ["__init__.pyi"]},
    cmdclass={"bdist_wheel": OneForAll},
)

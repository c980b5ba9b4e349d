"""The build backend of pyproject.toml (PEP 517): `make` builds the extension, and this
file puts it into a wheel.

It needs no package of Python, so pip builds the wheel without a network and without
--no-build-isolation.  Rejected: setuptools, with which the flags of the compiler and the
list of libraries stand in a second place."""
import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
FINAL = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("LARS_BUILD", os.path.join(FINAL, "build"))
TAG = "cp310-abi3-" + re.sub("[-.]", "_", sysconfig.get_platform())

METADATA = """Metadata-Version: 2.1
Name: lars-client
Version: {version}
Summary: The client of the Lars load balancer: which node to call, and how the call went
License: MIT
Requires-Python: >=3.10
Classifier: License :: OSI Approved :: MIT License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: System :: Networking
Classifier: Typing :: Typed
License-File: LICENSE
License-File: LICENSE.protobuf-c
Description-Content-Type: text/markdown

{readme}"""

WHEEL = """Wheel-Version: 1.0
Generator: lars
Root-Is-Purelib: false
Tag: {tag}
"""


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def dist_info():
    """The files of NAME-VERSION.dist-info, and the name of the folder."""
    header = read(FINAL, "src", "base", "version.h").decode()
    version = re.search('^#define LARS_VERSION "(.*)"$', header, re.M).group(1)
    files = {
        "METADATA": METADATA.format(version=version, readme=read(HERE, "README.md").decode()).encode(),
        "WHEEL": WHEEL.format(tag=TAG).encode(),
        "LICENSE": read(FINAL, "..", "LICENSE"),
        "LICENSE.protobuf-c": read(HERE, "LICENSE.protobuf-c"),
    }
    name = "lars_client-" + version
    return name, {name + ".dist-info/" + file: text for file, text in files.items()}


def line_of_record(name, text):
    sum256 = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
    return "%s,sha256=%s,%d\n" % (name, sum256, len(text))


def build_wheel(folder, config_settings=None, metadata_directory=None):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    module = os.path.join(BUILD, "python", "lars.abi3.so")
    subprocess.run(
        ["make", "-s", "-C", FINAL, "BUILD=" + BUILD, "PYTHON=" + sys.executable, module],
        env=env, check=True, stdout=sys.stderr)
    name, info = dist_info()
    files = {"lars.abi3.so": read(module), "lars-stubs/__init__.pyi": read(HERE, "stubs", "__init__.pyi"), **info}
    record = name + ".dist-info/RECORD"
    lines = "".join(line_of_record(*file) for file in files.items()) + record + ",,\n"
    wheel = name + "-" + TAG + ".whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w", zipfile.ZIP_DEFLATED) as z:
        for path, text in {**files, record: lines.encode()}.items():
            entry = zipfile.ZipInfo(path)  # of 1980: the same files make the same wheel
            entry.external_attr = (0o755 if path.endswith(".so") else 0o644) << 16
            z.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return wheel


def build_sdist(folder, config_settings=None):
    raise SystemExit("there is no source archive of lars-client alone, because it contains the "
                     "C library: make a wheel in the repository (pip wheel final/api/python)")

"""The compiled engine; everything else about the project stands in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

# One wheel for CPython 3.11 and all later ones: the engine keeps to the limited C API.
ENGINE = Extension(
    "vsockdump.engine.*",
    ["vsockdump/engine/*.pyx"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    py_limited_api=True,
)

setup(
    ext_modules=cythonize([ENGINE]),
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)

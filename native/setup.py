"""Packs the extension that build.sh has compiled; run by build.sh inside pjproject's SWIG folder.

The objects and link flags come through the environment, so that they can be compiled beside pjproject's libraries.
"""  # noqa: INP001 - a build script, not a module

import os

from setuptools import Extension, setup

setup(
    name="pjsua2",
    version=os.environ["PJSUA2_VERSION"],
    description="pjproject's pjsua2 for a telephone server, with the hotline's own media ports",
    license="GPL-2.0-or-later",
    py_modules=["pjsua2"],
    ext_modules=[
        Extension(
            "_pjsua2",
            sources=[],
            language="c++",
            extra_objects=os.environ["PJSUA2_OBJECTS"].split(),
            extra_link_args=os.environ["PJSUA2_LINK"].split(),
        )
    ],
)

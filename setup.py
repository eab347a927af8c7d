"""Packages are named here because the twistd plugin lives beside the package, not inside it."""

from setuptools import find_packages, setup

setup(
    # An explicit root makes an editable install write a plain path entry, through which
    # twisted.plugin finds the plugin; setuptools' import hook would hide it.
    package_dir={"": "."},
    packages=[*find_packages(include=["magicgateway", "magicgateway.*"]), "twisted.plugins"],
    package_data={"magicgateway": ["py.typed"]},
)

"""Starts the plugin: `python -m sandbox.plugins.docker <engine address>`, in the project's folder."""

from __future__ import annotations

import sys

from sandbox.plugins.docker.provider import DockerPlugin
from sandbox.plugins.serving import main

if __name__ == "__main__":
    main(DockerPlugin, sys.argv[1:])

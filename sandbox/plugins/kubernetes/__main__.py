"""Entry of the plugin process: `python -m sandbox.plugins.kubernetes <engine address>`."""

from __future__ import annotations

import sys

from sandbox.plugins.kubernetes.plugin import KubernetesPlugin
from sandbox.plugins.serving import main

if __name__ == "__main__":
    main(KubernetesPlugin, sys.argv[1:])

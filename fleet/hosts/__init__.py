"""Where a comment goes: a pull request on GitHub, a merge request on GitLab."""

"""Where comments and issues go: pull requests and issues on GitHub, merge requests and issues on GitLab."""

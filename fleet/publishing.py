"""Brings what the fleet tells to where people read it: GitHub, GitLab, the summary of a job."""

from __future__ import annotations

import os
from pathlib import Path

from base.errors import SandboxError
from fleet.hosts import github, gitlab
from fleet.hosts.issues import Issues
from fleet.hosts.review import Review


def pull_request(number: str, commit: str) -> Review:
    """Return the pull request that a workflow's variables, and `number`, mean: `commit` is the one at that commit."""
    repository, token, url = _repository()
    if number == "commit":
        found = github.number_of(repository, commit, token, url)
    elif number.isdigit():
        found = int(number)
    else:
        raise SandboxError(
            f"--github: got {number!r}, expected a pull request's number, or `commit`", "--github commit"
        )
    return github.PullRequest(repository, found, token, url, _login())


def merge_request(number: int) -> Review:
    """Return the merge request that a pipeline's variables, and `number`, mean."""
    project, token, url = _project()
    return gitlab.MergeRequest(project, number, token, url)


def issues(*, on_gitlab: bool) -> Issues:
    """Return the issues of the repository that a workflow's variables name, or those of a pipeline's project."""
    return gitlab.Issues(*_project()) if on_gitlab else github.Issues(*_repository(), _login())


def to_summary(text: str) -> None:
    """Add `text` to the summary of the job that this runs in."""
    with Path(_variable("GITHUB_STEP_SUMMARY", "the file of the job's summary")).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def _repository() -> tuple[str, str, str]:
    """Return name, token and API of the repository that a workflow's variables name."""
    return (
        _variable("GITHUB_REPOSITORY", "owner/name of the repository"),
        _variable("GITHUB_TOKEN", "a token that may write comments and issues"),
        os.environ.get("GITHUB_API_URL", "https://api.github.com"),
    )


def _login() -> str:
    return os.environ.get("FLEET_GITHUB_LOGIN", github.ACTIONS)


def _project() -> tuple[str, str, str]:
    """Return id, token and API of the project that a pipeline's variables name."""
    return (
        _variable("CI_PROJECT_ID", "the project's id"),
        _variable("GITLAB_TOKEN", "a project access token with the scope api"),
        os.environ.get("CI_API_V4_URL", "https://gitlab.com/api/v4"),
    )


def _variable(name: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SandboxError(f"${name} isn't set, and is to be {what}", f"export {name}=...")
    return value

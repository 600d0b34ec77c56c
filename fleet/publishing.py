"""Brings a preview's comment to where people read it: GitHub, GitLab, the summary of a job, a file."""

from __future__ import annotations

import os
from pathlib import Path

from base.errors import SandboxError
from fleet.hosts.github import ACTIONS, PullRequest, number_of
from fleet.hosts.gitlab import MergeRequest
from fleet.hosts.issues import Issues
from fleet.hosts.review import Review


def pull_request(number: str, commit: str) -> Review:
    """Return the pull request that a workflow's variables, and `number`, mean: `commit` is the one at that commit."""
    repository = _variable("GITHUB_REPOSITORY", "owner/name of the repository")
    token = _variable("GITHUB_TOKEN", "a token that may write comments")
    url = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    if number == "commit":
        found = number_of(repository, commit, token, url)
    elif number.isdigit():
        found = int(number)
    else:
        raise SandboxError(
            f"--github: got {number!r}, expected a pull request's number, or `commit`", "--github commit"
        )
    return PullRequest(repository, found, token, url, os.environ.get("FLEET_GITHUB_LOGIN", ACTIONS))


def merge_request(number: int) -> Review:
    """Return the merge request that a pipeline's variables, and `number`, mean."""
    return MergeRequest(
        _variable("CI_PROJECT_ID", "the project's id"),
        number,
        _variable("GITLAB_TOKEN", "a project access token with the scope api"),
        os.environ.get("CI_API_V4_URL", "https://gitlab.com/api/v4"),
    )


def issues() -> Issues:
    """Return the issues of the repository that a workflow's variables name."""
    repository = _variable("GITHUB_REPOSITORY", "owner/name of the repository")
    token = _variable("GITHUB_TOKEN", "a token that may write issues")
    login = os.environ.get("FLEET_GITHUB_LOGIN", ACTIONS)
    return Issues(repository, token, os.environ.get("GITHUB_API_URL", "https://api.github.com"), login)


def to_summary(text: str) -> None:
    """Add `text` to the summary of the job that this runs in."""
    with Path(_variable("GITHUB_STEP_SUMMARY", "the file of the job's summary")).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def _variable(name: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SandboxError(f"${name} isn't set, and is to be {what}", f"export {name}=...")
    return value

#!/bin/bash
# Makes a pull request of rotate.patch (on GitLab a merge request), one at a time; an empty patch, or one that is proposed
# already, makes none.
set -euo pipefail
branch=rotate-keys
if [ ! -s rotate.patch ]; then
  echo "no key is due"
  exit 0
fi
git apply rotate.patch
title="Rotate the keys of $(git diff --name-only | sed 's/^Pulumi\.//; s/\.yaml$//' | paste -sd' ')"
git switch --create "$branch"
git -c user.name=fleet -c user.email=fleet@users.noreply.github.com commit --quiet --all --message "$title"
body="Their keys are older than rotateAfterDays. After the merge, the delivery makes new keys and puts them into the pull \
Secrets; the keys before stay valid until the next rotation."
if [ -n "${GITLAB_CI:-}" ]; then
  # A push makes the merge request, or renews the open one (docs.gitlab.com/topics/git/commit, push options). Git asks
  # the helper for the token, so that it is in no argument; the empty one before drops those that the job may have.
  # shellcheck disable=SC2016 # git's own shell reads it
  git -c credential.helper= -c credential.helper='!f() { echo username=fleet; echo "password=$GITLAB_TOKEN"; }; f' \
    push --force --push-option=merge_request.create --push-option="merge_request.target=$CI_DEFAULT_BRANCH" \
    --push-option="merge_request.title=$title" --push-option="merge_request.description=$body" \
    "$CI_PROJECT_URL.git" "$branch"
  exit
fi
gh auth setup-git
git push --force origin "$branch"
if [ -z "$(gh pr list --head "$branch" --state open --json number --jq '.[].number')" ]; then
  gh pr create --head "$branch" --title "$title" --body "$body"
fi

#!/bin/bash
# Makes a pull request of rotate.patch, one at a time; an empty patch, or one that is proposed already, makes none.
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
gh auth setup-git
git push --force origin "$branch"
if [ -z "$(gh pr list --head "$branch" --state open --json number --jq '.[].number')" ]; then
  gh pr create --head "$branch" --title "$title" --body "Their keys are older than rotateAfterDays. After the merge, the \
delivery makes new keys and puts them into the pull Secrets; the keys before stay valid until the next rotation."
fi

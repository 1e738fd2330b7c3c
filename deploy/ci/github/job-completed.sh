#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# GitHub Actions: ACTIONS_RUNNER_HOOK_JOB_COMPLETED names this file.
exec awsmask-job end

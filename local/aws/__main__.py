"""`python -m local.aws --port 4566`: the same as `python -m sagemaker_local`."""

from sagemaker_local.__main__ import run

run()

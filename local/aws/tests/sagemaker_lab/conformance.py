"""`python -m sagemaker_lab.conformance`: every vector over boto3, as a table."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext

from sagemaker_lab.vector_cases import VectorCase, load
from sagemaker_local.server import LocalAws


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the conformance vectors.")
    parser.add_argument("--endpoint-url", help="a running service; else one is started")
    arguments = parser.parse_args()
    with nullcontext() if arguments.endpoint_url else LocalAws() as aws:
        endpoint_url = arguments.endpoint_url or aws.endpoint_url
        failed = sum(_report(case, endpoint_url) for case in load())
    print(f"{len(load()) - failed} of {len(load())} vectors pass")
    return 1 if failed else 0


def _report(case: dict[str, object], endpoint_url: str) -> bool:
    problems = VectorCase(case, endpoint_url).run()
    print(f"{case['name']!s:58} {case['mark']!s:4} {'FAIL' if problems else 'pass'}", flush=True)
    for problem in problems:
        print(f"    {problem}")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())

"""Puts the demo's data into the warehouse and its models into SageMaker.

A process of its own, so that it can be ended at any point.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import boto3
import psycopg

from local.data.load import load
from local.models.build import build_flight_delay, build_support_sentiment
from local.models.register import register

_PREDICTIONS_SCHEMA = "CREATE SCHEMA IF NOT EXISTS predictions"


def main() -> None:
    """Seed a stack; data and models that are there already stay."""
    parser = argparse.ArgumentParser(prog="python -m local.seed", description=__doc__)
    parser.add_argument("--warehouse", required=True, help="libpq connection string")
    parser.add_argument("--endpoint", required=True, help="URL of the local AWS")
    parser.add_argument("--bucket", required=True, help="bucket for models and runs")
    parser.add_argument("--features", required=True, type=Path, help="SQL of the flight features")
    parser.add_argument("--cache", required=True, type=Path, help="folder for trained models")
    arguments = parser.parse_args()
    session = boto3.Session("test", "test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=arguments.endpoint)
    sagemaker = session.client("sagemaker", endpoint_url=arguments.endpoint)
    s3.create_bucket(Bucket=arguments.bucket)
    with psycopg.connect(arguments.warehouse) as connection:
        print(load(connection), flush=True)
        connection.execute(_PREDICTIONS_SCHEMA)
        connection.commit()
        features = arguments.features.read_text(encoding="utf-8")
        models = [
            build_flight_delay(connection, features, arguments.cache),
            build_support_sentiment(),
        ]
    for model in models:
        print(register(s3, sagemaker, arguments.bucket, model), flush=True)


if __name__ == "__main__":
    main()

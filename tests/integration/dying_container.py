"""A model container that ends in the middle of a request that says so."""

import os

from sagemaker_local.container import ModelHandler, serve


class Dying(ModelHandler):
    """An echo that can die."""

    def answer(self, body):
        if b"die" in body:
            os._exit(3)
        return body


if __name__ == "__main__":
    serve(Dying)

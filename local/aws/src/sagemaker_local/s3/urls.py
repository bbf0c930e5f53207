"""Moto looks for the urls of a backend beside the module of its class; ours are moto's own."""

from moto.s3.urls import url_bases, url_paths

__all__ = ["url_bases", "url_paths"]

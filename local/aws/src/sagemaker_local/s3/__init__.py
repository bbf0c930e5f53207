"""Large objects in moto's S3, without a copy of them in memory.

Moto keeps an object's content in a file once it is large, but holds it whole in memory while it is
received, put together or sent: 500 MB take up to 1.2 GB (moto 5.2.5). Here they take a few pieces.
"""

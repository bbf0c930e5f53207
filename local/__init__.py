"""A laptop: the whole stack without an AWS account, and the demo that runs on it."""

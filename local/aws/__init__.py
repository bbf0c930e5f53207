"""`python -m local.aws` starts what the distribution in this folder installs."""

"""What users edit (``pipelines``) and the scoring work itself (``scoring``)."""

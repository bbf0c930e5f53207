"""A model container without Docker: one program on SageMaker's HTTP contract.

Started as `python -m local.models.container serve`, with the model archive unpacked at
`SM_MODEL_DIR`. The archive holds `code/inference.py`, as for the SageMaker inference toolkit:
`model_fn(model_dir)` and `predict_fn(data, model)`, optionally `input_fn(body, content_type)` and
`output_fn(prediction, accept)`. A ValueError from them means that a record is bad.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

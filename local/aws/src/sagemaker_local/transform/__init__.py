"""SageMaker Batch Transform: four operations of the API, and the jobs behind them."""

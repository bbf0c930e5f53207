"""The demo's source data: a year of real flights, and messages to a support desk."""

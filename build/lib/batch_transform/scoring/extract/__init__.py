"""What an extract leaves: shards of records, their index, and the manifest that lists them."""

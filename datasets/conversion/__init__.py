"""Writing data sets: splits, worker processes, shards and the manifest."""

"""Where things run: clones on the devices of one machine, workers and parameter servers on many."""

"""HTTP below the application: connections, parsing, threads and their limits."""

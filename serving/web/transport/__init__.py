"""The HTTP server below the application: connections, parsing, threads and limits."""

"""What duckml costs, beside what it is built on: `make bench`."""

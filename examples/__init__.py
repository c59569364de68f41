"""Examples that are part of the package, so that `duckml demo` needs nothing else."""

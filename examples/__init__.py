"""The examples, shipped with the package so that `duckml demo` needs nothing else."""

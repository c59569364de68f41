"""The command line as `python -m duckml.cli`."""

import sys

from duckml.cli.main import main

sys.exit(main())

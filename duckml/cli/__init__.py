"""The command line and the interactive shell.

Data goes to standard output, messages go to standard error.
"""

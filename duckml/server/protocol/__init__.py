"""PostgreSQL's wire protocol, version 3: the startup handshake, then queries and their responses.

The protocol is separate from sockets and threads, so that tests can run it on bytes alone.
"""

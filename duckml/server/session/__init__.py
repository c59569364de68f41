"""A client's session: statements become commands, which run with the client's permissions.

It keeps the settings, transaction, prepared statements, portals and cursors of one client.
"""

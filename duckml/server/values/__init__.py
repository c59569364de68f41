"""Values of the protocol: PostgreSQL's types in text and in binary, for rows and parameters."""

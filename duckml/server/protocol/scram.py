"""The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), the password authentication."""

from __future__ import annotations

from scramp import ScramException, ScramMechanism

from duckml.server.errors import WireError
from duckml.server.users import MECHANISM, Verifier


class ScramExchange:
    """The SCRAM exchange of one login: two messages from the client, two from the server."""

    def __init__(self, user: str, verifier: Verifier, is_known_user: bool) -> None:
        self._user = user
        self._is_known_user = is_known_user
        # PostgreSQL's clients leave the SCRAM name empty; the startup message has the name.
        self._server = ScramMechanism(MECHANISM).make_server(lambda _: verifier.auth_info)

    def first_response(self, data: bytes) -> str:
        """Return the response to the client's first message.

        Raises WireError if the message is malformed.
        """
        try:
            text = data.decode()
            self._server.set_client_first(text.replace("n=,", "n=*,", 1))
            if ",n=," in text:
                # scramp refuses an empty name, but the client's proof covers what it sent.
                self._server.client_first_bare = text[text.index("n=,") :]
            return str(self._server.get_server_first())
        except (ScramException, ValueError) as error:
            raise self._refusal() from error

    def final_response(self, data: bytes) -> str:
        """Return the response to the client's proof.

        Raises WireError if the password is wrong or the user is unknown.
        """
        try:
            self._server.set_client_final(data.decode())
            response = str(self._server.get_server_final())
        except (ScramException, ValueError) as error:
            raise self._refusal() from error
        if not self._is_known_user:
            raise self._refusal()
        return response

    def _refusal(self) -> WireError:
        message = f'password authentication failed for user "{self._user}"'
        return WireError("28P01", message, is_fatal=True)

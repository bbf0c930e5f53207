"""Snowflake as tests have it: the stand-in, and its own connector before it."""

from contextlib import contextmanager
from dataclasses import dataclass

from batch_transform.scoring.snowflake.snowflake_session import Session
from local.snowflake.account import Account
from local.snowflake.server import serving


@dataclass(frozen=True)
class Snowflake:
    """An account on a port of this machine."""

    account: Account
    port: int

    @classmethod
    @contextmanager
    def serving(cls, s3):
        """Serve an account whose stages lie in an S3."""
        account = Account(s3)
        with serving(account) as port:
            yield cls(account, port)

    @property
    def parameters(self):
        """What the connector is called with."""
        place = {"host": "127.0.0.1", "port": self.port, "protocol": "http"}
        return {"account": "local", "user": "me", "password": "secret", **place}

    def connect(self):
        from snowflake import connector

        return connector.connect(**self.parameters, login_timeout=10)

    @contextmanager
    def session(self):
        """Lend a session of the package's."""
        session = Session(self.connect())
        try:
            yield session
        finally:
            session.close()

    def run(self, statement, values=None):
        """Run a statement by hand, and return its rows."""
        connection = self.connect()
        try:
            return connection.cursor().execute(statement, values).fetchall()
        finally:
            connection.close()

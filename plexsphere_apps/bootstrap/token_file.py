"""The file in which the operator's token is handed over."""

import os
from pathlib import Path

from attrs import frozen

from plexsphere_domain.kernel.secrets import SecretStr


@frozen
class TokenFile:
    path: Path

    def held(self) -> SecretStr | None:
        """The token in the file; None where there is no file."""
        try:
            return SecretStr(self.path.read_text().strip())
        except FileNotFoundError:
            return None

    def put(self, token: SecretStr) -> None:
        """Puts the token there, readable by its owner only, in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{token.reveal()}\n")
            beside.replace(self.path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

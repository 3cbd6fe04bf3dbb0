"""`KeyProvider` over a directory: `<directory>/<domain id>/<number>.key`, each file sealed (see `sealed`).

Several processes may share the directory. A key file appears whole or not at all: it is written under a temporary name,
flushed to the disk, and linked to its own name, which fails where that name exists (link(2)). No key is used before its
directory entry is on the disk too, whichever process made it.
"""

import asyncio
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

import structlog
from attrs import define, field

from plexsphere_adapters.keyfiles.sealed import BrokenKeyFile, OpenKey, generate, seal, unseal
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.signing.errors import NoSigningKey, SigningKeyUnusable, SigningUnavailable
from plexsphere_domain.signing.model import KeyRing, Kid

log = structlog.get_logger(__name__)


class KeyDirectoryError(Exception):
    """The key directory is not fit for use; the message says why."""


@define
class FileKeyProvider:
    """Keeps keys in files under `directory`, sealed with `kek`; opened keys stay in memory.

    Which keys a Domain has is read from the directory every time, so that a key made by another process is seen at
    once; what is in a key file never changes, so that each is opened once.
    """

    directory: Path
    kek: SecretBytes
    _opened: dict[Path, OpenKey] = field(factory=dict, init=False, repr=False)

    async def ring(self, domain: DomainId) -> KeyRing:
        keys = await asyncio.to_thread(self._keys, domain)
        return KeyRing(domain, tuple(key.public for key in keys))

    async def create(self, kid: Kid) -> None:
        await asyncio.to_thread(self._create, kid)

    async def sign(self, kid: Kid, messages: Sequence[bytes]) -> Sequence[bytes]:
        return await asyncio.to_thread(self._sign, kid, messages)

    def prepare(self) -> None:
        """Make the directory where it is missing; raises KeyDirectoryError where it is not fit for use."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = self.directory.stat().st_mode
        except OSError as failure:
            raise KeyDirectoryError(f"the key directory {self.directory}: {failure.strerror}") from failure
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise KeyDirectoryError(f"the key directory {self.directory} is writable by others (chmod 700)")

    async def check(self) -> None:
        """Raise OSError where the directory cannot be listed or written to."""
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        self._look()
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise PermissionError("the key directory is not writable")

    def _look(self) -> None:
        with os.scandir(self.directory) as entries:
            next(entries, None)

    def _keys(self, domain: DomainId) -> list[OpenKey]:
        folder = self.directory / str(domain)
        try:
            numbers = sorted({int(path.stem) for path in folder.iterdir() if path.suffix == ".key"})
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as failure:
            log.exception("key_directory_unreadable", directory=str(folder))
            raise self._refusal(domain) from failure
        return [self._open(folder / f"{number}.key", domain, number) for number in numbers]

    def _open(self, path: Path, domain: DomainId, number: int) -> OpenKey:
        opened = self._opened.get(path)
        if opened is not None:
            return opened
        try:
            key = unseal(path.read_bytes(), self.kek, domain, number)
            _flush_directory(path.parent)
        except (OSError, BrokenKeyFile) as failure:
            log.exception("key_file_unreadable", path=str(path))
            raise self._refusal(domain) from failure
        return self._opened.setdefault(path, key)

    def _refusal(self, domain: DomainId) -> DomainError:
        """Where the directory of all Domains can be read, the trouble is this Domain's own."""
        try:
            self._look()
        except OSError:
            return SigningUnavailable()
        return SigningKeyUnusable(domain)

    def _sign(self, kid: Kid, messages: Sequence[bytes]) -> list[bytes]:
        for key in self._keys(kid.domain):
            if key.public.kid == kid:
                return [key.private.sign(message) for message in messages]
        raise NoSigningKey(kid.domain)

    def _create(self, kid: Kid) -> None:
        folder = self.directory / str(kid.domain)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            _flush_directory(self.directory)
            made = _write_once(folder / f"{kid.number}.key", seal(generate(kid), self.kek))
        except OSError as failure:
            log.exception("key_file_not_written", directory=str(folder))
            raise SigningUnavailable from failure
        if made:
            log.info("signing_key_made", kid=str(kid))


def _write_once(path: Path, content: bytes) -> bool:
    """Make the file durably with this content, or leave the one that is there; returns whether it was made."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
        made = True
    except FileExistsError:
        made = False
    finally:
        draft.unlink(missing_ok=True)
    _flush_directory(path.parent)
    return made


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

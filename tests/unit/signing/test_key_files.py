import asyncio
import json
import sys
from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import pytest

from plexsphere_adapters.keyfiles import FileKeyProvider, KekFileError, KeyDirectoryError, read_kek
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.signing.errors import SigningKeyUnusable, SigningUnavailable
from plexsphere_domain.signing.model import DeploymentHost, Kid
from tests.ports.key_provider import KeyProviderContract

RAW = bytes(range(32))
KEK = SecretBytes(RAW)
HOST = DeploymentHost("plexsphere.example")


def provider_at(directory: Path, kek: SecretBytes = KEK) -> FileKeyProvider:
    provider = FileKeyProvider(directory, kek)
    provider.prepare()
    return provider


@pytest.fixture
def provider(tmp_path: Path) -> FileKeyProvider:
    return provider_at(tmp_path / "keys")


@pytest.fixture
def kid() -> Kid:
    return Kid(HOST, DomainId(uuid4()), 1)


class TestFileKeyProvider(KeyProviderContract):
    pass


async def test_another_process_on_the_directory_sees_and_uses_the_key(provider: FileKeyProvider, kid: Kid) -> None:
    other = provider_at(provider.directory)
    assert (await other.ring(kid.domain)).keys == ()
    await provider.create(kid)
    assert await other.ring(kid.domain) == await provider.ring(kid.domain)
    assert await other.sign(kid, [b"m"]) == await provider.sign(kid, [b"m"])


CREATE = """
import asyncio, sys
from pathlib import Path
from plexsphere_adapters.keyfiles import FileKeyProvider
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.signing.model import Kid
kid = Kid.parse(sys.argv[2])
async def main():
    provider = FileKeyProvider(Path(sys.argv[1]), SecretBytes(bytes(range(32))))
    sys.stdin.readline()
    await provider.create(kid)
    print((await provider.ring(kid.domain)).active.raw.hex())
asyncio.run(main())
"""


async def test_of_processes_that_create_at_once_exactly_one_makes_the_key(provider: FileKeyProvider, kid: Kid) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CREATE, str(provider.directory), str(kid),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    keys = {output.decode().split()[-1] for output, _ in answers}
    assert keys == {(await provider.ring(kid.domain)).active.raw.hex()}
    assert [path.name for path in (provider.directory / str(kid.domain)).iterdir()] == ["1.key"]


async def test_key_files_are_private_and_hold_no_plaintext(provider: FileKeyProvider, kid: Kid) -> None:
    await provider.create(kid)
    await provider.ring(kid.domain)
    (file,) = (provider.directory / str(kid.domain)).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    seed = provider._opened[file].private.private_bytes_raw()
    assert seed not in file.read_bytes()
    assert b64encode(seed) not in file.read_bytes()
    assert seed.hex() not in repr(provider)


async def test_another_kek_opens_nothing(provider: FileKeyProvider, kid: Kid) -> None:
    await provider.create(kid)
    stranger = provider_at(provider.directory, SecretBytes(bytes(32)))
    with pytest.raises(SigningKeyUnusable):
        await stranger.ring(kid.domain)


@pytest.mark.parametrize("member", ["kid", "public_key", "nonce", "sealed", "version"])
async def test_an_altered_file_opens_no_more(provider: FileKeyProvider, kid: Kid, member: str) -> None:
    await provider.create(kid)
    (file,) = (provider.directory / str(kid.domain)).iterdir()
    members = json.loads(file.read_bytes())
    altered = {
        "kid": str(Kid(DeploymentHost("other.example"), kid.domain, 1)),
        "public_key": b64encode(bytes(32)).decode(),
        "nonce": b64encode(bytes(12)).decode(),
        "sealed": b64encode(bytes(48)).decode(),
        "version": 2,
    }
    file.write_text(json.dumps(members | {member: altered[member]}))
    with pytest.raises(SigningKeyUnusable):
        await provider_at(provider.directory).sign(kid, [b"m"])


async def test_a_file_copied_to_another_domain_opens_not(provider: FileKeyProvider, kid: Kid) -> None:
    await provider.create(kid)
    thief = DomainId(uuid4())
    folder = provider.directory / str(thief)
    folder.mkdir()
    (folder / "1.key").write_bytes((provider.directory / str(kid.domain) / "1.key").read_bytes())
    with pytest.raises(SigningKeyUnusable):
        await provider.ring(thief)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"version":1,"kid":3}', b"\xff"])
async def test_a_malformed_file_is_a_refusal_and_no_crash(provider: FileKeyProvider, kid: Kid, content: bytes) -> None:
    folder = provider.directory / str(kid.domain)
    folder.mkdir()
    (folder / "1.key").write_bytes(content)
    with pytest.raises(SigningKeyUnusable):
        await provider.ring(kid.domain)


async def test_a_broken_file_concerns_no_other_domain_and_may_be_mended(provider: FileKeyProvider, kid: Kid) -> None:
    other = Kid(HOST, DomainId(uuid4()), 1)
    await provider.create(kid)
    await provider.create(other)
    (file,) = (provider.directory / str(kid.domain)).iterdir()
    genuine = file.read_bytes()
    file.write_bytes(genuine[:40])
    with pytest.raises(SigningKeyUnusable) as refusal:
        await provider.sign(kid, [b"m"])
    assert refusal.value.domain == kid.domain
    assert len(await provider.sign(other, [b"m"])) == 1
    file.write_bytes(genuine)
    assert len(await provider.sign(kid, [b"m"])) == 1


@pytest.mark.parametrize("name", ["first.key", "2.key"])
async def test_what_is_no_readable_key_file_concerns_its_domain_alone(
    provider: FileKeyProvider, kid: Kid, name: str
) -> None:
    (provider.directory / str(kid.domain) / name).mkdir(parents=True)
    with pytest.raises(SigningKeyUnusable):
        await provider.ring(kid.domain)


async def test_a_file_beside_the_key_of_the_same_number_is_passed_over(provider: FileKeyProvider, kid: Kid) -> None:
    await provider.create(kid)
    (provider.directory / str(kid.domain) / "01.key").write_bytes(b"a copy")
    assert (await provider.ring(kid.domain)).active.kid == kid


async def test_without_the_directory_of_all_domains_it_is_an_outage(provider: FileKeyProvider, kid: Kid) -> None:
    provider.directory.rmdir()
    provider.directory.write_bytes(b"no directory")
    with pytest.raises(SigningUnavailable):
        await provider.ring(kid.domain)


async def test_leftovers_of_a_crash_while_writing_are_no_keys(provider: FileKeyProvider, kid: Kid) -> None:
    folder = provider.directory / str(kid.domain)
    folder.mkdir()
    (folder / ".1.key.0011223344556677").write_bytes(b"half")
    assert (await provider.ring(kid.domain)).keys == ()
    await provider.create(kid)
    assert (await provider.ring(kid.domain)).active.kid == kid


async def test_the_check_fails_without_the_directory(provider: FileKeyProvider) -> None:
    await provider.check()
    provider.directory.rmdir()
    with pytest.raises(OSError, match="No such file"):
        await provider.check()


def test_a_directory_that_others_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(KeyDirectoryError):
        provider_at(tmp_path)


class TestKek:
    @pytest.mark.parametrize(
        "content", [bytes(range(32)), b64encode(bytes(range(32))), b64encode(bytes(range(32))) + b"\n"]
    )
    def test_is_32_bytes_or_their_base64(self, tmp_path: Path, content: bytes) -> None:
        assert read_kek(write(tmp_path, content)) == KEK

    @pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33, b64encode(bytes(31)), b64encode(bytes(33))])
    def test_of_another_size_is_refused(self, tmp_path: Path, content: bytes) -> None:
        with pytest.raises(KekFileError, match="holds neither"):
            read_kek(write(tmp_path, content))

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666])
    def test_that_others_may_touch_is_refused(self, tmp_path: Path, mode: int) -> None:
        with pytest.raises(KekFileError, match=f"mode {mode:04o}"):
            read_kek(write(tmp_path, bytes(32), mode))

    def test_that_is_missing_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(KekFileError, match="cannot be read"):
            read_kek(tmp_path / "missing")

    def test_that_is_a_directory_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(KekFileError):
            read_kek(tmp_path)


def write(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    path = directory / "kek"
    path.write_bytes(content)
    path.chmod(mode)
    return path

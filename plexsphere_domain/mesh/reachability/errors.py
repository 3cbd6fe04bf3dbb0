"""Why a heartbeat was not accepted."""

from plexsphere_domain.kernel.errors import Invalid


class MalformedHeartbeat(Invalid):
    """The body is not a heartbeat."""

    code = "malformed_heartbeat_request"

    @property
    def detail(self) -> str:
        return "the body is not a valid heartbeat"


class ClockSkew(Invalid):
    """The Node's clock is more than 60 s off."""

    code = "clock_skew"

    @property
    def detail(self) -> str:
        return "client_now is more than 60 seconds away from the server's clock; synchronise the Node's clock"


class BinaryChecksumEmpty(Invalid):
    """There is no SHA-256 in `binary_checksum`."""

    code = "binary_checksum_empty"

    @property
    def detail(self) -> str:
        return "binary_checksum must be a SHA-256 digest: 44 characters of base64, or 64 of lower-case hex"


class BinaryVersionEmpty(Invalid):
    """`binary_version` is absent or blank."""

    code = "binary_version_empty"

    @property
    def detail(self) -> str:
        return "binary_version must not be blank"

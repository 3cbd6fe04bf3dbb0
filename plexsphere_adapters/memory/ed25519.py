"""Ed25519 (RFC 8032, section 5.1) in plain Python, for where nothing but the standard library is installed.

It signs and verifies exactly, slowly (milliseconds), and NOT in constant time: for embedding trials and tests. Real
keys are kept and used by the signer, which does not import this.

Points are in extended homogeneous coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z (section 5.1.4).
"""

from hashlib import sha512

Point = tuple[int, int, int, int]

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)


def public_key(seed: bytes) -> bytes:
    """The 32-byte public key of a 32-byte private key (section 5.1.5)."""
    scalar, _ = _expand(seed)
    return _compress(_multiply(scalar, _BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature (section 5.1.6)."""
    scalar, prefix = _expand(seed)
    public = _compress(_multiply(scalar, _BASE))
    r = _hash_to_scalar(prefix, message)
    commitment = _compress(_multiply(r, _BASE))
    challenge = _hash_to_scalar(commitment, public, message)
    return commitment + ((r + challenge * scalar) % _L).to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is one of `message` under `public` (section 5.1.7, without the cofactor)."""
    key, commitment = _decompress(public), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or commitment is None or s >= _L:
        return False
    challenge = _hash_to_scalar(signature[:32], public, message)
    return _same(_multiply(s, _BASE), _add(commitment, _multiply(challenge, key)))


def _expand(seed: bytes) -> tuple[int, bytes]:
    if len(seed) != 32:
        raise ValueError("an Ed25519 private key has 32 bytes")
    digest = sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, digest[32:]


def _hash_to_scalar(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % _L


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(scalar: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _same(p: Point, q: Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0


def _compress(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decompress(encoded: bytes) -> Point | None:
    if len(encoded) != 32:
        return None
    number = int.from_bytes(encoded, "little")
    y, sign_of_x = number & ((1 << 255) - 1), number >> 255
    x = _x_of(y, sign_of_x)
    return None if x is None else (x, y, 1, x * y % _P)


def _x_of(y: int, odd: int) -> int | None:
    """Square root of (y² - 1) / (dy² + 1) with the given parity (section 5.1.3), None where there is none."""
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if odd else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - square) % _P:
        return None
    return x if x & 1 == odd else _P - x


def _base_point() -> Point:
    y = 4 * pow(5, -1, _P) % _P
    x = _x_of(y, 0)
    assert x is not None
    return x, y, 1, x * y % _P


_BASE = _base_point()

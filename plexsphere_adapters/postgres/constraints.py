"""What a violated constraint means. Constraint names are the interface between the schema and the domain's errors.

Each repository module registers the constraints of its tables beside its statements, as a mapping from the
constraint's name to a function that makes the domain error out of the driver's diagnostic.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from psycopg import IntegrityError

from plexsphere_domain.kernel.errors import DomainError

Meaning = Callable[[], DomainError]


@contextmanager
def meaning(constraints: Mapping[str, Meaning]) -> Iterator[None]:
    """Turn violations of the named constraints into domain errors; any other violation stays a fault."""
    try:
        yield
    except IntegrityError as violation:
        known = constraints.get(violation.diag.constraint_name or "")
        if known is None:
            raise
        raise known() from violation
